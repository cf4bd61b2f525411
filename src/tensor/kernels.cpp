#include "tensor/kernels.h"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "tensor/exp.h"
#include "tensor/parallel.h"

namespace attn {

namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Stride = Eigen::OuterStride<>;

auto view(ConstMat m) {
  return Eigen::Map<const RowMajor, 0, Stride>(m.data, m.rows, m.cols, Stride(m.stride));
}
auto view(Mat m) {
  return Eigen::Map<RowMajor, 0, Stride>(m.data, m.rows, m.cols, Stride(m.stride));
}

ConstMat part(ConstMat m, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols) {
  return {m.data + row * m.stride + col, n_rows, n_cols, m.stride};
}
Mat part(Mat m, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols) {
  return {m.data + row * m.stride + col, n_rows, n_cols, m.stride};
}

// An output is cut into tiles of this size, whatever the number of threads, and no sum is ever
// split: so the bits of the result do not depend on who computed which tile.
constexpr int64_t kTile = 128;
// Multiplications that are worth waking a thread for.
constexpr int64_t kWork = 1 << 17;

// f(row, n_rows, col, n_cols) for every tile of `out`, each element of which costs `depth`.
template <class F>
void for_tiles(const Mat& out, int64_t depth, F&& f) {
  if (out.rows <= 0 || out.cols <= 0) return;
  const int64_t down = (out.rows + kTile - 1) / kTile, across = (out.cols + kTile - 1) / kTile;
  const int64_t work =
      std::min(out.rows, kTile) * std::min(out.cols, kTile) * std::max<int64_t>(depth, 1);
  parallel_for(down * across, std::max<int64_t>(1, kWork / work), [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t row = tile / across * kTile, col = tile % across * kTile;
      f(row, std::min(kTile, out.rows - row), col, std::min(kTile, out.cols - col));
    }
  });
}

// f(row) for every row, each of which costs `work`.
template <class F>
void for_rows(int64_t n, int64_t work, F&& f) {
  parallel_for(n, std::max<int64_t>(1, kWork / std::max<int64_t>(work, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) f(i);
               });
}

// x[i] = f(x[i]), `work` multiplications each. Cut by fixed blocks too, since a compiler may fuse
// multiplications and additions differently in the last few steps of a loop.
template <class F>
void map(std::span<float> x, int64_t work, F&& f) {
  constexpr size_t kBlock = 4096;
  for_rows(int64_t((x.size() + kBlock - 1) / kBlock), int64_t(kBlock) * work, [&](int64_t block) {
    const size_t begin = size_t(block) * kBlock, end = std::min(x.size(), begin + kBlock);
    float* values = x.data();
    for (size_t i = begin; i < end; ++i) values[i] = f(values[i]);
  });
}

}  // namespace

void linear(ConstMat x, ConstMat w, std::span<const float> b, Mat out) {
  assert(x.cols == w.cols && out.rows == x.rows && out.cols == w.rows);
  assert(b.empty() || int64_t(b.size()) == w.rows);
  for_tiles(out, x.cols, [&](int64_t row, int64_t n_rows, int64_t col, int64_t n_cols) {
    auto tile = view(part(out, row, n_rows, col, n_cols));
    tile.noalias() =
        view(part(x, row, n_rows, 0, x.cols)) * view(part(w, col, n_cols, 0, w.cols)).transpose();
    if (!b.empty()) tile.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(b.data() + col, n_cols);
  });
}

void product_nt(ConstMat a, ConstMat b, float scale, Mat out) {
  assert(a.cols == b.cols && out.rows == a.rows && out.cols == b.rows);
  for_tiles(out, a.cols, [&](int64_t row, int64_t n_rows, int64_t col, int64_t n_cols) {
    auto tile = view(part(out, row, n_rows, col, n_cols));
    tile.noalias() =
        view(part(a, row, n_rows, 0, a.cols)) * view(part(b, col, n_cols, 0, b.cols)).transpose();
    if (scale != 1) tile *= scale;
  });
}

