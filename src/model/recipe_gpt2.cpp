#include "model/recipe.h"

// GPT-2 (Radford et al. 2019) and DistilGPT-2.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"wte", &Weights::embed},
    {"wpe", &Weights::positions},
    {"h.{}.ln_1", &Block::ln1},
    {"h.{}.attn.c_attn", {&Block::q, &Block::k, &Block::v}, &Layout::qkv_bias, MatrixOrder::in_out},
    {"h.{}.attn.c_proj", &Block::o, &Layout::o_bias, MatrixOrder::in_out},
    {"h.{}.ln_2", &Block::ln2},
    {"h.{}.mlp.c_fc", &Block::mlp_in, &Layout::mlp_bias, MatrixOrder::in_out},
    {"h.{}.mlp.c_proj", &Block::mlp_out, &Layout::mlp_bias, MatrixOrder::in_out},
    {"ln_f", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const char* const kIgnored[] = {".attn.bias", ".attn.masked_bias"};  // masks

Result<Layout> layout(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  c.family = "gpt2";
  c.d_model = in.size("n_embd", kMostWidth);
  c.n_layers = in.size("n_layer", kMostLayers);
  c.n_heads = c.n_kv_heads = in.size("n_head", kMostHeads);
  c.d_mlp = in.size("n_inner", kMostHidden, 4 * c.d_model);
  c.n_ctx = in.size("n_positions", kMostPositions);
  c.d_vocab = in.size("vocab_size", kMostVocabulary);
  if (c.d_model % c.n_heads != 0) in.fail("n_embd must be a multiple of n_head");
  c.d_head = c.d_model / c.n_heads;
  c.norm_eps = float(in.positive("layer_norm_epsilon", 1e-5));
  c.position = Position::learned;
  c.activation = in.activation("activation_function", "gelu_new");
  if (!in.flag("scale_attn_weights", true)) c.attn_scale = 1;
  in.refuse("scale_attn_by_inverse_layer_idx", "scaling scores by layer");
  in.refuse("add_cross_attention", "cross-attention");
  // reorder_and_upcast_attn changes the order of roundings in half precision, not the formula.
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", true);
  if (in.error()) return *in.error();
  return layout;
}

}  // namespace

const Recipe kGpt2 = {"gpt2", layout, kBinds, "transformer.", kIgnored};

}  // namespace attn
