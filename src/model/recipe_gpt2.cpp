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

using enum FieldUse;
const FieldRow kGpt2Rows[] = {
    {"n_embd", read},
    {"n_layer", read},
    {"n_head", read},
    {"n_inner", read},
    {"n_positions", read},
    {"vocab_size", read},
    {"activation_function", read},
    {"layer_norm_epsilon", read},
    {"scale_attn_weights", read},
    {"tie_word_embeddings", read},
    {"is_causal", read},
    {"bias", read},  // nanoGPT's: false, no linear layer and no norm has one
    {"scale_attn_by_inverse_layer_idx", read},
    // Other names of the same fields; transformers takes whichever comes last.
    {"hidden_size", refused, "=n_embd", "another value than n_embd"},
    {"num_hidden_layers", refused, "=n_layer", "another value than n_layer"},
    {"num_attention_heads", refused, "=n_head", "another value than n_head"},
    {"max_position_embeddings", refused, "=n_positions", "another value than n_positions"},
    {"reorder_and_upcast_attn"},  // the order of roundings in half precision, not the formula
    {"n_ctx"},
    {"is_decoder"},
    {"resid_pdrop"},
    {"embd_pdrop"},
    {"attn_pdrop"},
    {"hidden_dropout"},
    {"predict_special_tokens"},
    {"summary_type"},
    {"summary_use_proj"},
    {"summary_activation"},
    {"summary_proj_to_labels"},
    {"summary_first_dropout"},
    {"summary_last_dropout"},
};

Result<Layout> layout(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  in.sizes(c, {.d_model = "n_embd",
               .n_layers = "n_layer",
               .n_heads = "n_head",
               .d_mlp = "n_inner",
               .n_ctx = "n_positions",
               .mlp_ratio = 4});
  c.norm_eps = float(in.positive("layer_norm_epsilon", 1e-5));
  c.position = Position::learned;
  c.activation = in.activation("activation_function", "gelu_new");
  if (!in.flag("scale_attn_weights", true)) c.attn_scale = 1;
  c.scale_by_layer = in.flag("scale_attn_by_inverse_layer_idx", false);
  in.causal(c);
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = layout.norm_bias = in.flag("bias", true);
  layout.tied = in.flag("tie_word_embeddings", true);
  return in.take(layout);
}

}  // namespace

const Recipe kGpt2 = {"gpt2", "GPT2", layout, kBinds, "transformer.", kIgnored, {}, kGpt2Rows};

}  // namespace attn
