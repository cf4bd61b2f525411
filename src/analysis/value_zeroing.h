// value_zeroing.h - what a layer's output loses when one token's value is zero (Mohebbi et al.
// 2023).
#pragma once

#include "analysis/measure.h"

namespace attn {

// {query, key} of the chosen layer: 1 - cos(output i, output i with v_j = 0 in every head), with
// the layer's input as it was; below 1e-5 is 0, rows are brought to 1 (a row of zeros stays). Of
// the last layer the final norm is part, as in inseq. Needs activations. A step is some queries and
// keys.
// Of the map and the W_O of the layer.
Status too_large_for_zeroing(const Inputs& in);
Study begin_value_zeroing(const Inputs& in);

}  // namespace attn
