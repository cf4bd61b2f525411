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

// Shared by the three families. Defaults are those of transformers.
Layout read(ConfigFields& in, const char* family) {
  Layout layout;
  Config& c = layout.config;
  c.family = family;
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
  in.rotary(c, "rope_theta", nullptr, 1);
  layout.tied = in.flag("tie_word_embeddings", false);
  return layout;
}

Result<Layout> llama(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read(in, "llama");
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  layout.mlp_bias = in.flag("mlp_bias", false);
  if (in.error()) return *in.error();
  return layout;
}

// Up to its size, a sliding window equals a causal mask.
void limit_to_window(Layout& layout, int window) {
  if (window >= layout.config.n_ctx) return;
  layout.config.n_ctx = window;
  layout.notes.push_back("Texts are limited to " + std::to_string(window) +
                         " tokens, the size of the model's sliding window");
}

Result<Layout> mistral(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read(in, "mistral");
  // An absent window means the default size; null means no window.
  bool written = false;
  in.json().each(
      [&](std::string_view key, const Json&) { return !(written = key == "sliding_window"); });
  if (!written || !in.json().at("sliding_window").is_null()) {
    limit_to_window(layout, in.size("sliding_window", kMostPositions, 4096));
  }
  if (in.error()) return *in.error();
  return layout;
}

Result<Layout> qwen2(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read(in, "qwen2");
  layout.qkv_bias = true;
  if (in.flag("use_sliding_window", false)) {
    limit_to_window(layout, in.size("sliding_window", kMostPositions, 4096));
  }
  if (in.error()) return *in.error();
  return layout;
}

}  // namespace

const Recipe kLlama = {"llama", llama, kBinds, "model.", kIgnored};
const Recipe kMistral = {"mistral", mistral, kBinds, "model.", kIgnored};
const Recipe kQwen2 = {"qwen2", qwen2, kBinds, "model.", kIgnored};

}  // namespace attn
