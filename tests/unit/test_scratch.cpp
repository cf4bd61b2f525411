// test_scratch.cpp - multi-head attention from scratch equals PyTorch's.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "golden_text.h"
#include "pass/scratch.h"

using namespace attn;

namespace {

constexpr double kTolerance = 1e-6;

double largest_difference(std::span<const float> ours, std::span<const float> theirs) {
  if (ours.size() != theirs.size()) return INFINITY;
  double most = 0;
  for (size_t i = 0; i < ours.size(); ++i)
    most = std::max(most, double(std::abs(ours[i] - theirs[i])));
  return most;
}

std::vector<float> all_patterns(const Attention& a) {
  std::vector<float> all;
  for (int s = 0; s < a.n_samples; ++s) {
    for (int h = 0; h < a.n_heads; ++h) {
      const std::vector<float> one = a.pattern(s, 0, h);
      all.insert(all.end(), one.begin(), one.end());
    }
  }
  return all;
}

std::vector<GoldenCase> golden() {
  return read_golden(ATTNSCOPE_SOURCE_DIR "/tests/data/scratch.txt");
}

Batch drawn(TorchRandom& random, int n_samples, int n_tokens, int d_model) {
  Batch x{n_samples, n_tokens, d_model, {}};
  x.values.resize(size_t(n_samples * n_tokens * d_model));
  random.normal(x.values);
  return x;
}

void check_weights(const GoldenCase& g, const MultiHeadAttention& m) {
  const struct {
    const char *w, *b;
    const std::vector<float>&W, &bias;
  } layers[] = {{"W_Q", "b_Q", m.W_Q, m.b_Q},
                {"W_K", "b_K", m.W_K, m.b_K},
                {"W_V", "b_V", m.W_V, m.b_V},
                {"W_O", "b_O", m.W_O, m.b_O}};
  for (const auto& layer : layers) {
    CAPTURE(layer.w);
    const std::string w = layer.w;
    if (g.has(w)) {
      CHECK(layer.W == g.values(w));
    } else {
      CHECK(std::ranges::equal(std::span(layer.W).first(size_t(m.d_model)), g.values(w + ".row0")));
      const double sum = std::accumulate(layer.W.begin(), layer.W.end(), 0.0);
      CHECK(sum == doctest::Approx(g.values(w + ".sum")[0]).epsilon(1e-6));
    }
    if (g.has(layer.b)) CHECK(layer.bias == g.values(layer.b));
  }
}

Batch constant(int n_samples, int n_tokens, int d_model) {
  return {n_samples, n_tokens, d_model,
          std::vector<float>(size_t(n_samples * n_tokens * d_model), 0.5f)};
}

}  // namespace

TEST_CASE("self-attention: weights, input, attention and output are PyTorch's") {
  double input = 0, attention = 0, output = 0;
  int n_cases = 0;
  for (const GoldenCase& g : golden()) {
    if (g.settings.at("kind") != "self") continue;
    CAPTURE(g.name);
    ++n_cases;
    ScratchSettings s;
    s.seed = uint64_t(g.number("seed"));
    s.d_model = int(g.number("d_model"));
    s.n_heads = int(g.number("heads"));
    s.n_samples = int(g.number("batch"));
    s.tokens.assign(size_t(g.number("n")), "x");
    const std::string mask = g.settings.at("mask");
    s.mask = mask == "none"     ? ScratchMask::none
             : mask == "causal" ? ScratchMask::causal
                                : ScratchMask::padding;
    const Result<ScratchRun> run = run_scratch(s);
    REQUIRE(run);
    check_weights(g, run->module);
    const std::span<const float> x = run->input.values, y = run->output.values;
    if (g.has("input")) {
      input = std::max(input, largest_difference(x, g.values("input")));
      output = std::max(output, largest_difference(y, g.values("output")));
    } else {
      const size_t d = size_t(s.d_model);
      input = std::max(input, largest_difference(x.first(d), g.values("input.row0")));
      output = std::max(output, largest_difference(y.first(d), g.values("output.row0")));
      CHECK(std::accumulate(x.begin(), x.end(), 0.0) ==
            doctest::Approx(g.values("input.sum")[0]).epsilon(1e-5));
    }
    const double difference =
        largest_difference(all_patterns(run->trace->parts[0]), g.values("attention"));
    attention = std::max(attention, difference);
  }
  CHECK(n_cases > 10);
  MESSAGE("largest differences: input " << input << ", attention " << attention << ", output "
                                        << output);
  CHECK(input <= kTolerance);
  CHECK(attention <= kTolerance);
  CHECK(output <= kTolerance);
}

