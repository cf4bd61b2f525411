#include "model/recipe.h"

// BERT with rotary positions, in the files of their authors: Nomic BERT (Nussbaum et al. 2024),
// GTE (Zhang et al. 2024) and Jina embeddings v3 (Sturua et al. 2024); and ESM-2 (Lin et al. 2022),
// whose norms come first.

namespace attn {

namespace {

const Bind kNomicBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {"embeddings.token_type_embeddings", &Weights::token_types},
    {"emb_ln", &Weights::ln_embed},
    {"encoder.layers.{}.attn.Wqkv", {&Block::q, &Block::k, &Block::v}},
    {"encoder.layers.{}.attn.out_proj", &Block::o},
    {"encoder.layers.{}.norm1", &Block::ln1},
    {"encoder.layers.{}.mlp.fc11", &Block::mlp_in},
    {"encoder.layers.{}.mlp.fc12", &Block::mlp_gate},
    {"encoder.layers.{}.mlp.fc2", &Block::mlp_out},
    {"encoder.layers.{}.norm2", &Block::ln2},
};
const Bind kNomicHead[] = {
    {"cls.predictions.transform.dense", &Weights::head_dense},
    {"cls.predictions.transform.layer_norm", &Weights::ln_head},
    {"cls.predictions.decoder", &Weights::unembed},
    {"cls.predictions", &Weights::unembed_bias},
};
const Bind kGteBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {"embeddings.token_type_embeddings", &Weights::token_types},
    {"embeddings.LayerNorm", &Weights::ln_embed},
    {"encoder.layer.{}.attention.qkv_proj", {&Block::q, &Block::k, &Block::v}, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.o_proj", &Block::o, &Layout::o_bias},
    {"encoder.layer.{}.attn_ln", &Block::ln1},
    {"encoder.layer.{}.mlp.up_gate_proj", {&Block::mlp_in, &Block::mlp_gate}},
    {"encoder.layer.{}.mlp.down_proj", &Block::mlp_out, &Layout::mlp_bias},
    {"encoder.layer.{}.mlp_ln", &Block::ln2},
};
const Bind kGteHead[] = {
    {"lm_head.dense", &Weights::head_dense},
    {"lm_head.norm", &Weights::ln_head},
    {"lm_head.decoder", &Weights::unembed},
    {"lm_head", &Weights::unembed_bias},
};
const Bind kJinaBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {"embeddings.token_type_embeddings", &Weights::token_types},
    {"emb_ln", &Weights::ln_embed},
    {"encoder.layers.{}.mixer.Wqkv", {&Block::q, &Block::k, &Block::v}, &Layout::qkv_bias},
    {"encoder.layers.{}.mixer.out_proj", &Block::o, &Layout::o_bias},
    {"encoder.layers.{}.norm1", &Block::ln1},
    {"encoder.layers.{}.mlp.fc1", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layers.{}.mlp.fc2", &Block::mlp_out, &Layout::mlp_bias},
    {"encoder.layers.{}.norm2", &Block::ln2},
};
const Bind kEsmBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {"embeddings.position_embeddings", &Weights::positions},
    {"embeddings.layer_norm", &Weights::ln_embed},
    {"encoder.layer.{}.attention.LayerNorm", &Block::ln1},
    {"encoder.layer.{}.attention.self.query", &Block::q, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.self.key", &Block::k, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.self.value", &Block::v, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.output.dense", &Block::o, &Layout::o_bias},
    {"encoder.layer.{}.LayerNorm", &Block::ln2},
    {"encoder.layer.{}.intermediate.dense", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layer.{}.output.dense", &Block::mlp_out, &Layout::mlp_bias},
    {"encoder.emb_layer_norm_after", &Weights::ln_final},
};
const Bind kLmHead[] = {
    {"lm_head.dense", &Weights::head_dense},
    {"lm_head.layer_norm", &Weights::ln_head},
    {"lm_head.decoder", &Weights::unembed},
    {"lm_head", &Weights::unembed_bias},
};
// On which no pattern depends.
const char* const kIgnored[] = {"pooler.dense.weight", "pooler.dense.bias", ".inv_freq"};
const char* const kEsmIgnored[] = {"pooler.dense.weight",
                                   "pooler.dense.bias",
                                   ".inv_freq",
                                   "contact_head.regression.weight",
                                   "contact_head.regression.bias",
                                   "embeddings.position_ids",
                                   "embeddings.position_embeddings.weight"};

using enum FieldUse;
const FieldRow kRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"head_dim", read},
    {"intermediate_size", read},
    {"max_position_embeddings", read},
    {"original_max_position_embeddings", read},
    {"vocab_size", read},
    {"type_vocab_size", read},
    {"layer_norm_eps", read},
    {"hidden_act", read},
    {"tie_word_embeddings", read},
    {"rope_parameters", read},
    {"rope_theta", read},
    {"rope_scaling", read},
    {"partial_rotary_factor", read},
    {"is_causal", said, "false", "a causal mask, which encoders do not have"},
    {"is_decoder", refused, "false", "running an encoder as a decoder"},
    {"hidden_dropout_prob"},
    {"attention_probs_dropout_prob"},
};
const FieldRow kEsmRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"intermediate_size", read},
    {"max_position_embeddings", read},
    {"vocab_size", read},
    {"layer_norm_eps", read},
    {"hidden_act", refused, "gelu", "another activation than gelu"},
    {"tie_word_embeddings", read},
    {"position_embedding_type", read},
    {"rope_theta", read},
    {"head_dim", refused, "=d_head", "another size of heads than hidden_size / heads"},
    {"pad_token_id", read},
    {"mask_token_id", read},
    {"token_dropout", read},
    {"emb_layer_norm_before", read},
    {"is_folding_model", refused, "false", "folding proteins"},
    {"esmfold_config", refused, "", "folding proteins"},
    {"vocab_list", refused, "", "folding proteins"},
    {"is_decoder", refused, "false", "running an encoder as a decoder"},
    {"is_causal", said, "false", "a causal mask, which encoders do not have"},
    {"hidden_dropout_prob"},
    {"attention_probs_dropout_prob"},
};

