// regrouped.h - measures of words, sentences or spans for the command line.
#pragma once

#include <string>

#include "analysis/regroup.h"

namespace attn {

// A measure as --units and --special ask for it, with its groups and a state to read it by.
struct Regrouped {
  Measure measure;
  Pairs pairs;
  State state;
  std::string note;  // how groups are made, and what hidden tokens hold; in words
};
// An error where the measure has no tokens, or all of them are hidden.
Result<Regrouped> regroup(const Metric& metric, const Measure& measure, const Pairs& tokens,
                          const State& state);

}  // namespace attn
