// attention.h - one attention over all layers, heads and samples, with patterns on demand.
#pragma once

#include <cmath>
#include <variant>
#include <vector>

#include "tensor/mat.h"
#include "trace/edit.h"
#include "trace/head_rows.h"
#include "trace/pairs.h"

namespace attn {

// pooling: one learned query that reads the output of all layers, as in SigLIP.
enum class Part { encoder_self, decoder_self, cross, pooling };

// A computed layer. q and k are after RoPE, as they enter the scores.
struct QK {
  HeadRows q;     // [sample, head, query, d_head]
  HeadRows k, v;  // [sample, kv_head, key, d_head]
  // What queries and keys meet at each distance, [head, place row, d_head]; empty in most models.
  HeadRows place_k, place_q;
};
// A layer whose weights were read from a file; q, k and v are unknown.
struct Given {
  HeadRows pattern;  // [sample, head, query, key]
};

// Storing n² floats for every head would not fit into memory; q and k grow only with n. Patterns
// are therefore computed on demand; given patterns are read through the same functions.
struct Attention : Pairs {
  Part part = Part::decoder_self;
  // Whether queries are other tokens than keys.
  bool is_across() const { return part == Part::cross || part == Part::pooling; }
  int n_layers = 0, n_heads = 0, n_kv_heads = 0, d_head = 0;
  float scale = 1;            // scores are q·k * scale + distance_score(), then capped
  std::vector<float> scales;  // [n_layers] in place of `scale`; empty: the same in all
  float scale_of(int layer) const { return scales.empty() ? scale : scales[size_t(layer)]; }
  float cap = 0;  // cap tanh(score / cap), below which scores then stay; 0: none
  float capped(float score) const { return cap > 0 ? cap * std::tanh(score / cap) : score; }
  // By how far the key is ahead of the query, [n_heads, n_query + n_key - 1], the farthest earlier
  // key first, of all layers or of each, [n_layers, …]; empty: none.
  std::vector<float> bias;
  // Of a query and its keys, [n_key]; null without a bias.
  const float* bias_row(int layer, int head, int query) const {
    if (bias.empty()) return nullptr;
    const size_t n = size_t(n_query) + size_t(n_key) - 1, of_layer = size_t(n_heads) * n;
    const size_t from = bias.size() > of_layer ? size_t(layer) * of_layer : 0;
    return bias.data() + from + size_t(head) * n + size_t(n_query - 1 - query);
  }
  // Null without sinks.
  const float* sink_of(int layer, int head) const {
    return sinks.empty() ? nullptr : sinks.data() + size_t(layer) * size_t(n_heads) + size_t(head);
  }
  float bias_at(int layer, int head, int query, int key) const {
    const float* row = bias_row(layer, head, query);
    return row ? row[key] : 0;
  }
  // DeBERTa: rows of QK::place_k and place_q by how far the key is ahead of the query, as `bias` is
  // indexed; they fall from the first to 0, the last. Empty: scores have no such terms.
  std::vector<int> place_rows;
  int n_place_rows() const { return place_rows.empty() ? 0 : place_rows[0] + 1; }
  // Of a query and its keys, [n_key].
  const int* place_row(int query) const { return place_rows.data() + (n_query - 1 - query); }
  // q · place key and k · place query, which are added to q · k before the scale.
  struct PlaceDots {
    double query = 0, key = 0;
    double sum() const { return query + key; }
  };
  PlaceDots place_dots(int sample, int layer, int head, int query, int key) const;
  // What the distance adds to a score: the bias, or the terms above with the scale.
  bool adds_distance() const { return !bias.empty() || !place_rows.empty(); }
  double distance_score(int sample, int layer, int head, int query, int key) const {
    return double(bias_at(layer, head, query, key)) +
           place_dots(sample, layer, head, query, key).sum() * double(scale_of(layer));
  }

  // Layers that did not fit into memory are empty; see is_kept().
  std::vector<std::variant<QK, Given>> layers;
  // RowFacts (row_facts.h) of every row, [layer][sample, head, query, kRowFacts]; empty unless
  // requested.
  std::vector<HeadRows> facts;
  // What the pass changed in this part; patterns are those with the changes.
  Edits edits;

  bool is_kept(int layer) const;
  // Whether a kept layer has q, k and v, and therefore scores and values.
  bool is_computed(int layer) const;
  // Whether a file brought this layer's weights, without queries, keys and values.
  bool is_given(int layer) const { return std::holds_alternative<Given>(layers[size_t(layer)]); }
  // For the pass that fills the layer.
  QK& computed(int layer) { return std::get<QK>(layers[size_t(layer)]); }
  const QK& computed(int layer) const { return std::get<QK>(layers[size_t(layer)]); }

  // Grouped-query attention: each group of n_heads / n_kv_heads consecutive heads shares one KV
  // head.
  int kv_head(int head) const { return head / (n_heads / n_kv_heads); }
  // Query heads that share a KV head; 1 where each has its own, or a file brought the weights
  // alone.
  int n_sharing() const { return n_kv_heads > 0 ? n_heads / n_kv_heads : 1; }
  // q of a head, [n_query, d_head], and k and v of its KV head, [n_key, d_head]; computed layers
  // only.
  ConstMat queries(int sample, int layer, int head) const {
    return computed(layer).q.head(int64_t(sample) * n_heads + head);
  }
  ConstMat keys(int sample, int layer, int head) const {
    return computed(layer).k.head(int64_t(sample) * n_kv_heads + kv_head(head));
  }
  ConstMat values(int sample, int layer, int head) const {
    return computed(layer).v.head(int64_t(sample) * n_kv_heads + kv_head(head));
  }

  // Weights after the softmax for queries q0 .. q1-1, into out [q1 - q0, n_key]. Computed rows sum
  // to 1 unless `edits` changes cells of them, or to less where there are `sinks`; given rows are
  // returned unchanged.
  void pattern_rows(int sample, int layer, int head, int q0, int q1, Mat out) const;
  // Scores before softmax and mask, in the same shape; computed layers only.
  void score_rows(int sample, int layer, int head, int q0, int q1, Mat out) const;
  // The whole pattern, [n_query, n_key].
  std::vector<float> pattern(int sample, int layer, int head) const;
  // Pools queries q0 .. q1-1 and keys k0 .. k1-1 into [rows, cols]: cell [r, c] covers queries from
  // q0 + r * (q1 - q0) / rows up to that of r + 1, keys likewise, at least one each. `largest`
  // receives the largest weight, `mean` (unless empty) the mean. Masked cells count as 0.
  void pooled(int sample, int layer, int head, int q0, int q1, int k0, int k1, Mat largest,
              Mat mean = {}) const;
};

}  // namespace attn
