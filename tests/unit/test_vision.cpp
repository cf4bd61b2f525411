// test_vision.cpp - pictures: files to pixels, pixels to patches, and patterns against
// transformers (tests/golden/vision.py).
#include <doctest/doctest.h>

#include "analysis/head_facts.h"
#include "analysis/head_role.h"
#include "figure/views.h"
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

bool has_golden(const std::filesystem::path& folder, const char* name) {
  const Result<NamedTensors> file =
      read_safetensors({"expected.safetensors", read_bytes(folder / "expected.safetensors")});
  REQUIRE(file);
  return file->find(name) != nullptr;
}

// How far all patterns of an attention are from expected ones, [layer, head, query, key].
float furthest(const Attention& a, const std::vector<float>& expected) {
  const size_t cells = size_t(a.n_query) * size_t(a.n_key);
  REQUIRE(expected.size() == cells * size_t(a.n_layers * a.n_heads));
  float apart = 0;
  size_t at = 0;
  for (int l = 0; l < a.n_layers; ++l)
    for (int h = 0; h < a.n_heads; ++h)
      for (const float x : a.pattern(0, l, h))
        apart = std::max(apart, std::abs(x - expected[at++]));
  return apart;
}

// The same pixels stored upright, turned and mirrored by EXIF; 2 × 1: red, blue.
std::string png_error(std::vector<uint8_t> bytes) {
  const Result<Picture> picture = read_picture({"a/x.png", std::move(bytes)});
  return picture ? "" : picture.error().message;
}

}  // namespace

TEST_CASE("vision transformers agree with transformers, from the picture's file on") {
  int n = 0, n_labels = 0, n_pooled = 0;
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
    CHECK(furthest(trace.parts[0], golden_floats(entry.path(), "attn")) < 2e-5f);
    const bool pools = has_golden(entry.path(), "pooling");
    CHECK(model->config.pools == pools);
    REQUIRE(trace.parts.size() == (pools ? 2 : 1));
    if (pools) {
      CHECK(furthest(trace.parts[1], golden_floats(entry.path(), "pooling")) < 2e-5f);
      ++n_pooled;
    }
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
  CHECK(n_pooled == 2);
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
      CHECK(furthest(trace.parts[0], golden_floats(folder, text ? "text_attn" : "attn")) < 2e-5f);
      REQUIRE(trace.parts.size() == (!text && has_golden(folder, "pooling") ? 2 : 1));
      if (trace.parts.size() == 2)
        CHECK(furthest(trace.parts[1], golden_floats(folder, "pooling")) < 2e-5f);
    }
  }
}

TEST_CASE("a pooling head is a part of the trace, with one query") {
  const auto model = load(read_model_files(kVision / "siglip"));
  const Tokens tokens = patches_of(*model, kVision / "siglip");
  const Trace trace = forward(model, tokens, {.layers = {false, false}});
  REQUIRE(trace.parts.size() == 2);
  const Attention& a = trace.parts[1];
  CHECK(a.part == Part::pooling);
  CHECK(a.n_layers == 1);
  CHECK(a.n_query == 1);
  CHECK(a.n_key == tokens.size());
  CHECK(a.query_tokens[0].items.size() == 1);
  CHECK(a.query_tokens[0].items[0].shown == "[probe]");
  CHECK(a.key_tokens[0].patches == tokens.patches);
  CHECK(a.is_kept(0));  // whatever layers are
  CHECK(&trace.own() == trace.parts.data());
  // The facts that the pass tells are those of the row.
  const HeadContext context(a, 0, 0, 0, 2);
  for (int h = 0; h < a.n_heads; ++h) {
    const std::vector<float> row = a.pattern(0, 0, h);
    CHECK(*std::ranges::max_element(row) > 1.1f / float(a.n_key));
    float facts[kRowFacts];
    facts_of(context, 0, row, facts);
    for (int fact = 0; fact < kRowFacts; ++fact) {
      if (fact == kLogSum) continue;  // of scores
      CAPTURE(fact);
      CHECK(a.facts[0].head(h)(0, fact) == doctest::Approx(facts[fact]).epsilon(1e-4));
    }
  }
  const Config& c = model->config;
  Config plain = c;
  plain.pools = false;
  CHECK(ForwardPass::bytes_needed(c, tokens.size(), {}) ==
        ForwardPass::bytes_needed(plain, tokens.size(), {}) +
            4 * uint64_t(c.d_model * (1 + 2 * tokens.size()) + c.n_heads * kRowFacts));
  CHECK(error_of("siglip", "config.json",
                 R"({"model_type":"siglip_vision_model","vision_use_head":1})")
            .find("vision_use_head must be true or false") != std::string::npos);
}

