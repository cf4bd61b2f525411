// other_types.cpp - model types that cannot be opened, and what they have in place of attention by
// softmax over tokens.
#include <algorithm>

#include "model/recipe.h"

namespace attn {

namespace {

// Of a type that begins so, the longest first.
struct OtherType {
  std::string_view begins, what;
};

constexpr std::string_view kStates =
    "layers of it are state-space models, which carry a state from token to token and have no "
    "attention weights";
constexpr std::string_view kLinear =
    "layers of it have linear attention, a state without a softmax over tokens";
constexpr std::string_view kLatent =
    "its keys and values come from a compressed latent vector (MLA), which is not computed here";
constexpr std::string_view kSparse =
    "its attention leaves out tokens by blocks, which is not computed here";
constexpr std::string_view kSound = "it reads sound, which this program does not";

constexpr OtherType kTypes[] = {
    {"mamba", kStates},
    {"falcon_mamba", kStates},
    {"falcon_h1", kStates},
    {"jamba", kStates},
    {"zamba", kStates},
    {"bamba", kStates},
    {"nemotron_h", kStates},
    {"granitemoehybrid", kStates},
    {"codestral_mamba", kStates},
    {"rwkv", "it is a recurrent network and has no attention weights"},
    {"xlstm", "it is a recurrent network and has no attention weights"},
    {"recurrent_gemma", "layers of it are recurrent and have no attention weights"},
    {"lfm2", "layers of it are convolutions, which have no attention weights"},
    {"qwen3_next", kLinear},
    {"qwen3_5", kLinear},
    {"olmo_hybrid", kLinear},
    {"kimi_linear", kLinear},
    {"minimax", kLinear},
    {"bailing_hybrid", kLinear},
    {"deepseek_v2", kLatent},
    {"deepseek_v3", kLatent},
    {"deepseek_v4", kLatent},
    {"glm4_moe_lite", kLatent},
    {"glm_moe_dsa", kLatent},
    {"minicpm3", kLatent},
    {"mistral4", kLatent},
    {"longcat_flash", kLatent},
    {"youtu", kLatent},
    {"longformer", kSparse},
    {"led", kSparse},
    {"big_bird", kSparse},
    {"bigbird_pegasus", kSparse},
    {"reformer", "its tokens attend within buckets of a hash, which is not computed here"},
    {"xlnet",
     "it attends in a permuted order and to an earlier segment, which is not computed "
     "here"},
    {"transfo-xl", "it attends to an earlier segment, which is not computed here"},
    {"whisper", kSound},
    {"wav2vec2", kSound},
    {"hubert", kSound},
    {"swin", "its patches attend within shifted windows, which is not computed here"},
};

}  // namespace

std::string_view why_not(std::string_view model_type) {
  const OtherType* best = nullptr;
  for (const OtherType& type : kTypes)
    if (model_type.starts_with(type.begins) && (!best || type.begins.size() > best->begins.size()))
      best = &type;
  return best ? best->what : std::string_view();
}

}  // namespace attn
