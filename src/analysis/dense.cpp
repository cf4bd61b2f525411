#include "analysis/dense.h"

namespace attn {

Dense dense(const PackedMatrix& w) {
  Dense out(w.d_out(), w.d_in());
  for (int64_t o = 0; o < w.d_out(); ++o) w.row(o, {out.data() + o * w.d_in(), size_t(w.d_in())});
  return out;
}

Dense block(const PackedMatrix& w, int64_t out0, int64_t out1, int64_t in0, int64_t in1) {
  Dense part(out1 - out0, in1 - in0);
  for (int64_t i = in0; i < in1; ++i)  // as they lie in panels
    for (int64_t o = out0; o < out1; ++o) part(o - out0, i - in0) = w.at(o, i);
  return part;
}

Dense times(const DenseView& a, const DenseView& b) { return a * b; }

Dense times_T(const DenseView& a, const DenseView& b) { return a * b.transpose(); }

Dense T_times(const DenseView& a, const DenseView& b) { return a.transpose() * b; }

Eigen::MatrixXd T_times_in_double(const DenseView& a, const DenseView& b) {
  const Eigen::MatrixXd left = a.cast<double>().transpose(), right = b.cast<double>();
  return left * right;
}

Dense head_W_O(const Model& model, int layer, int head) {
  const PackedMatrix& w = model.weights.blocks[size_t(layer)].o.w;
  const int64_t d = model.config.d_head;
  return block(w, 0, w.d_out(), head * d, (head + 1) * d).transpose() *
         float(model.config.residual_scale);
}

Dense patterns_of_rows(const Attention& a, int sample, int layer, int q0, int q1) {
  Dense out(a.n_heads, Eigen::Index(q1 - q0) * a.n_key);
  for (int h = 0; h < a.n_heads; ++h)
    a.pattern_rows(sample, layer, h, q0, q1, {out.row(h).data(), q1 - q0, a.n_key});
  return out;
}

Measure map_measure(const Dense& m) {
  return {
      {Axis::query, Axis::key}, {int(m.rows()), int(m.cols())}, {m.data(), m.data() + m.size()}};
}

Measure layer_by_query(const Dense& m) {
  return {
      {Axis::layer, Axis::query}, {int(m.rows()), int(m.cols())}, {m.data(), m.data() + m.size()}};
}

}  // namespace attn
