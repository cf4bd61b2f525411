#include "model/recipe.h"

// ModernBERT (Warner et al. 2024): norms first, rotary positions, layers that see only a window
// between layers that see the whole text.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embeddings.tok_embeddings", &Weights::embed},
    {"embeddings.norm", &Weights::ln_embed},
    {"layers.{}.attn_norm", &Block::ln1},
    {"layers.{}.attn.Wqkv", {&Block::q, &Block::k, &Block::v}, &Layout::qkv_bias},
    {"layers.{}.attn.Wo", &Block::o, &Layout::o_bias},
    {"layers.{}.mlp_norm", &Block::ln2},
    {"layers.{}.mlp.Wi", {&Block::mlp_gate, &Block::mlp_in}, &Layout::mlp_bias},
    {"layers.{}.mlp.Wo", &Block::mlp_out, &Layout::mlp_bias},
    {"final_norm", &Weights::ln_final},
};
const Bind kHead[] = {
    {"head.dense", &Weights::head_dense, &Layout::head_bias},
    {"head.norm", &Weights::ln_head},
    {"decoder", &Weights::unembed},
    {"decoder", &Weights::unembed_bias, &Layout::unembed_bias},
};

using enum FieldUse;
const FieldRow kRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"head_dim", refused, "=d_head",
     "another size of heads than hidden_size / num_attention_heads"},
    {"intermediate_size", read},
    {"max_position_embeddings", read},
    {"vocab_size", read},
    {"norm_eps", read},
    {"norm_bias", read},
    {"attention_bias", read},
    {"mlp_bias", read},
    {"classifier_bias", read},
    {"decoder_bias", read},
    {"hidden_activation", read},
    {"classifier_activation", read},
    {"tie_word_embeddings", read},
    {"layer_types", read},
    {"global_attn_every_n_layers", read},
    {"local_attention", read},
    {"sliding_window", refused, "", "a window beside local_attention"},
    {"rope_parameters", read},
    {"global_rope_theta", read},
    {"local_rope_theta", read},
    {"rope_scaling", refused, "empty", "scaling of rotary positions for this model type"},
    {"position_embedding_type"},  // the published files say "absolute"; transformers reads none
    {"layer_norm_eps"},           // norm_eps applies
    {"attention_dropout"},
    {"embedding_dropout"},
    {"mlp_dropout"},
    {"classifier_pooling", read},
    {"deterministic_flash_attn"},
    {"reference_compile"},
    {"repad_logits_with_grad"},
    {"sparse_prediction"},
    {"sparse_pred_ignore_index"},
    {"initializer_cutoff_factor"},
};

// Which layers see only a window: keys up to half of local_attention away.
void read_kinds(ConfigFields& in, Config& c) {
  const int every = in.size("global_attn_every_n_layers", kMostLayers, 3);
  for (int layer = 0; layer < c.n_layers; ++layer) c.local_layers.push_back(layer % every != 0);
  in.layer_types(c);
  c.reach = in.size("local_attention", kMostPositions, 128) / 2;
}

// The base of the rotation in layers of one kind.
double theta_of(ConfigFields& in, const char* kind, const char* older, double otherwise) {
  const double theta = in.positive(older, otherwise);
  const Json rope = in.json().at("rope_parameters").at(kind);
  const Json type = rope.at("rope_type");
  if (!type.is_null() && type.text() != "default")
    in.fail(std::string("rope_parameters: ") + kind + ": rope_type " +
            quoted_name(type.text().value_or("")) +
            " is not supported for this model type; default is");
  if (rope.at("rope_theta").is_null()) return theta;
  const std::optional<double> given = rope.at("rope_theta").number();
  if (!given || !(*given > 0)) in.fail("rope_theta must be a number above 0");
  return given.value_or(1);
}

Result<Layout> layout(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout;
  Config& c = layout.config;
  in.sizes(c);
  if (c.d_head % 2 != 0)
    in.fail("rotary embeddings need an even number of dimensions per head, not " +
            std::to_string(c.d_head));
  c.norm_eps = float(in.positive("norm_eps", 1e-5));
  c.embed_norm = true;
  c.mask = Mask::none;
  c.fills_masks = true;
  c.activation = in.activation("hidden_activation", "gelu");
  c.head_activation = in.activation("classifier_activation", "gelu");
  c.gated_mlp = true;
  c.position = Position::rotary;
  c.rope_dims = c.d_head;
  c.rope_theta = theta_of(in, "full_attention", "global_rope_theta", 160000);
  c.rope_local_theta = theta_of(in, "sliding_attention", "local_rope_theta", 10000);
  read_kinds(in, c);
  layout.first_norm = false;
  layout.norm_bias = in.flag("norm_bias", false);
  layout.qkv_bias = layout.o_bias = in.flag("attention_bias", false);
  layout.mlp_bias = in.flag("mlp_bias", false);
  layout.head_bias = in.flag("classifier_bias", false);
  layout.unembed_bias = in.flag("decoder_bias", true);
  layout.tied = in.flag("tie_word_embeddings", true);
  return in.take(layout);
}

}  // namespace

const Recipe kModernBert = {.model_type = "modernbert",
                            .class_name = "ModernBert",
                            .layout = layout,
                            .binds = kBinds,
                            .prefix = "model.",
                            .head = kHead,
                            .fields = kRows};

}  // namespace attn