void product_nn(ConstMat a, ConstMat b, Mat out) {
  assert(a.cols == b.rows && out.rows == a.rows && out.cols == b.cols);
  for_tiles(out, a.cols, [&](int64_t row, int64_t n_rows, int64_t col, int64_t n_cols) {
    view(part(out, row, n_rows, col, n_cols)).noalias() =
        view(part(a, row, n_rows, 0, a.cols)) * view(part(b, 0, b.rows, col, n_cols));
  });
}

void softmax_row(std::span<float> row) {
  if (row.empty()) return;
  const float highest = *std::max_element(row.begin(), row.end());
  for (float& x : row) x = exp_float(x - highest);
  double sum = 0;
  for (float x : row) sum += x;
  const float scale = float(1 / sum);
  for (float& x : row) x *= scale;
}

void layer_norm(ConstMat x, std::span<const float> gamma, std::span<const float> beta, float eps,
                Mat out) {
  assert(out.rows == x.rows && out.cols == x.cols && int64_t(gamma.size()) == x.cols);
  assert(beta.empty() || beta.size() == gamma.size());
  for_rows(x.rows, 8 * x.cols, [&](int64_t i) {
    const std::span<const float> from = x.row(i);
    const std::span<float> to = out.row(i);
    double sum = 0, squares = 0;
    for (float value : from) sum += value;
    const double mean = sum / double(x.cols);
    for (float value : from) squares += (value - mean) * (value - mean);
    const double scale = 1 / std::sqrt(squares / double(x.cols) + eps);
    for (size_t j = 0; j < from.size(); ++j) {
      to[j] = float((from[j] - mean) * scale) * gamma[j] + (beta.empty() ? 0.f : beta[j]);
    }
  });
}

void rms_norm(ConstMat x, std::span<const float> gamma, float eps, Mat out) {
  assert(out.rows == x.rows && out.cols == x.cols && int64_t(gamma.size()) == x.cols);
  for_rows(x.rows, 8 * x.cols, [&](int64_t i) {
    const std::span<const float> from = x.row(i);
    const std::span<float> to = out.row(i);
    double squares = 0;
    for (float value : from) squares += double(value) * value;
    const float scale = float(1 / std::sqrt(squares / double(x.cols) + eps));
    for (size_t j = 0; j < from.size(); ++j) to[j] = from[j] * scale * gamma[j];
  });
}

void rotate(Mat x, ConstMat cosines, ConstMat sines, bool interleaved) {
  const int64_t n_pairs = cosines.cols;
  assert(cosines.rows == x.rows && sines.rows == x.rows && sines.cols == n_pairs);
  assert(2 * n_pairs <= x.cols);
  const int64_t step = interleaved ? 2 : 1, apart = interleaved ? 1 : n_pairs;
  for_rows(x.rows, 8 * n_pairs, [&](int64_t i) {
    const float *c = cosines.row(i).data(), *s = sines.row(i).data();
    float *first = x.row(i).data(), *second = first + apart;
    for (int64_t j = 0; j < n_pairs; ++j) {
      const float a = first[j * step], b = second[j * step];
      first[j * step] = a * c[j] - b * s[j];
      second[j * step] = b * c[j] + a * s[j];
    }
  });
}

void gelu(std::span<float> x) {
  map(x, 32, [](float v) { return 0.5f * v * std::erfc(v * -0.70710678f); });
}

// 0.5 x (1 + tanh u) = x σ(2u), which keeps its digits where tanh is close to -1.
void gelu_tanh(std::span<float> x) {
  map(x, 16, [](float v) {
    const float u = 0.79788456f * (v + 0.044715f * v * v * v);
    return v / (1 + exp_float(-2 * u));
  });
}

void silu(std::span<float> x) {
  map(x, 16, [](float v) { return v / (1 + exp_float(-v)); });
}

void relu(std::span<float> x) {
  map(x, 1, [](float v) { return v < 0 ? 0.f : v; });
}

void add(std::span<float> x, std::span<const float> y) {
  assert(x.size() == y.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

}  // namespace attn
