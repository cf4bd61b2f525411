#include "model/recipe.h"

// BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019), which differs in where positions start and
// in the names of the head, and ELECTRA (Clark et al. 2020), whose embeddings may be narrower.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {"embeddings.position_embeddings", &Weights::positions},
    {"embeddings.token_type_embeddings", &Weights::token_types},
    {"embeddings.LayerNorm", &Weights::ln_embed},
    {"embeddings_project", &Weights::embed_project},  // where Config::d_embed
    {"encoder.layer.{}.attention.self.query", &Block::q, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.self.key", &Block::k, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.self.value", &Block::v, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.output.dense", &Block::o, &Layout::o_bias},
    {"encoder.layer.{}.attention.output.LayerNorm", &Block::ln1},
    {"encoder.layer.{}.intermediate.dense", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layer.{}.output.dense", &Block::mlp_out, &Layout::mlp_bias},
    {"encoder.layer.{}.output.LayerNorm", &Block::ln2},
};
const Bind kBertHead[] = {
    {"cls.predictions.transform.dense", &Weights::head_dense},
    {"cls.predictions.transform.LayerNorm", &Weights::ln_head},
    {"cls.predictions.decoder", &Weights::unembed},
    {"cls.predictions", &Weights::unembed_bias},
};
const Bind kRobertaHead[] = {
    {"lm_head.dense", &Weights::head_dense},
    {"lm_head.layer_norm", &Weights::ln_head},
    {"lm_head.decoder", &Weights::unembed},
    {"lm_head", &Weights::unembed_bias},
};
const Bind kElectraHead[] = {
    {"generator_predictions.dense", &Weights::head_dense},
    {"generator_predictions.LayerNorm", &Weights::ln_head},
    {"generator_lm_head", &Weights::unembed},
    {"generator_lm_head", &Weights::unembed_bias},
};
// Tensors that no pattern depends on: the pooler and the next-sentence head.
const char* const kIgnored[] = {"pooler.dense.weight", "pooler.dense.bias",
                                ".seq_relationship.weight", ".seq_relationship.bias",
                                "embeddings.position_ids"};

using enum FieldUse;
const FieldRow kBertRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"intermediate_size", read},
    {"max_position_embeddings", read},
    {"vocab_size", read},
    {"type_vocab_size", read},
    {"layer_norm_eps", read},
    {"hidden_act", read},
    {"tie_word_embeddings", read},
    {"position_embedding_type", refused, "absolute", "another kind of positions than absolute"},
    {"is_decoder", refused, "false", "running BERT as a decoder"},
    {"is_causal", said, "false", "a causal mask, which encoders do not have"},
    {"hidden_dropout_prob"},
    {"attention_probs_dropout_prob"},
    // Of the pooler, which comes after all attention.
    {"directionality"},
    {"pooler_fc_size"},
    {"pooler_num_attention_heads"},
    {"pooler_num_fc_layers"},
    {"pooler_size_per_head"},
    {"pooler_type"},
};

const FieldRow kRobertaRows[] = {
    {"pad_token_id", read},  // positions start after it
};

const FieldRow kElectraRows[] = {
    {"embedding_size", read},
    // Of the sequence summary, which comes after all attention.
    {"summary_type"},
    {"summary_use_proj"},
    {"summary_activation"},
    {"summary_first_dropout"},
    {"summary_last_dropout"},
    {"summary_proj_to_labels"},
};

}  // namespace

std::span<const FieldRow> bert_fields() { return kBertRows; }

Layout read_bert_fields(ConfigFields& in, const char* activation) {
  Layout layout;
  Config& c = layout.config;
  in.sizes(c);
  c.n_token_types = in.size("type_vocab_size", kMostVocabulary, 2);
  c.norm_place = NormPlace::post;
  c.norm_eps = float(in.positive("layer_norm_eps", 1e-12));
  c.embed_norm = true;
  c.position = Position::learned;
  c.mask = Mask::none;
  c.fills_masks = true;
  c.activation = in.activation("hidden_act", activation);
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", true);
  return layout;
}

namespace {

Result<Layout> bert(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_bert_fields(in);
  layout.config.head_activation = layout.config.activation;
  return in.take(layout);
}

// Positions start after the row of the padding token, which stays at its own; the head uses GELU
// whatever hidden_act is.
Result<Layout> roberta(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_bert_fields(in);
  Config& c = layout.config;
  const std::optional<int64_t> pad = in.json().at("pad_token_id").integer();
  if (pad == 0) {
    c.pad_id = 0;
  } else if (in.written("pad_token_id") && in.json().at("pad_token_id").is_null()) {
    in.fail("pad_token_id is null, but the positions of this model type start after it");
  } else {
    c.pad_id = in.size("pad_token_id", kMostVocabulary, 1);
  }
  c.first_position = c.pad_id + 1;
  c.n_ctx -= c.first_position;
  if (c.n_ctx < 1) in.fail("max_position_embeddings must be above pad_token_id + 1");
  return in.take(layout);
}

// The generator's head uses GELU, too; the discriminator, which tells replaced tokens, has no
// vocabulary.
Result<Layout> electra(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_bert_fields(in);
  Config& c = layout.config;
  const int d_embed = in.size("embedding_size", kMostWidth, 128);
  if (d_embed != c.d_model) c.d_embed = d_embed;
  return in.take(layout);
}

}  // namespace

const Recipe kBert = {"bert", "Bert", bert, kBinds, "bert.", kIgnored, kBertHead, kBertRows};
const Recipe kRoberta = {"roberta", "Roberta",    roberta,   kBinds,      "roberta.",
                         kIgnored,  kRobertaHead, kBertRows, kRobertaRows};
// The same with other vocabularies.
const Recipe kCamembert = {"camembert", "Camembert",  roberta,   kBinds,      "roberta.",
                           kIgnored,    kRobertaHead, kBertRows, kRobertaRows};
const Recipe kXlmRoberta = {"xlm-roberta", "XLMRoberta", roberta,   kBinds,      "roberta.",
                            kIgnored,      kRobertaHead, kBertRows, kRobertaRows};
const Recipe kElectra = {"electra", "Electra",    electra,   kBinds,      "electra.",
                         kIgnored,  kElectraHead, kBertRows, kElectraRows};

}  // namespace attn
