// metric_words.h - formulas and sources of measures as a reader of either language sees them.
#pragma once

#include <string>

#include "analysis/measure.h"

namespace attn {

// Metric::formula and Metric::source; in Chinese with their words translated, symbols and names as
// they are.
std::string formula_of(const Metric& metric, Lang lang);
std::string source_of(const Metric& metric, Lang lang);

}  // namespace attn
