// head_distance.h - how differently two heads attend: Jensen-Shannon distance of their rows (Clark
// et al. 2019).
#pragma once

#include "analysis/measure.h"

namespace attn {

// {layer, head, layer, head}: mean over rows of ½ Σ_j P ln(P/M) + Q ln(Q/M) in nats, M = (P + Q) /
// 2, between any two heads. P and Q are smoothed as Clark et al. do, .999 A + .001 / n, n being the
// keys that the row may see. They sum over rows and texts; the mean does not depend on how many
// there are. Rows with nothing to see do not count. A step is some pairs at one row.
Status too_large_for_distances(const Inputs& in);  // 12 bytes for each two heads
Study begin_head_distance(const Inputs& in);

}  // namespace attn
