#include "model/recipe.h"

// ALBERT (Lan et al. 2020): BERT whose layers share weights, with a projection after the
// embeddings.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {"embeddings.position_embeddings", &Weights::positions},
    {"embeddings.token_type_embeddings", &Weights::token_types},
    {"embeddings.LayerNorm", &Weights::ln_embed},
    {"encoder.embedding_hidden_mapping_in", &Weights::embed_project},
    {"encoder.albert_layer_groups.{}.albert_layers.{}.attention.query", &Block::q,
     &Layout::qkv_bias},
    {"encoder.albert_layer_groups.{}.albert_layers.{}.attention.key", &Block::k, &Layout::qkv_bias},
    {"encoder.albert_layer_groups.{}.albert_layers.{}.attention.value", &Block::v,
     &Layout::qkv_bias},
    {"encoder.albert_layer_groups.{}.albert_layers.{}.attention.dense", &Block::o, &Layout::o_bias},
    {"encoder.albert_layer_groups.{}.albert_layers.{}.attention.LayerNorm", &Block::ln1},
    {"encoder.albert_layer_groups.{}.albert_layers.{}.ffn", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.albert_layer_groups.{}.albert_layers.{}.ffn_output", &Block::mlp_out,
     &Layout::mlp_bias},
    {"encoder.albert_layer_groups.{}.albert_layers.{}.full_layer_layer_norm", &Block::ln2},
};
const Bind kHead[] = {
    {"predictions.dense", &Weights::head_dense},
    {"predictions.LayerNorm", &Weights::ln_head},
    {"predictions.decoder", &Weights::unembed},
    {"predictions", &Weights::unembed_bias},
};
// The pooler and the head for the order of sentences, on which no pattern depends.
const char* const kIgnored[] = {"pooler.weight", "pooler.bias", "sop_classifier.classifier.weight",
                                "sop_classifier.classifier.bias", "embeddings.position_ids"};

using enum FieldUse;
const FieldRow kRows[] = {
    {"embedding_size", read},
    {"num_hidden_groups", read},
    {"inner_group_num", read},
    {"classifier_dropout_prob"},
    // In the published files; transformers does not read them.
    {"net_structure_type"},
    {"gap_size"},
    {"num_memory_blocks"},
    {"layers_to_keep"},
    {"down_scale_factor"},
};

Result<Layout> layout(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_bert_fields(in, "gelu_new");
  Config& c = layout.config;
  c.head_activation = c.activation;
  c.d_embed = in.size("embedding_size", kMostWidth, 128);
  const int n_groups = in.size("num_hidden_groups", kMostLayers, 1);
  const int n_inner = layout.group_layers = in.size("inner_group_num", kMostLayers, 1);
  const int n_passes = c.n_layers;  // through a group each
  if (n_groups > n_passes) in.fail("num_hidden_groups must not be above num_hidden_layers");
  if (int64_t(n_passes) * n_inner > kMostLayers) {
    in.fail("num_hidden_layers times inner_group_num must be at most " +
            std::to_string(kMostLayers));
  }
  if (in.error()) return *in.error();
  c.n_layers = n_passes * n_inner;
  for (int layer = 0; layer < c.n_layers; ++layer) {
    const int pass = layer / n_inner;
    const int group = int(pass / (double(n_passes) / n_groups));
    layout.stored_layers.push_back(group * n_inner + layer % n_inner);
  }
  return in.take(layout);
}

}  // namespace

const Recipe kAlbert = {.model_type = "albert",
                        .class_name = "Albert",
                        .layout = layout,
                        .binds = kBinds,
                        .prefix = "albert.",
                        .ignored = kIgnored,
                        .head = kHead,
                        .fields = bert_fields(),
                        .more_fields = kRows};

}  // namespace attn
