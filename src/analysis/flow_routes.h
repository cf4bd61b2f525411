// flow_routes.h - information-flow routes: which parts make up each sum (Ferrando & Voita 2024).
//
// Of a sum y of parts z_p, part p counts max(‖y‖₁ - ‖z_p - y‖₁, 1e-5), brought to 1 over all parts
// (llm_transparency_tool). The parts of attn_sum at i: every key j in every head, A[i, j] f^h(x_j),
// and the residual stream; b_O is no part. Of mlp_sum: the MLP and resid_mid. Need activations.
#pragma once

#include "analysis/measure.h"

namespace attn {

Study begin_route_head(const Inputs& in);   // {query, key} the chosen head's edges
Study begin_route_layer(const Inputs& in);  // {query, key} edges of all heads together
Study begin_route_heads(
    const Inputs& in);  // {layer, head} the chosen token's edges, all keys together
Study begin_route_residual(const Inputs& in);  // {layer, query} what the attention leaves as it was
Study begin_route_mlp(const Inputs& in);       // {layer, query} what the MLP adds

}  // namespace attn
