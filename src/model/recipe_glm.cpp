#include "model/recipe.h"

// GLM-4 (GLM team 2024): neighbouring dimensions of half of the head are rotated. The releases of
// 2025 (glm4) norm what attention and MLP write, too.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.o_proj", &Block::o},
    {"layers.{}.post_self_attn_layernorm", &Block::ln_attn_out, &Layout::norms_writes},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.gate_up_proj", {&Block::mlp_gate, &Block::mlp_in}},
    {"layers.{}.mlp.down_proj", &Block::mlp_out},
    {"layers.{}.post_mlp_layernorm", &Block::ln_mlp_out, &Layout::norms_writes},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq"};

using enum FieldUse;
const FieldRow kRows[] = {
    {"attention_bias", read},
};

Layout read_glm(ConfigFields& in) {
  LlamaDefaults defaults{
      .rotary = {.fraction_key = "partial_rotary_factor", .fraction = 0.5},
      .norm_eps = 1.5625e-7,
  };
  defaults.sizes.d_head_else = 128;
  defaults.sizes.n_kv_heads_else = 2;
  Layout layout = read_llama_fields(in, defaults);
  layout.config.rope_interleaved = true;
  layout.qkv_bias = in.flag("attention_bias", true);
  return layout;
}

Result<Layout> glm(const ConfigSource& source) {
  ConfigFields in(source);
  return in.take(read_glm(in));
}

Result<Layout> glm4(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_glm(in);
  layout.norms_writes = layout.config.writes_normed = true;
  return in.take(layout);
}

}  // namespace

const Recipe kGlm = {.model_type = "glm",
                     .class_name = "Glm",
                     .layout = glm,
                     .binds = kBinds,
                     .prefix = "model.",
                     .ignored = kIgnored,
                     .fields = llama_fields(),
                     .more_fields = kRows};
const Recipe kGlm4 = {.model_type = "glm4",
                      .class_name = "Glm4",
                      .layout = glm4,
                      .binds = kBinds,
                      .prefix = "model.",
                      .ignored = kIgnored,
                      .fields = llama_fields(),
                      .more_fields = kRows};

}  // namespace attn