struct Differences {
  int n_token_types;
  float norm_eps;
  double theta;
  const char* activation;
};

Layout rotary_bert(ConfigFields& in, const Differences& of) {
  Layout layout;
  Config& c = layout.config;
  in.sizes(c, {.d_head = "head_dim"});
  c.n_token_types = in.json().at("type_vocab_size").integer() == 0
                        ? 0
                        : in.size("type_vocab_size", kMostVocabulary, of.n_token_types);
  c.norm_place = NormPlace::post;
  c.norm_eps = float(in.positive("layer_norm_eps", double(of.norm_eps)));
  c.embed_norm = true;
  c.mask = Mask::none;
  c.fills_masks = true;
  c.activation = in.activation("hidden_act", of.activation);
  in.rotary(c, {.theta = of.theta});
  layout.tied = in.flag("tie_word_embeddings", true);
  return layout;
}

// Gated, without biases; its head has the activation of the layers.
Result<Layout> nomic(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = rotary_bert(in, {2, 1e-12f, 1000, "silu"});
  layout.config.gated_mlp = true;
  layout.config.head_activation = layout.config.activation;
  return in.take(layout);
}

Result<Layout> gte(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = rotary_bert(in, {1, 1e-12f, 160000, "gelu"});
  layout.config.gated_mlp = true;
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  return in.take(layout);
}

Result<Layout> jina(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = rotary_bert(in, {1, 1e-5f, 20000, "gelu"});
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  return in.take(layout);
}

// Masked tokens have no embedding with token_dropout, and the others are scaled as if as many had
// none as in training.
Result<Layout> esm(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  in.sizes(c);
  c.norm_eps = float(in.positive("layer_norm_eps", 1e-12));
  c.mask = Mask::none;
  c.fills_masks = true;
  c.embed_norm = in.flag("emb_layer_norm_before", false);
  if (in.flag("token_dropout", false)) {
    const std::optional<int64_t> id = in.json().at("mask_token_id").integer();
    if (!id || *id < 0 || *id >= kMostVocabulary)
      in.fail("mask_token_id must be the number of a token where token_dropout is true");
    c.dropped_id = int(id.value_or(0));
  }
  const std::string_view kind = in.json().at("position_embedding_type").text().value_or("absolute");
  if (kind == "rotary") {
    c.position = Position::rotary;
    c.rope_dims = c.d_head;
    c.rope_theta = in.positive("rope_theta", 10000);
    if (c.d_head % 2 != 0) in.fail("rotary positions need an even number of dimensions per head");
  } else if (kind == "absolute") {
    c.position = Position::learned;
    const std::optional<int64_t> pad = in.json().at("pad_token_id").integer();
    if (!pad || *pad < 0 || *pad >= c.n_ctx - 1)
      in.fail(
          "pad_token_id must be a number below max_position_embeddings - 1: positions start "
          "after it");
    c.pad_id = int(pad.value_or(0));
    c.first_position = c.pad_id + 1;
    c.n_ctx -= c.first_position;
  } else {
    in.fail("position_embedding_type " + quoted_name(kind) +
            " is not supported; rotary and absolute are");
  }
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", true);
  return in.take(layout);
}

}  // namespace

const Recipe kNomicBert = {.model_type = "nomic_bert",
                           .class_name = "NomicBert",
                           .layout = nomic,
                           .binds = kNomicBinds,
                           .prefix = "nomic_bert.",
                           .ignored = kIgnored,
                           .head = kNomicHead,
                           .fields = kRows};
const Recipe kGte = {.model_type = "gte",
                     .class_name = "Gte",
                     .layout = gte,
                     .binds = kGteBinds,
                     .prefix = "gte.",
                     .ignored = kIgnored,
                     .head = kGteHead,
                     .fields = kRows};
const Recipe kJinaV3 = {.model_type = "jina_embeddings_v3",
                        .class_name = "JinaEmbeddingsV3",
                        .layout = jina,
                        .binds = kJinaBinds,
                        .prefix = "roberta.",
                        .ignored = kIgnored,
                        .head = kLmHead,
                        .fields = kRows};
const Recipe kEsm = {.model_type = "esm",
                     .class_name = "Esm",
                     .layout = esm,
                     .binds = kEsmBinds,
                     .prefix = "esm.",
                     .ignored = kEsmIgnored,
                     .head = kLmHead,
                     .fields = kEsmRows,
                     .angles = ".rotary_embeddings.inv_freq"};

}  // namespace attn
