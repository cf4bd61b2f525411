// test_forward.cpp - patterns and logits of whole checkpoints equal those of transformers.
#include <doctest/doctest.h>

#include <chrono>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "base/json.h"
#include "golden_model.h"
#include "model/recipe.h"
#include "pass/block_math.h"
#include "pass/forward.h"
#include "tensor/kernels.h"

using namespace attn;

namespace {

constexpr double kPatternTolerance = 6e-6, kLogitTolerance = 3e-5;

std::shared_ptr<const Model> load(const std::filesystem::path& folder) {
  const std::vector<File> files = read_model_files(folder);
  Result<std::shared_ptr<const Model>> model = load_model(files, folder.filename().string());
  if (!model) FAIL(model.error().message);
  return *model;
}

std::vector<float> all_patterns(const Attention& a) {
  std::vector<float> all;
  for (int layer = 0; layer < a.n_layers; ++layer) {
    for (int head = 0; head < a.n_heads; ++head) {
      const std::vector<float> one = a.pattern(0, layer, head);
      all.insert(all.end(), one.begin(), one.end());
    }
  }
  return all;
}

void check_against_golden(const std::filesystem::path& folder) {
  const std::string name = folder.filename().string();
  CAPTURE(name);
  const std::shared_ptr<const Model> model = load(folder);
  const GoldenPass golden = read_golden_pass(folder);
  const Tokens tokens = tokens_of(golden);
  REQUIRE(!ForwardPass::check(*model, tokens));

  const Trace trace = forward(model, tokens, {.all_logits = true});
  const double attn = most_apart(all_patterns(trace.parts[0]), golden.attn);
  const double logits = golden.logits.empty() ? 0 : most_apart(trace.logits, golden.logits);
  std::printf("%s: patterns within %.1e, logits within %.1e of transformers\n", name.c_str(), attn,
              logits);
  CHECK(attn < kPatternTolerance);
  CHECK(model->config.has_logits == !golden.logits.empty());
  CHECK(logits < kLogitTolerance);
  if (!golden.hidden.empty()) {
    const int d = model->config.d_model;
    std::vector<float> hidden(golden.hidden.size());
    normalize_rows(model->config, model->weights.ln_final, trace.resid_final.head(0),
                   {hidden.data(), tokens.size(), d});
    CHECK(most_apart(hidden, golden.hidden) < kLogitTolerance);
  }

  // The last row alone is the same row; nothing in the trace depends on what is kept.
  const Trace last = forward(model, tokens);
  CHECK(last.n_logits == (model->config.has_logits ? 1 : 0));
  if (last.n_logits == 0) return;
  CHECK(most_apart(last.logits, std::span(trace.logits).last(size_t(model->config.n_outputs()))) <
        1e-5);
  CHECK(last.parts[0].pattern(0, 1, 1) == trace.parts[0].pattern(0, 1, 1));
}

// The pieces of a vocabulary without its tokenizer: "▁" is a blank, "<0x0A>" a byte.
std::vector<std::string> pieces_of(const std::filesystem::path& folder, int n) {
  const Bytes bytes = read_bytes(folder / "tokenizer.json");
  const Result<Json> json = Json::parse(bytes.text(), "tokenizer.json");
  REQUIRE(json);
  std::vector<std::string> pieces(static_cast<size_t>(n));
  json->at("model").at("vocab").each([&](std::string_view piece, const Json& id) {
    std::string text(piece);
    if (text.starts_with("<0x"))
      text = std::string(1, char(std::stoi(text.substr(3), nullptr, 16)));
    for (size_t at; (at = text.find("▁")) != std::string::npos;) text.replace(at, 3, " ");
    pieces.at(size_t(id.integer().value())) = text;
    return true;
  });
  return pieces;
}

// The story that its author published, at temperature 0.
std::string known_story(const std::filesystem::path& folder) {
  const Bytes bytes = read_bytes(folder / "stories260K.md");
  const std::string text(bytes.text());
  const std::string command = "tok512.bin -t 0.0\n";
  const size_t begin = text.find(command) + command.size();
  return text.substr(begin, text.find("\n```", begin) - begin);
}

}  // namespace

TEST_CASE("tiny checkpoints of every variant compute what transformers computes") {
  int n_models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test_models())) {
    if (!std::filesystem::exists(entry.path() / "config.json")) continue;
    check_against_golden(entry.path());
    ++n_models;
  }
  CHECK(n_models >= 9);
}

