#include <cmath>

#include "model/recipe.h"

// T5 (Raffel et al. 2020) and mT5 (Xue et al. 2021): a bias by distance for all layers of a stack,
// and scores that are not divided by the square root of d_head. UMT5 (Chung et al. 2023) has biases
// of its own in every layer.

namespace attn {

namespace {

const char* const kEmbedNames[] = {"decoder.embed_tokens", "encoder.embed_tokens"};
const Bind kEncoderBinds[] = {
    {"shared", &Weights::embed},
    {.name = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias",
     .target = &Weights::relative_bias,
     .unless = &Layout::relative_by_layer},
    {.name = "encoder.block.{}.layer.0.SelfAttention.relative_attention_bias",
     .target = &Block::relative_bias,
     .when = &Layout::relative_by_layer},
    {"encoder.block.{}.layer.0.layer_norm", &Block::ln1},
    {"encoder.block.{}.layer.0.SelfAttention.q", &Block::q},
    {"encoder.block.{}.layer.0.SelfAttention.k", &Block::k},
    {"encoder.block.{}.layer.0.SelfAttention.v", &Block::v},
    {"encoder.block.{}.layer.0.SelfAttention.o", &Block::o},
    {"encoder.block.{}.layer.1.layer_norm", &Block::ln2},
    {.name = "encoder.block.{}.layer.1.DenseReluDense.wi",
     .target = &Block::mlp_in,
     .when = &Layout::plain_mlp},
    {.name = "encoder.block.{}.layer.1.DenseReluDense.wi_0",
     .target = &Block::mlp_gate,
     .when = &Layout::gated_mlp},
    {.name = "encoder.block.{}.layer.1.DenseReluDense.wi_1",
     .target = &Block::mlp_in,
     .when = &Layout::gated_mlp},
    {"encoder.block.{}.layer.1.DenseReluDense.wo", &Block::mlp_out},
    {"encoder.final_layer_norm", &Weights::ln_final},
};
const Bind kBinds[] = {
    {"shared", &Weights::embed},
    {.name = "decoder.block.0.layer.0.SelfAttention.relative_attention_bias",
     .target = &Weights::relative_bias,
     .unless = &Layout::relative_by_layer},
    {.name = "decoder.block.{}.layer.0.SelfAttention.relative_attention_bias",
     .target = &Block::relative_bias,
     .when = &Layout::relative_by_layer},
    {"decoder.block.{}.layer.0.layer_norm", &Block::ln1},
    {"decoder.block.{}.layer.0.SelfAttention.q", &Block::q},
    {"decoder.block.{}.layer.0.SelfAttention.k", &Block::k},
    {"decoder.block.{}.layer.0.SelfAttention.v", &Block::v},
    {"decoder.block.{}.layer.0.SelfAttention.o", &Block::o},
    {"decoder.block.{}.layer.1.layer_norm", &Block::ln_cross},
    {"decoder.block.{}.layer.1.EncDecAttention.q", &Block::cross_q},
    {"decoder.block.{}.layer.1.EncDecAttention.k", &Block::cross_k},
    {"decoder.block.{}.layer.1.EncDecAttention.v", &Block::cross_v},
    {"decoder.block.{}.layer.1.EncDecAttention.o", &Block::cross_o},
    {"decoder.block.{}.layer.2.layer_norm", &Block::ln2},
    {.name = "decoder.block.{}.layer.2.DenseReluDense.wi",
     .target = &Block::mlp_in,
     .when = &Layout::plain_mlp},
    {.name = "decoder.block.{}.layer.2.DenseReluDense.wi_0",
     .target = &Block::mlp_gate,
     .when = &Layout::gated_mlp},
    {.name = "decoder.block.{}.layer.2.DenseReluDense.wi_1",
     .target = &Block::mlp_in,
     .when = &Layout::gated_mlp},
    {"decoder.block.{}.layer.2.DenseReluDense.wo", &Block::mlp_out},
    {"decoder.final_layer_norm", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
// In the files of the first T5; transformers does not read it either.
const char* const kIgnored[] = {
    "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"};

using enum FieldUse;
const FieldRow kRows[] = {
    {"is_encoder_decoder", refused, "true", "a stack of layers by itself"},
    {"d_model", read},
    {"d_kv", read},
    {"d_ff", read},
    {"num_layers", read},
    {"num_decoder_layers", read},
    {"num_heads", read},
    {"is_causal", read},
    {"vocab_size", read},
    {"relative_attention_num_buckets", read},
    {"relative_attention_max_distance", read},
    {"layer_norm_epsilon", read},
    {"feed_forward_proj", read},
    {"tie_word_embeddings", read},
    {"decoder_start_token_id", read},
    {"eos_token_id", read},
    {"forced_bos_token_id", read},
    {"bad_words_ids", read},
    {"max_length", read},
    // transformers takes these for others.
    {"hidden_size", refused, "=d_model", "another value than d_model"},
    {"num_hidden_layers", refused, "=num_layers", "another value than num_layers"},
    {"num_attention_heads", refused, "=num_heads", "another value than num_heads"},
    {"head_dim", refused, "=d_kv", "another value than d_kv"},
    {"is_decoder", refused, "false", "running the encoder as a decoder"},
    {"dense_act_fn", read},
    {"is_gated_act", read},
    {"scale_decoder_outputs", read},
    {"dropout_rate"},
    {"n_positions"},  // biases by distance have no longest text
    {"output_past"},
};

// What config.json calls the MLP: "relu", "gated-gelu".
void read_mlp(ConfigFields& in, Layout& layout, const char* otherwise) {
  static constexpr struct {
    std::string_view name;
    bool gated;
    Activation activation;
  } kKinds[] = {
      {"relu", false, Activation::relu},
      {"gated-gelu", true, Activation::gelu_tanh},
      {"gelu", false, Activation::gelu},
      {"gelu_new", false, Activation::gelu_tanh},
      {"gated-relu", true, Activation::relu},
      {"gated-silu", true, Activation::silu},
      {"gated-gelu_new", true, Activation::gelu_tanh},
      {"silu", false, Activation::silu},
  };
  const Json field = in.json().at("feed_forward_proj");
  const std::string_view name = field.is_null() ? otherwise : field.text().value_or("");
  for (const auto& kind : kKinds) {
    if (kind.name != name) continue;
    layout.config.gated_mlp = layout.gated_mlp = kind.gated;
    layout.plain_mlp = !kind.gated;
    layout.config.activation = kind.activation;
    // What transformers derives from the name and writes beside it.
    const bool same = in.json().at("dense_act_fn").is_null() ||
                      in.activation("dense_act_fn", "relu") == kind.activation;
    if (!same || in.flag("is_gated_act", kind.gated) != kind.gated)
      in.fail("feed_forward_proj contradicts dense_act_fn or is_gated_act");
    return;
  }
  in.fail("feed_forward_proj " + quoted_name(name) +
          " is not supported; relu, gelu, silu and gated- before them are");
}

// How the classes differ.
struct Kind {
  const char* mlp = "gated-gelu";  // where feed_forward_proj is not written
  bool by_layer = false;           // biases
};
constexpr Kind kT5Kind = {.mlp = "relu"}, kMt5Kind = {}, kUmt5Kind = {.by_layer = true};

Layout stack(ConfigFields& in, const char* n_layers, const Kind& kind) {
  Layout layout;
  Config& c = layout.config;
  in.sizes(c, {.d_model = "d_model",
               .n_layers = n_layers,
               .n_heads = "num_heads",
               .d_mlp = "d_ff",
               .n_ctx = "n_positions",
               .d_head = "d_kv",
               .d_head_else = 64,
               .n_ctx_else = 512});
  c.n_ctx = 1 << 16;
  c.norm = Norm::rms_norm;
  c.norm_eps = float(in.positive("layer_norm_epsilon", 1e-6));
  c.attn_scale = 1;
  c.n_relative_buckets = in.size("relative_attention_num_buckets", 4096, 32);
  c.relative_furthest = in.size("relative_attention_max_distance", kMostPositions, 128);
  c.relative_by_layer = layout.relative_by_layer = kind.by_layer;
  read_mlp(in, layout, kind.mlp);
  return layout;
}

Layout both(ConfigFields& in, const Kind& kind) {
  const bool deeper = !in.json().at("num_decoder_layers").is_null();
  Layout layout = stack(in, deeper ? "num_decoder_layers" : "num_layers", kind);
  layout.encoder = std::make_shared<Layout>(stack(in, "num_layers", kind));
  Config& encoder = layout.encoder->config;
  encoder.mask = Mask::none;
  encoder.has_logits = false;
  Config& c = layout.config;
  in.causal(c);
  c.relative_earlier = true;
  in.writing(c, {.start_id = 0, .end_id = 1});
  if (!in.written("decoder_start_token_id"))
    in.note("decoder_start_token_id is missing; the decoder begins with token 0, as T5's does");
  if (c.n_relative_buckets % 4 != 0 || c.relative_furthest <= c.n_relative_buckets)
    in.fail(
        "relative_attention_num_buckets must be a multiple of 4 below "
        "relative_attention_max_distance");
  c.encoder = std::make_shared<Config>(encoder);
  layout.always_tied = true;
  return layout;
}

// The decoder's output is scaled where the file does not say that its head is another matrix.
Result<Layout> scaled(const ConfigSource& source, const Kind& kind) {
  ConfigFields in(source);
  Layout layout = both(in, kind);
  const bool tied = in.flag("tie_word_embeddings", true);
  // transformers asks whether it is true, and takes only an absent field for that of the other.
  const bool scales = in.flag("scale_decoder_outputs", false);
  if (in.written("scale_decoder_outputs") ? scales : tied)
    layout.config.logit_scale = 1 / std::sqrt(double(layout.config.d_model));
  return in.take(layout);
}
Result<Layout> t5(const ConfigSource& source) { return scaled(source, kT5Kind); }
Result<Layout> umt5(const ConfigSource& source) { return scaled(source, kUmt5Kind); }

Result<Layout> mt5(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = both(in, kMt5Kind);
  in.flag("tie_word_embeddings", true);  // transformers ties what the files do not have
  return in.take(layout);
}

// T5EncoderModel: the encoder by itself.
Result<Layout> alone(const ConfigSource& source, const Kind& kind) {
  ConfigFields in(source);
  Layout layout = stack(in, "num_layers", kind);
  layout.config.mask = Mask::none;
  layout.config.has_logits = false;
  return in.take(layout);
}
Result<Layout> t5_alone(const ConfigSource& source) { return alone(source, kT5Kind); }
Result<Layout> mt5_alone(const ConfigSource& source) { return alone(source, kMt5Kind); }
Result<Layout> umt5_alone(const ConfigSource& source) { return alone(source, kUmt5Kind); }

const FieldRow kEncoderRows[] = {{"is_encoder_decoder"}};

constexpr Recipe encoder_of(const char* type, const char* name,
                            Result<Layout> (*layout)(const ConfigSource&)) {
  return {.model_type = type,
          .class_name = name,
          .layout = layout,
          .binds = kEncoderBinds,
          .prefix = "",
          .fields = kRows,
          .more_fields = kEncoderRows,
          .embed_names = kEmbedNames};
}
const Recipe kT5Encoder = encoder_of("t5", "T5Encoder", t5_alone);
const Recipe kMt5Encoder = encoder_of("mt5", "MT5Encoder", mt5_alone);
const Recipe kUmt5Encoder = encoder_of("umt5", "UMT5Encoder", umt5_alone);

constexpr Recipe like_t5(const char* type, const char* name,
                         Result<Layout> (*layout)(const ConfigSource&), const Recipe& encoder) {
  return {.model_type = type,
          .class_name = name,
          .layout = layout,
          .binds = kBinds,
          .prefix = "",
          .ignored = kIgnored,
          .fields = kRows,
          .encoder = &encoder,
          .embed_names = kEmbedNames};
}

}  // namespace

const Recipe kT5 = like_t5("t5", "T5", t5, kT5Encoder);
const Recipe kMt5 = like_t5("mt5", "MT5", mt5, kMt5Encoder);
const Recipe kUmt5 = like_t5("umt5", "UMT5", umt5, kUmt5Encoder);

}  // namespace attn
