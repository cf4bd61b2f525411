// dense.h - weights and kept rows as Eigen matrices, for analyses that are more algebra than speed.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "analysis/measure.h"
#include "pass/block_math.h"

namespace attn {

using Dense = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using DenseView = Eigen::Map<const Dense, 0, Eigen::OuterStride<>>;

// Our sizes have 64 bits, Eigen's have the width of an address.
inline DenseView view(ConstMat m) {
  return {m.data, Eigen::Index(m.rows), Eigen::Index(m.cols),
          Eigen::OuterStride<>(Eigen::Index(m.stride))};
}
inline DenseView view(const Dense& m) { return view(ConstMat{m.data(), m.rows(), m.cols()}); }
inline DenseView rows_of(const Dense& m, Eigen::Index from, Eigen::Index n) {
  return view(ConstMat{m.data() + from * m.cols(), n, m.cols()});
}
inline Mat mat(Dense& m) { return {m.data(), m.rows(), m.cols()}; }
inline ConstMat const_mat(const Dense& m) { return {m.data(), m.rows(), m.cols()}; }
inline Eigen::Map<const Eigen::RowVectorXf> row_of(std::span<const float> x) {
  return {x.data(), Eigen::Index(x.size())};
}

// a b, a bᵀ and aᵀ b. As expressions, their code would be there for every kind of operands.
Dense times(const DenseView& a, const DenseView& b);
Dense times_T(const DenseView& a, const DenseView& b);
Dense T_times(const DenseView& a, const DenseView& b);
Eigen::MatrixXd T_times_in_double(const DenseView& a, const DenseView& b);

// Multiplications by Eigen in one step of a study. It keeps steps below 8 ms on a model of GPT-2
// small's shape in a browser without threads, even before the engine has optimized the code.
constexpr int64_t kStepWork = 1 << 22;
// How many of n rows, each of `work_a_row` multiplications, make one step.
inline int rows_a_step(int64_t work_a_row, int n) {
  return int(std::clamp<int64_t>(kStepWork / std::max<int64_t>(1, work_a_row), 1, std::max(1, n)));
}
inline int n_parts(int n, int rows) { return (n + rows - 1) / rows; }

Dense dense(const PackedMatrix& w);  // [d_out, d_in]
// W[out0 .. out1, in0 .. in1]; takes a few nanoseconds per number.
Dense block(const PackedMatrix& w, int64_t out0, int64_t out1, int64_t in0, int64_t in1);
// One head's rows of W_O, for z_h W_O^h: [d_head, d_model], times Config::residual_scale.
Dense head_W_O(const Model& model, int layer, int head);

// The patterns of all heads of a layer at queries q0 .. q1-1: [n_heads, (q1 - q0) * n_key].
Dense patterns_of_rows(const Attention& a, int sample, int layer, int q0, int q1);

// A study of `n` steps: part(0), part(1), …
inline Study in_parts(int n, std::function<void(int)> part, std::function<Measure()> take) {
  auto at = std::make_shared<int>(0);
  return {n,
          [=] {
            if (*at < n) part((*at)++);
            return *at < n;
          },
          std::move(take)};
}

Measure map_measure(const Dense& m);     // {query, key}
Measure layer_by_query(const Dense& m);  // {layer, query}

}  // namespace attn