TEST_CASE("without its tensors or by its configuration a pooling head is absent") {
  std::vector<File> files = read_model_files(kVision / "siglip");
  const auto with = [&](std::string_view of, std::string_view from, std::string_view to) {
    std::vector<File> changed = files;
    for (File& file : changed) {
      if (base_name(file.name) != of) continue;
      std::string text(file.bytes.text());
      const size_t at = text.find(from);
      REQUIRE(at != std::string::npos);
      text.replace(at, from.size(), to);
      file.bytes = std::vector<uint8_t>(text.begin(), text.end());
    }
    return load(changed);
  };
  const auto says = [](const Model& model) {
    return std::ranges::any_of(model.notes, [](const std::string& note) {
      return note.find("no pooling head") != std::string::npos;
    });
  };
  for (const char* value : {"null", "false"}) {
    CAPTURE(value);
    const auto model = with("config.json", "\"vision_use_head\": true",
                            "\"vision_use_head\": " + std::string(value));
    CHECK(!model->config.pools);
    CHECK(forward(model, patches_of(*model, kVision / "siglip")).parts.size() == 1);
    CHECK(!says(*model));
  }
  const auto model = with("model.safetensors", "\"head.probe\"", "\"head.prob_\"");
  CHECK(!model->config.pools);
  CHECK(says(*model));
}

// The blocks of a model are not those of its pooling head.
TEST_CASE("no measure of a pooling head reads the layers of the model") {
  const auto model = load(read_model_files(kVision / "siglip-labels"));
  const Tokens tokens = patches_of(*model, kVision / "siglip-labels");
  const Trace trace = forward(model, tokens, {.all_logits = true, .activations = true});
  State state;
  state.part = 1;
  state.target = "cat";
  state = clamped(state, trace);
  CHECK(state.part == 1);
  int n_refused = 0, n_made = 0;
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.id));
    const Inputs in{model.get(), &trace, &state};
    if (const Status no = missing(metric, in)) {
      CHECK(no->message.size() > 20);
      ++n_refused;
      continue;
    }
    CHECK((metric.needs & (needs_model | of_weights | needs_output | needs_self)) == 0);
    const Measure made = metric.compute(in), alone = metric.compute({nullptr, &trace, &state});
    REQUIRE(made.values.size() == alone.values.size());
    for (size_t i = 0; i < made.values.size(); ++i)
      CHECK((made.values[i] == alone.values[i] ||
             (std::isnan(made.values[i]) && std::isnan(alone.values[i]))));
    ++n_made;
  }
  CHECK(n_refused > 40);
  CHECK(n_made > 10);
  const auto refused = [&](const char* id) {
    const Status no = missing(*find_metric(id), {model.get(), &trace, &state});
    return no && no->message.find("the pooling head is not one of") != std::string::npos;
  };
  for (const char* id : {"next", "rollout", "head_writes", "copying", "logit_head"}) {
    CAPTURE(id);
    CHECK(refused(id));
  }
  for (const char* id : {"row", "pattern", "entropy", "first_token", "heads_row"}) {
    CAPTURE(id);
    CHECK(!missing(*find_metric(id), {model.get(), &trace, &state}));
  }
  for (const HeadScore* score : role_scores(false, true)) CHECK(score->across);
}

TEST_CASE("the view of a picture paints what a pooling head attends to") {
  const auto model = load(read_model_files(kVision / "siglip"));
  const Trace trace = forward(model, patches_of(*model, kVision / "siglip"));
  for (const int part : {0, 1}) {
    CAPTURE(part);
    State state;
    state.part = part;
    state.token = 0;
    state.locked_key = 2;
    const Inputs in{model.get(), &trace, &state};
    const Measure row = find_metric("row")->compute(in);
    ViewInput input{row, in.attention(), state, 600, 18};
    input.attention = &in.attention();
    const Figure figure = find_view("picture")->figure(input);
    int n_queries = 0, n_cells = 0;
    for (const HitArea& area : figure.areas) {
      CHECK(area.query < in.attention().n_query);
      n_queries += area.query >= 0 && area.key < 0;
      n_cells += area.key >= 0;
      if (area.key >= 0 && part == 1) CHECK(area.says.find("[probe]") != std::string::npos);
    }
    CHECK(n_queries == (part == 0 ? 16 : 0));
    CHECK(n_cells == 16);
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
