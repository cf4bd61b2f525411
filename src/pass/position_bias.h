// position_bias.h - what relative positions add to scores.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"

namespace attn {

// The bucket of a key `ahead` positions after its query, negative for earlier ones (Raffel et al.
// 2020, T5, for attention to both sides): half of the buckets for each side, single distances
// first, then ever wider ranges up to `furthest`. With `earlier`, as in a decoder, all buckets are
// for earlier keys.
int relative_bucket(int ahead, int n_buckets, int furthest, bool earlier = false);

// ALiBi (Press et al. 2022) adds a slope of the head times the distance.

// Adds the position of a row to its embedding: sines of falling frequencies in the first half of x,
// cosines in the second (Vaswani et al. 2017). `whole`: the last frequency is 1/10000.
void add_sinusoids(int64_t place, bool whole, std::span<float> x);

// Attention::bias of a text of n tokens; empty where the model has none.
std::vector<float> position_bias(const Model& model, int n);

// The row of Weights::places for a key `ahead` positions after its query (DeBERTa): single
// distances, or up to half of the buckets of either side, then ever wider ranges of distances.
int distance_row(const Config& c, int ahead);
// Attention::place_rows of a text of n tokens, counted from the row of its last key for its first
// query, which is first_place(); empty where the model has none.
std::vector<int> place_rows(const Config& c, int n);
inline int first_place(const Config& c, int n) { return distance_row(c, n - 1); }

}  // namespace attn
