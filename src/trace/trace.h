// trace.h - what one pass left behind: q, k and v of every layer. Patterns are made on demand.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensor/mat.h"
#include "text/tokens.h"
#include "trace/head_rows.h"
#include "trace/mask.h"

namespace attn {

enum class Part { encoder_self, decoder_self, cross };

// n² floats for every head do not fit; q and k after rotation do, and grow with n. All patterns
// of one kind of attention, over all layers, heads and samples of a batch.
struct Attention {
  Part part = Part::decoder_self;
  int n_samples = 1, n_layers = 0, n_heads = 0, n_kv_heads = 0, d_head = 0;
  int n_query = 0, n_key = 0;
  float scale = 1;  // scores are q·k * scale

  Mask mask = Mask::none;
  // Which keys a query may see, [sample, query, key], 1 = yes; empty: `mask` alone decides.
  std::vector<uint8_t> allowed;
  // Masked scores are replaced by this before the softmax (the tutorial's −1e9), so that a row
  // with nothing to see is uniform. When 0, masked cells are left out, and such a row is all 0.
  float masked_score = 0;

  // A layer that did not fit into the memory has none: is_kept() says so.
  std::vector<HeadRows> q;  // [layer][sample, head, query, d_head]
  std::vector<HeadRows> k;  // [layer][sample, kv_head, key, d_head]
  std::vector<HeadRows> v;  // [layer][sample, kv_head, key, d_head]
  // What the pass told of every row while it was at hand, [layer][sample, head, query, kRowFacts];
  // empty where nobody asked for it.
  std::vector<HeadRows> facts;

  bool is_kept(int layer) const { return !q[size_t(layer)].empty(); }

  // Several query heads share one head of keys and values: the first n_heads / n_kv_heads the
  // first, and so on.
  int kv_head(int head) const { return head / (n_heads / n_kv_heads); }
  // Rows of one head of a layer that is kept: [n_query, d_head], and [n_key, d_head] of its KV
  // head.
  ConstMat queries(int sample, int layer, int head) const {
    return q[size_t(layer)].head(int64_t(sample) * n_heads + head);
  }
  ConstMat keys(int sample, int layer, int head) const {
    return k[size_t(layer)].head(int64_t(sample) * n_kv_heads + kv_head(head));
  }
  ConstMat values(int sample, int layer, int head) const {
    return v[size_t(layer)].head(int64_t(sample) * n_kv_heads + kv_head(head));
  }

  // Both `mask` and `allowed` must let it. Causal: key <= query, both counted from 0.
  bool may_see(int sample, int query, int key) const;
  // Weights after the softmax of queries q0 .. q1-1, into out [q1 - q0, n_key]. Rows sum to 1.
  void pattern_rows(int sample, int layer, int head, int q0, int q1, Mat out) const;
  // Scores before softmax and mask, q·k * scale, the same shape.
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

// Facts of a row of a pattern A[i, :], in the order of Attention::facts. A row with nothing to see
// has zeros. Tokens t count as equal when their ids (or, without a vocabulary, their names) are.
// Key 0 is where attention most often rests, so what is left without it is told as well, not
// renormalised.
enum RowFact {
  kEntropy,        // -Σ_j A[i, j] log2 A[i, j], bits
  kDistance,       // Σ_j A[i, j] |i - j|, tokens
  kDistance2,      // Σ_j A[i, j] |i - j|²
  kLargest,        // max_j A[i, j]
  kSelf,           // A[i, i]
  kPrevious,       // A[i, i-1]
  kNext,           // A[i, i+1]
  kFirst,          // A[i, 0]
  kRest,           // Σ A[i, j] over j >= 1, exact also where it is tiny
  kRestEntropy,    // entropy of A[i, j] / kRest over j >= 1
  kRestDistance,   // Σ A[i, j] |i - j| over j >= 1
  kRestDistance2,  // Σ A[i, j] |i - j|² over j >= 1
  kRestLargest,    // max A[i, j] over j >= 1
  kLogSum,         // ln Σ_j exp(q·k scale): any weight is exp(score - this)
  kSpan50,         // the fewest keys that hold half the mass (to 1e-6 of it)
  kSpan90,         // … 90 % of it
  kSameWord,       // Σ A[i, j] over the other tokens j of i's word; 0 where queries are no keys
  kSpecial,        // Σ A[i, j] over special tokens
  kPunctuation,    // Σ A[i, j] over tokens of nothing but punctuation marks
  kDuplicate,      // Σ A[i, j] over j < i with t_j = t_i
  kInduction,      // Σ A[i, j] over 1 <= j <= i with t_(j-1) = t_i
  kInductionMass,  // the same over weights of kInductionLeast and more (HeadVis)
  kRowFacts
};
constexpr float kInductionLeast = 0.01f;

struct Activations;
struct Model;

struct Trace {
  std::shared_ptr<const Model> model;  // none for the attention from scratch and for imports
  std::vector<Attention> attentions;   // never empty
  std::vector<Tokens> queries, keys;   // one per sample
  std::vector<float> logits;           // [n_logits, d_vocab] of the last n_logits positions
  int n_logits = 0;
  HeadRows resid_final;  // [1, n, d_model] before the last norm; for what is typed next
  std::shared_ptr<const Activations>
      activations;  // activations.h; none unless the pass was to keep them

  const Attention& attention() const { return attentions.front(); }
};

}  // namespace attn
