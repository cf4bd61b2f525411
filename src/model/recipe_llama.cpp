#include <algorithm>

#include "model/recipe.h"

// Llama (Touvron et al. 2023), and the families that differ from it in a few lines: Mistral,
// Qwen2, Qwen3 (a norm of every head's q and k), SmolLM3 (no positions in some layers), Granite,
// OLMo 2 and Phi-3.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.q_norm", &Block::q_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.k_norm", &Block::k_norm, &Layout::qk_norm},
    {"layers.{}.self_attn.o_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.gate_proj", &Block::mlp_gate, &Layout::mlp_bias},
    {"layers.{}.mlp.up_proj", &Block::mlp_in, &Layout::mlp_bias},
    {"layers.{}.mlp.down_proj", &Block::mlp_out, &Layout::mlp_bias},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kOlmo2Binds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.q_norm", &Block::q_norm},
    {"layers.{}.self_attn.k_norm", &Block::k_norm},
    {"layers.{}.self_attn.o_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.post_attention_layernorm", &Block::ln_attn_out},
    {"layers.{}.mlp.gate_proj", &Block::mlp_gate},
    {"layers.{}.mlp.up_proj", &Block::mlp_in},
    {"layers.{}.mlp.down_proj", &Block::mlp_out},
    {"layers.{}.post_feedforward_layernorm", &Block::ln_mlp_out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kPhi3Binds[] = {
    {"embed_tokens", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.self_attn.qkv_proj", {&Block::q, &Block::k, &Block::v}},
    {"layers.{}.self_attn.o_proj", &Block::o},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.gate_up_proj", {&Block::mlp_gate, &Block::mlp_in}},
    {"layers.{}.mlp.down_proj", &Block::mlp_out},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kEuroBertHead[] = {
    {"lm_head", &Weights::unembed_bias, &Layout::unembed_bias},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq"};

using enum FieldUse;
// Of all of them.
const FieldRow kLlamaRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"num_key_value_heads", read},
    {"head_dim", read},
    {"intermediate_size", read},
    {"max_position_embeddings", read},
    {"original_max_position_embeddings", read},
    {"vocab_size", read},
    {"rms_norm_eps", read},
    {"hidden_act", read},
    {"rope_theta", read},
    {"rope_scaling", read},
    {"rope_parameters", read},
    {"partial_rotary_factor", read},
    {"tie_word_embeddings", read},
    {"is_causal", read},
    {"attention_dropout"},
    {"num_logits_to_keep"},
    {"is_decoder"},
};

const FieldRow kOnlyLlamaRows[] = {
    {"attention_bias", read},
    {"mlp_bias", read},
    {"pretraining_tp"},  // the order of sums, not the formula
    {"is_llama_config"},
    {"rope_interleaved", said, "false", "rotating neighbouring dimensions"},
    {"layer_types", said, "full", "layers of several kinds"},
};

const FieldRow kMistralRows[] = {
    {"sliding_window", read},
    {"layer_types", said, "full", "layers of several kinds"},
};

const FieldRow kQwen2Rows[] = {
    {"use_sliding_window", read},
    {"sliding_window", read},
    {"max_window_layers", read},
    {"layer_types", read},
    {"attention_bias", said, "true", "queries, keys and values without biases"},
    {"use_mrope", said, "false", "positions in several dimensions"},
};

const FieldRow kQwen3Rows[] = {
    {"use_sliding_window", read}, {"sliding_window", read}, {"max_window_layers", read},
    {"layer_types", read},        {"attention_bias", read},
};

const FieldRow kGraniteRows[] = {
    {"embedding_multiplier", read}, {"attention_multiplier", read}, {"residual_multiplier", read},
    {"logits_scaling", read},       {"attention_bias", read},       {"mlp_bias", read},
};
const FieldRow kEuroBertRows[] = {
    {"attention_bias", read},
    {"mlp_bias", read},
    {"is_causal", said, "false", "a causal mask, which encoders do not have"},
    {"classifier_pooling", read},
    {"clf_pooling"},  // in the published files, for code of their own
    {"pretraining_tp"},
};
const FieldRow kOlmo2Rows[] = {
    {"attention_bias", read},
};
const FieldRow kPhi3Rows[] = {
    {"sliding_window", read},
    {"attention_bias", said, "false", "biases"},
    {"resid_pdrop"},
    {"embd_pdrop"},
};

const FieldRow kSmolLm3Rows[] = {
    {"use_sliding_window", read},
    {"sliding_window", read},
    {"layer_types", read},
    {"no_rope_layers", read},
    {"no_rope_layer_interval", read},
    {"attention_bias", read},
    {"mlp_bias", read},
    {"max_window_layers"},  // in the published file; the class has no such rule
    {"pretraining_tp"},
};

}  // namespace

std::span<const FieldRow> llama_fields() { return kLlamaRows; }

// Defaults are those of transformers.
Layout read_llama_fields(ConfigFields& in, const LlamaDefaults& otherwise) {
  Layout layout;
  Config& c = layout.config;
  in.sizes(c, otherwise.sizes);
  c.norm = Norm::rms_norm;
  c.norm_eps = float(in.positive("rms_norm_eps", otherwise.norm_eps));
  c.activation = in.activation(otherwise.activation_key, otherwise.activation);
  c.gated_mlp = true;
  in.causal(c);
  in.rotary(c, otherwise.rotary);
  layout.tied = in.flag("tie_word_embeddings", otherwise.tied);
  return layout;
}

void read_windows(ConfigFields& in, Config& c, int otherwise) {
  const bool null = in.json().at("sliding_window").is_null();
  if (null && (otherwise == 0 || in.written("sliding_window"))) return;
  c.local_layers.assign(size_t(c.n_layers), true);
  in.window(c, in.size("sliding_window", kMostPositions, std::max(1, otherwise)));
}

namespace {

Result<Layout> llama(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in);
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  layout.mlp_bias = in.flag("mlp_bias", false);
  return in.take(layout);
}

// The size of the window, 0 for none: an absent field means 4096, null means no window.
int window_of(ConfigFields& in) {
  if (in.written("sliding_window") && in.json().at("sliding_window").is_null()) return 0;
  return in.size("sliding_window", kMostPositions, 4096);
}

Result<Layout> mistral(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in);
  read_windows(in, layout.config, 4096);
  return in.take(layout);
}

