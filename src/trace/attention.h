// attention.h - one kind of attention over all its layers, heads and samples. Patterns on demand.
#pragma once

#include <variant>
#include <vector>

#include "tensor/mat.h"
#include "trace/edit.h"
#include "trace/head_rows.h"
#include "trace/pairs.h"

namespace attn {

enum class Part { encoder_self, decoder_self, cross };

// A layer that was computed. q and k are as the scores have them, after rotation.
struct QK {
  HeadRows q;     // [sample, head, query, d_head]
  HeadRows k, v;  // [sample, kv_head, key, d_head]
};
// A layer of which only the weights are known, because a file brought them.
struct Given {
  HeadRows pattern;  // [sample, head, query, key]
};

// n² floats for every head do not fit; q and k do, and grow with n. So patterns are computed when
// somebody looks, and those that were given are answered by the same functions.
struct Attention : Pairs {
  Part part = Part::decoder_self;
  int n_layers = 0, n_heads = 0, n_kv_heads = 0, d_head = 0;
  float scale = 1;  // scores are q·k * scale

  // A layer that did not fit into the memory is empty: is_kept() says so.
  std::vector<std::variant<QK, Given>> layers;
  // RowFacts (row_facts.h) that the pass left of every row, [layer][sample, head, query,
  // kRowFacts]; empty where nobody asked for them.
  std::vector<HeadRows> facts;
  // What the pass changed in this part; patterns are those with the changes.
  Edits edits;

  bool is_kept(int layer) const;
  // Of a layer that is kept: whether it has q, k and v, and so scores and values.
  bool is_computed(int layer) const;
  // Whether a file brought this layer's weights, without queries, keys and values.
  bool is_given(int layer) const { return std::holds_alternative<Given>(layers[size_t(layer)]); }
  // To be filled by whoever computes the layer.
  QK& computed(int layer) { return std::get<QK>(layers[size_t(layer)]); }
  const QK& computed(int layer) const { return std::get<QK>(layers[size_t(layer)]); }

  // Several query heads share one head of keys and values: the first n_heads / n_kv_heads the
  // first, and so on.
  int kv_head(int head) const { return head / (n_heads / n_kv_heads); }
  // Rows of one head of a layer that is computed: [n_query, d_head], and [n_key, d_head] of its KV
  // head.
  ConstMat queries(int sample, int layer, int head) const {
    return computed(layer).q.head(int64_t(sample) * n_heads + head);
  }
  ConstMat keys(int sample, int layer, int head) const {
    return computed(layer).k.head(int64_t(sample) * n_kv_heads + kv_head(head));
  }
  ConstMat values(int sample, int layer, int head) const {
    return computed(layer).v.head(int64_t(sample) * n_kv_heads + kv_head(head));
  }

  // Weights after the softmax of queries q0 .. q1-1, into out [q1 - q0, n_key]. Computed rows sum
  // to 1 unless `edits` changes cells of them; given ones are as they were given.
  void pattern_rows(int sample, int layer, int head, int q0, int q1, Mat out) const;
  // Scores before softmax and mask, q·k * scale, the same shape; of a layer that is computed.
  void score_rows(int sample, int layer, int head, int q0, int q1, Mat out) const;
  // The whole pattern, [n_query, n_key].
  std::vector<float> pattern(int sample, int layer, int head) const;
  // Queries q0 .. q1-1 and keys k0 .. k1-1 made small: cell [r, c] of [rows, cols] stands for
  // queries q0 + r * (q1 - q0) / rows up to that of r + 1, keys likewise, at least one each;
  // `largest` gets the largest weight among them, `mean` (unless empty) their mean. Masked cells
  // count as 0.
  void pooled(int sample, int layer, int head, int q0, int q1, int k0, int k1, Mat largest,
              Mat mean = {}) const;
};

}  // namespace attn
