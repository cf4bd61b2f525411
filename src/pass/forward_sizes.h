// forward_sizes.h - what a pass takes of memory, and what of an earlier one it may take over.
#pragma once

#include <algorithm>
#include <cstdint>

#include "pass/forward.h"

namespace attn {

// Fixed, so that memory is bounded and results do not depend on threads.
constexpr int64_t kChunkRows = 256;  // of the residual stream, worked on together

// Rows to make room for, so that typing on does not move what is there.
int64_t room_for(const Config& c, int64_t n);

// Floats of the activations of all layers together, where Keep::activations asks for them.
uint64_t activation_floats(const Config& c, uint64_t n_tokens);

// The attention of a model over n tokens, all but its rows.
Attention attention_of(const Config& c, int n);
// The same of a decoder's cross-attention to n_source rows.
Attention cross_attention_of(const Config& c, int n, int n_source);
// The same of a pooling head over n rows.
Attention pooling_of(const Config& c, int n);

// Kinds of layers with rotations of their own: 2 with Config::rope_local_theta; 0: no rotation.
int n_rotations(const Config& c);

bool has_padding(const Tokens& tokens);
bool tells_facts(const Keep& keep);
bool keeps(const Keep& keep, int layer);

// Floats of each buffer; the one place that says how much a pass needs.
struct Sizes {
  uint64_t chunk;  // of rows worked on together
  uint64_t normed, packed, flat, z, hidden, gate, angles, bias, scores;  // while it runs
  uint64_t experts;                      // what their visitors read, twice, and their neurons
  uint64_t layer, facts, resid, logits;  // in the trace; a layer's q, k and v
  uint64_t activations;

  uint64_t cross;    // q, k and v of cross-attention, and its facts, of a layer
  uint64_t pooling;  // the same of a pooling head

  Sizes(const Config& c, uint64_t n, const Keep& keep, uint64_t n_source = 0);
};

}  // namespace attn
