// test_threads.cpp - a pass has the same bits with any number of threads, in every weight format.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <random>

#include "golden_model.h"
#include "pass/forward.h"
#include "stored.h"
#include "tensor/parallel.h"

using namespace attn;

namespace {

const char* const kModels[] = {"gpt2", "llama-gqa", "bert-mlm"};
constexpr int kWider = 8;  // tiny layers are too little work for a second thread

std::shared_ptr<const Model> load(const std::string& name) {
  const std::filesystem::path folder = test_models() / name;
  Result<std::shared_ptr<const Model>> model = load_model(read_model_files(folder), name);
  if (!model) FAIL(model.error().message);
  return *model;
}

// Random weights where `tiny` has some, all widths but the vocabulary's `kWider` times as large.
// Linear layers and tables of words hold numbers of `format`; `exact`: what these are, as floats.
struct Widener {
  Format format;
  bool exact;
  std::mt19937 random{17};

  Stored numbers(int64_t rows, int64_t cols, Format as, float size) {
    std::vector<float> x = normal(rows * cols, random);
    for (float& v : x) v *= size;
    return store(std::move(x), cols, as);
  }
  std::shared_ptr<Stored> keep(Stored stored) {
    return std::make_shared<Stored>(std::move(stored));
  }

  void widen(Tensor& t, int factor, float mean) {
    if (t.empty()) return;
    const auto floats = std::make_shared<std::vector<float>>(normal(t.size() * factor, random));
    for (float& v : *floats) v = mean + 0.1f * v;
    t = {floats, floats->data(), {int64_t(floats->size())}};
  }
  void widen(NormWeights& n) {
    widen(n.gamma, kWider, 1);
    widen(n.beta, kWider, 0);
  }
  void widen(Table& t, Format as) {
    if (t.empty()) return;
    const int64_t cols = t.cols * kWider;
    auto stored = keep(numbers(t.rows, cols, as, 0.3f));
    const bool floats = exact || as == Format::f32;
    const void* data = floats ? static_cast<const void*>(stored->exact.data()) : stored->data();
    t = {stored, data, floats ? Format::f32 : as, t.rows, cols};
  }
  void widen(Linear& l) {
    if (l.w.empty()) return;
    const int64_t d_out = l.w.d_out() * kWider, d_in = l.w.d_in() * kWider;
    const Stored stored = numbers(d_out, d_in, format, 0.05f);
    WeightSource source{stored.data(), format, {}, 1, d_in};
    if (exact) source = {stored.exact.data(), Format::f32, {}, 1, d_in};
    for (int64_t o = 0; o < d_out; ++o) source.row_at.push_back(o * d_in);
    l.w = PackedMatrix::pack(source);
    widen(l.b, kWider, 0);
  }
};

std::shared_ptr<const Model> wide_model(const Model& tiny, Format format, bool exact) {
  Widener w{format, exact};
  const auto model = std::make_shared<Model>(tiny);
  Config& c = model->config;
  for (int* d : {&c.d_model, &c.d_head, &c.d_mlp, &c.rope_dims, &c.d_embed}) *d *= kWider;
  Weights& weights = model->weights;
  w.widen(weights.embed, format);
  w.widen(weights.positions, Format::f32);
  w.widen(weights.token_types, Format::f32);
  w.widen(weights.ln_embed);
  w.widen(weights.embed_project);
  for (Block& b : weights.blocks) {
    for (NormWeights* n : {&b.ln1, &b.ln2}) w.widen(*n);
    for (Linear* l : {&b.q, &b.k, &b.v, &b.o, &b.mlp_in, &b.mlp_gate, &b.mlp_out}) w.widen(*l);
  }
  w.widen(weights.ln_final);
  w.widen(weights.head_dense);
  w.widen(weights.ln_head);
  w.widen(weights.unembed, format);
  return model;
}

Tokens some_tokens(int n) {
  std::vector<int> ids;
  for (int i = 0; i < n; ++i) ids.push_back((i * i * 7 + i * 13 + 3) % 100);
  return tokens_of(ids);
}

std::vector<float> all_rows(const std::vector<HeadRows>& layers) {
  std::vector<float> all;
  for (const HeadRows& rows : layers) {
    for (int64_t h = 0; h < rows.n_heads(); ++h) {
      for (int64_t i = 0; i < rows.n_rows(); ++i) {
        const auto row = rows.head(h).row(i);
        all.insert(all.end(), row.begin(), row.end());
      }
    }
  }
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && !std::memcmp(a.data(), b.data(), a.size() * sizeof(float));
}

Trace pass_of(const std::shared_ptr<const Model>& model, int n, int threads) {
  set_n_threads(threads);
  Trace trace = forward(model, some_tokens(n), {.all_logits = true});
  set_n_threads(0);
  return trace;
}

void check_threads(const std::shared_ptr<const Model>& model) {
  for (const int n : {1, 5, 40}) {
    const Trace one = pass_of(model, n, 1);
    const Attention& a = one.parts[0];
    CHECK(!all_rows(a.facts).empty());
    CHECK(one.logits.size() == size_t(n) * size_t(model->config.d_vocab));
    // Several times, for helpers that were still asleep. Without them the ranges are others, too.
    for (const int threads : {2, 4, 2, 4, 2, 4}) {
      CAPTURE(n);
      CAPTURE(threads);
      const Trace many = pass_of(model, n, threads);
      const Attention& b = many.parts[0];
      CHECK(same_bits(one.logits, many.logits));
      for (HeadRows QK::* part : {&QK::q, &QK::k, &QK::v})
        for (int l = 0; l < a.n_layers; ++l)
          CHECK(same_bits(all_rows({a.computed(l).*part}), all_rows({b.computed(l).*part})));
      CHECK(same_bits(all_rows(a.facts), all_rows(b.facts)));
    }
  }
}

}  // namespace

