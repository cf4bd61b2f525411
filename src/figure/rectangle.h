// rectangle.h - a rectangle of cells in a map: its text form in links, and its statistics.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"

namespace attn {

// Parses "2-5.0-3" (queries.keys), clipped to the attention's size; nullopt if malformed.
std::optional<CellRect> read_rectangle(std::string_view text, const Pairs& pairs);
std::string write_rectangle(CellRect rect);

struct RectCell {
  int query, key;
  float weight;
};
struct RectFacts {
  int n_rows = 0, n_cells = 0;  // queries with any visible key, unmasked cells
  double mass = 0;              // Σ A[i, j] inside
  double share = 0;             // mass / all attention of these queries
  double bits = 0;              // entropy of the rectangle's weights, normalised to sum to 1
  double most_bits = 0;         // log2 of its cells
  double distance = 0;          // mean |i - j|, weighted
  std::vector<RectCell> top;    // the five largest
};
// Computes the pattern rows of the rectangle's queries; check rectangle_work() first where that may
// take too long.
RectFacts rectangle_facts(const Attention& a, int sample, int layer, int head, CellRect rect);
double rectangle_work(const Attention& a, CellRect rect);  // multiplications
// The statistics in words, one line each.
std::vector<std::string> rectangle_words(const RectFacts& facts, CellRect rect, const Pairs& pairs,
                                         int sample, Lang lang);

}  // namespace attn
