#include "model/recipe.h"

// Decoders with layer norms and rotary positions: Phi-1.5 and Phi-2 (Li et al. 2023), StableLM,
// StarCoder2 (Lozhkov et al. 2024) and Cohere's Command R.

namespace attn {

namespace {

const Bind kPhiBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.input_layernorm", &Block::ln2},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.q_layernorm", &Block::q_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.k_layernorm", &Block::k_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.dense", &Block::o, &Layout::o_bias},
    {"layers.{}.mlp.fc1", &Block::mlp_in, &Layout::mlp_bias},
    {"layers.{}.mlp.fc2", &Block::mlp_out, &Layout::mlp_bias},
    {"final_layernorm", &Weights::ln_final},
};
const Bind kPhiHead[] = {
    {"lm_head", &Weights::unembed},
    {"lm_head", &Weights::unembed_bias},
};
const Bind kStableLmBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.input_layernorm", &Block::ln2, &Layout::shared_norm},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.q_layernorm.norms.{}", &Block::q_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.k_layernorm.norms.{}", &Block::k_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.o_proj", &Block::o},
    {"layers.{}.post_attention_layernorm", &Block::ln2, &Layout::mlp_norm},
    {"layers.{}.mlp.gate_proj", &Block::mlp_gate},
    {"layers.{}.mlp.up_proj", &Block::mlp_in},
    {"layers.{}.mlp.down_proj", &Block::mlp_out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kCohereBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.input_layernorm", &Block::ln2},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.q_norm", &Block::q_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.k_norm", &Block::k_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.o_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.mlp.gate_proj", &Block::mlp_gate},
    {"layers.{}.mlp.up_proj", &Block::mlp_in},
    {"layers.{}.mlp.down_proj", &Block::mlp_out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kStarCoderBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.o_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.c_fc", &Block::mlp_in, &Layout::mlp_bias},
    {"layers.{}.mlp.c_proj", &Block::mlp_out, &Layout::mlp_bias},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq"};

using enum FieldUse;
const FieldRow kPhiRows[] = {
    {"layer_norm_eps", read},
    {"qk_layernorm", read},
    {"resid_pdrop"},
    {"embd_pdrop"},
};
const FieldRow kStableLmRows[] = {
    {"layer_norm_eps", read},  {"use_qkv_bias", read}, {"use_parallel_residual", read},
    {"qk_layernorm", read},    {"hidden_dropout"},     {"norm_eps"},
    {"rotary_scaling_factor"},
};
const FieldRow kStarCoderRows[] = {
    {"norm_epsilon", read},
    {"use_bias", read},
    {"sliding_window", read},
    {"layer_types", said, "full", "layers of several kinds"},
    {"residual_dropout"},
    {"embedding_dropout"},
    {"norm_type"},
    {"mlp_type"},
};
const FieldRow kCohereRows[] = {
    {"layer_norm_eps", read},
    {"logit_scale", read},
    {"attention_bias", read},
    {"use_qk_norm", read},
};

Layout read_normed(ConfigFields& in, LlamaDefaults otherwise, const char* eps) {
  Layout layout = read_llama_fields(in, otherwise);
  layout.config.norm = Norm::layer_norm;
  layout.config.norm_eps = float(in.positive(eps, 1e-5));
  return layout;
}

// Attention and MLP read the same norm.
Result<Layout> phi(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_normed(in,
                              {.rotary = {.fraction_key = "partial_rotary_factor", .fraction = 0.5},
                               .activation = "gelu_new"},
                              "layer_norm_eps");
  layout.config.gated_mlp = false;
  layout.config.parallel_residual = true;
  layout.qk_norm = in.flag("qk_layernorm", false);
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  return in.take(layout);
}

Result<Layout> stablelm(const ConfigSource& source) {
  ConfigFields in(source);
  LlamaDefaults defaults;
  defaults.rotary = {.fraction_key = "partial_rotary_factor", .fraction = 0.25};
  defaults.sizes.n_kv_heads_else = 32;
  Layout layout = read_normed(in, defaults, "layer_norm_eps");
  layout.config.parallel_residual = in.flag("use_parallel_residual", false);
  layout.shared_norm = layout.config.parallel_residual;
  layout.mlp_norm = !layout.shared_norm;
  layout.qkv_bias = in.flag("use_qkv_bias", false);
  layout.qk_norm = layout.config.qk_norm_own = in.flag("qk_layernorm", false);
  return in.take(layout);
}

Result<Layout> starcoder2(const ConfigSource& source) {
  ConfigFields in(source);
  LlamaDefaults defaults;
  defaults.activation = "gelu_pytorch_tanh";
  defaults.tied = true;
  defaults.sizes.n_kv_heads_else = 2;
  Layout layout = read_normed(in, defaults, "norm_epsilon");
  layout.config.gated_mlp = false;
  read_windows(in, layout.config, 0);
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = in.flag("use_bias", true);
  return in.take(layout);
}

// Attention and MLP read the same norm; pairs of neighbours are rotated.
Result<Layout> cohere(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_normed(in, {.rotary = {.theta = 500000}, .tied = true}, "layer_norm_eps");
  Config& c = layout.config;
  c.parallel_residual = c.rope_interleaved = true;
  layout.qk_norm = c.qk_norm_own = in.flag("use_qk_norm", false);
  c.logit_scale = in.positive("logit_scale", 0.0625);
  layout.norm_bias = false;
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  return in.take(layout);
}

}  // namespace

const Recipe kPhi = {.model_type = "phi",
                     .class_name = "Phi",
                     .layout = phi,
                     .binds = kPhiBinds,
                     .prefix = "model.",
                     .ignored = kIgnored,
                     .head = kPhiHead,
                     .fields = llama_fields(),
                     .more_fields = kPhiRows};
const Recipe kStableLm = {.model_type = "stablelm",
                          .class_name = "StableLm",
                          .layout = stablelm,
                          .binds = kStableLmBinds,
                          .prefix = "model.",
                          .ignored = kIgnored,
                          .fields = llama_fields(),
                          .more_fields = kStableLmRows};
const Recipe kStarCoder2 = {.model_type = "starcoder2",
                            .class_name = "Starcoder2",
                            .layout = starcoder2,
                            .binds = kStarCoderBinds,
                            .prefix = "model.",
                            .ignored = kIgnored,
                            .fields = llama_fields(),
                            .more_fields = kStarCoderRows};
const Recipe kCohere = {.model_type = "cohere",
                        .class_name = "Cohere",
                        .layout = cohere,
                        .binds = kCohereBinds,
                        .prefix = "model.",
                        .ignored = kIgnored,
                        .fields = llama_fields(),
                        .more_fields = kCohereRows};

}  // namespace attn
