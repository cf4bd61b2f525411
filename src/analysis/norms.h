// norms.h - how long the vectors are that attention really moves (Kobayashi et al. 2020, 2021).
//
// f^h(x_j) = v_j^h W_O^h with the value's bias, without the output's. All need a model.
#pragma once

#include "analysis/measure.h"

namespace attn {

// In steps of some values or queries.
Study begin_norm_head(const Inputs& in);  // {query, key} A[i, j] ‖f(x_j)‖, the chosen head
// Refusal: they keep what the values of all heads of a layer write, [head, key, d_model].
Status too_large_for_values(const Inputs& in);
Study begin_norm_layer(const Inputs& in);     // {query, key} ‖Σ_h A^h[i, j] f^h(x_j)‖
Study begin_norm_residual(const Inputs& in);  // {query, key} with x_i added where j = i
// The same through the layer's LayerNorm or RMSNorm, with the scale of the true sum. As published
// where the norm comes last; where it comes first the next norm is taken, the one that the MLP
// reads through (our extension).
Study begin_norm_residual_ln(const Inputs& in);
// {layer, query} ‖Σ_{j≠i}‖ / (‖Σ_{j≠i}‖ + ‖j = i‖) of the above: how much comes from other tokens.
Study begin_mixing_ratio(const Inputs& in);

}  // namespace attn
