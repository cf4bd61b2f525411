// recipe_gemma.cpp - Gemma (Gemma team 2024), Gemma 2 (caps of scores and logits, norms of what is
// written, windows) and the text model of Gemma 3 (norms of every head's q and k, two rotations).
#include <algorithm>
#include <cmath>

#include "model/recipe.h"

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.o_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.gate_proj", &Block::mlp_gate},
    {"layers.{}.mlp.up_proj", &Block::mlp_in},
    {"layers.{}.mlp.down_proj", &Block::mlp_out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kBinds2[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.q_norm", &Block::q_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.k_norm", &Block::k_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.o_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.post_attention_layernorm", &Block::ln_attn_out},
    {"layers.{}.pre_feedforward_layernorm", &Block::ln2},
    {"layers.{}.mlp.gate_proj", &Block::mlp_gate},
    {"layers.{}.mlp.up_proj", &Block::mlp_in},
    {"layers.{}.mlp.down_proj", &Block::mlp_out},
    {"layers.{}.post_feedforward_layernorm", &Block::ln_mlp_out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq"};

using enum FieldUse;
const FieldRow kGemmaRows[] = {
    {"attention_bias", read},
    {"hidden_activation", said, "=hidden_act", "an activation; hidden_act is"},
    {"use_bidirectional_attention", refused, "false", "attention to later tokens"},
};
const FieldRow kGemma2Rows[] = {
    {"attention_bias", read},
    {"hidden_activation", read},
    {"hidden_act", said, "=hidden_activation", "an activation; hidden_activation is"},
    {"query_pre_attn_scalar", read},
    {"attn_logit_softcapping", read},
    {"final_logit_softcapping", read},
    {"sliding_window", read},
    {"layer_types", read},
    {"use_bidirectional_attention", refused, "false", "attention to later tokens"},
    {"cache_implementation"},
    {"sliding_window_size", said, "=sliding_window", "a window; sliding_window is"},
};
const FieldRow kGemma3Rows[] = {
    {"attention_bias", read},
    {"hidden_activation", read},
    {"hidden_act", said, "=hidden_activation", "an activation; hidden_activation is"},
    {"query_pre_attn_scalar", read},
    {"attn_logit_softcapping", said, "", "a cap of scores"},
    {"final_logit_softcapping", read},
    {"sliding_window", read},
    {"sliding_window_pattern", read},
    {"_sliding_window_pattern"},
    {"layer_types", read},
    {"rope_local_base_freq", read},
    {"use_bidirectional_attention", read},
    {"is_causal", refused, "true", "attention to later tokens"},
    {"cache_implementation"},
    // Of the model of text and pictures around it.
    {"text_config"},
    {"get_text_config"},
    {"vision_config"},
    {"image_token_id"},
    {"mm_tokens_per_image"},
};

// What all three share. Files have the weights of norms minus 1.
Layout read_gemma(ConfigFields& in, LlamaDefaults otherwise) {
  otherwise.sizes.d_head_else = 256;
  otherwise.tied = true;
  otherwise.activation = "gelu_pytorch_tanh";
  Layout layout = read_llama_fields(in, otherwise);
  Config& c = layout.config;
  c.embed_scale = std::sqrt(double(c.d_model));
  layout.norm_plus_one = true;
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  return layout;
}

// A field above 0; null for none, `otherwise` where it is absent.
double read_cap(ConfigFields& in, const char* key, double otherwise) {
  if (!in.written(key)) return otherwise;
  return in.json().at(key).is_null() ? 0 : in.positive(key);
}

// Of Gemma 2 and 3, whose cap of logits is this where the field is absent.
Layout read_gemma2(ConfigFields& in, LlamaDefaults otherwise, double logit_cap) {
  otherwise.activation_key = "hidden_activation";
  otherwise.sizes.n_heads_else = 8;
  otherwise.sizes.n_kv_heads_else = 4;
  Layout layout = read_gemma(in, otherwise);
  Config& c = layout.config;
  c.attn_scale = 1 / std::sqrt(in.positive("query_pre_attn_scalar", 256));
  c.logit_cap = read_cap(in, "final_logit_softcapping", logit_cap);
  c.writes_normed = true;
  if (c.logit_cap > 0)
    in.note("final_logit_softcapping: attributions are of logits before the cap");
  return layout;
}

// Layers that slide: those that layer_types names, else all but every `pattern`-th.
void read_kinds(ConfigFields& in, Config& c, int pattern) {
  if (in.layer_types(c)) return;
  for (int layer = 1; layer <= c.n_layers; ++layer) c.local_layers.push_back(layer % pattern != 0);
}

Result<Layout> gemma(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_gemma(in, {});
  // Files say "gelu" for what has always been the tanh approximation.
  if (layout.config.activation == Activation::gelu)
    layout.config.activation = Activation::gelu_tanh;
  return in.take(layout);
}

Result<Layout> gemma2(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_gemma2(in, {}, 30);
  layout.config.score_cap = read_cap(in, "attn_logit_softcapping", 50);
  read_kinds(in, layout.config, 2);
  in.window(layout.config, in.size("sliding_window", kMostPositions, 4096));
  return in.take(layout);
}

Result<Layout> gemma3(const ConfigSource& source) {
  ConfigFields in(source);
  LlamaDefaults defaults;
  defaults.sizes.n_ctx_else = 131072;
  defaults.sizes.d_vocab_else = 262208;
  defaults.rotary = {.theta = 1e6, .local_theta_key = "rope_local_base_freq", .local_theta = 10000};
  Layout layout = read_gemma2(in, defaults, 0);
  Config& c = layout.config;
  layout.qk_norm = true;
  read_kinds(in, c, in.size("sliding_window_pattern", kMostLayers, 6));
  const int window = in.size("sliding_window", kMostPositions, 4096);
  if (in.flag("use_bidirectional_attention", false)) {
    c.mask = Mask::none;
    c.reach = window / 2;
    in.note(
        "use_bidirectional_attention is true: every token attends to all tokens, later ones too");
  } else {
    in.window(c, window);
  }
  return in.take(layout);
}

}  // namespace

const Recipe kGemma = {.model_type = "gemma",
                       .class_name = "Gemma",
                       .layout = gemma,
                       .binds = kBinds,
                       .prefix = "model.",
                       .ignored = kIgnored,
                       .fields = llama_fields(),
                       .more_fields = kGemmaRows};
const Recipe kGemma2 = {.model_type = "gemma2",
                        .class_name = "Gemma2",
                        .layout = gemma2,
                        .binds = kBinds2,
                        .prefix = "model.",
                        .ignored = kIgnored,
                        .fields = llama_fields(),
                        .more_fields = kGemma2Rows};
const Recipe kGemma3Text = {.model_type = "gemma3_text",
                            .class_name = "Gemma3",
                            .layout = gemma3,
                            .binds = kBinds2,
                            .prefix = "model.",
                            .ignored = kIgnored,
                            .fields = llama_fields(),
                            .more_fields = kGemma3Rows};

}  // namespace attn
