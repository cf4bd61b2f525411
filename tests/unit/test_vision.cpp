// test_vision.cpp - pictures: files to pixels, pixels to patches, and patterns against
// transformers (tests/golden/vision.py).
#include <doctest/doctest.h>

#include "files/read_picture.h"
#include "golden_model.h"
#include "model/picture_input.h"
#include "model/recipe.h"
#include "pass/forward.h"
#include "text/random_tokens.h"

using namespace attn;

namespace {

const std::filesystem::path kVision = ATTNSCOPE_SOURCE_DIR "/tests/data/vision";

std::shared_ptr<const Model> load(std::vector<File> files) {
  Result<std::shared_ptr<const Model>> model = load_model(std::move(files), "tiny");
  if (!model) FAIL(model.error().message);
  return *model;
}

Tokens patches_of(const Model& model, const std::filesystem::path& folder) {
  const Result<Picture> picture = read_picture({"picture.png", read_bytes(folder / "picture.png")});
  REQUIRE(picture);
  Result<Tokens> tokens = picture_tokens(model, *picture, "picture.png");
  if (!tokens) FAIL(tokens.error().message);
  return *tokens;
}

std::vector<float> golden_floats(const std::filesystem::path& folder, const char* name) {
  const Result<NamedTensors> file =
      read_safetensors({"expected.safetensors", read_bytes(folder / "expected.safetensors")});
  REQUIRE(file);
  const Result<Tensor> floats = to_floats(*file, *file->find(name));
  REQUIRE(floats);
  return {floats->vec().begin(), floats->vec().end()};
}

std::string error_of(const std::string& folder, const std::string& name, const std::string& text) {
  std::vector<File> files = read_model_files(kVision / folder);
  for (File& file : files)
    if (base_name(file.name) == name) file.bytes = std::vector<uint8_t>(text.begin(), text.end());
  const Result<std::shared_ptr<const Model>> model = load_model(files, "tiny");
  return model ? "" : model.error().message;
}

// The same pixels stored upright, turned and mirrored by EXIF; 2 × 1: red, blue.
std::string png_error(std::vector<uint8_t> bytes) {
  const Result<Picture> picture = read_picture({"a/x.png", std::move(bytes)});
  return picture ? "" : picture.error().message;
}

}  // namespace

TEST_CASE("vision transformers agree with transformers, from the picture's file on") {
  int n = 0, n_labels = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kVision)) {
    CAPTURE(entry.path().string());
    const auto model = load(read_model_files(entry.path()));
    const Tokens tokens = patches_of(*model, entry.path());
    const Vision& v = model->config.vision;
    // What the model sees is exactly what Pillow's processor made.
    const std::vector<float> pixels = golden_floats(entry.path(), "pixels");
    const Picture& seen = tokens.patches->picture;
    REQUIRE(pixels.size() == seen.rgb.size());
    const size_t n_pixels = pixels.size() / 3;
    double off = 0;
    for (size_t i = 0; i < pixels.size(); ++i) {
      const size_t c = i / n_pixels;
      const double x = (seen.rgb[i % n_pixels * 3 + c] * v.input.factor - v.input.mean[c]) /
                       v.input.deviation[c];
      off = std::max(off, std::abs(x - double(pixels[i])));
    }
    CHECK(off < 1e-5);
    const Trace trace = forward(model, tokens);
    const std::vector<float> attn = golden_floats(entry.path(), "attn");
    const Attention& a = trace.parts[0];
    const size_t cells = size_t(a.n_query) * size_t(a.n_key);
    REQUIRE(attn.size() == cells * size_t(a.n_layers * a.n_heads));
    float apart = 0;
    for (int l = 0; l < a.n_layers; ++l)
      for (int h = 0; h < a.n_heads; ++h) {
        const std::vector<float> ours = a.pattern(0, l, h);
        for (size_t i = 0; i < cells; ++i)
          apart = std::max(apart, std::abs(ours[i] - attn[size_t(l * a.n_heads + h) * cells + i]));
      }
    CHECK(apart < 2e-5f);
    if (model->config.labels.names.empty()) {
      CHECK(trace.n_logits == 0);
    } else {
      const std::vector<float> logits = golden_floats(entry.path(), "logits");
      REQUIRE(trace.logits.size() == logits.size());
      for (size_t i = 0; i < logits.size(); ++i)
        CHECK(trace.logits[i] == doctest::Approx(logits[i]).epsilon(2e-5));
      ++n_labels;
    }
    ++n;
  }
  CHECK(n >= 6);
  CHECK(n_labels == 3);
}

TEST_CASE("both parts of CLIP and SigLIP are read from the files of the whole model") {
  for (const char* name : {"clip", "siglip"}) {
    CAPTURE(name);
    const std::filesystem::path folder =
        ATTNSCOPE_SOURCE_DIR "/tests/data/towers/" + std::string(name);
    for (const bool text : {false, true}) {
      CAPTURE(text);
      ModelLoad load(read_model_files(folder), name);
      load.read_text(text);
      while (load.step()) {
      }
      const Result<std::shared_ptr<const Model>> model = load.take();
      if (!model) FAIL(model.error().message);
      CHECK((*model)->warnings.empty());
      CHECK((*model)->config.reads_pictures() != text);
      Tokens tokens;
      if (text) {
        const std::vector<int> ids = {2, 51, 45, 60, 71, 33, 3};
        tokens = tokens_of_ids(ids, (*model)->tokenizer.get());
      } else {
        tokens = patches_of(**model, folder);
      }
      const Trace trace = forward(*model, tokens);
      const std::vector<float> expected = golden_floats(folder, text ? "text_attn" : "attn");
      const Attention& a = trace.parts[0];
      size_t at = 0;
      float apart = 0;
      REQUIRE(expected.size() ==
              size_t(a.n_layers) * size_t(a.n_heads) * size_t(a.n_query) * size_t(a.n_key));
      for (int l = 0; l < a.n_layers; ++l)
        for (int h = 0; h < a.n_heads; ++h)
          for (const float x : a.pattern(0, l, h))
            apart = std::max(apart, std::abs(x - expected[at++]));
      CHECK(apart < 2e-5f);
    }
  }
}

