#include <algorithm>
#include <cmath>

#include "model/recipe.h"

// Families whose MLPs are experts: Mixtral (Jiang et al. 2024), Qwen3-MoE, OLMoE (Muennighoff et
// al. 2024) and gpt-oss (OpenAI 2025), whose heads have learned sinks.

namespace attn {

namespace {

const Bind kMixtralBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q},
    {"layers.{}.self_attn.k_proj", &Block::k},
    {"layers.{}.self_attn.v_proj", &Block::v},
    {"layers.{}.self_attn.o_proj", &Block::o},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.block_sparse_moe.gate", &Block::router},
    {"layers.{}.block_sparse_moe.experts.gate_up_proj", {&Expert::gate, &Expert::in}},
    {"layers.{}.block_sparse_moe.experts.down_proj", &Expert::out},
    {"layers.{}.block_sparse_moe.experts.{}.w1", &Expert::gate},
    {"layers.{}.block_sparse_moe.experts.{}.w3", &Expert::in},
    {"layers.{}.block_sparse_moe.experts.{}.w2", &Expert::out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kQwen3MoeBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.q_norm", &Block::q_norm},
    {"layers.{}.self_attn.k_norm", &Block::k_norm},
    {"layers.{}.self_attn.o_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.gate_proj", &Block::mlp_gate},
    {"layers.{}.mlp.up_proj", &Block::mlp_in},
    {"layers.{}.mlp.down_proj", &Block::mlp_out},
    {"layers.{}.mlp.gate", &Block::router},
    {"layers.{}.mlp.experts.gate_up_proj", {&Expert::gate, &Expert::in}},
    {"layers.{}.mlp.experts.down_proj", &Expert::out},
    {"layers.{}.mlp.experts.{}.gate_proj", &Expert::gate},
    {"layers.{}.mlp.experts.{}.up_proj", &Expert::in},
    {"layers.{}.mlp.experts.{}.down_proj", &Expert::out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kGptOssBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.o_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.self_attn.sinks", &Block::sinks},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.router", &Block::router, &Layout::mlp_bias},
    {"layers.{}.mlp.experts.gate_up_proj",
     {&Expert::gate, &Expert::in},
     &Layout::mlp_bias,
     MatrixOrder::in_out,
     Fused::in_turn},
    {"layers.{}.mlp.experts.down_proj", &Expert::out, &Layout::mlp_bias, MatrixOrder::in_out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq"};

using enum FieldUse;
const FieldRow kMixtralRows[] = {
    {"sliding_window", read},      {"num_local_experts", read},
    {"num_experts", read},  // another name
    {"num_experts_per_tok", read}, {"output_router_logits"},
    {"router_aux_loss_coef"},      {"router_jitter_noise"},  // of training
};
const FieldRow kQwen3MoeRows[] = {
    {"attention_bias", read},
    {"use_sliding_window", read},
    {"sliding_window", read},
    {"num_experts", read},
    {"num_local_experts", read},
    {"num_experts_per_tok", read},
    {"norm_topk_prob", read},
    {"moe_intermediate_size", read},
    {"decoder_sparse_step", read},
    {"mlp_only_layers", read},
    {"max_window_layers"},  // in the published file; all layers slide,
                            // or none
    {"output_router_logits"},
    {"router_aux_loss_coef"},
};
const FieldRow kOlmoeRows[] = {
    {"head_dim", refused, "=d_head",
     "heads of another size than hidden_size / num_attention_heads"},
    {"attention_bias", read},
    {"clip_qkv", read},
    {"sliding_window", said, "", "a sliding window"},
    {"num_experts", read},
    {"num_local_experts", read},
    {"num_experts_per_tok", read},
    {"norm_topk_prob", read},
    {"output_router_logits"},
    {"router_aux_loss_coef"},
};
const FieldRow kGptOssRows[] = {
    {"attention_bias", read},
    {"sliding_window", read},
    {"layer_types", read},
    {"num_local_experts", read},
    {"num_experts", read},
    {"num_experts_per_tok", read},
    {"swiglu_limit", read},
    {"swiglu_alpha", read},
    {"hidden_act", said, "silu", "another activation"},
    {"experts_per_token"},
    {"initial_context_length"},
    {"output_router_logits"},
    {"router_aux_loss_coef"},
};

constexpr int kMostExperts = 1 << 14;

// Under two names, the last of which transformers takes.
void read_experts(ConfigFields& in, Config& c, int usual, int usual_active) {
  const char *const name = "num_experts", *const other = "num_local_experts";
  const bool has = !in.json().at(name).is_null(), has_other = !in.json().at(other).is_null();
  c.n_experts = in.size(has ? name : other, kMostExperts, usual);
  if (has && has_other && in.size(other, kMostExperts) != c.n_experts)
    in.fail("num_experts and num_local_experts differ, and are two names of one field");
  c.n_active_experts = in.size("num_experts_per_tok", kMostExperts, usual_active);
  if (c.n_active_experts > c.n_experts) {
    in.fail("num_experts_per_tok must be at most num_experts");
    c.n_active_experts = 1;
  }
  c.d_expert = c.d_mlp;
}

Result<Layout> mixtral(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in, {.rotary = {.theta = 1e6}, .norm_eps = 1e-5});
  read_experts(in, layout.config, 8, 2);
  layout.config.shares_of_chosen = true;
  read_windows(in, layout.config, 0);
  return in.take(layout);
}

// Layers whose MLP is one: those in mlp_only_layers, and all but every decoder_sparse_step-th.
void read_dense_layers(ConfigFields& in, Config& c) {
  const int step = in.size("decoder_sparse_step", kMostLayers, 1);
  for (int layer = 1; layer <= c.n_layers; ++layer) c.dense_layers.push_back(layer % step != 0);
  const Json only = in.json().at("mlp_only_layers");
  if (!only.is_null() && !only.is_array()) in.fail("mlp_only_layers must be a list of layers");
  only.each([&](std::string_view, const Json& one) {
    const std::optional<int64_t> layer = one.integer();
    if (!layer) in.fail("mlp_only_layers must be a list of layers");
    if (layer && *layer >= 0 && *layer < c.n_layers) c.dense_layers[size_t(*layer)] = true;
    return true;
  });
}

Result<Layout> qwen3_moe(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in);
  Config& c = layout.config;
  read_experts(in, c, 128, 8);
  c.d_expert = in.size("moe_intermediate_size", kMostHidden, 768);
  c.shares_of_chosen = in.flag("norm_topk_prob", false);
  read_dense_layers(in, c);
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  if (in.flag("use_sliding_window", false)) read_windows(in, c, 4096);
  return in.take(layout);
}

Result<Layout> olmoe(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout =
      read_llama_fields(in, {.sizes = {.n_kv_heads = "num_key_value_heads"}, .norm_eps = 1e-5});
  Config& c = layout.config;
  read_experts(in, c, 64, 8);
  c.shares_of_chosen = in.flag("norm_topk_prob", false);
  c.qk_norm_whole = true;
  if (!in.json().at("clip_qkv").is_null()) c.clip_qkv = in.positive("clip_qkv");
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  return in.take(layout);
}

// Where config.json says nothing of rotary positions.
void usual_rotary(Config& c) {
  c.rope_scaling = RopeScaling::yarn;
  c.rope_factor = 32;
  c.rope_truncates = false;
  c.rope_original_n_ctx = 4096;
  c.rope_amplitude = .1 * std::log(c.rope_factor) + 1;
}

Result<Layout> gpt_oss(const ConfigSource& source) {
  ConfigFields in(source);
  LlamaDefaults defaults{.rotary = {.theta = 150000}, .norm_eps = 1e-5};
  defaults.sizes.d_head_else = 64;
  Layout layout = read_llama_fields(in, defaults);
  Config& c = layout.config;
  const Json &json = in.json(), scaling = json.at("rope_scaling");
  if (json.at("rope_parameters").is_null() && scaling.size() == 0) usual_rotary(c);
  read_experts(in, c, 128, 4);
  c.shares_of_chosen = true;
  c.glu_limit = in.positive("swiglu_limit", 7);
  c.glu_slope = in.positive("swiglu_alpha", 1.702);
  c.sinks = layout.mlp_bias = true;
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", true);
  if (!in.layer_types(c))
    for (int layer = 0; layer < c.n_layers; ++layer) c.local_layers.push_back(layer % 2 == 0);
  if (std::ranges::find(c.local_layers, true) != c.local_layers.end()) {
    if (in.written("sliding_window") && json.at("sliding_window").is_null())
      in.fail("layer_types has sliding_attention, but there is no window");
    in.window(c, in.size("sliding_window", kMostPositions, 128));
  }
  return in.take(layout);
}

}  // namespace

