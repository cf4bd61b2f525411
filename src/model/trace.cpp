#include "model/trace.h"

#include <algorithm>

#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace attn {

namespace {

// Rows of a pattern that are worked on together, whatever the number of threads.
constexpr int kRows = 32;

ConstMat queries_of(const Attention& a, int sample, int layer, int head, int q0, int q1) {
  assert(layer >= 0 && layer < a.n_layers && head >= 0 && head < a.n_heads);
  assert(sample >= 0 && sample < a.n_samples && 0 <= q0 && q0 <= q1 && q1 <= a.n_query);
  return a.q[size_t(layer)].head(sample * a.n_heads + head).rows_of(q0, q1);
}

// Several query heads share one head of keys: the first n_heads / n_kv_heads the first, and so on.
ConstMat keys_of(const Attention& a, int sample, int layer, int head) {
  return a.k[size_t(layer)].head(sample * a.n_kv_heads + head / (a.n_heads / a.n_kv_heads));
}

// Softmax over the cells a query may see; the others become 0.
void softmax_seen(const Attention& a, int sample, int query, std::span<float> row,
                  std::vector<float>& seen) {
  seen.clear();
  for (int key = 0; key < a.n_key; ++key) {
    if (a.may_see(sample, query, key)) seen.push_back(row[size_t(key)]);
  }
  softmax_row(seen);
  auto next = seen.begin();
  for (int key = 0; key < a.n_key; ++key) {
    row[size_t(key)] = a.may_see(sample, query, key) ? *next++ : 0.f;
  }
}

// Rows q0 .. q1-1, few enough to be one piece of work.
void pattern_block(const Attention& a, int sample, int layer, int head, int q0, int q1, Mat out) {
  // What lies in a causal row's future is neither read nor computed beyond the block's last row.
  const bool causal = a.mask == Mask::causal && a.masked_score == 0;
  const int n_seen = causal ? std::min(q1, a.n_key) : a.n_key;
  const ConstMat keys = keys_of(a, sample, layer, head).rows_of(0, n_seen);
  product_nt(queries_of(a, sample, layer, head, q0, q1), keys, a.scale,
             {out.data, out.rows, n_seen, out.stride});
  std::vector<float> seen;
  for (int query = q0; query < q1; ++query) {
    const std::span<float> row = out.row(query - q0);
    if (a.masked_score != 0) {
      for (int key = 0; key < a.n_key; ++key) {
        if (!a.may_see(sample, query, key)) row[size_t(key)] = a.masked_score;
      }
      softmax_row(row);
    } else if (!a.allowed.empty()) {
      softmax_seen(a, sample, query, row, seen);
    } else {
      const size_t n = causal ? size_t(std::min(query + 1, a.n_key)) : row.size();
      softmax_row(row.first(n));
      std::fill(row.begin() + int64_t(n), row.end(), 0.f);
    }
  }
}

}  // namespace

bool Attention::may_see(int sample, int query, int key) const {
  if (mask == Mask::causal && key > query) return false;
  if (allowed.empty()) return true;
  const size_t row = size_t(sample) * size_t(n_query) + size_t(query);
  return allowed[row * size_t(n_key) + size_t(key)] != 0;
}

void Attention::pattern_rows(int sample, int layer, int head, int q0, int q1, Mat out) const {
  assert(out.rows == q1 - q0 && out.cols == n_key);
  const int n_blocks = (q1 - q0 + kRows - 1) / kRows;
  const int64_t work = int64_t(kRows) * n_key * (d_head + 16);
  parallel_for(n_blocks, std::max<int64_t>(1, (1 << 17) / std::max<int64_t>(1, work)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t block = begin; block < end; ++block) {
                   const int from = q0 + int(block) * kRows, to = std::min(q1, from + kRows);
                   pattern_block(*this, sample, layer, head, from, to,
                                 out.rows_of(from - q0, to - q0));
                 }
               });
}

void Attention::score_rows(int sample, int layer, int head, int q0, int q1, Mat out) const {
  assert(out.rows == q1 - q0 && out.cols == n_key);
  product_nt(queries_of(*this, sample, layer, head, q0, q1), keys_of(*this, sample, layer, head),
             scale, out);
}

std::vector<float> Attention::pattern(int sample, int layer, int head) const {
  std::vector<float> out(size_t(n_query) * size_t(n_key));
  pattern_rows(sample, layer, head, 0, n_query, {out.data(), n_query, n_key});
  return out;
}

void Attention::pooled(int sample, int layer, int head, int q0, int q1, int k0, int k1, Mat largest,
                       Mat mean) const {
  (void)mean;
  std::vector<float> row(static_cast<size_t>(n_key));
  for (int64_t i = 0; i < largest.rows; ++i) std::fill_n(largest.row(i).data(), largest.cols, 0.f);
  for (int query = q0; query < q1; ++query) {
    pattern_rows(sample, layer, head, query, query + 1, {row.data(), 1, n_key});
    for (int key = k0; key < k1; ++key) {
      float& cell = largest(int64_t(query - q0) * largest.rows / (q1 - q0),
                            int64_t(key - k0) * largest.cols / (k1 - k0));
      cell = std::max(cell, row[size_t(key)]);
    }
  }
}

}  // namespace attn
