#include "model/recipe.h"

// GPT-NeoX (Black et al. 2022) and Pythia.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embed_in", &Weights::embed},
    {"layers.{}.input_layernorm", &Block::ln1},
    {"layers.{}.attention.query_key_value",
     {&Block::q, &Block::k, &Block::v},
     &Layout::qkv_bias,
     MatrixOrder::out_in,
     Fused::per_head},
    {"layers.{}.attention.dense", &Block::o, &Layout::o_bias},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.dense_h_to_4h", &Block::mlp_in, &Layout::mlp_bias},
    {"layers.{}.mlp.dense_4h_to_h", &Block::mlp_out, &Layout::mlp_bias},
    {"final_layer_norm", &Weights::ln_final},
    {"embed_out", &Weights::unembed},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq", ".attention.bias",
                                ".attention.masked_bias"};

Result<Layout> layout(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  c.family = "gpt_neox";
  c.d_model = in.size("hidden_size", kMostWidth);
  c.n_layers = in.size("num_hidden_layers", kMostLayers);
  c.n_heads = c.n_kv_heads = in.size("num_attention_heads", kMostHeads);
  c.d_mlp = in.size("intermediate_size", kMostHidden);
  c.n_ctx = in.size("max_position_embeddings", kMostPositions);
  c.d_vocab = in.size("vocab_size", kMostVocabulary);
  if (c.d_model % c.n_heads != 0) {
    in.fail("hidden_size must be a multiple of num_attention_heads");
  }
  c.d_head = c.d_model / c.n_heads;
  c.norm_eps = float(in.positive("layer_norm_eps", 1e-5));
  c.activation = in.activation("hidden_act", "gelu");
  in.rotary(c, "rotary_emb_base", "rotary_pct", 0.25);
  c.parallel_residual = in.flag("use_parallel_residual", true);
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", true);
  layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", false);
  if (in.error()) return *in.error();
  return layout;
}

}  // namespace

const Recipe kGptNeoX = {"gpt_neox", layout, kBinds, "gpt_neox.", kIgnored};

}  // namespace attn
