#include "model/recipe.h"

// Llama (Touvron et al. 2023), and the families that differ from it in one line: Mistral, Qwen2.

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
    {"layers.{}.mlp.gate_proj", &Block::mlp_gate, &Layout::mlp_bias},
    {"layers.{}.mlp.up_proj", &Block::mlp_in, &Layout::mlp_bias},
    {"layers.{}.mlp.down_proj", &Block::mlp_out, &Layout::mlp_bias},
    {"norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq"};

using enum FieldUse;
// Of Llama, Mistral and Qwen2.
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

// Shared by the three families. Defaults are those of transformers.
Layout read_shared(ConfigFields& in) {
  Layout layout;
  Config& c = layout.config;
  c.d_model = in.size("hidden_size", kMostWidth);
  c.n_layers = in.size("num_hidden_layers", kMostLayers);
  c.n_heads = in.size("num_attention_heads", kMostHeads);
  c.n_kv_heads = in.size("num_key_value_heads", kMostHeads, c.n_heads);
  if (c.n_heads % c.n_kv_heads != 0) {
    in.fail("num_attention_heads must be a multiple of num_key_value_heads");
  }
  if (in.json().at("head_dim").is_null() && c.d_model % c.n_heads != 0) {
    in.fail("hidden_size must be a multiple of num_attention_heads where head_dim is missing");
  }
  c.d_head = in.size("head_dim", kMostHeadSize, c.d_model / c.n_heads);
  c.d_mlp = in.size("intermediate_size", kMostHidden);
  c.n_ctx = in.size("max_position_embeddings", kMostPositions);
  c.d_vocab = in.size("vocab_size", kMostVocabulary);
  c.norm = Norm::rms_norm;
  c.norm_eps = float(in.positive("rms_norm_eps", 1e-6));
  c.activation = in.activation("hidden_act", "silu");
  c.gated_mlp = true;
  in.causal(c);
  in.rotary(c, "rope_theta", nullptr, 1);
  layout.tied = in.flag("tie_word_embeddings", false);
  return layout;
}

Result<Layout> llama(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_shared(in);
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  layout.mlp_bias = in.flag("mlp_bias", false);
  return in.take(layout);
}

// The size of the window, 0 for none: an absent field means 4096, null means no window.
int window_of(ConfigFields& in) {
  if (in.written("sliding_window") && in.json().at("sliding_window").is_null()) return 0;
  return in.size("sliding_window", kMostPositions, 4096);
}

// Up to its size, a sliding window equals a causal mask.
void limit_to_window(Layout& layout, int window) {
  if (window == 0 || window >= layout.config.n_ctx) return;
  layout.config.n_ctx = layout.config.window = window;
  layout.notes.push_back("Texts are limited to " + std::to_string(window) +
                         " tokens, the size of the model's sliding window");
}

Result<Layout> mistral(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_shared(in);
  limit_to_window(layout, window_of(in));
  return in.take(layout);
}

// layer_types names the layers that slide; without it, those from max_window_layers on do.
Result<Layout> qwen2(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_shared(in);
  layout.qkv_bias = true;
  const int window = in.flag("use_sliding_window", false) ? window_of(in) : 0;
  const Json types = in.json().at("layer_types");
  bool slides = false;
  types.each([&](std::string_view, const Json& type) {
    slides = slides || type.text() == "sliding_attention";
    if (type.text() != "sliding_attention" && type.text() != "full_attention")
      in.fail("layer_types: " + quoted_name(type.text().value_or("")) + " is not supported");
    return true;
  });
  if (types.is_null()) {
    const std::optional<int64_t> first = in.json().at("max_window_layers").integer();
    slides = window > 0 && first.value_or(28) < layout.config.n_layers;
  } else if (int(types.size()) != layout.config.n_layers) {
    in.fail("layer_types must name the kind of each of the " +
            std::to_string(layout.config.n_layers) + " layers");
  }
  if (slides && window == 0) in.fail("layer_types has sliding_attention, but there is no window");
  if (slides) limit_to_window(layout, window);
  return in.take(layout);
}

}  // namespace

const Recipe kLlama = {"llama",  "Llama", llama,      kBinds,        "model.",
                       kIgnored, {},      kLlamaRows, kOnlyLlamaRows};
const Recipe kMistral = {"mistral", "Mistral", mistral,    kBinds,      "model.",
                         kIgnored,  {},        kLlamaRows, kMistralRows};
const Recipe kQwen2 = {"qwen2",  "Qwen2", qwen2,      kBinds,    "model.",
                       kIgnored, {},      kLlamaRows, kQwen2Rows};

}  // namespace attn
