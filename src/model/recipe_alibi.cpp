#include "model/recipe.h"

// BLOOM (Scao et al. 2022) and MPT, whose scores fall with the distance (ALiBi); Falcon (Almazrouei
// et al. 2023), with BLOOM's names and rotary positions.

namespace attn {

namespace {

const Bind kBloomBinds[] = {
    {"word_embeddings", &Weights::embed},
    {"word_embeddings_layernorm", &Weights::ln_embed},
    {"h.{}.input_layernorm", &Block::ln1},
    {"h.{}.self_attention.query_key_value",
     {&Block::q, &Block::k, &Block::v},
     &Layout::qkv_bias,
     MatrixOrder::out_in,
     Fused::per_group},
    {"h.{}.self_attention.dense", &Block::o, &Layout::o_bias},
    {"h.{}.post_attention_layernorm", &Block::ln2},
    {"h.{}.mlp.dense_h_to_4h", &Block::mlp_in, &Layout::mlp_bias},
    {"h.{}.mlp.dense_4h_to_h", &Block::mlp_out, &Layout::mlp_bias},
    {"ln_f", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kFalconBinds[] = {
    {"word_embeddings", &Weights::embed},
    {"h.{}.input_layernorm", &Block::ln1, &Layout::one_norm},
    {"h.{}.ln_attn", &Block::ln1, &Layout::two_norms},
    {"h.{}.self_attention.query_key_value",
     {&Block::q, &Block::k, &Block::v},
     &Layout::qkv_bias,
     MatrixOrder::out_in,
     Fused::per_group},
    {"h.{}.self_attention.dense", &Block::o, &Layout::o_bias},
    {"h.{}.post_attention_layernorm", &Block::ln2, &Layout::mlp_norm},
    {"h.{}.input_layernorm", &Block::ln2, &Layout::shared_norm},
    {"h.{}.ln_mlp", &Block::ln2, &Layout::two_norms},
    {"h.{}.mlp.dense_h_to_4h", &Block::mlp_in, &Layout::mlp_bias},
    {"h.{}.mlp.dense_4h_to_h", &Block::mlp_out, &Layout::mlp_bias},
    {"ln_f", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const Bind kMptBinds[] = {
    {"wte", &Weights::embed},
    {"blocks.{}.norm_1", &Block::ln1},
    {"blocks.{}.attn.Wqkv", {&Block::q, &Block::k, &Block::v}},
    {"blocks.{}.attn.out_proj", &Block::o},
    {"blocks.{}.norm_2", &Block::ln2},
    {"blocks.{}.ffn.up_proj", &Block::mlp_in},
    {"blocks.{}.ffn.down_proj", &Block::mlp_out},
    {"norm_f", &Weights::ln_final},
    {"lm_head", &Weights::unembed},
};
const char* const kIgnored[] = {".rotary_emb.inv_freq", ".self_attention.maybe_rotary.inv_freq"};

using enum FieldUse;
const FieldRow kBloomRows[] = {
    {"hidden_size", read},
    {"n_embed", read},
    {"n_layer", read},
    {"n_head", read},
    {"num_attention_heads", read},
    {"num_hidden_layers", refused, "=n_layer", "another value than n_layer"},
    {"vocab_size", read},
    {"seq_length", read},
    {"layer_norm_epsilon", read},
    {"tie_word_embeddings", read},
    {"apply_residual_connection_post_layernorm", refused, "false",
     "a residual stream that starts behind the norms"},
    {"is_causal", refused, "true", "attention to later tokens"},
    {"slow_but_exact", read},
    {"pretraining_tp", read},
    {"hidden_dropout"},
    {"attention_dropout"},
    {"attention_softmax_in_fp32"},
    {"bias_dropout_fusion"},
    {"masked_softmax_fusion"},
    {"offset_alibi"},
    {"skip_bias_add"},
    {"skip_bias_add_qkv"},
};
const FieldRow kFalconRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"num_kv_heads", read},
    {"ffn_hidden_size", read},
    {"max_position_embeddings", read},
    {"vocab_size", read},
    {"layer_norm_epsilon", read},
    {"activation", read},
    {"bias", read},
    {"multi_query", read},
    {"parallel_attn", read},
    {"new_decoder_architecture", read},
    {"num_ln_in_parallel_attn", read},
    {"rope_theta", read},
    {"rope_scaling", read},
    {"rope_parameters", read},
    {"tie_word_embeddings", read},
    {"is_causal", read},
    {"head_dim", refused, "=d_head",
     "another size of heads than hidden_size / num_attention_heads"},
    {"alibi", refused, "false", "ALiBi in half precision"},
    {"apply_residual_connection_post_layernorm", refused, "false",
     "a residual stream that starts behind the norms"},
    {"hidden_dropout"},
    {"attention_dropout"},
};
const FieldRow kMptRows[] = {
    {"d_model", read},
    {"n_layers", read},
    {"n_heads", read},
    {"max_seq_len", read},
    {"vocab_size", read},
    {"expansion_ratio", read},
    {"layer_norm_epsilon", read},
    {"attn_config", read},
    {"tie_word_embeddings", read},
    {"hidden_size", refused, "=d_model", "another value than d_model"},
    {"num_hidden_layers", refused, "=n_layers", "another value than n_layers"},
    {"num_attention_heads", refused, "=n_heads", "another value than n_heads"},
    {"no_bias", refused, "true", "biases"},
    {"logit_scale", said, "", "scaling of logits"},
    {"is_causal", refused, "true", "attention to later tokens"},
    {"learned_pos_emb"},  // transformers has no learned positions for this class
    {"embedding_fraction"},
    {"norm_type"},
    {"init_config"},
    {"init_device"},
    {"resid_pdrop"},
    {"emb_pdrop"},
    {"hidden_dropout"},
    {"verbose"},
};

Result<Layout> bloom(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  const auto first_of = [&](const char* name, const char* other) {
    const Json one = in.json().at(name), two = in.json().at(other);
    if (!one.is_null() && !two.is_null() && one.number() != two.number())
      in.fail(std::string(name) + " and " + other + " contradict each other");
    return one.is_null() && !two.is_null() ? other : name;
  };
  in.sizes(c, {.d_model = first_of("hidden_size", "n_embed"),
               .n_layers = "n_layer",
               .n_heads = first_of("n_head", "num_attention_heads"),
               .d_mlp = nullptr,
               .n_ctx = "seq_length",
               .n_ctx_else = 1 << 16,
               .mlp_ratio = 4});
  c.norm_eps = float(in.positive("layer_norm_epsilon", 1e-5));
  c.embed_norm = true;
  c.alibi = true;
  c.activation = Activation::gelu_tanh;
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", true);
  if (in.flag("slow_but_exact", false) && in.size("pretraining_tp", kMostWidth, 1) > 1)
    in.fail(
        "slow_but_exact is true and pretraining_tp above 1, where transformers leaves out biases; "
        "this is not supported");
  return in.take(layout);
}

Result<Layout> falcon(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  const bool newer = in.flag("new_decoder_architecture", false);
  in.sizes(c, {.d_mlp = "ffn_hidden_size",
               .n_kv_heads = newer ? "num_kv_heads" : nullptr,
               .n_ctx_else = 2048,
               .mlp_ratio = 4});
  if (!newer && in.flag("multi_query", true)) c.n_kv_heads = 1;
  c.norm_eps = float(in.positive("layer_norm_epsilon", 1e-5));
  c.activation = in.activation("activation", "gelu");
  in.causal(c);
  in.rotary(c);
  c.parallel_residual = in.flag("parallel_attn", true);
  const int n_norms = in.size("num_ln_in_parallel_attn", 2, newer ? 2 : 1);
  layout.two_norms = newer && c.parallel_residual && n_norms == 2;
  layout.one_norm = !layout.two_norms;
  layout.mlp_norm = !c.parallel_residual;
  layout.shared_norm = c.parallel_residual && layout.one_norm;
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = in.flag("bias", false);
  layout.tied = in.flag("tie_word_embeddings", true);
  return in.take(layout);
}

Result<Layout> mpt(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  in.sizes(c, {.d_model = "d_model",
               .n_layers = "n_layers",
               .n_heads = "n_heads",
               .d_mlp = nullptr,
               .n_ctx = "max_seq_len",
               .mlp_ratio = 4});
  c.norm_eps = float(in.positive("layer_norm_epsilon", 1e-5));
  c.activation = Activation::gelu;
  const Json attention = in.json().at("attn_config");
  c.alibi = true;
  if (attention.at("alibi_bias_max").number().value_or(8) != 8)
    in.fail("attn_config: alibi_bias_max must be 8");
  c.attn_scale = attention.at("softmax_scale").number().value_or(0);
  if (attention.at("alibi").boolean() == false) in.fail("attn_config: alibi must be true");
  for (const char* key : {"clip_qkv", "qk_ln", "prefix_lm", "attn_uses_sequence_id"}) {
    const Json value = attention.at(key);
    if (!value.is_null() && value.boolean() != false)
      in.fail(std::string("attn_config: ") + key + " is not supported");
  }
  if (!attention.at("attn_type").is_null() &&
      attention.at("attn_type").text() != "multihead_attention")
    in.fail("attn_config: attn_type must be multihead_attention");
  if (in.size("expansion_ratio", kMostWidth, 4) != 4)
    in.note("expansion_ratio is not used: the MLP is four times as wide as d_model");
  layout.norm_bias = false;
  layout.tied = in.flag("tie_word_embeddings", true);
  return in.take(layout);
}

}  // namespace

const Recipe kBloom = {.model_type = "bloom",
                       .class_name = "Bloom",
                       .layout = bloom,
                       .binds = kBloomBinds,
                       .prefix = "transformer.",
                       .fields = kBloomRows};
const Recipe kFalcon = {.model_type = "falcon",
                        .class_name = "Falcon",
                        .layout = falcon,
                        .binds = kFalconBinds,
                        .prefix = "transformer.",
                        .ignored = kIgnored,
                        .fields = kFalconRows};
const Recipe kMpt = {.model_type = "mpt",
                     .class_name = "Mpt",
                     .layout = mpt,
                     .binds = kMptBinds,
                     .prefix = "transformer.",
                     .fields = kMptRows};

}  // namespace attn
