// head_scores.h - what a head does, one number per behaviour: previous token, induction, sink,
// entropy, lines.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/head_profile.h"
#include "analysis/measure.h"

namespace attn {

// Attention often rests on the first token, which says nothing about what a head does. So scores
// also exist without it: every row is divided by its weight on the other keys. Rows where that is
// less than kLeastRest are not counted then.
enum class Sink { with, without };

// One row of a pattern: its facts, and what scores need besides.
struct FactRow {
  const HeadContext& c;
  int layer, head, query;
  std::span<const float> facts;    // [kRowFacts]
  std::span<const float> weights;  // [n_key]; empty where the facts come from the pass
  Sink sink;

  double fact(RowFact of) const { return double(facts[size_t(of)]); }
  double weight(int key) const;  // A[i, key], as it is; only where
  bool has_weight() const { return !weights.empty() || c.a.is_kept(layer); }
  // What the weights are divided by: 1, or the row's weight without the sink; 0 where the row is
  // not counted.
  double whole() const;
};

// One score: by the facts of rows, or by the walk over a whole pattern. Masked cells, and rows with
// nothing to see, add nothing and are not counted.
struct HeadScore {
  Metric metric;  // axes {layer, head}
  Text column;    // the title, short enough for a column
  void (*of_row)(const FactRow& row, Mean& mean) = nullptr;
  Mean (*of_head)(const HeadProfile& head, const LineSums& sums, const LineSums& uniform) = nullptr;
  // The keys whose weights it sums for a query (head_cells.h); null: it uses all cells.
  void (*cells)(const HeadContext&, int query, const std::function<void(int key)>&) = nullptr;
  bool usual = false;      // `attnscope heads` shows it where there is no room for all
  bool sink_aware = true;  // it has a value without the sink
  bool spread = false;     // the mean's standard deviation is the score
  bool by_period = false;  // only where the input is r + r
  bool by_norms = false;   // only where there is a model, for W_O
  bool across = false;     // queries and keys may be of two texts; else it is of one

  bool needs_period() const { return by_period; }
  float value(const Mean& mean) const;
};
// The stripe scores last.
std::span<const HeadScore> head_scores();
const HeadScore* find_head_score(std::string_view id);

// The scores of one sample of a trace.
struct HeadQuestion {
  int sample = 0, period = 0, offset = 2;
};

// Scores of all heads, over any number of samples: every row (or cell) counts the same.
struct HeadTable {
  std::vector<const HeadScore*> scores;
  int n_layers = 0, n_heads = 0;
  std::vector<Mean> means;    // [sink, score, layer, head]
  std::vector<int> windows;   // [n_layers] which layers have the same window, from 0
  std::vector<Mean> uniform;  // [window, sink, score] of uniform attention

  HeadTable(std::vector<const HeadScore*> scores, const Attention& a);
  // Adds one sample of a trace of the same model. `period`: the input is r + r with r of this
  // many tokens; only the stripe scores read it.
  void add(const Model* model, const Attention& a, int sample, int period, int offset = 2);
  // [layer, head]. Scores that cannot be computed from the trace are NaN.
  std::vector<float> values(size_t score, Sink sink = Sink::with) const;
  // The same for uniform attention under the same masks, which is that of a layer.
  float baseline(size_t score, Sink sink = Sink::with, int layer = 0) const;
  int n_windows() const { return windows.empty() ? 1 : std::ranges::max(windows) + 1; }
  Mean& uniform_mean(size_t score, Sink sink, int window) {
    return uniform[size_t(2 * window + int(sink)) * scores.size() + score];
  }

  size_t at(size_t score, Sink sink, int layer, int head) const {
    return ((size_t(sink) * scores.size() + score) * size_t(n_layers) + size_t(layer)) *
               size_t(n_heads) +
           size_t(head);
  }
};

// HeadTable::add in steps of some milliseconds. Scores by facts from the pass cost next to nothing;
// for the others all patterns are walked, a few rows at a time. Trace and table must outlive it.
class HeadTableWork {
 public:
  HeadTableWork(HeadTable& table, const Model* model, const Attention& attention,
                const HeadQuestion& question);
  ~HeadTableWork();
  int n_steps() const;
  bool step();  // false: that was the last one

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attn