bool any(const std::vector<bool>& layers) {
  return std::ranges::find(layers, true) != layers.end();
}

// layer_types names the layers that slide; without it, those from max_window_layers on do.
void slide_as_qwen(ConfigFields& in, Layout& layout) {
  const int window = in.flag("use_sliding_window", false) ? window_of(in) : 0;
  const std::optional<int64_t> first = in.json().at("max_window_layers").integer();
  Config& c = layout.config;
  if (!in.layer_types(c) && window > 0) {
    for (int layer = 0; layer < c.n_layers; ++layer)
      c.local_layers.push_back(layer >= first.value_or(28));
  }
  if (any(c.local_layers) && window == 0)
    in.fail("layer_types has sliding_attention, but there is no window");
  in.window(c, window);
}

Result<Layout> qwen2(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in);
  layout.qkv_bias = true;
  slide_as_qwen(in, layout);
  return in.take(layout);
}

Result<Layout> qwen3(const ConfigSource& source) {
  ConfigFields in(source);
  LlamaDefaults defaults;
  defaults.sizes.d_head_else = 128;
  Layout layout = read_llama_fields(in, defaults);
  layout.qk_norm = true;
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  slide_as_qwen(in, layout);
  return in.take(layout);
}

// Layers without positions: those with 0 in no_rope_layers; without it, every fourth.
void leave_unplaced(ConfigFields& in, Config& c) {
  const Json with = in.json().at("no_rope_layers");
  if (with.is_null()) {
    const int every = in.size("no_rope_layer_interval", kMostLayers, 4);
    for (int layer = 1; layer <= c.n_layers; ++layer)
      c.unplaced_layers.push_back(layer % every == 0);
    return;
  }
  with.each([&](std::string_view, const Json& one) {
    const std::optional<int64_t> value = one.integer();
    if (value != 0 && value != 1) in.fail("no_rope_layers must be a list of 0 and 1");
    c.unplaced_layers.push_back(value == 0);
    return true;
  });
  if (int(c.unplaced_layers.size()) == c.n_layers) return;
  in.fail("no_rope_layers must have a number for each of the " + std::to_string(c.n_layers) +
          " layers");
  c.unplaced_layers.clear();
}

