// rollout.h - how attention adds up over layers: rollout, and attention flow by max-flow (Abnar &
// Zuidema 2020).
#pragma once

#include "analysis/measure.h"

namespace attn {

// Both are maps {query, key} from the layer after State::layer down to the input, over layers 0 ..
// State::layer with heads averaged and the residual stream as half of each: Â = rownorm(Ā + I).

// R = Â^l … Â^0.
Study begin_rollout(const Inputs& in);
Status too_large_for_rollout(const Inputs& in);
// Ours, for causal masks: early tokens are visible to all and so collect weight whatever a model
// does. Each cell is divided by the rollout of uniform attention, and rows are normalised again.
Study begin_rollout_relative(const Inputs& in);

// Largest flow from (l, i) to the input j in the graph of edges Â; rows are brought to 1. A step is
// some queries.
Study begin_flow(const Inputs& in);
// Its time grows with the fourth power of the tokens: a sentence where that is too long.
Status too_large_for_flow(const Inputs& in);

}  // namespace attn
