// reading.h - the chosen head's map with tokens as people read them: words, sentences, marked
// spans, special ones hidden.
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

// A sample's tokens as a state groups them. Does not keep the trace they are of.
struct Reading {
  std::weak_ptr<const Trace> of;
  int part = 0, sample = 0;
  Units units = Units::tokens;
  Specials specials = Specials::shown;
  std::string spans;
  Groups queries, keys;
  int n_hidden = 0;  // keys that are left out
  Pairs pairs;       // of the groups: one sample

  bool is(const std::shared_ptr<const Trace>& trace, const State& state) const;
  // Tokens of the chosen row and cell in groups; hidden ones make way.
  State at(const State& state) const;
};
std::shared_ptr<const Reading> make_reading(const std::shared_ptr<const Trace>& trace,
                                            const State& state);

// A map of groups: its metric is null for the weights.
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
  std::vector<float> hidden;  // [query group] of its weights, what the hidden tokens hold
  double hidden_mean = 0;
  std::optional<Error> error;
};
uint64_t bytes_of(const std::shared_ptr<const ReadMap>& map);
// `metric` null: the weights.
ReadKey read_key(std::shared_ptr<const Reading> reading, const Metric* metric,
                 const std::shared_ptr<const Trace>& trace, const State& at);

// Rows of the pattern, or of `from`, a few at a time: a step takes about kWorkAStep. More than
// kMostCells cells of groups are an error.
struct ReadWish {
  std::shared_ptr<const Trace> trace;
  ReadKey key;
  std::shared_ptr<const MadeMeasure> from;
  State at;
};
Job read_job(ReadWish wish, Lang lang, std::function<void(std::shared_ptr<const ReadMap>)> done);

}  // namespace attn
