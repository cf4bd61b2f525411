// head_scores.h - what a head does, in a number each: previous token, induction, sink, entropy.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/measure.h"

namespace attn {

// One row of a pattern, and what a score may ask about it.
struct PatternRow {
  const Attention& attention;
  int sample, query;
  std::span<const float> weights;            // [n_key]
  std::span<const int> query_ids, key_ids;  // equal numbers are equal tokens
  int period;                               // of a repeated input; 0: not known

  // Keys from n_seen() on are masked; those before it, where sees() says no.
  int n_seen() const;
  bool sees(int key) const;
};

struct Mean {
  double sum = 0;
  int64_t n = 0;
  double value() const { return n > 0 ? sum / double(n) : 0; }  // of nothing: 0
};

// One score. A row adds a cell to the mean (the scores of one diagonal or column) or itself (sums
// over a row). Masked cells, and rows with nothing to see, add nothing and are not counted.
struct HeadScore {
  Metric metric;  // axes {layer, head}; `compute` is null where a period must be given
  Text column;    // the title, short enough for a column
  void (*add)(const PatternRow& row, Mean& mean);
  int fact = kRowFacts;  // the RowFact that says the same; kRowFacts: none
  bool needs_period() const { return metric.compute == nullptr; }
};
// The stripe scores last.
std::span<const HeadScore> head_scores();
const HeadScore* find_head_score(std::string_view id);

// Scores of all heads, over any number of samples: every row (or cell) counts the same.
struct HeadTable {
  std::vector<const HeadScore*> scores;
  int n_layers = 0, n_heads = 0;
  std::vector<Mean> means;  // [score, layer, head]

  HeadTable(std::vector<const HeadScore*> scores, const Attention& a);
  // Adds one sample of a trace of the same model. `period`: the input is r + r with r of so many
  // tokens; read by the stripe scores alone. Scores that the trace's facts tell cost nothing; for the others
  // all patterns are walked, 4 MB at a time, or one row.
  void add(const Trace& trace, int sample, int period);
  // [layer, head]
  std::vector<float> values(size_t score) const;

 private:
  Mean& mean(size_t score, int layer, int head) {
    return means[(score * size_t(n_layers) + size_t(layer)) * size_t(n_heads) + size_t(head)];
  }
  void add_facts(const Attention& a, int sample, size_t score);
  void walk(const Trace& trace, int sample, int period, const std::vector<size_t>& some);
};

}  // namespace attn