TEST_CASE("cross-attention and every shape of mask are PyTorch's") {
  double attention = 0, output = 0;
  int n_cases = 0;
  for (const GoldenCase& g : golden()) {
    if (g.settings.at("kind") != "cross") continue;
    CAPTURE(g.name);
    ++n_cases;
    const int d = int(g.number("d_model")), batch = int(g.number("batch"));
    TorchRandom random(uint64_t(g.number("seed")));
    const auto m = MultiHeadAttention::create(d, int(g.number("heads")), random);
    REQUIRE(m);
    const Batch query = drawn(random, batch, int(g.number("n_query")), d);
    const Batch key = drawn(random, batch, int(g.number("n_key")), d);
    const Batch value = drawn(random, batch, int(g.number("n_key")), d);
    CHECK(largest_difference(query.values, g.values("query")) <= kTolerance);
    CHECK(largest_difference(key.values, g.values("key")) <= kTolerance);
    CHECK(largest_difference(value.values, g.values("value")) <= kTolerance);
    MultiHeadAttention::MaskTensor mask;
    if (g.has("mask")) {
      const GoldenTensor& t = g.tensors.at("mask");
      mask = {t.shape[0], t.shape[1], t.shape[2], {}};
      for (float v : t.values) mask.values.push_back(uint8_t(v));
    }
    const auto out = m->forward(query, key, value, mask);
    REQUIRE(out);
    CHECK(out->weights.part == Part::cross);
    attention =
        std::max(attention, largest_difference(all_patterns(out->weights), g.values("attention")));
    output = std::max(output, largest_difference(out->values.values, g.values("output")));
    CHECK(largest_difference(out->context.values, g.values("context")) <= kTolerance);
  }
  CHECK(n_cases == 5);
  MESSAGE("largest differences: attention " << attention << ", output " << output);
  CHECK(attention <= kTolerance);
  CHECK(output <= kTolerance);
}

TEST_CASE("a row with nothing to see is uniform, and a masked key gets nothing") {
  TorchRandom random(1);
  const auto m = MultiHeadAttention::create(8, 2, random);
  REQUIRE(m);
  const Batch x = drawn(random, 1, 4, 8);
  const auto out =
      m->forward(x, x, x, {1, 2 + 2, 4, {0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1}});
  REQUIRE(out);
  CHECK(out->weights.part == Part::encoder_self);
  for (int h = 0; h < 2; ++h) {
    const std::vector<float> p = out->weights.pattern(0, 0, h);
    for (int k = 0; k < 4; ++k) CHECK(p[size_t(k)] == 0.25f);
    CHECK(p[5] == 0);
    CHECK(p[7] == 0);
    CHECK(p[15] == 1);
  }
}

TEST_CASE("sizes that do not fit are one sentence") {
  TorchRandom random(0);
  const auto odd = MultiHeadAttention::create(64, 5, random);
  REQUIRE_FALSE(odd);
  CHECK(odd.error().message ==
        "attention from scratch: d_model 64 is not a multiple of 5 heads; every head gets d_model "
        "/ heads "
        "dimensions");
  CHECK_FALSE(MultiHeadAttention::create(0, 1, random));
  CHECK_FALSE(MultiHeadAttention::create(8, 0, random));
  CHECK_FALSE(MultiHeadAttention::create(8, -2, random));
  CHECK_FALSE(MultiHeadAttention::create(8192, 2, random));
  CHECK_FALSE(MultiHeadAttention::create(512, 512, random));

  const auto m = MultiHeadAttention::create(8, 2, random);
  REQUIRE(m);
  const Batch x = constant(2, 3, 8);
  CHECK(m->forward(x, x, x, {}));
  CHECK_FALSE(m->forward(constant(2, 3, 4), x, x, {}));
  CHECK_FALSE(m->forward(x, constant(1, 3, 8), x, {}));
  CHECK_FALSE(m->forward(x, x, constant(2, 4, 8), {}));
  CHECK_FALSE(m->forward({2, 3, 8, {}}, x, x, {}));
  CHECK_FALSE(m->forward(Batch{}, x, x, {}));
  CHECK_FALSE(m->forward(x, x, x, {3, 1, 3, std::vector<uint8_t>(9)}));
  CHECK_FALSE(m->forward(x, x, x, {1, 2, 3, std::vector<uint8_t>(6)}));
  CHECK_FALSE(m->forward(x, x, x, {1, 1, 4, std::vector<uint8_t>(4)}));
  const auto short_mask = m->forward(x, x, x, {1, 1, 3, std::vector<uint8_t>(2)});
  REQUIRE_FALSE(short_mask);
  CHECK(short_mask.error().message ==
        "attention from scratch: the mask has shape [1, 1, 3] and 2 values; it must be [2 or 1, 3 "
        "or 1, 3]");
}

TEST_CASE("a demonstration beyond its limits is refused before memory is taken") {
  ScratchSettings s;
  s.tokens.clear();
  CHECK_FALSE(run_scratch(s));
  s.tokens.assign(1025, "x");
  CHECK_FALSE(run_scratch(s));
  s.tokens.resize(4);
  s.n_samples = 65;
  CHECK_FALSE(run_scratch(s));
  s.n_samples = 0;
  CHECK_FALSE(run_scratch(s));
  s = {.d_model = 4096, .n_heads = 8, .n_samples = 64};
  s.tokens.assign(1024, "x");
  const auto run = run_scratch(s);
  REQUIRE_FALSE(run);
  CHECK(run.error().message.find("fewer samples") != std::string::npos);
}

TEST_CASE("the trace of a run names its tokens") {
  const auto run = run_scratch({});
  REQUIRE(run);
  const Trace& trace = *run->trace;
  CHECK(trace.parts[0].n_layers == 1);
  CHECK(trace.parts[0].query_tokens.size() == 2);
  REQUIRE(trace.parts[0].key_tokens[1].size() == 6);
  const Token& token = trace.parts[0].key_tokens[1].items[2];
  CHECK(token.shown == "学习");
  CHECK(token.id == -1);
  CHECK(trace.parts[0].key_tokens[1].text.substr(token.begin, token.end - token.begin) == "学习");
}
