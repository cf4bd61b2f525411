// place_scores.h - terms of scores between content and distance (disentangled attention, He et al.
// 2021).
#pragma once

#include "tensor/simd.h"
#include "trace/attention.h"

namespace attn {

// Floats of the room that add_place_scores() needs for panels of `width` queries; 0 where an
// attention has no such terms.
int64_t place_floats(const Attention& a, int width);

// Adds scale (q · place key + k · place query) of the distances to scores [key][width] of n queries
// from `from` on and keys begin .. end-1. q [d_head][width] is scaled; `loops` are null for a
// single query, with width 1.
void add_place_scores(const PanelLoops* loops, const Attention& a, int sample, int layer, int head,
                      int from, int n, int begin, int end, const float* q, float* room,
                      float* scores);

}  // namespace attn
