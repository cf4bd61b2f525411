// trace.h - what one pass left behind: q, k and v of every layer. Patterns are made on demand.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/model.h"
#include "model/tokens.h"
#include "tensor/mat.h"

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

  std::vector<std::vector<float>> q;  // [layer][sample, head, query, d_head]
  std::vector<std::vector<float>> k;  // [layer][sample, kv_head, key, d_head]
  std::vector<std::vector<float>> v;  // [layer][sample, kv_head, key, d_head]

  // Both `mask` and `allowed` must let it. Causal: key <= query, both counted from 0.
  bool may_see(int sample, int query, int key) const;
  // Weights after the softmax of queries q0 .. q1-1, into out [q1 - q0, n_key]. Rows sum to 1.
  void pattern_rows(int sample, int layer, int head, int q0, int q1, Mat out) const;
  // Scores before softmax and mask, q·k * scale, the same shape.
  void score_rows(int sample, int layer, int head, int q0, int q1, Mat out) const;
  // The whole pattern, [n_query, n_key].
  std::vector<float> pattern(int sample, int layer, int head) const;
};

struct Trace {
  std::shared_ptr<const Model> model;  // none for the attention from scratch and for imports
  std::vector<Attention> attentions;   // never empty
  std::vector<Tokens> queries, keys;   // one per sample
  std::vector<float> logits;           // [n_logits, d_vocab] of the last n_logits positions
  int n_logits = 0;

  const Attention& attention() const { return attentions.front(); }
};

}  // namespace attn