// layer_types names the layers that slide; without it, those without positions do.
Result<Layout> smollm3(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in, {.rotary = {.theta = 2e6}, .tied = true});
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  layout.mlp_bias = in.flag("mlp_bias", false);
  Config& c = layout.config;
  leave_unplaced(in, c);
  const bool windowed = !in.json().at("sliding_window").is_null();
  const bool slides = in.flag("use_sliding_window", false) && windowed;
  if (!in.layer_types(c) && slides) c.local_layers = c.unplaced_layers;
  if (any(c.local_layers)) in.window(c, in.size("sliding_window", kMostPositions));
  return in.take(layout);
}

// What it multiplies: embeddings, scores (in place of 1 / sqrt(d_head)), what is added to the
// residual stream, and logits.
Result<Layout> granite(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in);
  Config& c = layout.config;
  c.embed_scale = in.positive("embedding_multiplier", 1);
  c.attn_scale = in.positive("attention_multiplier", 1);
  c.residual_scale = in.positive("residual_multiplier", 1);
  c.logit_scale = 1 / in.positive("logits_scaling", 1);
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  layout.mlp_bias = in.flag("mlp_bias", false);
  return in.take(layout);
}

// Llama without a causal mask (Boizard et al. 2025).
Result<Layout> eurobert(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in, {.norm_eps = 1e-5});
  layout.config.mask = Mask::none;
  layout.config.fills_masks = true;
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  layout.mlp_bias = layout.unembed_bias = in.flag("mlp_bias", false);
  return in.take(layout);
}

// Norms of what attention and MLP write rather than of what they read, and of all heads' queries
// and keys together.
Result<Layout> olmo2(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in, {.norm_eps = 1e-5});
  layout.config.writes_normed = layout.config.qk_norm_whole = true;
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  return in.take(layout);
}

// Queries, keys and values in one matrix, gate and input of the MLP in another.
Result<Layout> phi3(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_llama_fields(in, {.rotary = {.fraction_key = "partial_rotary_factor",
                                                    .any_is_longrope = true,
                                                    .original_n_ctx = 4096},
                                         .norm_eps = 1e-5});
  read_windows(in, layout.config, 0);
  return in.take(layout);
}

}  // namespace

const Recipe kEuroBert = {.model_type = "eurobert",
                          .class_name = "EuroBert",
                          .layout = eurobert,
                          .binds = kBinds,
                          .prefix = "model.",
                          .ignored = kIgnored,
                          .head = kEuroBertHead,
                          .fields = kLlamaRows,
                          .more_fields = kEuroBertRows};
const Recipe kGranite = {.model_type = "granite",
                         .class_name = "Granite",
                         .layout = granite,
                         .binds = kBinds,
                         .prefix = "model.",
                         .ignored = kIgnored,
                         .fields = kLlamaRows,
                         .more_fields = kGraniteRows};
const Recipe kOlmo2 = {.model_type = "olmo2",
                       .class_name = "Olmo2",
                       .layout = olmo2,
                       .binds = kOlmo2Binds,
                       .prefix = "model.",
                       .ignored = kIgnored,
                       .fields = kLlamaRows,
                       .more_fields = kOlmo2Rows};
const Recipe kPhi3 = {.model_type = "phi3",
                      .class_name = "Phi3",
                      .layout = phi3,
                      .binds = kPhi3Binds,
                      .prefix = "model.",
                      .ignored = kIgnored,
                      .fields = kLlamaRows,
                      .more_fields = kPhi3Rows};
const Recipe kLlama = {"llama",  "Llama", llama,      kBinds,        "model.",
                       kIgnored, {},      kLlamaRows, kOnlyLlamaRows};
const Recipe kMistral = {"mistral", "Mistral", mistral,    kBinds,      "model.",
                         kIgnored,  {},        kLlamaRows, kMistralRows};
const Recipe kQwen2 = {"qwen2",  "Qwen2", qwen2,      kBinds,    "model.",
                       kIgnored, {},      kLlamaRows, kQwen2Rows};
const Recipe kQwen3 = {"qwen3",  "Qwen3", qwen3,      kBinds,    "model.",
                       kIgnored, {},      kLlamaRows, kQwen3Rows};
const Recipe kSmolLm3 = {"smollm3", "SmolLM3", smollm3,    kBinds,      "model.",
                         kIgnored,  {},        kLlamaRows, kSmolLm3Rows};

}  // namespace attn
