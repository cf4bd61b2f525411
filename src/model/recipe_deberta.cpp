#include <algorithm>
#include <cmath>

#include "model/recipe.h"

// DeBERTa (He et al. 2021), and versions 2 and 3 (He et al. 2023): BERT whose scores have terms of
// content and distance (trace/place_scores.h).

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {.name = "embeddings.position_embeddings",
     .target = &Weights::positions,
     .when = &Layout::placed_input},
    {"embeddings.token_type_embeddings", &Weights::token_types},
    {"embeddings.embed_proj", &Weights::embed_project, &Layout::head_bias},
    {"embeddings.LayerNorm", &Weights::ln_embed},
    {.name = "encoder.rel_embeddings", .target = &Weights::places, .when = &Layout::places},
    {"encoder.LayerNorm", &Weights::ln_places, &Layout::norms_places},
    {"encoder.layer.{}.attention.self.query_proj", &Block::q, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.self.key_proj", &Block::k, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.self.value_proj", &Block::v, &Layout::qkv_bias},
    {.name = "encoder.layer.{}.attention.self.pos_key_proj",
     .target = &Block::place_k,
     .bias = &Layout::qkv_bias,
     .when = &Layout::own_place_k},
    {.name = "encoder.layer.{}.attention.self.pos_query_proj",
     .target = &Block::place_q,
     .bias = &Layout::qkv_bias,
     .when = &Layout::own_place_q},
    {"encoder.layer.{}.attention.output.dense", &Block::o, &Layout::o_bias},
    {"encoder.layer.{}.attention.output.LayerNorm", &Block::ln1},
    {"encoder.layer.{}.intermediate.dense", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layer.{}.output.dense", &Block::mlp_out, &Layout::mlp_bias},
    {"encoder.layer.{}.output.LayerNorm", &Block::ln2},
};
// Of version 1, whose keys have no biases.
const Bind kOlderBinds[] = {
    {"embeddings.word_embeddings", &Weights::embed},
    {.name = "embeddings.position_embeddings",
     .target = &Weights::positions,
     .when = &Layout::placed_input},
    {"embeddings.token_type_embeddings", &Weights::token_types},
    {"embeddings.embed_proj", &Weights::embed_project, &Layout::head_bias},
    {"embeddings.LayerNorm", &Weights::ln_embed},
    {.name = "encoder.rel_embeddings", .target = &Weights::places, .when = &Layout::places},
    {.name = "encoder.layer.{}.attention.self.in_proj",
     .target = {&Block::q, &Block::k, &Block::v},
     .fused = Fused::per_group},
    {.name = "encoder.layer.{}.attention.self.q_bias", .target = &Block::q, .is_bias = true},
    {.name = "encoder.layer.{}.attention.self.v_bias", .target = &Block::v, .is_bias = true},
    {.name = "encoder.layer.{}.attention.self.pos_proj",
     .target = &Block::place_k,
     .when = &Layout::own_place_k},
    {.name = "encoder.layer.{}.attention.self.pos_q_proj",
     .target = &Block::place_q,
     .bias = &Layout::qkv_bias,
     .when = &Layout::own_place_q},
    {"encoder.layer.{}.attention.output.dense", &Block::o, &Layout::o_bias},
    {"encoder.layer.{}.attention.output.LayerNorm", &Block::ln1},
    {"encoder.layer.{}.intermediate.dense", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layer.{}.output.dense", &Block::mlp_out, &Layout::mlp_bias},
    {"encoder.layer.{}.output.LayerNorm", &Block::ln2},
};
// Which of the two heads it is, config.json says; the newer one's output is always the embedding.
const Bind kHead[] = {
    {.name = "cls.predictions.transform.dense",
     .target = &Weights::head_dense,
     .unless = &Layout::newer_head},
    {.name = "cls.predictions.transform.LayerNorm",
     .target = &Weights::ln_head,
     .unless = &Layout::newer_head},
    {.name = "cls.predictions.decoder", .target = &Weights::unembed, .unless = &Layout::newer_head},
    {.name = "cls.predictions", .target = &Weights::unembed_bias, .unless = &Layout::newer_head},
    {.name = "lm_predictions.lm_head.dense",
     .target = &Weights::head_dense,
     .when = &Layout::newer_head},
    {.name = "lm_predictions.lm_head.LayerNorm",
     .target = &Weights::ln_head,
     .when = &Layout::newer_head},
    {.name = "lm_predictions.lm_head.decoder",
     .target = &Weights::unembed,
     .when = &Layout::newer_head},
    {.name = "lm_predictions.lm_head",
     .target = &Weights::unembed_bias,
     .when = &Layout::newer_head},
};
// The pooler, and what the configuration may leave unused, as transformers does.
const char* const kIgnored[] = {
    "pooler.dense.weight",           "pooler.dense.bias",
    "embeddings.position_ids",       "embeddings.position_embeddings.weight",
    "encoder.rel_embeddings.weight", "encoder.LayerNorm.weight",
    "encoder.LayerNorm.bias",
};

using enum FieldUse;
const FieldRow kRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"attention_head_size", refused, "=d_head",
     "heads of another size than hidden_size / num_attention_heads"},
    {"intermediate_size", read},
    {"max_position_embeddings", read},
    {"vocab_size", read},
    {"embedding_size", read},
    {"type_vocab_size", read},
    {"layer_norm_eps", read},
    {"hidden_act", read},
    {"tie_word_embeddings", read},
    {"legacy", read},
    {"relative_attention", read},
    {"max_relative_positions", read},
    {"position_biased_input", read},
    {"pos_att_type", read},
    {"talking_head", refused, "false", "scores and weights that are mixed across heads"},
    {"pooler_hidden_act", read},
    {"pooler_hidden_size", refused, "=hidden_size", "a pooler of another width"},
    {"hidden_dropout_prob"},
    {"attention_probs_dropout_prob"},
    {"pooler_dropout"},
    {"cls_dropout"},
    {"padding_idx"},
};
const FieldRow kNewerRows[] = {
    {"position_buckets", read}, {"norm_rel_ebd", read}, {"share_att_key", read},
    {"conv_kernel_size", read}, {"conv_act"},           {"conv_groups"},
};

