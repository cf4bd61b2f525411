#include "tensor/kernels.h"

#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>
#include <algorithm>

#include "tensor/parallel.h"
#include "tensor/simd.h"

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

// Outputs are divided into tiles of this size for any number of threads, and no sum is split, so
// that results are bit-identical.
constexpr int64_t kTile = 128;
// Multiplications for which waking a thread pays off.
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

// Runs a single-threaded loop over x on many threads, in fixed blocks of whole registers.
void map(std::span<float> x, void (*loop)(float*, int64_t)) {
  constexpr int64_t kBlock = 4096;
  const int64_t n = int64_t(x.size());
  for_rows((n + kBlock - 1) / kBlock, kBlock * 16, [&](int64_t block) {
    loop(x.data() + block * kBlock, std::min(kBlock, n - block * kBlock));
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
  if (!row.empty()) simd().elements.softmax(row.data(), int64_t(row.size()));
}

void layer_norm(ConstMat x, std::span<const float> gamma, std::span<const float> beta, float eps,
                Mat out) {
  assert(out.rows == x.rows && out.cols == x.cols && int64_t(gamma.size()) == x.cols);
  assert(beta.empty() || beta.size() == gamma.size());
  if (x.cols == 0) return;
  const auto row = simd().elements.layer_norm;
  for_rows(x.rows, 2 * x.cols, [&](int64_t i) {
    row(x.row(i).data(), x.cols, gamma.data(), beta.empty() ? nullptr : beta.data(), eps,
        out.row(i).data());
  });
}

void rms_norm(ConstMat x, std::span<const float> gamma, float eps, Mat out) {
  assert(out.rows == x.rows && out.cols == x.cols && int64_t(gamma.size()) == x.cols);
  if (x.cols == 0) return;
  const auto row = simd().elements.rms_norm;
  for_rows(x.rows, 2 * x.cols,
           [&](int64_t i) { row(x.row(i).data(), x.cols, gamma.data(), eps, out.row(i).data()); });
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

void gelu_n(float* y, int64_t n) { simd().elements.gelu(y, n); }
void gelu_tanh_n(float* y, int64_t n) { simd().elements.gelu_tanh(y, n); }
void silu_n(float* y, int64_t n) { simd().elements.silu(y, n); }
void relu_n(float* y, int64_t n) { simd().elements.relu(y, n); }
void quick_gelu_n(float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] *= 1.702f;
  silu_n(y, n);
  for (int64_t i = 0; i < n; ++i) y[i] /= 1.702f;
}

void gelu(std::span<float> x) { map(x, gelu_n); }
void gelu_tanh(std::span<float> x) { map(x, gelu_tanh_n); }
void silu(std::span<float> x) { map(x, silu_n); }
void relu(std::span<float> x) { map(x, relu_n); }

void add(std::span<float> x, std::span<const float> y) {
  assert(x.size() == y.size());
  simd().elements.add(x.data(), y.data(), int64_t(x.size()));
}

}  // namespace attn
