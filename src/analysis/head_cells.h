// head_cells.h - the cells of a map that make up a head's score, to be pointed at.
#pragma once

#include <functional>
#include <vector>

#include "analysis/head_scores.h"

namespace attn {

struct ScoreCell {
  int query, key;
  bool operator==(const ScoreCell&) const = default;
};
// The unmasked cells that the score sums over, of the state's sample, in order; empty where it uses
// all cells (entropy, distance) or is no head score. At most kMostScoreCells.
constexpr size_t kMostScoreCells = 1 << 17;
std::vector<ScoreCell> cells_of(const Metric& metric, const Inputs& inputs);

// HeadScore::cells: calls `key` with every key whose A[query, key] the score sums. Masked keys and
// keys out of range may be among them.
using OfKey = std::function<void(int)>;
namespace cells {
void previous(const HeadContext& c, int query, const OfKey& key);
void next(const HeadContext& c, int query, const OfKey& key);
void self(const HeadContext& c, int query, const OfKey& key);
void first(const HeadContext& c, int query, const OfKey& key);
void offset(const HeadContext& c, int query, const OfKey& key);
void duplicate(const HeadContext& c, int query, const OfKey& key);
void induction(const HeadContext& c, int query, const OfKey& key);
void special(const HeadContext& c, int query, const OfKey& key);
void punctuation(const HeadContext& c, int query, const OfKey& key);
void comma_or_point(const HeadContext& c, int query, const OfKey& key);
void same_word(const HeadContext& c, int query, const OfKey& key);
void own_sentence(const HeadContext& c, int query, const OfKey& key);
void induction_stripe(const HeadContext& c, int query, const OfKey& key);
void duplicate_stripe(const HeadContext& c, int query, const OfKey& key);
}  // namespace cells

}  // namespace attn
