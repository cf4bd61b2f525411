#include "model/picture_input.h"

#include <algorithm>
#include <cmath>

#include "model/recipe.h"

namespace attn {

namespace {

constexpr const char* kFile = "preprocessor_config.json";

using enum FieldUse;
constexpr FieldRow kRows[] = {
    {"image_processor_type", read},
    {"feature_extractor_type", read},
    {"do_resize", read},
    {"size", read},
    {"resample", read},
    {"do_center_crop", read},
    {"crop_size", read},
    {"do_rescale", read},
    {"rescale_factor", read},
    {"do_normalize", read},
    {"image_mean", read},
    {"image_std", read},
    {"default_to_square", read},
    {"do_pad", refused, "false", "padding"},
    {"pad_size", refused, "", "padding"},
    {"crop_pct", refused, "", "a crop by percentage"},
    {"do_flip_channel_order", refused, "false", "another order of colours"},
    {"rescale_offset", refused, "", "an offset of pixels"},
    {"do_convert_rgb"},  // pictures always have three colours here
    {"processor_class"},
    {"_processor_class"},
    {"data_format"},
    {"input_data_format"},
    {"device"},
    {"disable_grouping"},
    {"return_tensors"},
    {"_valid_processor_keys"},
};

// The settings of a class of transformers where the file leaves them out.
struct Usual {
  std::string_view name;
  Resample resample;
  bool square;  // of a single number for `size`
  int size, crop;
  double mean[3], deviation[3];
};
constexpr Usual kUsual[] = {
    {"ViT", Resample::bilinear, true, 224, 0, {.5, .5, .5}, {.5, .5, .5}},
    {"DeiT", Resample::bicubic, true, 256, 224, {.5, .5, .5}, {.5, .5, .5}},
    {"Bit",
     Resample::bicubic,
     false,
     224,
     224,
     {0.48145466, 0.4578275, 0.40821073},
     {0.26862954, 0.26130258, 0.27577711}},
    {"CLIP",
     Resample::bicubic,
     false,
     224,
     224,
     {0.48145466, 0.4578275, 0.40821073},
     {0.26862954, 0.26130258, 0.27577711}},
    {"Siglip", Resample::bicubic, true, 224, 0, {.5, .5, .5}, {.5, .5, .5}},
    // Without a file: what DINOv2's has.
    {"", Resample::bicubic, false, 256, 224, {.485, .456, .406}, {.229, .224, .225}},
};

const Usual* usual_of(std::string_view name) {
  for (const std::string_view end : {"Fast", "Pil"})
    if (name.ends_with(end)) name.remove_suffix(end.size());
  for (const std::string_view end : {"ImageProcessor", "FeatureExtractor"})
    if (name.ends_with(end)) name.remove_suffix(end.size());
  const auto* row = std::ranges::find(kUsual, name, &Usual::name);
  return row == std::end(kUsual) || name.empty() ? nullptr : row;
}

const Usual& usual_of_family(const Config& c) {
  return *std::ranges::find(kUsual,
                            c.family == "vit"                ? "ViT"
                            : c.family == "deit"             ? "DeiT"
                            : c.family.starts_with("clip")   ? "CLIP"
                            : c.family.starts_with("siglip") ? "Siglip"
                                                             : "",
                            &Usual::name);
}

// A whole number for both sides, or {height, width}, or {shortest_edge} into `shortest`.
void read_size(ConfigFields& in, const char* key, bool square, int& width, int& height,
               int* shortest) {
  const Json field = in.json().at(key);
  if (field.is_null()) return;
  width = height = 0;
  if (shortest) *shortest = 0;
  const auto side = [&](const Json& value) {
    const int64_t n = value.integer().value_or(0);
    if (n < 1 || n > kMostPictureSide)
      in.fail(std::string(key) + " must have whole numbers from 1 to " +
              std::to_string(kMostPictureSide));
    return int(std::clamp<int64_t>(n, 1, kMostPictureSide));
  };
  if (!field.is_object()) {
    (square || !shortest ? width : *shortest) = side(field);
    height = width;
  } else if (shortest && field.size() == 1 && !field.at("shortest_edge").is_null()) {
    *shortest = side(field.at("shortest_edge"));
  } else if (field.size() == 2 && !field.at("height").is_null()) {
    height = side(field.at("height"));
    width = side(field.at("width"));
  } else {
    in.fail(std::string(key) + " must have height and width" +
            (shortest ? ", or shortest_edge; others are not supported" : ""));
  }
}

void read_colours(ConfigFields& in, const char* key, double* to) {
  const Json field = in.json().at(key);
  if (field.is_null()) return;
  bool good = field.number() || (field.is_array() && field.size() == 3);
  for (size_t i = 0; i < 3 && good; ++i) {
    const auto x = field.is_array() ? field.at(i).number() : field.number();
    good = x && std::isfinite(*x) && (std::string_view(key) != "image_std" || *x > 0);
    if (good) to[i] = *x;
  }
  if (!good) in.fail(std::string(key) + " must be three numbers");
}

std::string by(int width, int height) {
  return std::to_string(width) + " × " + std::to_string(height);
}

// Written as null, it is false for transformers, not the class's own value.
bool switched(ConfigFields& in, const char* key, bool otherwise) {
  return in.flag(key, otherwise && !in.written(key));
}

}  // namespace

Status read_picture_input(const Json& json, Config& config, std::vector<std::string>& notes) {
  ConfigSource source(json);
  source.file = kFile;
  ConfigFields in(source);
  Json type = json.at("image_processor_type");
  if (type.is_null()) type = json.at("feature_extractor_type");
  const std::string_view name = type.text().value_or("");
  const Usual* usual = name.empty() ? &usual_of_family(config) : usual_of(name);
  if (!usual)
    return Error{std::string(kFile) + ": the processor " + quoted_name(name) +
                 " is not supported; those of ViT, DeiT, BiT, CLIP and SigLIP are"};
  const auto needs = [&](const char* key) {
    if (in.written(key) && json.at(key).is_null()) in.fail(std::string(key) + " is null");
  };
  PictureInput& input = config.vision.input;
  input = {};
  input.resample = usual->resample;
  const bool for_config = json.is_null() && !config.vision.any_size;
  const int side = for_config ? config.vision.width : 0;
  const int size = !side ? usual->size : usual->crop ? side * usual->size / usual->crop : side;
  (usual->square ? input.width : input.shortest) = size;
  input.height = input.width;
  int crop_width = !usual->crop ? 0 : side ? side : usual->crop, crop_height = crop_width;
  read_size(in, "size", in.flag("default_to_square", usual->square), input.width, input.height,
            &input.shortest);
  read_size(in, "crop_size", true, crop_width, crop_height, nullptr);
  input.resizes = switched(in, "do_resize", true);
  if (input.resizes)
    for (const char* key : {"size", "resample"}) needs(key);
  if (switched(in, "do_center_crop", usual->crop > 0)) {
    needs("crop_size");
    input.crop_width = crop_width;
    input.crop_height = crop_height;
    if (crop_width == 0) in.fail("crop_size is missing, but do_center_crop is true");
  }
  if (const Json kind = json.at("resample"); !kind.is_null()) {
    const int64_t number = kind.integer().value_or(-1);
    if (number < 0 || number > 3)
      in.fail("resample must be 0 (nearest), 1 (Lanczos), 2 (bilinear) or 3 (bicubic)");
    input.resample = Resample(std::clamp<int64_t>(number, 0, 3));
  }
  input.factor = in.positive("rescale_factor", 1. / 255);
  if (switched(in, "do_rescale", true))
    needs("rescale_factor");
  else
    input.factor = 1;
  std::copy_n(usual->mean, 3, input.mean);
  std::copy_n(usual->deviation, 3, input.deviation);
  read_colours(in, "image_mean", input.mean);
  read_colours(in, "image_std", input.deviation);
  if (switched(in, "do_normalize", true)) {
    for (const char* key : {"image_mean", "image_std"}) needs(key);
  } else {
    std::fill_n(input.mean, 3, 0.);
    std::fill_n(input.deviation, 3, 1.);
  }
  if (in.error()) return in.error();
  if (json.is_null()) {
    notes.push_back(
        std::string(kFile) + " is missing: pictures are resized to " +
        (input.shortest ? std::to_string(input.shortest) + " pixels on the shorter side"
                        : by(input.width, input.height)) +
        (input.crop_width ? ", cropped to " + by(input.crop_width, input.crop_height) : "") +
        " and normalised as is usual for " + config.family);
    return {};
  }
  const std::span<const FieldRow> tables[] = {kRows};
  return check_rows(tables, json, kFile, "pictures of this model", notes);
}

Picture resized(const Picture& from, int width, int height, Resample kind) {
  // Fixed point with 22 bits, as Pillow does.
  const auto weigh = [](const Taps& taps, int i, const uint8_t* at, size_t step) {
    const double* const w = taps.weights.data() + size_t(i) * size_t(taps.most);
    int64_t sum = 1 << 21;
    for (int j = 0; j < taps.n[size_t(i)]; ++j)
      sum += at[size_t(j) * step] * int64_t(w[j] * (1 << 22) + (w[j] < 0 ? -0.5 : 0.5));
    return uint8_t(std::clamp<int64_t>(sum >> 22, 0, 255));
  };
  Picture mid = from;
  if (width != from.width) {
    mid = {width, from.height, std::vector<uint8_t>(size_t(width) * size_t(from.height) * 3)};
    const Taps taps = smooth_taps(from.width, width, kind);
    for (int y = 0; y < from.height; ++y)
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < 3; ++c)
          mid.rgb[(size_t(y) * size_t(width) + size_t(x)) * 3 + size_t(c)] =
              weigh(taps, x, from.at(taps.first[size_t(x)], y) + c, 3);
  }
  if (height == from.height) return mid;
  Picture out{width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * 3)};
  const Taps taps = smooth_taps(from.height, height, kind);
  for (int y = 0; y < height; ++y)
    for (int i = 0; i < 3 * width; ++i)
      out.rgb[size_t(y) * size_t(width) * 3 + size_t(i)] =
          weigh(taps, y, mid.at(0, taps.first[size_t(y)]) + i, size_t(width) * 3);
  return out;
}

