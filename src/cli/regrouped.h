// regrouped.h - measures of words, sentences or spans for the command line.
#pragma once

#include <string>

#include "analysis/regroup.h"

namespace attn {

// A measure as --units and --special ask for it, with a trace and a state to read it by.
struct Regrouped {
  Measure measure;
  Trace trace;
  State state;
  std::string note;  // how groups are made, and what hidden tokens hold; in words
};
// An error where the measure has no tokens, or all of them are hidden.
Result<Regrouped> regroup(const Metric& metric, const Measure& measure, const Trace& trace,
                          const State& state);

}  // namespace attn