TEST_CASE("patches are the tokens of a picture, with their row and column") {
  const auto model = load(read_model_files(kVision / "dinov2-registers"));
  const Tokens tokens = patches_of(*model, kVision / "dinov2-registers");
  REQUIRE(tokens.size() == 1 + 3 + 9);
  CHECK(tokens.items[0].shown == "[CLS]");
  CHECK(tokens.items[3].shown == "reg 3");
  CHECK(tokens.items[4].shown == "patch 0,0");
  CHECK(tokens.items[8].shown == "patch 1,1");
  CHECK(tokens.items[3].special);
  CHECK(!tokens.items[4].special);
  CHECK(tokens.patches->first == 4);
  CHECK(ForwardPass::check(*model, tokens) == std::nullopt);
  Tokens text;
  text.items.emplace_back();
  CHECK(ForwardPass::check(*model, text)->message.find("reads pictures, not text") !=
        std::string::npos);
}

TEST_CASE("names of modules are read as names of files") {
  std::vector<File> files = read_model_files(kVision / "vit");
  const auto replace = [](std::string text, std::string_view from, std::string_view to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;)
      text.replace(at, from.size(), to);
    return text;
  };
  for (File& file : files) {
    if (base_name(file.name) != "model.safetensors") continue;
    std::string text(file.bytes.text());
    const size_t size = size_t(text[0] & 0xFF) | size_t(text[1] & 0xFF) << 8;
    std::string header = text.substr(8, size);
    header = replace(header, "attention.attention.query", "attention.q_proj");
    header = replace(header, "attention.attention.key", "attention.k_proj");
    header = replace(header, "attention.attention.value", "attention.v_proj");
    header = replace(header, "attention.output.dense", "attention.o_proj");
    header = replace(header, "intermediate.dense", "mlp.fc1");
    header = replace(header, "output.dense", "mlp.fc2");
    header = replace(header, "encoder.layer.", "layers.");
    header.resize(size, ' ');
    text.replace(8, size, header);
    file.bytes = std::vector<uint8_t>(text.begin(), text.end());
  }
  const auto as_written = load(read_model_files(kVision / "vit")), renamed = load(files);
  CHECK(renamed->n_parameters == as_written->n_parameters);
  CHECK(renamed->notes == as_written->notes);
  CHECK(renamed->warnings == as_written->warnings);
}

TEST_CASE("settings of pictures that are not computed are refused by name") {
  const auto has = [](const std::string& text, const char* part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(error_of("vit", "preprocessor_config.json",
               R"({"image_processor_type":"BeitImageProcessor"})"),
      "the processor \"BeitImageProcessor\" is not supported");
  has(error_of("vit", "preprocessor_config.json", R"({"resample":5})"), "resample must be 0");
  has(error_of("vit", "preprocessor_config.json", R"({"size":{"longest_edge":9}})"),
      "size must have height and width");
  has(error_of("vit", "preprocessor_config.json", R"({"do_pad":true})"), "padding");
  has(error_of("vit", "config.json",
               R"({"model_type":"vit","hidden_size":16,"num_hidden_layers":2,
                   "num_attention_heads":4,"intermediate_size":28,"num_channels":1})"),
      "num_channels must be 3");
  has(error_of("vit", "config.json",
               R"({"model_type":"vit","hidden_size":16,"num_hidden_layers":2,
                   "num_attention_heads":4,"intermediate_size":28,"patch_size":[8,4]})"),
      "not square");
}

TEST_CASE("without preprocessor_config.json, it is said what is done to pictures") {
  for (const char* name : {"vit", "deit", "clip", "siglip"}) {
    CAPTURE(name);
    std::vector<File> files = read_model_files(kVision / name);
    std::erase_if(files,
                  [](const File& f) { return base_name(f.name) == "preprocessor_config.json"; });
    const auto model = load(files);
    std::string notes;
    for (const std::string& note : model->notes) notes += note;
    CHECK(notes.find("preprocessor_config.json is missing: pictures are resized to ") !=
          std::string::npos);
    CHECK(picture_tokens(*model, example_picture(), ""));
  }
}

TEST_CASE("damaged pictures get a sentence") {
  const Bytes whole = read_bytes(kVision / "vit" / "picture.png");
  const std::vector<uint8_t> bytes(whole.data(), whole.data() + whole.size());
  CHECK(png_error(bytes) == "");
  for (size_t n = 0; n + 16 < bytes.size(); n += 97)  // all but its last chunk
    CHECK(png_error({bytes.begin(), bytes.begin() + std::ptrdiff_t(n)}).starts_with("x.png: "));
  std::vector<uint8_t> wide = bytes;
  wide[16] = wide[20] = 1;  // 16 million pixels each way
  CHECK(png_error(wide).starts_with("x.png: "));
  for (size_t i = 0; i < bytes.size(); i += 13) {  // whatever it says, it does not crash
    std::vector<uint8_t> other = bytes;
    other[i] ^= 0x5A;
    png_error(other);
  }
}
