#include "model/recipe.h"

// Relatives of GPT-2: GPT-Neo (Black et al. 2021), GPT-J (Wang and Komatsuzaki 2021), OPT (Zhang et
// al. 2022) and GPT-BigCode (Ben Allal et al. 2023).

namespace attn {

namespace {

const Bind kNeoBinds[] = {
    {"wte", &Weights::embed},
    {"wpe", &Weights::positions},
    {"h.{}.ln_1", &Block::ln1},
    {"h.{}.attn.attention.q_proj", &Block::q},
    {"h.{}.attn.attention.k_proj", &Block::k},
    {"h.{}.attn.attention.v_proj", &Block::v},
    {"h.{}.attn.attention.out_proj", &Block::o, &Layout::o_bias},
    {"h.{}.ln_2", &Block::ln2},
    {"h.{}.mlp.c_fc", &Block::mlp_in, &Layout::mlp_bias},
    {"h.{}.mlp.c_proj", &Block::mlp_out, &Layout::mlp_bias},
    {"ln_f", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kJBinds[] = {
    {"wte", &Weights::embed},
    {"h.{}.ln_1", &Block::ln1},
    {"h.{}.ln_1", &Block::ln2},
    {"h.{}.attn.q_proj", &Block::q},
    {"h.{}.attn.k_proj", &Block::k},
    {"h.{}.attn.v_proj", &Block::v},
    {"h.{}.attn.out_proj", &Block::o},
    {"h.{}.mlp.fc_in", &Block::mlp_in, &Layout::mlp_bias},
    {"h.{}.mlp.fc_out", &Block::mlp_out, &Layout::mlp_bias},
    {"ln_f", &Weights::ln_final},
};
const Bind kJHead[] = {
    {"lm_head", &Weights::unembed},
    {"lm_head", &Weights::unembed_bias},
};
const Bind kOptBinds[] = {
    {"embed_tokens", &Weights::embed},
    {"embed_positions", &Weights::positions},
    {"project_in", &Weights::embed_project, &Layout::head_bias},
    {"layers.{}.self_attn_layer_norm", &Block::ln1},
    {"layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"layers.{}.self_attn.out_proj", &Block::o, &Layout::o_bias},
    {"layers.{}.final_layer_norm", &Block::ln2},
    {"layers.{}.fc1", &Block::mlp_in, &Layout::mlp_bias},
    {"layers.{}.fc2", &Block::mlp_out, &Layout::mlp_bias},
    {"final_layer_norm", &Weights::ln_final, &Layout::final_norm},
    {"project_out", &Weights::head_dense, &Layout::head_bias},
    {"lm_head", &Weights::unembed},
};
const Bind kBigCodeBinds[] = {
    {"wte", &Weights::embed},
    {"wpe", &Weights::positions},
    {"h.{}.ln_1", &Block::ln1},
    {"h.{}.attn.c_attn",
     {&Block::q, &Block::k, &Block::v},
     &Layout::qkv_bias,
     MatrixOrder::out_in,
     Fused::per_group},
    {"h.{}.attn.c_proj", &Block::o, &Layout::o_bias},
    {"h.{}.ln_2", &Block::ln2},
    {"h.{}.mlp.c_fc", &Block::mlp_in, &Layout::mlp_bias},
    {"h.{}.mlp.c_proj", &Block::mlp_out, &Layout::mlp_bias},
    {"ln_f", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const char* const kIgnored[] = {".attn.bias", ".attn.masked_bias", ".attention.bias",
                                ".attention.masked_bias"};  // masks

using enum FieldUse;
// Dropout and the heads for other tasks, in the names of all of them.
const FieldRow kSharedRows[] = {
    {"vocab_size", read},
    {"tie_word_embeddings", read},
    {"activation_function", read},
    {"layer_norm_epsilon", read},
    {"is_causal", refused, "true", "attention to later tokens"},
    {"attention_dropout"},
    {"hidden_dropout"},
    {"resid_dropout"},
    {"embed_dropout"},
    {"dropout"},
    {"resid_pdrop"},
    {"embd_pdrop"},
    {"attn_pdrop"},
    {"summary_type"},
    {"summary_use_proj"},
    {"summary_activation"},
    {"summary_proj_to_labels"},
    {"summary_first_dropout"},
};
const FieldRow kNeoRows[] = {
    {"hidden_size", read},
    {"num_layers", read},
    {"num_heads", read},
    {"intermediate_size", read},
    {"max_position_embeddings", read},
    {"window_size", read},
    {"attention_types", read},
    {"attention_layers", read},
    {"num_hidden_layers", refused, "=num_layers", "another value than num_layers"},
    {"num_attention_heads", refused, "=num_heads", "another value than num_heads"},
};
const FieldRow kJRows[] = {
    {"n_embd", read},
    {"n_layer", read},
    {"n_head", read},
    {"n_inner", read},
    {"n_positions", read},
    {"rotary_dim", read},
    {"rotary"},
    {"scale_attn_weights"},
    {"n_ctx"},
    {"hidden_size", refused, "=n_embd", "another value than n_embd"},
    {"num_hidden_layers", refused, "=n_layer", "another value than n_layer"},
    {"num_attention_heads", refused, "=n_head", "another value than n_head"},
    {"max_position_embeddings", refused, "=n_positions", "another value than n_positions"},
};
const FieldRow kOptRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"ffn_dim", read},
    {"max_position_embeddings", read},
    {"do_layer_norm_before", read},
    {"_remove_final_layer_norm", read},
    {"enable_bias", read},
    {"word_embed_proj_dim", read},
    {"layer_norm_elementwise_affine", refused, "true", "norms without weights"},
    {"layerdrop"},
    {"init_std"},
};
const FieldRow kBigCodeRows[] = {
    {"n_embd", read},
    {"n_layer", read},
    {"n_head", read},
    {"n_inner", read},
    {"n_positions", read},
    {"multi_query", read},
    {"scale_attn_weights", read},
    {"num_key_value_heads"},  // follows from multi_query
    {"attention_softmax_in_fp32"},
    {"scale_attention_softmax_in_fp32"},
    {"inference_runner"},
    {"max_batch_size"},
    {"max_sequence_length"},
    {"pad_key_length"},
    {"pre_allocate_kv_cache"},
    {"validate_runner_input"},
    {"hidden_size", refused, "=n_embd", "another value than n_embd"},
    {"num_hidden_layers", refused, "=n_layer", "another value than n_layer"},
    {"num_attention_heads", refused, "=n_head", "another value than n_head"},
    {"max_position_embeddings", refused, "=n_positions", "another value than n_positions"},
};

constexpr SizeFields kGptSizes = {.d_model = "n_embd",
                                  .n_layers = "n_layer",
                                  .n_heads = "n_head",
                                  .d_mlp = "n_inner",
                                  .n_ctx = "n_positions",
                                  .mlp_ratio = 4};

Layout read_shared(ConfigFields& in, const SizeFields& sizes, const char* activation, bool tied) {
  Layout layout;
  Config& c = layout.config;
  in.sizes(c, sizes);
  c.norm_eps = float(in.positive("layer_norm_epsilon", 1e-5));
  c.position = Position::learned;
  c.activation = in.activation("activation_function", activation);
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", tied);
  return layout;
}

// Kinds of layers in runs, [[["global", "local"], 12]]: the kinds, and how often they repeat.
void read_local_layers(ConfigFields& in, Config& c) {
  const Json runs = in.json().at("attention_types"), listed = in.json().at("attention_layers");
  const auto add = [&](const Json& kind) {
    const std::string_view name = kind.text().value_or("");
    if (name != "global" && name != "local")
      in.fail("attention_types: " + quoted_name(name) + " is not supported; global and local are");
    if (c.local_layers.size() <= kMostLayers) c.local_layers.push_back(name == "local");
  };
  runs.each([&](std::string_view, const Json& run) {
    const int64_t n = run.at(size_t(1)).integer().value_or(0);
    for (int64_t i = 0; i < n && c.local_layers.size() <= kMostLayers; ++i)
      run.at(size_t(0)).each([&](std::string_view, const Json& kind) { return add(kind), true; });
    return true;
  });
  for (int i = 0; runs.is_null() && i < 24; ++i) c.local_layers.push_back(i % 2 == 1);
  if (int(c.local_layers.size()) != c.n_layers)
    return in.fail("attention_types must name the kind of each of the " +
                   std::to_string(c.n_layers) + " layers");
  for (size_t i = 0; i < listed.size() && i < c.local_layers.size(); ++i)
    if ((listed.at(i).text() == "local") != c.local_layers[i])
      in.fail("attention_layers and attention_types contradict each other");
}

// Scores are not scaled.
Result<Layout> neo(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_shared(
      in, {.n_layers = "num_layers", .n_heads = "num_heads", .mlp_ratio = 4}, "gelu_new", true);
  Config& c = layout.config;
  c.attn_scale = 1;
  read_local_layers(in, c);
  in.window(c, in.size("window_size", kMostPositions, 256));
  return in.take(layout);
}

// Attention and MLP read the same norm; pairs of neighbours are rotated.
Result<Layout> gptj(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_shared(in, kGptSizes, "gelu_new", false);
  Config& c = layout.config;
  c.position = Position::rotary;
  c.rope_interleaved = true;
  c.rope_dims = in.size("rotary_dim", kMostHeadSize, 64);
  if (c.rope_dims % 2 != 0 || c.rope_dims > c.d_head)
    in.fail("rotary_dim must be even and at most n_embd / n_head");
  c.parallel_residual = true;
  return in.take(layout);
}

// The table of positions has two rows before the first.
Result<Layout> opt(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_shared(in, {.d_mlp = "ffn_dim"}, "relu", true);
  Config& c = layout.config;
  c.first_position = 2;
  // OPT-350m projects embeddings to the residual stream, and the latter to what they unembed.
  const int width = in.size("word_embed_proj_dim", kMostWidth, c.d_model);
  c.d_embed = width == c.d_model ? 0 : width;
  c.late_positions = c.d_embed > 0;
  c.head_activation = Activation::none;
  layout.head_bias = false;
  const bool before = in.flag("do_layer_norm_before", true);
  if (!before) c.norm_place = NormPlace::post;
  layout.final_norm = before && !in.flag("_remove_final_layer_norm", false);
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = in.flag("enable_bias", true);
  return in.take(layout);
}

Result<Layout> bigcode(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_shared(in, kGptSizes, "gelu_pytorch_tanh", true);
  Config& c = layout.config;
  if (in.flag("multi_query", true)) c.n_kv_heads = 1;
  if (!in.flag("scale_attn_weights", true)) c.attn_scale = 1;
  return in.take(layout);
}

}  // namespace

const Recipe kGptNeo = {.model_type = "gpt_neo",
                        .class_name = "GPTNeo",
                        .layout = neo,
                        .binds = kNeoBinds,
                        .prefix = "transformer.",
                        .ignored = kIgnored,
                        .fields = kSharedRows,
                        .more_fields = kNeoRows};
const Recipe kGptJ = {.model_type = "gptj",
                      .class_name = "GPTJ",
                      .layout = gptj,
                      .binds = kJBinds,
                      .prefix = "transformer.",
                      .ignored = kIgnored,
                      .head = kJHead,
                      .fields = kSharedRows,
                      .more_fields = kJRows};
const Recipe kOpt = {.model_type = "opt",
                     .class_name = "OPT",
                     .layout = opt,
                     .binds = kOptBinds,
                     .prefix = "model.decoder.",
                     .fields = kSharedRows,
                     .more_fields = kOptRows};
const Recipe kBigCode = {.model_type = "gpt_bigcode",
                         .class_name = "GPTBigCode",
                         .layout = bigcode,
                         .binds = kBigCodeBinds,
                         .prefix = "transformer.",
                         .ignored = kIgnored,
                         .fields = kSharedRows,
                         .more_fields = kBigCodeRows};

}  // namespace attn