static Picture cropped(const Picture& from, int width, int height) {
  Picture out{width, height, {}};
  const int left = (from.width - width) / 2, top = (from.height - height) / 2;
  for (int y = 0; y < height; ++y) {
    const uint8_t* const row = from.at(left, top + y);
    out.rgb.insert(out.rgb.end(), row, row + size_t(width) * 3);
  }
  return out;
}

Tokens pooling_query() {
  Tokens tokens;
  Token& token = tokens.items.emplace_back();
  token.piece = token.shown = "[probe]";
  return tokens;
}

Result<Tokens> picture_tokens(const Model& model, const Picture& picture, std::string name) {
  const Vision& v = model.config.vision;
  const PictureInput& in = v.input;
  int width = picture.width, height = picture.height;
  if (width < 1 || height < 1) return Error{"The picture is empty"};
  if (in.resizes && in.shortest > 0) {
    const int shorter = std::min(width, height), longer = std::max(width, height);
    const int64_t n = int64_t(in.shortest) * longer / shorter;
    if (n > kMostPictureSide)
      return Error{"The picture of " + by(width, height) + " pixels is too narrow for this model"};
    height = picture.width <= picture.height ? int(n) : in.shortest;
    width = picture.width <= picture.height ? in.shortest : int(n);
  } else if (in.resizes) {
    width = in.width;
    height = in.height;
  }
  auto patches = std::make_shared<Patches>();
  if (in.crop_width > width || in.crop_height > height)
    return Error{"The picture would have to be padded from " + by(width, height) + " to " +
                 by(in.crop_width, in.crop_height) + " pixels, which is not supported"};
  const int seen_width = in.crop_width > 0 ? in.crop_width : width;
  const int seen_height = in.crop_width > 0 ? in.crop_height : height;
  const bool fits = seen_width == v.width && seen_height == v.height;
  if (!v.any_size && !fits)
    return Error{model.name + " reads pictures of " + by(v.width, v.height) + " pixels, but " +
                 kFile + " makes them " + by(seen_width, seen_height)};
  if (seen_width < v.side || seen_height < v.side)
    return Error{"The picture of " + by(seen_width, seen_height) +
                 " pixels is smaller than a patch of " + by(v.side, v.side)};
  patches->picture = resized(picture, width, height, in.resample);
  if (in.crop_width > 0) patches->picture = cropped(patches->picture, seen_width, seen_height);
  patches->side = v.side;
  patches->first = v.n_before();
  patches->name = std::move(name);
  patches->width = picture.width;
  patches->height = picture.height;
  Tokens tokens;
  const auto add = [&](std::string shown, bool special) {
    Token token;
    token.piece = token.shown = std::move(shown);
    token.special = special;
    tokens.items.push_back(std::move(token));
  };
  if (v.has_class) add("[CLS]", true);
  for (int i = 0; i < v.n_extra; ++i)
    add(v.extra_placed ? "[DIST]" : "reg " + std::to_string(i + 1), true);
  for (int y = 0; y < patches->rows(); ++y)
    for (int x = 0; x < patches->columns(); ++x)
      add("patch " + std::to_string(y) + "," + std::to_string(x), false);
  tokens.patches = std::move(patches);
  return tokens;
}

Picture example_picture() {
  constexpr int kSide = 256;
  Picture out{kSide, kSide, {}};
  const auto inside = [](int x, int y, int cx, int cy, int r) {
    return (x - cx) * (x - cx) + (y - cy) * (y - cy) < r * r;
  };
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      uint32_t c = 0x6FA8DC + uint32_t(y / 4) * 0x010000;  // sky
      if (inside(x, y, 196, 56, 26)) c = 0xFFD24A;         // sun
      if (inside(x, y, 60, 300, 150)) c = 0x5B8C4A;        // hills
      if (inside(x, y, 230, 330, 160)) c = 0x487A3C;
      if (x > 96 && x < 160 && y > 150 && y < 214) c = 0xC65B4E;  // a house with roof, door
      if (y > 110 && y <= 150 && std::abs(x - 128) < y - 106) c = 0x7A3B2E;
      if (x > 118 && x < 138 && y > 178 && y < 214) c = 0x4A2C20;
      for (const int shift : {16, 8, 0}) out.rgb.push_back(uint8_t(c >> shift));
    }
  return out;
}

}  // namespace attn
