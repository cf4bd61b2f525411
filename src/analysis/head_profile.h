// head_profile.h - what a head's whole pattern shows that single rows do not: lines, blocks,
// similarity of rows.
#pragma once

#include <span>
#include <vector>

#include "analysis/head_facts.h"

namespace attn {

struct Model;

// A sum and the number of its terms.
struct Mean {
  double sum = 0;
  int64_t n = 0;
  double squares = 0;  // for scores that also need a spread
  double value() const { return n > 0 ? sum / double(n) : 0; }  // 0 without terms
};

// Sums over a pattern, row by row; with the sink, or over rows renormalised without it.
struct LineSums {
  std::vector<double> columns;  // [n_key] Σ_i A[i, j]
  std::vector<double> offsets;  // [n_query + n_key] Σ A[i, j] over i - j + n_key - 1
  std::vector<int> column_cells, offset_cells;  // number of unmasked cells in each
  double squares = 0, all = 0, own_segment = 0;
  int64_t n_cells = 0;
  int n_rows = 0;
  double likeness = 0;         // Σ of cosines of successive rows
  int n_pairs = 0, last = -1;  // the last row that was counted
};

// What a walk over one head's rows gathers: O(n_query + n_key) numbers.
struct HeadProfile {
  LineSums with, without;
  double smoothed_nats = 0;                 // Σ of the rows' entropies as Clark et al. smooth them
  double comma_or_point = 0;                // Σ A[i, j] over keys "," and "."
  double weighted = 0, weighted_first = 0;  // Σ A[i, j] ‖v_j W_O‖, and of j = 0
  bool has_norms = false;
  int n_rows = 0;  // with at least one unmasked key
};

// Walks the rows of one head in order.
class HeadWalk {
 public:
  // `norms` [n_key] = ‖v_j W_O‖, or empty.
  HeadWalk(const HeadContext& context, std::span<const float> norms);
  void add(int query, std::span<const float> weights);  // [n_key]
  const HeadProfile& profile() const { return profile_; }

 private:
  void add_to(LineSums& sums, int query, int first_key, std::span<const float> weights,
              double factor);

  const HeadContext& c_;
  std::span<const float> norms_;
  HeadProfile profile_;
  std::vector<float> seen_, before_;  // the row, masked cells zero, and the one before it
};

// ‖v_j W_O‖ of every key of one head, W_O [d_head, d_model] being the head's part of the output
// matrix; without the output bias, as Kobayashi et al. 2020. Empty where there is no model or
// no values.
std::vector<float> value_norms(const Model* model, const Attention& a, int sample, int layer,
                               int head);

// A column or an offset is a line where a quarter of the rows may see it and the mean weight of
// those is at least kLine and twice what uniform attention would give.
constexpr double kLine = .1;
struct Lines {
  double vertical = 0, diagonal = 0;  // shares of the weight that lie on lines
};
Lines lines_of(const LineSums& sums, const LineSums& uniform);

// 1 - Σ (A[i, j] - m[i - j])² / Σ (A[i, j] - m)² with m[o] the mean at an offset and m of all
// cells: the part of the pattern's variance that is a function of the offset. 1 where nothing
// varies at all.
double positional_share(const LineSums& sums);

// Five classes after Kovaleva et al. 2019, who trained a network on pictures; ours is a rule. In
// order: vertical, diagonal or both, where these hold at least kHalfPattern of the weight together
// (each of both at least half of that); block, where sentences hold as much and the weight
// between sentences is at most half that of uniform attention.
enum class PatternClass { vertical, diagonal, vertical_diagonal, block, heterogeneous };
// Sentences of three or four tokens are diagonals to it.
constexpr double kHalfPattern = .5;
PatternClass pattern_class(const LineSums& sums, const LineSums& uniform);

}  // namespace attn
