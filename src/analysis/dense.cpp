#include "analysis/dense.h"

namespace attn {

Dense dense(const PackedMatrix& w) {
  Dense out(w.d_out(), w.d_in());
  for (int64_t o = 0; o < w.d_out(); ++o) w.row(o, {out.data() + o * w.d_in(), size_t(w.d_in())});
  return out;
}

Dense head_W_O(const Dense& W_O, int head, int d_head) {
  return W_O.middleCols(Eigen::Index(head) * d_head, d_head).transpose();
}

int kv_head(const Attention& a, int head) { return head / (a.n_heads / a.n_kv_heads); }

Dense pattern_of(const Attention& a, int sample, int layer, int head) {
  Dense out(a.n_query, a.n_key);
  a.pattern_rows(sample, layer, head, 0, a.n_query, mat(out));
  return out;
}

Dense head_mean_pattern(const Attention& a, int sample, int layer) {
  Dense sum = pattern_of(a, sample, layer, 0);
  for (int h = 1; h < a.n_heads; ++h) sum += pattern_of(a, sample, layer, h);
  return sum / float(a.n_heads);
}

Dense values_out(const Attention& a, int sample, int layer, int head, const Dense& W_O) {
  const ConstMat v = a.v[size_t(layer)].head(int64_t(sample) * a.n_kv_heads + kv_head(a, head));
  return view(v) * head_W_O(W_O, head, a.d_head);
}

Measure map_measure(const Dense& m) {
  return {{Axis::query, Axis::key}, {int(m.rows()), int(m.cols())}, {m.data(), m.data() + m.size()}};
}

Measure layer_by_query(const Dense& m) {
  return {{Axis::layer, Axis::query}, {int(m.rows()), int(m.cols())}, {m.data(), m.data() + m.size()}};
}

}  // namespace attn
