// pairs.h - the query and key tokens of an attention, and its mask.
#pragma once

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "text/tokens.h"
#include "trace/mask.h"

namespace attn {

struct Pairs {
  int n_samples = 1, n_query = 0, n_key = 0;
  std::vector<Tokens> query_tokens, key_tokens;  // one per sample

  Mask mask = Mask::none;
  // Which keys a query may see, [sample, query, key], 1 = yes; empty: `mask` alone decides.
  std::vector<uint8_t> allowed;
  // Sliding windows, [n_layers]: how far from its query a key may be; empty: any distance.
  std::vector<int> reaches;
  // Replaces masked scores before the softmax (the tutorial's −1e9), which makes a fully masked row
  // uniform. 0: masked cells are left out, and such a row is all 0.
  float masked_score = 0;
  // Learned sinks, [n_layers, n_heads], empty: none. The softmax of a row has one more score, the
  // head's, which belongs to no key: the weights of the keys sum to less than 1.
  std::vector<float> sinks;

  // The layer's reach; INT_MAX where its window covers the whole text, or there is none.
  int reach(int layer) const {
    if (reaches.empty() || reaches[size_t(layer)] >= std::max(n_query, n_key) - 1) return INT_MAX;
    return reaches[size_t(layer)];
  }
  // `mask`, the window of the layer and `allowed` must all permit it. Causal: key <= query, both
  // from 0.
  bool may_see(int sample, int layer, int query, int key) const {
    if (mask == Mask::causal && key > query) return false;
    if (!reaches.empty() && std::abs(query - key) > reach(layer)) return false;
    if (allowed.empty()) return true;
    const size_t row = size_t(sample) * size_t(n_query) + size_t(query);
    return allowed[row * size_t(n_key) + size_t(key)] != 0;
  }
};

}  // namespace attn
