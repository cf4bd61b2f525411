// dense.h - weights and kept rows as Eigen matrices, for analyses that are more algebra than speed.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <memory>
#include <vector>

#include "analysis/measure.h"
#include "model/block_math.h"

namespace attn {

using Dense = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using View = Eigen::Map<const Dense, 0, Eigen::OuterStride<>>;

// Sizes are 64 bits wide with us, with Eigen as wide as an address.
inline View view(ConstMat m) {
  return {m.data, Eigen::Index(m.rows), Eigen::Index(m.cols),
          Eigen::OuterStride<>(Eigen::Index(m.stride))};
}
inline Mat mat(Dense& m) { return {m.data(), m.rows(), m.cols()}; }
inline ConstMat const_mat(const Dense& m) { return {m.data(), m.rows(), m.cols()}; }
inline Eigen::Map<const Eigen::RowVectorXf> row_of(std::span<const float> x) {
  return {x.data(), Eigen::Index(x.size())};
}

Dense dense(const PackedMatrix& w);  // [d_out, d_in]
// The rows of W_O that one head is multiplied with, as z_h W_O^h: [d_head, d_model].
Dense head_W_O(const Dense& W_O, int head, int d_head);

int kv_head(const Attention& a, int head);
// [n_query, n_key]
Dense pattern_of(const Attention& a, int sample, int layer, int head);
Dense head_mean_pattern(const Attention& a, int sample, int layer);  // mean over heads
// f^h(x_j) = v_j^h W_O^h of every key, without the output bias (Kobayashi et al. 2020): [n_key, d_model].
Dense values_out(const Attention& a, int sample, int layer, int head, const Dense& W_O);

// A study of `n` steps: part(0), part(1), …
inline Study in_parts(int n, std::function<void(int)> part, std::function<Measure()> take) {
  auto at = std::make_shared<int>(0);
  return {n, [=] {
            if (*at < n) part((*at)++);
            return *at < n;
          }, std::move(take)};
}

Measure map_measure(const Dense& m);    // {query, key}
Measure layer_by_query(const Dense& m);  // {layer, query}

}  // namespace attn
