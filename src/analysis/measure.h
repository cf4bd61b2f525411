// measure.h - numbers under named axes: where metrics and views meet.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "model/trace.h"
#include "state/state.h"

namespace attn {

enum class Axis { sample, layer, head, query, key, dim, vocab };

struct Measure {
  std::vector<Axis> axes;
  std::vector<int> shape;     // one size per axis
  std::vector<float> values;  // row-major
};

// What a metric may read. Null what is not there; the row's `needs_model` says what must be.
struct Inputs {
  const Trace* trace = nullptr;
  const State* state = nullptr;  // sample, layer, head, token, already clamped to the trace
};

// One row, one metric; menus, the command line and a test that knows none by name walk the table.
struct Metric {
  const char* id;
  Text title;
  Text sentence;  // what it is, with its source
  std::vector<Axis> axes;
  float low, high;  // every value lies between
  Measure (*compute)(const Inputs&);
};
std::span<const Metric> metrics();
const Metric* find_metric(std::string_view id);

// Clamps sample, layer, head, token and locked key to what the trace has.
State clamped(const State& state, const Trace& trace);

struct Peak {
  int key;
  float weight;
};
// The `n` largest weights of a row, largest first; equal weights in order of position.
std::vector<Peak> top_keys(std::span<const float> row, int n);

}  // namespace attn
