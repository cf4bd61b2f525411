#include "trace/attention.h"

#include <algorithm>

#include "tensor/kernels.h"
#include "tensor/parallel.h"
#include "trace/attention_block.h"

namespace attn {

namespace {

bool is_there(const QK& layer) { return !layer.q.empty(); }
bool is_there(const Given& layer) { return !layer.pattern.empty(); }

// Like block_pooled(), for given weights.
void pool_given(ConstMat weights, const CellSpan& rows, const CellSpan& cols, Mat largest,
                Mat sum) {
  for (int r = 0; r < rows.n; ++r) {
    for (int c = 0; c < cols.n; ++c) {
      float most = 0, all = 0;
      for (int q = rows.begin(r); q < rows.end(r); ++q) {
        for (int k = cols.begin(c); k < cols.end(c); ++k) {
          most = std::max(most, weights(q, k));
          all += weights(q, k);
        }
      }
      largest(r, c) = most;
      if (sum.data) sum(r, c) = all;
    }
  }
}

}  // namespace

bool Attention::is_kept(int layer) const {
  return std::visit([](const auto& at) { return is_there(at); }, layers[size_t(layer)]);
}

bool Attention::is_computed(int layer) const {
  const QK* at = std::get_if<QK>(&layers[size_t(layer)]);
  return at && is_there(*at);
}

Attention::PlaceDots Attention::place_dots(int sample, int layer, int head, int query,
                                           int key) const {
  if (place_rows.empty()) return {};
  const auto dot = [](ConstMat a, int i, const HeadRows& rows, int h, int j) {
    double sum = 0;
    for (int64_t d = 0; !rows.empty() && d < a.cols; ++d)
      sum += double(a(i, d)) * double(rows.head(h)(j, d));
    return sum;
  };
  const QK& qk = computed(layer);
  const int row = place_row(query)[key];
  return {dot(queries(sample, layer, head), query, qk.place_k, head, row),
          dot(keys(sample, layer, head), key, qk.place_q, head, row)};
}

void Attention::pattern_rows(int sample, int layer, int head, int q0, int q1, Mat out) const {
  assert(out.rows == q1 - q0 && out.cols == n_key);
  if (const Given* given = std::get_if<Given>(&layers[size_t(layer)])) {
    const ConstMat all = given->pattern.head(int64_t(sample) * n_heads + head);
    for (int q = q0; q < q1; ++q) std::ranges::copy(all.row(q), out.row(q - q0).begin());
    return;
  }
  const int n = q1 - q0, n_blocks = (n + kBlockQueries - 1) / kBlockQueries;
  // Cut evenly: a short block would take the path for few queries, whose last bits differ.
  const auto edge = [&](int64_t block) { return q0 + int(block * n / n_blocks); };
  const int64_t work = std::max<int64_t>(1, attend_work(*this, layer, 0, kBlockQueries));
  parallel_for(n_blocks, std::max<int64_t>(1, (1 << 17) / work), [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int from = edge(block), to = edge(block + 1);
      block_pattern(*this, sample, layer, head, from, to, out.rows_of(from - q0, to - q0));
    }
  });
}

void Attention::score_rows(int sample, int layer, int head, int q0, int q1, Mat out) const {
  assert(out.rows == q1 - q0 && out.cols == n_key);
  assert(layer >= 0 && layer < n_layers && head >= 0 && head < n_heads);
  assert(sample >= 0 && sample < n_samples && 0 <= q0 && q0 <= q1 && q1 <= n_query);
  product_nt(queries(sample, layer, head).rows_of(q0, q1), keys(sample, layer, head),
             scale_of(layer), out);
  for (int q = q0; q < q1 && adds_distance(); ++q)
    for (int key = 0; key < n_key; ++key)
      out(q - q0, key) += float(distance_score(sample, layer, head, q, key));
  for (int q = q0; q < q1 && cap > 0; ++q)
    for (float& score : out.row(q - q0)) score = capped(score);
}

std::vector<float> Attention::pattern(int sample, int layer, int head) const {
  std::vector<float> out(size_t(n_query) * size_t(n_key));
  pattern_rows(sample, layer, head, 0, n_query, {out.data(), n_query, n_key});
  return out;
}

void Attention::pooled(int sample, int layer, int head, int q0, int q1, int k0, int k1, Mat largest,
                       Mat mean) const {
  assert(mean.data == nullptr || (mean.rows == largest.rows && mean.cols == largest.cols));
  const CellSpan rows{q0, q1, int(largest.rows)}, cols{k0, k1, int(largest.cols)};
  if (const Given* given = std::get_if<Given>(&layers[size_t(layer)])) {
    pool_given(given->pattern.head(int64_t(sample) * n_heads + head), rows, cols, largest, mean);
  } else {
    const int64_t work = attend_work(*this, layer, q0, q1) / std::max(1, rows.n) + 1;
    parallel_for(rows.n, std::max<int64_t>(1, (1 << 20) / work), [&](int64_t begin, int64_t end) {
      block_pooled(*this, sample, layer, head, rows, cols, int(begin), int(end), largest, mean);
    });
  }
  for (int row = 0; mean.data && row < rows.n; ++row) {
    for (int col = 0; col < cols.n; ++col) {
      const int64_t n_queries = rows.end(row) - rows.begin(row),
                    n_keys = cols.end(col) - cols.begin(col);
      mean(row, col) /= float(n_queries * n_keys);
    }
  }
}

}  // namespace attn
