#include "bench_works.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "bench_loops.h"
#include "pass/forward.h"
#include "tensor/kernels.h"
#include "tensor/packed.h"
#include "tensor/parallel.h"

namespace attn {

namespace {

constexpr int kSoftmaxHeads = 12, kSoftmaxTimes = 8;  // as in models.mjs
constexpr int kGemmLayers = 12;

// Seeded, near -1 .. 1, none of them 0: pages that nobody wrote are all the same one.
void fill(std::span<float> floats, float scale) {
  uint32_t state = 2463534242u;
  for (float& x : floats) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    x = (float(int32_t(state | 1)) / 2147483648.f) * scale;
  }
}

// ---- The library's interface, each part in one place

using Matrix = PackedMatrix;
Matrix matrix_of(const std::vector<float>& floats, int64_t d_out, int64_t d_in) {
  return PackedMatrix::pack(ConstMat(floats.data(), d_out, d_in));
}
void multiply(ConstMat x, const Matrix& w, Mat out) { linear(x, w, {}, out); }

Trace pass_over(const std::shared_ptr<const Model>& model, const Tokens& tokens) {
  return forward(model, tokens);
}

// `before` is the pass over all tokens but the last.
Trace one_more(const std::shared_ptr<const Model>& model, const Tokens& tokens,
               const Trace& before) {
  return forward(model, tokens, {}, &before);
}

// [layer, head, query, key] of queries q0 .. n_query - 1.
void write_patterns(const Attention& a, int q0, std::span<float> out) {
  const size_t one = size_t(a.n_query - q0) * size_t(a.n_key);
  assert(out.size() == one * size_t(a.n_layers) * size_t(a.n_heads));
  float* to = out.data();
  for (int layer = 0; layer < a.n_layers; ++layer) {
    for (int head = 0; head < a.n_heads; ++head, to += one) {
      a.pattern_rows(0, layer, head, q0, a.n_query, {to, a.n_query - q0, a.n_key});
    }
  }
}

Dump dump_of(const Trace& trace, int q0) {
  const Attention& a = trace.parts[0];
  Dump dump;
  dump.patterns.resize(size_t(a.n_layers) * size_t(a.n_heads) * size_t(a.n_query - q0) *
                       size_t(a.n_key));
  write_patterns(a, q0, dump.patterns);
  dump.logits = trace.logits;
  return dump;
}

}  // namespace

Status Bench::load(std::vector<File> files, std::string name) {
  Result<std::shared_ptr<const Model>> model = load_model(std::move(files), std::move(name));
  if (!model) return model.error();
  model_ = std::move(*model);
  return {};
}

void Bench::unload() {
  model_.reset();
  floats_ = {};
}

Result<Tokens> Bench::tokens(const Json& command) const {
  if (!model_) return Error{"command: load a model first"};
  Tokens tokens;
  const Json ids = command.at("ids");
  for (size_t i = 0; i < ids.size(); ++i) {
    tokens.items.push_back({.id = int(ids.at(i).integer().value_or(-1))});
  }
  if (const Status wrong = ForwardPass::check(*model_, tokens)) return *wrong;
  return tokens;
}

std::function<void()> Bench::peak() {
  constexpr int64_t kPieces = 128;
  units_ = double(kPieces) * machine_loops().flops_of_peak();
  return [this] {
    parallel_for(kPieces, 1, [this](int64_t begin, int64_t end) {
      float sum = 0;
      for (int64_t i = begin; i < end; ++i) sum += machine_loops().peak(0.999f, 0.001f);
      sink_ = sum;
    });
  };
}

std::function<void()> Bench::read() {
  constexpr size_t kFloats = (512u << 20) / sizeof(float), kPiece = (2u << 20) / sizeof(float);
  if (floats_.size() != kFloats) {
    floats_ = {};
    floats_.resize(kFloats);
    fill(floats_, 1e-3f);
  }
  units_ = double(kFloats * sizeof(float));
  return [this] {
    parallel_for(int64_t(kFloats / kPiece), 1, [this](int64_t begin, int64_t end) {
      float sum = 0;
      for (int64_t i = begin; i < end; ++i) {
        sum += machine_loops().read({floats_.data() + size_t(i) * kPiece, kPiece});
      }
      sink_ = sum;
    });
  };
}

