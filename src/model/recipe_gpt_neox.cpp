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
     Fused::per_group},
    {"layers.{}.attention.dense", &Block::o, &Layout::o_bias},
    {"layers.{}.post_attention_layernorm", &Block::ln2},
    {"layers.{}.mlp.dense_h_to_4h", &Block::mlp_in, &Layout::mlp_bias},
    {"layers.{}.mlp.dense_4h_to_h", &Block::mlp_out, &Layout::mlp_bias},
    {"final_layer_norm", &Weights::ln_final},
    {"embed_out", &Weights::unembed},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq", ".attention.bias",
                                ".attention.masked_bias"};

using enum FieldUse;
const FieldRow kGptNeoXRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"intermediate_size", read},
    {"max_position_embeddings", read},
    {"original_max_position_embeddings", read},
    {"vocab_size", read},
    {"layer_norm_eps", read},
    {"hidden_act", read},
    {"rotary_emb_base", read},
    {"rotary_pct", read},
    {"rope_scaling", read},
    {"rope_parameters", read},
    {"use_parallel_residual", read},
    {"attention_bias", read},
    {"tie_word_embeddings", read},
    {"is_causal", read},
    {"head_dim", refused, "=d_head",
     "heads of another size than hidden_size / num_attention_heads"},
    {"rope_theta", said, "=rotary_emb_base", "a base of the rotation; rotary_emb_base is"},
    {"partial_rotary_factor", said, "=rotary_pct", "a share of the head; rotary_pct is"},
    {"is_decoder"},
    {"attention_dropout"},
    {"hidden_dropout"},
};

Result<Layout> layout(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  in.sizes(c);
  c.norm_eps = float(in.positive("layer_norm_eps", 1e-5));
  c.activation = in.activation("hidden_act", "gelu");
  in.causal(c);
  in.rotary(c, {.theta_key = "rotary_emb_base", .fraction_key = "rotary_pct", .fraction = 0.25});
  c.parallel_residual = in.flag("use_parallel_residual", true);
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", true);
  layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", false);
  return in.take(layout);
}

}  // namespace

const Recipe kGptNeoX = {"gpt_neox",  "GPTNeoX", layout, kBinds,
                         "gpt_neox.", kIgnored,  {},     kGptNeoXRows};

}  // namespace attn
