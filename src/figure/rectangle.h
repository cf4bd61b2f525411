// rectangle.h - a part of a map: how it is written in a link, and what lies in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"

namespace attn {

// "2-5.0-3"; nothing when it is written otherwise. Cut to the attention's size.
std::optional<CellRect> read_rectangle(std::string_view text, const Pairs& pairs);
std::string write_rectangle(CellRect rect);

struct RectCell {
  int query, key;
  float weight;
};
struct RectFacts {
  int n_rows = 0, n_cells = 0;  // queries that see anything, cells that may be seen
  double mass = 0;              // Σ A[i, j] within
  double share = 0;             // of what these queries look at in all
  double bits = 0;              // entropy of the rectangle's weights, made to sum to 1
  double most_bits = 0;         // log2 of its cells
  double distance = 0;          // mean |i - j|, weighted
  std::vector<RectCell> top;    // the five largest
};
// Computes the rows of the rectangle's queries; ask rectangle_work() first where that may be too
// much.
RectFacts rectangle_facts(const Attention& a, int sample, int layer, int head, CellRect rect);
double rectangle_work(const Attention& a, CellRect rect);  // multiplications
// In sentences, one a line.
std::vector<std::string> rectangle_words(const RectFacts& facts, CellRect rect, const Pairs& pairs,
                                         int sample, Lang lang);

}  // namespace attn
