// head_cells.h - the cells of a map that make up a head's score, to be pointed at.
#pragma once

#include <vector>

#include "analysis/head_scores.h"

namespace attn {

struct ScoreCell {
  int query, key;
  bool operator==(const ScoreCell&) const = default;
};
// Those that the score adds up, of the state's sample, in order, of queries that may see them;
// empty where it is about all cells (entropy, distance) or no head score. At most kMostScoreCells.
constexpr size_t kMostScoreCells = 1 << 17;
std::vector<ScoreCell> cells_of(const Metric& metric, const Inputs& inputs);

}  // namespace attn
