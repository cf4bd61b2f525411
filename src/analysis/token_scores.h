// token_scores.h - one number a token: how much it is looked at, how its own row is spread; and
// means of whole patterns.
#pragma once

#include "analysis/measure.h"

namespace attn {

// Of the chosen head, in steps of some rows of its pattern.
Study begin_column(const Inputs& in);        // {query} A[i, j], j the chosen token
Study begin_received(const Inputs& in);      // {key} mean over the queries i that see j of A[i, j]
Study begin_row_entropy(const Inputs& in);   // {query} bits
Study begin_row_largest(const Inputs& in);   // {query} max over j
Study begin_row_distance(const Inputs& in);  // {query} sum over j of A[i, j] |i - j|
// {query, key}, the mean over all heads of all layers.
Study begin_layer_mean(const Inputs& in);

}  // namespace attn
