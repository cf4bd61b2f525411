#include <algorithm>
#include <cmath>

#include "model/recipe.h"

// BART (Lewis et al. 2020), and the encoder-decoders of its form: mBART (Liu et al. 2020) and
// Pegasus (Zhang et al. 2020), whose norms come first, Marian (Junczys-Dowmunt et al. 2018) and
// M2M-100 (Fan et al. 2021), which NLLB is, too. Pegasus, Marian and M2M-100 compute positions.

namespace attn {

namespace {

const char* const kEmbedNames[] = {"shared", "encoder.embed_tokens", "decoder.embed_tokens"};
const Bind kEncoderBinds[] = {
    {"encoder.embed_tokens", &Weights::embed},
    {"encoder.embed_positions", &Weights::positions},
    {"encoder.layernorm_embedding", &Weights::ln_embed, &Layout::embed_norm},
    {"encoder.layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.out_proj", &Block::o, &Layout::o_bias},
    {"encoder.layers.{}.self_attn_layer_norm", &Block::ln1},
    {"encoder.layers.{}.fc1", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layers.{}.fc2", &Block::mlp_out, &Layout::mlp_bias},
    {"encoder.layers.{}.final_layer_norm", &Block::ln2},
    {"encoder.layer_norm", &Weights::ln_final, &Layout::final_norm},
};
const Bind kBinds[] = {
    {"decoder.embed_tokens", &Weights::embed},
    {"decoder.embed_positions", &Weights::positions},
    {"decoder.layernorm_embedding", &Weights::ln_embed, &Layout::embed_norm},
    {"decoder.layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"decoder.layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"decoder.layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"decoder.layers.{}.self_attn.out_proj", &Block::o, &Layout::o_bias},
    {"decoder.layers.{}.self_attn_layer_norm", &Block::ln1},
    {"decoder.layers.{}.encoder_attn.q_proj", &Block::cross_q, &Layout::qkv_bias},
    {"decoder.layers.{}.encoder_attn.k_proj", &Block::cross_k, &Layout::qkv_bias},
    {"decoder.layers.{}.encoder_attn.v_proj", &Block::cross_v, &Layout::qkv_bias},
    {"decoder.layers.{}.encoder_attn.out_proj", &Block::cross_o, &Layout::o_bias},
    {"decoder.layers.{}.encoder_attn_layer_norm", &Block::ln_cross},
    {"decoder.layers.{}.fc1", &Block::mlp_in, &Layout::mlp_bias},
    {"decoder.layers.{}.fc2", &Block::mlp_out, &Layout::mlp_bias},
    {"decoder.layers.{}.final_layer_norm", &Block::ln2},
    {"decoder.layer_norm", &Weights::ln_final, &Layout::final_norm},
    {"lm_head", &Weights::unembed},
    {"final_logits_bias", &Weights::unembed_bias},
};
// Constants that were once saved.
const char* const kIgnored[] = {"encoder.version", "decoder.version", "embed_positions.weights",
                                "embed_positions._float_tensor"};

using enum FieldUse;
const FieldRow kRows[] = {
    {"is_encoder_decoder", refused, "true", "a stack of layers by itself"},
    {"d_model", read},
    {"encoder_layers", read},
    {"encoder_ffn_dim", read},
    {"encoder_attention_heads", read},
    {"decoder_layers", read},
    {"decoder_ffn_dim", read},
    {"decoder_attention_heads", read},
    {"max_position_embeddings", read},
    {"vocab_size", read},
    {"activation_function", read},
    {"is_causal", read},
    {"scale_embedding", read},
    {"tie_word_embeddings", read},
    {"decoder_start_token_id", read},
    {"eos_token_id", read},
    {"forced_bos_token_id", read},
    {"bad_words_ids", read},
    {"max_length", read},
    {"pad_token_id", read},
    {"is_decoder", refused, "false", "running it as a decoder alone"},
    // transformers takes these for others.
    {"hidden_size", refused, "=d_model", "another value than d_model"},
    {"num_hidden_layers", refused, "=encoder_layers", "another value than encoder_layers"},
    {"num_attention_heads", refused, "=encoder_attention_heads",
     "another value than encoder_attention_heads"},
    // What the first files had, before there were classes for each; as the class has it.
    {"normalize_before", read},
    {"normalize_embedding", read},
    {"add_final_layer_norm", read},
    {"static_position_embeddings", read},
    {"extra_pos_embeddings"},
    {"add_bias_logits"},
    {"force_bos_token_to_be_generated"},
    {"dropout"},
    {"attention_dropout"},
    {"activation_dropout"},
    {"encoder_layerdrop"},
    {"decoder_layerdrop"},
    {"init_std"},
    {"classif_dropout"},
    {"use_cache"},
    {"max_source_positions"},
    {"max_target_positions"},
};
const FieldRow kMarianRows[] = {
    {"decoder_vocab_size", refused, "=vocab_size", "a vocabulary of the decoder's own"},
    {"share_encoder_decoder_embeddings", refused, "true", "an embedding of the decoder's own"},
};

// How the classes differ.
struct Kind {
  NormPlace place = NormPlace::post;
  bool embed_norm = false;
  Position position = Position::sinusoid;
  int first_position = 0;
  const char* activation = "gelu";
  bool scales = false;  // where scale_embedding is not written
  Writing writes = {.start_id = 2, .end_id = 2};
};

Layout stack(ConfigFields& in, const Kind& kind, bool decoder) {
  Layout layout;
  Config& c = layout.config;
  in.sizes(c, {.d_model = "d_model",
               .n_layers = decoder ? "decoder_layers" : "encoder_layers",
               .n_heads = decoder ? "decoder_attention_heads" : "encoder_attention_heads",
               .d_mlp = decoder ? "decoder_ffn_dim" : "encoder_ffn_dim",
               .n_ctx_else = 1024});
  c.norm_place = kind.place;
  c.norm_eps = 1e-5f;
  c.position = kind.position;
  c.first_position = kind.first_position;
  c.embed_norm = layout.embed_norm = kind.embed_norm;
  c.activation = in.activation("activation_function", kind.activation);
  if (in.flag("scale_embedding", kind.scales)) c.embed_scale = std::sqrt(double(c.d_model));
  layout.final_norm = kind.place == NormPlace::pre;
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  return layout;
}

// A field of files that are older than the class, which must agree with it.
void expect(ConfigFields& in, const char* key, bool value) {
  if (in.flag(key, value) != value)
    in.fail(std::string(key) + " is " + (value ? "false" : "true") +
            ", which this model type does not support");
}

Result<Layout> layout_of(const ConfigSource& source, const Kind& kind) {
  ConfigFields in(source);
  Layout layout = stack(in, kind, true);
  layout.encoder = std::make_shared<Layout>(stack(in, kind, false));
  Config &c = layout.config, &encoder = layout.encoder->config;
  in.causal(c);
  in.writing(c, kind.writes);
  // M2M-100 counts positions from behind the padding token, which has none.
  if (kind.first_position > 0 && kind.position == Position::sinusoid) {
    c.sinusoid_whole = true;
    c.pad_id = in.json().at("pad_token_id").integer() == 0
                   ? 0
                   : in.size("pad_token_id", kMostVocabulary, 1);
    c.first_position = c.pad_id + 1;
    encoder.sinusoid_whole = true;
    encoder.pad_id = c.pad_id;
    encoder.first_position = c.first_position;
  }
  if (kind.position == Position::sinusoid && c.d_model % 2 != 0)
    in.fail("d_model must be even where positions are computed");
  encoder.mask = Mask::none;
  encoder.has_logits = false;
  c.encoder = std::make_shared<Config>(encoder);
  layout.tied = in.flag("tie_word_embeddings", true);
  const bool first = kind.place == NormPlace::pre;
  expect(in, "normalize_before", first);
  expect(in, "add_final_layer_norm", first);
  expect(in, "normalize_embedding", kind.embed_norm);
  expect(in, "static_position_embeddings", kind.position == Position::sinusoid);
  return in.take(layout);
}

Result<Layout> bart(const ConfigSource& source) {
  return layout_of(source,
                   {.embed_norm = true, .position = Position::learned, .first_position = 2});
}
Result<Layout> mbart(const ConfigSource& source) {
  return layout_of(source, {.place = NormPlace::pre,
                            .embed_norm = true,
                            .position = Position::learned,
                            .first_position = 2,
                            .writes = {.end_id = 2, .names_language = true}});
}
Result<Layout> marian(const ConfigSource& source) {
  return layout_of(source, {.writes = {.start_id = 58100, .end_id = 0}});
}
Result<Layout> pegasus(const ConfigSource& source) {
  return layout_of(source, {.place = NormPlace::pre, .writes = {.start_id = 0, .end_id = 1}});
}
Result<Layout> m2m100(const ConfigSource& source) {
  return layout_of(source, {.place = NormPlace::pre,
                            .first_position = 2,
                            .activation = "relu",
                            .scales = true,
                            .writes = {.start_id = 2, .end_id = 2, .names_language = true}});
}

}  // namespace

static const Recipe kBartEncoder = {.model_type = "bart encoder",
                                    .class_name = "BartEncoder",
                                    .layout = nullptr,
                                    .binds = kEncoderBinds,
                                    .prefix = "model.",
                                    .embed_names = kEmbedNames};

static constexpr Recipe like_bart(const char* type, const char* name,
                                  Result<Layout> (*layout)(const ConfigSource&),
                                  std::span<const FieldRow> more = {}) {
  return {.model_type = type,
          .class_name = name,
          .layout = layout,
          .binds = kBinds,
          .prefix = "model.",
          .ignored = kIgnored,
          .fields = kRows,
          .more_fields = more,
          .encoder = &kBartEncoder,
          .embed_names = kEmbedNames};
}
const Recipe kBart = like_bart("bart", "Bart", bart);
const Recipe kMbart = like_bart("mbart", "MBart", mbart);
const Recipe kMarian = like_bart("marian", "Marian", marian, kMarianRows);
const Recipe kPegasus = like_bart("pegasus", "Pegasus", pegasus);
const Recipe kM2m100 = like_bart("m2m_100", "M2M100", m2m100);

}  // namespace attn
