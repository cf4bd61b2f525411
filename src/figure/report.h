// report.h - text reports: the eight parts of the tutorial, for any trace.
#pragma once

#include <string>

#include "analysis/measure.h"
#include "pass/scratch.h"
#include "state/language.h"

namespace attn {

// Each report ends in a line break. The state, clamped, selects sample, layer, head and token.
std::string structure_report(const Inputs& in);  // shape, axes, one element
std::string token_weights_report(const Inputs& in);
// Position, token, weight to 4 decimals, percent, bar of up to 50 blocks; the sum to 6 decimals.
std::string token_table_report(const Inputs& in);
std::string head_comparison_report(const Inputs& in);
// ██ > 0.5, ▓▓ > 0.3, ▒▒ > 0.1, ░░ > 0.05.
std::string heat_map_report(const Inputs& in);
std::string head_mean_report(const Inputs& in);
std::string element_report(const Inputs& in, int query, int key);
std::string indexing_report(const Inputs& in);
std::string concepts_report(const Inputs& in);

// All eight numbered parts.
std::string demo_report(const ScratchRun& run, const State& state);
std::string model_report(const Inputs& in);

}  // namespace attn