// A whole number, which is 0 or below where the model has none of them.
int count(ConfigFields& in, const char* key, int most) {
  const std::optional<int64_t> n = in.json().at(key).integer();
  return n && *n < 1 ? 0 : in.size(key, most, 0);
}

// "a | b", or a list of the same words.
template <class F>
void each_word(const Json& field, F&& see) {
  field.each([&](std::string_view, const Json& word) {
    see(word.text().value_or(""));
    return true;
  });
  if (!field.text()) return;
  std::string_view rest = *field.text();
  for (bool more = true; more;) {
    const size_t bar = rest.find('|');
    std::string_view word = rest.substr(0, bar);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    see(word);
    more = bar != rest.npos;
    if (more) rest.remove_prefix(bar + 1);
  }
}

Layout read_fields(ConfigFields& in) {
  Layout layout;
  Config& c = layout.config;
  in.sizes(c);
  const int d_embed = in.size("embedding_size", kMostWidth, c.d_model);
  if (d_embed != c.d_model) c.d_embed = d_embed;
  c.n_token_types = count(in, "type_vocab_size", kMostVocabulary);
  c.norm_place = NormPlace::post;
  c.norm_eps = float(in.positive("layer_norm_eps", 1e-7));
  c.embed_norm = c.late_embed_norm = c.mutes_padding = true;
  c.mask = Mask::none;
  c.fills_masks = true;
  c.activation = c.head_activation = in.activation("hidden_act", "gelu");
  c.pooler_activation = in.json().at("pooler_hidden_act").text() == "tanh"
                            ? Activation::tanh
                            : in.activation("pooler_hidden_act", "gelu");
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  layout.head_bias = false;  // of embed_proj
  layout.newer_head = !in.flag("legacy", true);
  layout.tied = in.flag("tie_word_embeddings", true) || layout.newer_head;
  bool k = false, q = false;
  int n_terms = 1;
  each_word(in.json().at("pos_att_type"), [&](std::string_view word) {
    const bool of_k = word == "c2p", of_q = word == "p2c";
    if (!of_k && !of_q)
      in.fail("pos_att_type has " + quoted_name(word) + "; supported are c2p and p2c");
    if ((of_k && k) || (of_q && q)) in.fail("pos_att_type has " + quoted_name(word) + " twice");
    k = k || of_k;
    q = q || of_q;
    ++n_terms;
  });
  // The number of terms counts even where they are not computed.
  c.attn_scale = 1 / std::sqrt(double(c.d_head) * n_terms);
  layout.places = in.flag("relative_attention", false) && (k || q);
  if (layout.places) {
    const int furthest = count(in, "max_relative_positions", kMostPositions);
    c.n_places = 2 * (furthest > 0 ? furthest : c.n_ctx);
    c.place_keys = layout.own_place_k = k;
    c.place_queries = layout.own_place_q = q;
  }
  layout.placed_input = in.flag("position_biased_input", true);
  if (layout.placed_input)
    c.position = Position::learned;
  else
    c.n_ctx = 1 << 16;  // for distances have no end
  return layout;
}

Result<Layout> older(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_fields(in);
  return in.take(layout);
}

Result<Layout> newer(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_fields(in);
  Config& c = layout.config;
  if (in.json().at("conv_kernel_size").integer().value_or(0) > 0)
    in.fail(
        "conv_kernel_size is above 0 (a convolution beside the first layer), which is not "
        "supported");
  if (in.flag("share_att_key", false)) layout.own_place_k = layout.own_place_q = false;
  each_word(in.json().at("norm_rel_ebd"), [&](std::string_view word) {
    layout.norms_places = layout.norms_places || (layout.places && word == "layer_norm");
  });
  const int buckets = count(in, "position_buckets", kMostPositions);
  if (buckets > 0 && layout.places) {
    c.places_furthest = c.n_places / 2;
    c.n_places = 2 * buckets;
    if (buckets < 2 || c.places_furthest - 1 <= buckets / 2)
      in.fail("position_buckets must be above 1, and half of it below max_relative_positions - 1");
  }
  return in.take(layout);
}

}  // namespace

const Recipe kDeberta = {.model_type = "deberta",
                         .class_name = "Deberta",
                         .layout = older,
                         .binds = kOlderBinds,
                         .prefix = "deberta.",
                         .ignored = kIgnored,
                         .head = kHead,
                         .fields = kRows};
const Recipe kDebertaV2 = {.model_type = "deberta-v2",
                           .class_name = "DebertaV2",
                           .layout = newer,
                           .binds = kBinds,
                           .prefix = "deberta.",
                           .ignored = kIgnored,
                           .head = kHead,
                           .fields = kRows,
                           .more_fields = kNewerRows};

}  // namespace attn
