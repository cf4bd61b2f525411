#include "model/recipe.h"

// DistilBERT (Sanh et al. 2019): BERT without token types, under names of its own.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {"embeddings.position_embeddings", &Weights::positions},
    {"embeddings.LayerNorm", &Weights::ln_embed},
    {"transformer.layer.{}.attention.q_lin", &Block::q, &Layout::qkv_bias},
    {"transformer.layer.{}.attention.k_lin", &Block::k, &Layout::qkv_bias},
    {"transformer.layer.{}.attention.v_lin", &Block::v, &Layout::qkv_bias},
    {"transformer.layer.{}.attention.out_lin", &Block::o, &Layout::o_bias},
    {"transformer.layer.{}.sa_layer_norm", &Block::ln1},
    {"transformer.layer.{}.ffn.lin1", &Block::mlp_in, &Layout::mlp_bias},
    {"transformer.layer.{}.ffn.lin2", &Block::mlp_out, &Layout::mlp_bias},
    {"transformer.layer.{}.output_layer_norm", &Block::ln2},
};
const Bind kHead[] = {
    {"vocab_transform", &Weights::head_dense},
    {"vocab_layer_norm", &Weights::ln_head},
    {"vocab_projector", &Weights::unembed},
    {"vocab_projector", &Weights::unembed_bias},
};
const char* const kIgnored[] = {"embeddings.position_ids"};

using enum FieldUse;
const FieldRow kRows[] = {
    {"dim", read},
    {"hidden_size", refused, "=dim", "another width than dim"},
    {"num_attention_heads", refused, "=n_heads", "another value than n_heads"},
    {"num_hidden_layers", refused, "=n_layers", "another value than n_layers"},
    {"n_layers", read},
    {"n_heads", read},
    {"hidden_dim", read},
    {"max_position_embeddings", read},
    {"vocab_size", read},
    {"activation", read},
    {"tie_word_embeddings", read},
    {"sinusoidal_pos_embds"},  // how the table of positions was filled, which the files have
    {"tie_weights_"},
    {"dropout"},
    {"attention_dropout"},
    {"qa_dropout"},
    {"seq_classif_dropout"},
};

Result<Layout> layout(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  in.sizes(c,
           {.d_model = "dim", .n_layers = "n_layers", .n_heads = "n_heads", .d_mlp = "hidden_dim"});
  c.norm_place = NormPlace::post;
  c.norm_eps = 1e-12f;
  c.embed_norm = true;
  c.position = Position::learned;
  c.mask = Mask::none;
  c.fills_masks = true;
  c.activation = c.head_activation = in.activation("activation", "gelu");
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", true);
  return in.take(layout);
}

}  // namespace

const Recipe kDistilBert = {"distilbert",  "DistilBert", layout, kBinds,
                            "distilbert.", kIgnored,     kHead,  kRows};

}  // namespace attn