TEST_CASE("real checkpoints compute what PyTorch computes") {
  for (const char* name : {"stories260K", "default-candidate"}) {
    if (const auto folder = shared_model(name)) check_against_golden(*folder);
  }
}

TEST_CASE("stories260K tells its known story") {
  const auto folder = shared_model("stories260K");
  if (!folder) return;
  const std::shared_ptr<const Model> model = load(*folder);
  const std::vector<std::string> pieces = pieces_of(*folder, model->config.d_vocab);
  const std::string story = known_story(*folder);
  REQUIRE(story.size() > 500);
  std::vector<int> ids = {1};  // <s>
  std::string told;
  const auto start = std::chrono::steady_clock::now();
  int64_t n_read = 0;
  while (told.size() < story.size() + 1 && ids.size() < 400) {
    const Trace trace = forward(model, tokens_of(ids));
    n_read += int64_t(ids.size());
    ids.push_back(int(std::ranges::max_element(trace.logits) - trace.logits.begin()));
    if (ids.back() == 1) break;
    told += pieces[size_t(ids.back())];
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("stories260K: %zu tokens told, %.0f tokens read a second\n", ids.size() - 1,
              double(n_read) / seconds);
  CHECK(told.substr(told.find("Once"), story.size()) == story);
}

TEST_CASE("a pass says beforehand how much memory it takes") {
  const std::shared_ptr<const Model> model = load(test_models() / "llama-gqa");
  Config config = model->config;
  const std::vector<int> ids(48, 7);
  for (const bool all_logits : {false, true}) {
    const Keep keep{.all_logits = all_logits};
    const uint64_t said = ForwardPass::bytes_needed(config, int(ids.size()), keep);
    const Trace trace = forward(model, tokens_of(ids), keep);
    uint64_t held = trace.logits.size() * sizeof(float);
    for (int l = 0; l < config.n_layers; ++l) {
      const QK& layer = trace.parts[0].computed(l);
      held += layer.q.bytes() + layer.k.bytes() + layer.v.bytes();
    }
    CHECK(held < said);
  }
  // Far beyond 32 bits without running over.
  config.d_model = kMostWidth;
  config.n_heads = config.n_kv_heads = 512;
  config.d_head = 128;
  config.n_layers = 1000;
  CHECK(ForwardPass::bytes_needed(config, 1 << 20, {}) > (uint64_t(1) << 47));
}

#if defined(__GLIBC__)
TEST_CASE("a pass takes as much memory as it said") {
  const std::shared_ptr<const Model> model = load(test_models() / "gpt-neox-parallel");
  auto wide = std::make_shared<Model>(*model);
  wide->config.n_ctx = 4000;
  const std::vector<int> ids(2000, 7);
  const Tokens tokens = tokens_of(ids);
  const auto in_use = [] {
    const auto info = mallinfo2();
    return double(info.uordblks + info.hblkhd);
  };
  const double before = in_use();
  if (before <= 0) {
    std::printf("SKIPPED memory of a pass: a sanitizer allocates\n");
    return;
  }
  ForwardPass pass(wide, tokens);
  while (pass.step()) {
  }
  const double took = in_use() - before - double(ids.size() * sizeof(Token));
  // Rows of patterns come and go within a step.
  const double said = double(ForwardPass::bytes_needed(wide->config, int(ids.size()), {}));
  CHECK(took < said);
  CHECK(took > 0.7 * said);
}
#endif

TEST_CASE("what does not fit a model is refused with a sentence") {
  const std::shared_ptr<const Model> model = load(test_models() / "llama-gqa");
  const auto message = [&](std::vector<int> ids) {
    const Status status = ForwardPass::check(*model, tokens_of(ids));
    return status ? status->message : "";
  };
  CHECK(message({}).find("empty") != std::string::npos);
  CHECK(message(std::vector<int>(49, 1)).find("49 tokens") != std::string::npos);
  CHECK(message(std::vector<int>(48, 1)) == "");
  CHECK(message({1, 272}).find("272") != std::string::npos);
  CHECK(message({-1}).find("tokenizer.json") != std::string::npos);
}

TEST_CASE("a pass goes step by step, the same every time") {
  const std::shared_ptr<const Model> model = load(test_models() / "gpt-neox-sequential");
  const std::vector<int> ids = {5, 9, 200, 31, 5, 9};
  ForwardPass pass(model, tokens_of(ids));
  int n_steps = 1;
  while (pass.step()) ++n_steps;
  CHECK(n_steps == pass.n_steps());
  const Trace a = pass.take(), b = forward(model, tokens_of(ids));
  CHECK(a.logits == b.logits);
  CHECK(a.parts[0].pattern(0, 0, 0) == b.parts[0].pattern(0, 0, 0));
  CHECK(a.parts[0].query_tokens.size() == 1);
  CHECK(a.parts[0].key_tokens[0].size() == 6);
  CHECK(a.made_by.lock() == model);
}

TEST_CASE("a pass says beforehand in how many steps it goes") {
  const auto count = [](ForwardPass& pass) {
    int n_steps = 1;
    while (pass.step()) ++n_steps;
    return n_steps;
  };
  for (const auto& entry : std::filesystem::directory_iterator(test_models())) {
    if (!entry.is_directory()) continue;
    const std::shared_ptr<const Model> tiny = load(entry.path());
    CAPTURE(tiny->name);
    // Rotary positions know no end: several chunks of rows, and stages of more than one step where
    // there are no threads.
    auto model = std::make_shared<Model>(*tiny);
    const bool rotary = model->config.position == Position::rotary;
    if (rotary) model->config.n_ctx = 1000;
    for (const int n : {1, 2, 17, std::min(700, model->config.n_ctx)}) {
      CAPTURE(n);
      std::vector<int> ids(static_cast<size_t>(n));
      for (int i = 0; i < n; ++i) ids[size_t(i)] = i * 7 % 90;
      const Tokens tokens = tokens_of(ids);
      for (const bool all : {false, true}) {
        ForwardPass pass(model, tokens, {.all_logits = all, .activations = all});
        CHECK(count(pass) == pass.n_steps());
      }
      // Of what an earlier pass has computed: all, all but a token, all but a few chunks.
      const Trace whole = forward(model, tokens);
      for (const int first : {n, n - 1, n / 4}) {
        std::vector<int> other = ids;
        for (int i = first; i < n; ++i) other[size_t(i)] = 91;
        ForwardPass pass(model, tokens_of(other), {}, &whole);
        CHECK(pass.n_reused() == (model->config.mask == Mask::causal ? first : 0));
        CHECK(count(pass) == pass.n_steps());
        pass.take();
      }
    }
  }
}

TEST_CASE("learned positions, post-norm and no mask follow their formulas") {
  // One layer without attention output and MLP output: norms of embedding + position, twice.
  const std::shared_ptr<const Model> tiny = load(test_models() / "gpt-neox-sequential");
  auto model = std::make_shared<Model>(*tiny);
  Config& c = model->config;
  c.n_layers = 1;
  c.norm_place = NormPlace::post;
  c.position = Position::learned;
  c.mask = Mask::none;
  Weights& w = model->weights;
  w.blocks.resize(1);
  for (Linear* linear : {&w.blocks[0].o, &w.blocks[0].mlp_out}) {
    const std::vector<float> zeros(size_t(linear->w.d_out() * linear->w.d_in()));
    linear->w = PackedMatrix::pack({zeros.data(), linear->w.d_out(), linear->w.d_in()});
    linear->b = {};
  }
  w.positions = w.embed;
  w.ln_final = {};
  const Trace trace = forward(model, tokens_of(std::vector<int>{3, 4}), {.all_logits = true});
  const int d = c.d_model;
  std::vector<float> x(size_t(2 * d));
  for (int i = 0; i < 2; ++i) {
    const std::span<float> row = std::span(x).subspan(size_t(i * d), size_t(d));
    w.embed.row(i + 3, row);
    w.embed.add_row(i, row);
  }
  const Mat rows(x.data(), 2, d);
  const Block& b = w.blocks[0];
  layer_norm(rows, b.ln1.gamma.vec(), b.ln1.beta.vec(), c.norm_eps, rows);
  layer_norm(rows, b.ln2.gamma.vec(), b.ln2.beta.vec(), c.norm_eps, rows);
  std::vector<float> logits(size_t(2 * c.d_vocab));
  linear(rows, w.unembed, {logits.data(), 2, c.d_vocab});
  CHECK(most_apart(trace.logits, logits) < 1e-5);
  const std::vector<float> pattern = trace.parts[0].pattern(0, 0, 0);
  CHECK(pattern[1] > 0);
  CHECK(pattern[0] + pattern[1] == doctest::Approx(1));
}