TEST_CASE("a pass with two or four threads has the bits of one, checkpoints of the tests") {
  for (const char* name : kModels) {
    CAPTURE(name);
    check_threads(load(name));
  }
}

TEST_CASE("a pass with two or four threads has the bits of one, wide layers in every format") {
  for (const char* name : kModels) {
    const std::shared_ptr<const Model> tiny = load(name);
    for (const Format format : kAllFormats) {
      CAPTURE(name);
      CAPTURE(int(format));
      check_threads(wide_model(*tiny, format, false));
    }
  }
}

TEST_CASE("a pass with weights in any format is that with the same numbers as floats") {
  for (const char* name : kModels) {
    const std::shared_ptr<const Model> tiny = load(name);
    for (const Format format : {Format::bf16, Format::f16, Format::q8_0}) {
      CAPTURE(name);
      CAPTURE(int(format));
      const auto model = wide_model(*tiny, format, false), floats = wide_model(*tiny, format, true);
      for (const int n : {1, 40}) {
        const Trace a = pass_of(model, n, 0), b = pass_of(floats, n, 0);
        double most = 0;
        for (const float logit : b.logits) most = std::max(most, std::abs(double(logit)));
        CHECK(most > 0.1);
        CHECK(most_apart(a.logits, b.logits) < 1e-5 * most);
        for (int layer = 0; layer < tiny->config.n_layers; ++layer)
          CHECK(most_apart(a.parts[0].pattern(0, layer, 1), b.parts[0].pattern(0, layer, 1)) <
                1e-5);
      }
    }
  }
}

TEST_CASE("norms, rotations and element functions with two or four threads have the bits of one") {
  std::mt19937 random(18);
  const std::vector<float> gamma = normal(768, random), beta = normal(768, random);
  using Function = std::function<void(std::vector<float>&)>;
  const auto mat = [](std::vector<float>& x) {
    return Mat{x.data(), int64_t(x.size()) / 768, 768};
  };
  const Function functions[] = {
      [](std::vector<float>& x) { gelu(x); },
      [](std::vector<float>& x) { gelu_tanh(x); },
      [](std::vector<float>& x) { silu(x); },
      [](std::vector<float>& x) { relu(x); },
      [](std::vector<float>& x) { softmax_row(x); },
      [](std::vector<float>& x) { add(x, std::vector<float>(x)); },
      [&](std::vector<float>& x) { layer_norm(mat(x), gamma, beta, 1e-5f, mat(x)); },
      [&](std::vector<float>& x) { rms_norm(mat(x), gamma, 1e-5f, mat(x)); },
      [&](std::vector<float>& x) {
        const std::vector<float> cosines(x.size() / 2, 0.6f), sines(x.size() / 2, 0.8f);
        const int64_t rows = mat(x).rows;
        rotate(mat(x), {cosines.data(), rows, 384}, {sines.data(), rows, 384}, false);
      }};
  for (const int64_t rows : {1, 5, 400}) {
    const std::vector<float> x = normal(rows * 768, random);
    for (const Function& function : functions) {
      const auto with = [&](int threads) {
        std::vector<float> y = x;
        set_n_threads(threads);
        function(y);
        set_n_threads(0);
        return y;
      };
      const std::vector<float> one = with(1);
      CHECK(same_bits(one, with(2)));
      CHECK(same_bits(one, with(4)));
    }
  }
}
