// figure_views.h - the views of the table, one file each.
#pragma once

#include "figure/figure.h"

namespace attn {

// One query's row: position, token, weight, percent and bar of every key, and the sum's check.
Figure bars_figure(const ViewInput& input);
// One query in every head of a layer: the most attended key, and the two after it.
Figure heads_figure(const ViewInput& input);

}  // namespace attn