const Recipe kMixtral = {.model_type = "mixtral",
                         .class_name = "Mixtral",
                         .layout = mixtral,
                         .binds = kMixtralBinds,
                         .prefix = "model.",
                         .ignored = kIgnored,
                         .fields = llama_fields(),
                         .more_fields = kMixtralRows,
                         .renamed = {".block_sparse_moe.", ".mlp."}};
const Recipe kQwen3Moe = {.model_type = "qwen3_moe",
                          .class_name = "Qwen3Moe",
                          .layout = qwen3_moe,
                          .binds = kQwen3MoeBinds,
                          .prefix = "model.",
                          .ignored = kIgnored,
                          .fields = llama_fields(),
                          .more_fields = kQwen3MoeRows};
const Recipe kOlmoe = {.model_type = "olmoe",
                       .class_name = "Olmoe",
                       .layout = olmoe,
                       .binds = kQwen3MoeBinds,
                       .prefix = "model.",
                       .ignored = kIgnored,
                       .fields = llama_fields(),
                       .more_fields = kOlmoeRows};
const Recipe kGptOss = {.model_type = "gpt_oss",
                        .class_name = "GptOss",
                        .layout = gpt_oss,
                        .binds = kGptOssBinds,
                        .prefix = "model.",
                        .ignored = kIgnored,
                        .fields = llama_fields(),
                        .more_fields = kGptOssRows};

}  // namespace attn
