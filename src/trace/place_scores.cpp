#include "trace/place_scores.h"

#include <algorithm>

namespace attn {

namespace {

// The product of a panel with all rows of distances from `low` on that it meets; [row][width].
struct Met {
  const float* products;
  int low, width;
  float at(int row, int lane) const { return products[int64_t(row - low) * width + lane]; }
};

// Vectors of a panel, [d][width], times rows low .. high.
Met meet(const PanelLoops& loops, const float* panel, ConstMat rows, int low, int high,
         float* room) {
  float unused[kMostPanel] = {};
  loops.scores(rows.cols, panel, rows.row(low).data(), rows.stride, high - low + 1, room, unused);
  return {room, low, loops.width};
}

void add_for_one(const Attention& a, int sample, int layer, int head, int query, int begin, int end,
                 const float* q, float* room, float* scores) {
  const QK& qk = a.computed(layer);
  const int* row = a.place_row(query);
  const auto dots = simd().product.dots_f32;
  if (!qk.place_k.empty()) {
    const ConstMat k = qk.place_k.head(head);
    const int low = row[end - 1];
    dots(k.cols, q, k.row(low).data(), row[begin] - low + 1, room);
    for (int key = begin; key < end; ++key) scores[key] += room[row[key] - low];
  }
  if (!qk.place_q.empty()) {
    const ConstMat by = qk.place_q.head(head), k = a.keys(sample, layer, head);
    for (int key = begin; key < end; ++key) {
      float dot = 0;
      dots(k.cols, k.row(key).data(), by.row(row[key]).data(), 1, &dot);
      scores[key] += dot * a.scale_of(layer);
    }
  }
}

}  // namespace

int64_t place_floats(const Attention& a, int width) {
  return (int64_t(a.n_place_rows()) + (a.n_place_rows() > 0 ? a.d_head : 0)) * width;
}

void add_place_scores(const PanelLoops* loops, const Attention& a, int sample, int layer, int head,
                      int from, int n, int begin, int end, const float* q, float* room,
                      float* scores) {
  if (begin >= end) return;
  if (!loops) return add_for_one(a, sample, layer, head, from, begin, end, q, room, scores);
  const QK& qk = a.computed(layer);
  const int width = loops->width;
  const int* rows[kMostPanel];
  for (int i = 0; i < n; ++i) rows[i] = a.place_row(from + i);
  // Rows fall with the key: the last query and the first key are those farthest apart.
  if (!qk.place_k.empty()) {
    const Met met =
        meet(*loops, q, qk.place_k.head(head), rows[0][end - 1], rows[n - 1][begin], room);
    for (int key = begin; key < end; ++key)
      for (int i = 0; i < n; ++i) scores[int64_t(key) * width + i] += met.at(rows[i][key], i);
  }
  if (qk.place_q.empty()) return;
  const ConstMat keys = a.keys(sample, layer, head);
  float* const packed = room + int64_t(a.n_place_rows()) * width;
  for (int first = begin; first < end; first += width) {
    const int last = std::min(first + width, end);
    loops->to_columns(a.d_head, keys.row(first).data(), keys.stride, last - first,
                      a.scale_of(layer), packed);
    const Met met =
        meet(*loops, packed, qk.place_q.head(head), rows[0][last - 1], rows[n - 1][first], room);
    for (int key = first; key < last; ++key)
      for (int i = 0; i < n; ++i)
        scores[int64_t(key) * width + i] += met.at(rows[i][key], key - first);
  }
}

}  // namespace attn
