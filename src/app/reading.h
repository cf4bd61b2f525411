// reading.h - the chosen head's map with tokens merged into words, sentences or marked spans, and
// special tokens hidden.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/regroup.h"
#include "app/measures.h"
#include "app/worker.h"
#include "base/result.h"

namespace attn {

struct PatternMap;  // shown.h

// The tokens of a sample, grouped as the state asks. Does not keep the trace alive.
struct Reading {
  std::weak_ptr<const Trace> of;
  int part = 0, sample = 0;
  int reach = INT_MAX;  // of the layer, on which the mask of the groups depends
  Units units = Units::tokens;
  Specials specials = Specials::shown;
  Between between = Between::all;
  std::string spans;
  Groups queries, keys;
  int n_hidden = 0;  // keys that are left out
  Pairs pairs;       // of the groups: one sample

  bool is(const std::shared_ptr<const Trace>& trace, const State& state) const;
  // `state` with its chosen row and cell counted in groups; hidden tokens move to a neighbour.
  State at(const State& state) const;
};
std::shared_ptr<const Reading> make_reading(const std::shared_ptr<const Trace>& trace,
                                            const State& state);

// One row of a head's map of groups, computed at once; the same numbers as the map's.
struct GroupRow {
  std::vector<float> values;  // [key group]
  float hidden = 0;           // weight on hidden tokens
};
GroupRow group_row(const Attention& attention, const Reading& reading, int layer, int head,
                   int query);

// Cache key of a map of groups; the metric is null for weights.
struct ReadKey {
  std::shared_ptr<const Reading> reading;
  MeasureKey of;

  bool operator==(const ReadKey&) const = default;
};

// A head's weights, or another {query, key} measure, with groups as rows and columns.
struct ReadMap {
  ReadKey key;
  std::shared_ptr<const PatternMap> map;    // of weights; its reading is the key's
  std::shared_ptr<const MadeMeasure> made;  // of a metric
  std::vector<float> hidden;                // [query group] weight on hidden tokens
  double hidden_mean = 0;
  std::optional<Error> error;
};
uint64_t bytes_of(const std::shared_ptr<const ReadMap>& map);
// `metric` null: the weights.
ReadKey read_key(std::shared_ptr<const Reading> reading, const Metric* metric,
                 const std::shared_ptr<const Trace>& trace, const State& at);

// Merges rows of the pattern, or of `from`; a step takes about kWorkAStep. More than kMostCells
// cells of groups are an error.
struct ReadWish {
  std::shared_ptr<const Trace> trace;
  ReadKey key;
  std::shared_ptr<const MadeMeasure> from;
  State at;
};
Job read_job(ReadWish wish, Lang lang, std::function<void(std::shared_ptr<const ReadMap>)> done);

}  // namespace attn
