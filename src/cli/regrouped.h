// regrouped.h - measures of words, sentences or spans for the command line.
#pragma once

#include <string>

#include "analysis/regroup.h"

namespace attn {

// A measure regrouped by --units and --special, with its groups and a state clamped to them.
struct Regrouped {
  Measure measure;
  Pairs pairs;
  State state;
  std::string note;  // in words: how groups are formed, and the weight on hidden tokens
};
// An error if the measure has no token axis, or all tokens are hidden.
Result<Regrouped> regroup(const Metric& metric, const Measure& measure, const Pairs& tokens,
                          const State& state);

}  // namespace attn
