#include "model/recipe.h"

// MPNet (Song et al. 2020): RoBERTa's positions, and one bias by distance for all layers.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {"embeddings.position_embeddings", &Weights::positions},
    {"embeddings.LayerNorm", &Weights::ln_embed},
    {"encoder.relative_attention_bias", &Weights::relative_bias},
    {"encoder.layer.{}.attention.attn.q", &Block::q, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.attn.k", &Block::k, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.attn.v", &Block::v, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.attn.o", &Block::o, &Layout::o_bias},
    {"encoder.layer.{}.attention.LayerNorm", &Block::ln1},
    {"encoder.layer.{}.intermediate.dense", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layer.{}.output.dense", &Block::mlp_out, &Layout::mlp_bias},
    {"encoder.layer.{}.output.LayerNorm", &Block::ln2},
};
const Bind kHead[] = {
    {"lm_head.dense", &Weights::head_dense},
    {"lm_head.layer_norm", &Weights::ln_head},
    {"lm_head.decoder", &Weights::unembed},
    {"lm_head", &Weights::unembed_bias},
};
const char* const kIgnored[] = {"pooler.dense.weight", "pooler.dense.bias",
                                "embeddings.position_ids"};

using enum FieldUse;
const FieldRow kRows[] = {
    {"relative_attention_num_buckets", read},
};

Result<Layout> layout(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_bert_fields(in);
  Config& c = layout.config;
  c.n_token_types = 0;
  // Positions start after row 1 and biases have 32 buckets, whatever the fields of the
  // configuration say.
  c.pad_id = 1;
  c.first_position = 2;
  c.n_ctx -= c.first_position;
  if (c.n_ctx < 1) in.fail("max_position_embeddings must be above 2");
  c.n_relative_buckets = 32;
  c.relative_furthest = 128;
  if (in.size("relative_attention_num_buckets", kMostPositions, 32) != c.n_relative_buckets) {
    in.fail("relative_attention_num_buckets must be 32");
  }
  return in.take(layout);
}

}  // namespace

const Recipe kMpnet = {.model_type = "mpnet",
                       .class_name = "MPNet",
                       .layout = layout,
                       .binds = kBinds,
                       .prefix = "mpnet.",
                       .ignored = kIgnored,
                       .head = kHead,
                       .fields = bert_fields(),
                       .more_fields = kRows};

}  // namespace attn
