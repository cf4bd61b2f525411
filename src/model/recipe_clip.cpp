#include "model/recipe.h"

// The parts of CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023) that read pictures, and
// those that read text: alone, or in the files of the whole model.

namespace attn {

namespace {

const Bind kBinds[] = {
    {"embeddings.patch_embedding", &Weights::embed_project, &Layout::patch_bias},
    {"embeddings.class_embedding", &Weights::class_token, nullptr, MatrixOrder::out_in,
     Fused::one_by_one, nullptr, &Layout::class_token},
    {"embeddings.position_embedding.weight", &Weights::patch_positions},
    {"pre_layrnorm", &Weights::ln_embed, &Layout::class_token},
    {"encoder.layers.{}.layer_norm1", &Block::ln1},
    {"encoder.layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.out_proj", &Block::o, &Layout::o_bias},
    {"encoder.layers.{}.layer_norm2", &Block::ln2},
    {"encoder.layers.{}.mlp.fc1", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layers.{}.mlp.fc2", &Block::mlp_out, &Layout::mlp_bias},
    {"post_layernorm", &Weights::ln_final},
};

const Bind kTextBinds[] = {
    {"embeddings.token_embedding", &Weights::embed},
    {"embeddings.position_embedding", &Weights::positions},
    {"encoder.layers.{}.layer_norm1", &Block::ln1},
    {"encoder.layers.{}.self_attn.q_proj", &Block::q, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.k_proj", &Block::k, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.v_proj", &Block::v, &Layout::qkv_bias},
    {"encoder.layers.{}.self_attn.out_proj", &Block::o, &Layout::o_bias},
    {"encoder.layers.{}.layer_norm2", &Block::ln2},
    {"encoder.layers.{}.mlp.fc1", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layers.{}.mlp.fc2", &Block::mlp_out, &Layout::mlp_bias},
    {"final_layer_norm", &Weights::ln_final},
};
// The latter two project the last token of a text in SigLIP, after all layers.
const char* const kTextIgnored[] = {"embeddings.position_ids", "head.weight", "head.bias"};

// Tensors that no pattern depends on. Of SigLIP's pooling head the first three are read by name
// (fill_pooling in recipe.cpp), unless vision_use_head is false.
const char* const kIgnored[] = {"embeddings.position_ids",
                                "head.probe",
                                "head.attention.in_proj_weight",
                                "head.attention.in_proj_bias",
                                "head.attention.out_proj.weight",
                                "head.attention.out_proj.bias",
                                "head.layernorm.weight",
                                "head.layernorm.bias",
                                "head.mlp.fc1.weight",
                                "head.mlp.fc1.bias",
                                "head.mlp.fc2.weight",
                                "head.mlp.fc2.bias"};

using enum FieldUse;
const FieldRow kRows[] = {
    {"hidden_size", read},
    {"intermediate_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"layer_norm_eps", read},
    {"hidden_act", read},
    {"image_size", read},
    {"patch_size", read},
    {"num_channels", read},
    {"tie_word_embeddings", read},  // which are none
    {"is_causal", said, "false", "a causal mask, which these models do not have"},
    {"attention_dropout"},
    {"dropout"},
    {"projection_dim"},
    {"vision_use_head", read},
    // Of the whole model, which compares pictures and texts after all attention.
    {"text_config"},
    {"vision_config"},
    {"logit_scale_init_value"},
    {"max_position_embeddings"},
    {"vocab_size"},
    {"projection_size"},
};

const FieldRow kTextRows[] = {
    {"hidden_size", read},
    {"intermediate_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"max_position_embeddings", read},
    {"vocab_size", read},
    {"layer_norm_eps", read},
    {"hidden_act", read},
    {"is_causal", read},
    {"tie_word_embeddings", read},  // which are none
    {"attention_dropout"},
    {"dropout"},
    {"projection_dim"},
    {"projection_size"},
    // Of the whole model, and of its other part.
    {"text_config"},
    {"vision_config"},
    {"logit_scale_init_value"},
    {"image_size"},
    {"patch_size"},
    {"num_channels"},
    {"vision_use_head"},
};

Layout read_text_tower(ConfigFields& in, SizeFields sizes, double eps, const char* activation) {
  Layout layout;
  Config& c = layout.config;
  sizes.n_layers_else = 12;
  in.sizes(c, sizes);
  c.position = Position::learned;
  c.norm_eps = float(in.positive("layer_norm_eps", eps));
  c.activation = in.activation("hidden_act", activation);
  c.has_logits = false;
  layout.qkv_bias = layout.o_bias = layout.mlp_bias = true;
  in.flag("tie_word_embeddings", true);
  return layout;
}

Result<Layout> clip_text(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_text_tower(in,
                                  {.d_model_else = 512,
                                   .d_mlp_else = 2048,
                                   .n_heads_else = 8,
                                   .n_ctx_else = 77,
                                   .d_vocab_else = 49408},
                                  1e-5, "quick_gelu");
  in.causal(layout.config);
  return in.take(layout);
}

Result<Layout> siglip_text(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_text_tower(in,
                                  {.d_model_else = 768,
                                   .d_mlp_else = 3072,
                                   .n_heads_else = 12,
                                   .n_ctx_else = 64,
                                   .d_vocab_else = 32000},
                                  1e-6, "gelu_pytorch_tanh");
  layout.config.mask = Mask::none;
  in.note("SigLIP was trained on texts padded to " + std::to_string(layout.config.n_ctx) +
          " tokens, which attend to the padding too; a text is read here without padding");
  return in.take(layout);
}

Layout read_tower(ConfigFields& in, int patch, double eps, const char* activation) {
  Layout layout = read_vision_fields(in, {}, patch, eps, activation);
  layout.qkv_bias = true;
  if (layout.config.vision.rows() != layout.config.vision.columns())
    in.fail("image_size: pictures that are not square are not supported for this model type");
  return layout;
}

Result<Layout> clip(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_tower(in, 32, 1e-5, "quick_gelu");
  Config& c = layout.config;
  layout.patch_bias = false;
  c.embed_norm = true;
  c.n_ctx = c.vision.n_before() + c.vision.rows() * c.vision.columns();
  return in.take(layout);
}

Result<Layout> siglip(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_tower(in, 16, 1e-6, "gelu_pytorch_tanh");
  Config& c = layout.config;
  layout.class_token = c.vision.has_class = false;
  c.n_ctx = c.vision.rows() * c.vision.columns();
  // transformers takes null for false.
  c.pools = in.flag("vision_use_head", !in.written("vision_use_head"));
  return in.take(layout);
}

}  // namespace

const Recipe kClipVision = {"clip_vision_model", "CLIPVision", clip, kBinds,
                            "vision_model.",     kIgnored,     {},   kRows};
const Recipe kSiglipVision = {"siglip_vision_model", "SiglipVision", siglip, kBinds,
                              "vision_model.",       kIgnored,       {},     kRows};
const Recipe kClipText = {"clip_text_model", "CLIPText",   clip_text, kTextBinds,
                          "text_model.",     kTextIgnored, {},        kTextRows};
const Recipe kSiglipText = {"siglip_text_model", "SiglipText", siglip_text, kTextBinds,
                            "text_model.",       kTextIgnored, {},          kTextRows};

}  // namespace attn