Result<std::function<void()>> Bench::gemm(int64_t n, bool wide) {
  struct Layers {
    std::vector<Matrix> w;
    std::vector<float> narrow, hidden;
  };
  const int64_t d = 768, d_wide = wide ? 3072 : 768;
  const auto layers = std::make_shared<Layers>();
  for (int l = 0; l < kGemmLayers; ++l) {
    const int64_t d_in = l % 2 ? d_wide : d, d_out = l % 2 ? d : d_wide;
    std::vector<float> w(size_t(d_in * d_out));
    fill(w, std::sqrt(3.f / float(d_in)));
    layers->w.push_back(matrix_of(w, d_out, d_in));
  }
  layers->narrow.resize(size_t(n * d));
  layers->hidden.resize(size_t(n * d_wide));
  fill(layers->narrow, 1);
  units_ = 2.0 * double(kGemmLayers) * double(n * d * d_wide);
  return std::function<void()>([=] {
    const Mat narrow(layers->narrow.data(), n, d), hidden(layers->hidden.data(), n, d_wide);
    for (size_t l = 0; l < layers->w.size(); l += 2) {
      multiply(narrow, layers->w[l], hidden);
      multiply(hidden, layers->w[l + 1], narrow);
    }
  });
}

std::function<void()> Bench::softmax(int64_t n) {
  const size_t size = size_t(kSoftmaxHeads * n * n);
  if (floats_.size() != size) {
    floats_ = {};
    floats_.resize(size);
    fill(floats_, 4);
  }
  units_ = double(kSoftmaxTimes * kSoftmaxHeads) * (double(n) * double(n + 1) / 2);
  return [this, n] {
    for (int i = 0; i < kSoftmaxTimes; ++i) {
      parallel_for(kSoftmaxHeads * n, 16, [this, n](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) {
          softmax_row({floats_.data() + row * n, size_t(row % n + 1)});
        }
      });
    }
  };
}

Result<std::function<void()>> Bench::decode(const Tokens& tokens) {
  if (tokens.size() < 2) return Error{"command: decode needs two ids or more"};
  Tokens first = tokens;
  first.items.pop_back();
  const auto before = std::make_shared<const Trace>(pass_over(model_, first));
  return std::function<void()>([this, tokens, before] { one_more(model_, tokens, *before); });
}

Result<std::function<void()>> Bench::work(const Json& command) {
  const std::string_view what = command.at("work").text().value_or("");
  const int64_t n = command.at("n").integer().value_or(0);
  units_ = 0;
  if (what == "peak") return peak();
  if (what == "read") return read();
  if (what == "gemm-768") return gemm(n, false);
  if (what == "gemm-3072") return gemm(n, true);
  if (what == "softmax") return softmax(n);

  Result<Tokens> read = tokens(command);
  if (!read) return read.error();
  if (what == "decode") return decode(*read);
  const Tokens tokens = std::move(*read);
  if (what == "forward") {
    return std::function<void()>([this, tokens] { pass_over(model_, tokens); });
  }
  if (what == "bare") {  // nothing is told of rows
    return std::function<void()>([this, tokens] { forward(model_, tokens, {.facts = false}); });
  }
  if (what == "patterns") {
    const Config& c = model_->config;
    floats_.resize(size_t(c.n_layers) * size_t(c.n_heads) * size_t(tokens.size()) *
                   size_t(tokens.size()));
    return std::function<void()>(
        [this, tokens] { write_patterns(pass_over(model_, tokens).parts[0], 0, floats_); });
  }
  return Error{"command: there is no work \"" + std::string(what) + "\""};
}

Result<Dump> Bench::dump(const Json& command) {
  Result<Tokens> read = tokens(command);
  if (!read) return read.error();
  if (command.at("work").text() != "decode") return dump_of(pass_over(model_, *read), 0);
  Tokens first = *read;
  first.items.pop_back();
  const Trace trace = one_more(model_, *read, pass_over(model_, first));
  return dump_of(trace, trace.parts[0].n_query - 1);
}

}  // namespace attn
