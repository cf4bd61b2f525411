#include "model/picture_input.h"
#include "model/recipe.h"

// Vision transformers: ViT (Dosovitskiy et al. 2021), DeiT (Touvron et al. 2021) with its
// distillation token, DINOv2 (Oquab et al. 2023) and its variant with registers (Darcet et al.
// 2024), which scale what layers add and interpolate positions.

namespace attn {

namespace {

constexpr MatrixOrder kPlain = MatrixOrder::out_in;
constexpr Fused kOne = Fused::one_by_one;

const Bind kVitBinds[] = {
    {"embeddings.patch_embeddings.projection", &Weights::embed_project, &Layout::patch_bias},
    {"embeddings.cls_token", &Weights::class_token},
    {"embeddings.distillation_token", &Weights::extra_tokens, nullptr, kPlain, kOne, nullptr,
     &Layout::extra_tokens},
    {"embeddings.position_embeddings", &Weights::patch_positions},
    {"encoder.layer.{}.layernorm_before", &Block::ln1},
    {"encoder.layer.{}.attention.attention.query", &Block::q, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.attention.key", &Block::k, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.attention.value", &Block::v, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.output.dense", &Block::o, &Layout::o_bias},
    {"encoder.layer.{}.layernorm_after", &Block::ln2},
    {"encoder.layer.{}.intermediate.dense", &Block::mlp_in, &Layout::mlp_bias},
    {"encoder.layer.{}.output.dense", &Block::mlp_out, &Layout::mlp_bias},
    {"layernorm", &Weights::ln_final},
};

const Bind kDinoBinds[] = {
    {"embeddings.patch_embeddings.projection", &Weights::embed_project, &Layout::patch_bias},
    {"embeddings.cls_token", &Weights::class_token},
    {"embeddings.register_tokens", &Weights::extra_tokens, nullptr, kPlain, kOne, nullptr,
     &Layout::extra_tokens},
    {"embeddings.position_embeddings", &Weights::patch_positions},
    {"encoder.layer.{}.norm1", &Block::ln1},
    {"encoder.layer.{}.attention.attention.query", &Block::q, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.attention.key", &Block::k, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.attention.value", &Block::v, &Layout::qkv_bias},
    {"encoder.layer.{}.attention.output.dense", &Block::o, &Layout::o_bias, kPlain, kOne,
     "layer_scale1.lambda1"},
    {"encoder.layer.{}.norm2", &Block::ln2},
    {"encoder.layer.{}.mlp.fc1", &Block::mlp_in, &Layout::mlp_bias, kPlain, kOne, nullptr, nullptr,
     &Layout::swiglu},
    {"encoder.layer.{}.mlp.fc2", &Block::mlp_out, &Layout::mlp_bias, kPlain, kOne,
     "layer_scale2.lambda1", nullptr, &Layout::swiglu},
    {"encoder.layer.{}.mlp.weights_in",
     {&Block::mlp_gate, &Block::mlp_in},
     &Layout::mlp_bias,
     kPlain,
     kOne,
     nullptr,
     &Layout::swiglu},
    {"encoder.layer.{}.mlp.weights_out", &Block::mlp_out, &Layout::mlp_bias, kPlain, kOne,
     "layer_scale2.lambda1", &Layout::swiglu},
    {"layernorm", &Weights::ln_final},
};

// Tensors that no pattern depends on.
const char* const kIgnored[] = {"pooler.dense.weight", "pooler.dense.bias",
                                "embeddings.mask_token"};

// The names of transformers' modules since version 5.
const Renamed kVitNames[] = {
    {"encoder.layer.", "layers."},
    {"attention.attention.query", "attention.q_proj"},
    {"attention.attention.key", "attention.k_proj"},
    {"attention.attention.value", "attention.v_proj"},
    {"attention.output.dense", "attention.o_proj"},
    {"intermediate.dense", "mlp.fc1"},
    {"output.dense", "mlp.fc2"},
};
const Renamed kDinoNames[] = {
    {"attention.attention.query", "attention.q_proj"},
    {"attention.attention.key", "attention.k_proj"},
    {"attention.attention.value", "attention.v_proj"},
    {"attention.output.dense", "attention.o_proj"},
    {"mlp.weights_out", "mlp.down_proj"},
};

using enum FieldUse;
const FieldRow kRows[] = {
    {"hidden_size", read},
    {"num_hidden_layers", read},
    {"num_attention_heads", read},
    {"layer_norm_eps", read},
    {"hidden_act", read},
    {"image_size", read},
    {"patch_size", read},
    {"num_channels", read},
    {"qkv_bias", read},
    {"tie_word_embeddings", read},  // which are none
    {"head_dim", refused, "=d_head", "another size of heads"},
    {"is_causal", said, "false", "a causal mask, which these models do not have"},
    {"hidden_dropout_prob"},
    {"attention_probs_dropout_prob"},
};
const FieldRow kVitRows[] = {
    {"intermediate_size", read},
    // Of the pooler and the decoder of masked pictures, which come after all attention.
    {"encoder_stride"},
    {"pooler_output_size"},
    {"pooler_act"},
};
const FieldRow kDinoRows[] = {
    {"mlp_ratio", read},
    {"use_swiglu_ffn", read},
    {"num_register_tokens", read},
    {"layerscale_value"},  // before training
    {"drop_path_rate"},
    {"use_mask_token"},
    // Which layers another program reads.
    {"out_features"},
    {"out_indices"},
    {"stage_names"},
    {"apply_layernorm"},
    {"reshape_hidden_states"},
    {"interpolate_antialias", said, "", "another way to interpolate positions"},
    {"interpolate_offset", said, "", "another way to interpolate positions"},
};

// A whole number, or a list of two: height and width.
void read_sides(ConfigFields& in, const char* key, int most, int otherwise, int& height,
                int& width) {
  const Json field = in.json().at(key);
  if (!field.is_array()) {
    height = width = in.size(key, most, otherwise);
    return;
  }
  const std::optional<int64_t> h = field.at(size_t(0)).integer(), w = field.at(size_t(1)).integer();
  if (field.size() == 2 && h && w && *h > 0 && *w > 0 && *h <= most && *w <= most) {
    height = int(*h);
    width = int(*w);
  } else {
    in.fail(std::string(key) + " must be a whole number, or a list of two");
  }
}

}  // namespace

Layout read_vision_fields(ConfigFields& in, SizeFields sizes, int patch, double eps,
                          const char* activation) {
  Layout layout;
  Config& c = layout.config;
  sizes.n_ctx = "";  // it follows from the sizes below
  sizes.n_ctx_else = sizes.d_vocab_else = 1;
  sizes.d_model_else = 768;
  sizes.n_layers_else = sizes.n_heads_else = 12;
  if (sizes.mlp_ratio == 0) sizes.d_mlp_else = 3072;
  in.sizes(c, sizes);
  c.d_vocab = 0;
  c.norm_eps = float(in.positive("layer_norm_eps", eps));
  c.mask = Mask::none;
  c.activation = in.activation("hidden_act", activation);
  layout.qkv_bias = in.flag("qkv_bias", true);
  layout.o_bias = layout.mlp_bias = true;
  layout.tied = in.flag("tie_word_embeddings", true);
  if (in.size("num_channels", 4, 3) != 3) in.fail("num_channels must be 3: red, green and blue");
  Vision& v = c.vision;
  int side_y = 1;
  read_sides(in, "image_size", kMostPictureSide, 224, v.height, v.width);
  read_sides(in, "patch_size", 256, patch, side_y, v.side);
  if (side_y != v.side) in.fail("patch_size: patches that are not square are not supported");
  if (v.columns() < 1 || v.rows() < 1) in.fail("image_size must be at least patch_size");
  c.d_embed = 3 * v.side * v.side;
  return layout;
}

namespace {

Result<Layout> vit(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_vision_fields(in, {}, 16, 1e-12);
  Config& c = layout.config;
  c.n_ctx = c.vision.n_before() + c.vision.rows() * c.vision.columns();
  return in.take(layout);
}

Result<Layout> deit(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_vision_fields(in, {}, 16, 1e-12);
  Config& c = layout.config;
  c.vision.n_extra = 1;
  c.vision.extra_placed = layout.extra_tokens = true;
  c.n_ctx = c.vision.n_before() + c.vision.rows() * c.vision.columns();
  return in.take(layout);
}

Layout read_dino(ConfigFields& in, int patch) {
  Layout layout = read_vision_fields(in, {.d_mlp = nullptr, .mlp_ratio = 1}, patch, 1e-6);
  Config& c = layout.config;
  const double hidden = c.d_model * in.positive("mlp_ratio", 4);
  c.d_mlp = int(std::min<double>(hidden, kMostHidden));
  layout.swiglu = c.gated_mlp = in.flag("use_swiglu_ffn", false);
  if (c.gated_mlp) {
    c.d_mlp = (int(c.d_mlp * 2.0 / 3) + 7) / 8 * 8;
    c.activation = Activation::silu;
  }
  if (hidden > kMostHidden || c.d_mlp < 1) in.fail("mlp_ratio is out of range");
  if (c.vision.rows() != c.vision.columns())
    in.fail("image_size: positions that are not square are not supported");
  c.vision.any_size = true;
  c.n_ctx = kMostPatches;
  return layout;
}

Result<Layout> dino(const ConfigSource& source) {
  ConfigFields in(source);
  return in.take(read_dino(in, 14));
}

Result<Layout> dino_registers(const ConfigSource& source) {
  ConfigFields in(source);
  Layout layout = read_dino(in, 16);
  Vision& v = layout.config.vision;
  v.n_extra = in.json().at("num_register_tokens").integer() == 0
                  ? 0
                  : in.size("num_register_tokens", 1024, 4);
  layout.extra_tokens = v.n_extra > 0;
  v.smooth = true;
  return in.take(layout);
}

}  // namespace

const Recipe kVit = {.model_type = "vit",
                     .class_name = "ViT",
                     .layout = vit,
                     .binds = kVitBinds,
                     .prefix = "vit.",
                     .ignored = kIgnored,
                     .fields = kVitRows,
                     .more_fields = kRows,
                     .also_named = kVitNames};
const Recipe kDeit = {.model_type = "deit",
                      .class_name = "DeiT",
                      .layout = deit,
                      .binds = kVitBinds,
                      .prefix = "deit.",
                      .ignored = kIgnored,
                      .fields = kVitRows,
                      .more_fields = kRows,
                      .also_named = kVitNames};
const Recipe kDinov2 = {.model_type = "dinov2",
                        .class_name = "Dinov2",
                        .layout = dino,
                        .binds = kDinoBinds,
                        .prefix = "dinov2.",
                        .ignored = kIgnored,
                        .fields = kDinoRows,
                        .more_fields = kRows,
                        .also_named = kDinoNames};
const Recipe kDinov2Registers = {.model_type = "dinov2_with_registers",
                                 .class_name = "Dinov2WithRegisters",
                                 .layout = dino_registers,
                                 .binds = kDinoBinds,
                                 .prefix = "dinov2_with_registers.",
                                 .ignored = kIgnored,
                                 .fields = kDinoRows,
                                 .more_fields = kRows,
                                 .also_named = kDinoNames};

}  // namespace attn
