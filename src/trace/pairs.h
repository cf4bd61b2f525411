// pairs.h - the query and key tokens of an attention, and its mask.
#pragma once

#include <cstddef>
#include <cstdint>
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
  // Replaces masked scores before the softmax (the tutorial's −1e9), which makes a fully masked row
  // uniform. 0: masked cells are left out, and such a row is all 0.
  float masked_score = 0;

  // Both `mask` and `allowed` must permit it. Causal: key <= query, both from 0.
  bool may_see(int sample, int query, int key) const {
    if (mask == Mask::causal && key > query) return false;
    if (allowed.empty()) return true;
    const size_t row = size_t(sample) * size_t(n_query) + size_t(query);
    return allowed[row * size_t(n_key) + size_t(key)] != 0;
  }
};

}  // namespace attn
