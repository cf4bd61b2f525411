// report.h - what the analyser says in text: the tutorial's eight parts, for any trace.
#pragma once

#include <string>

#include "analysis/measure.h"
#include "pass/scratch.h"
#include "state/language.h"

namespace attn {

// Each ends in a line break. `state` is clamped and says which sample, layer, head and token.
std::string structure_report(const Trace& trace, const State& state);  // shape, axes, one element
std::string token_weights_report(const Trace& trace, const State& state);
// Position, token, weight to 4 decimals, percent, bar of up to 50 blocks; the sum to 6 decimals.
std::string token_table_report(const Trace& trace, const State& state);
std::string head_comparison_report(const Trace& trace, const State& state);
// ██ > 0.5, ▓▓ > 0.3, ▒▒ > 0.1, ░░ > 0.05.
std::string heat_map_report(const Trace& trace, const State& state);
std::string head_mean_report(const Trace& trace, const State& state);
std::string element_report(const Trace& trace, const State& state, int query, int key);
std::string indexing_report(const Trace& trace, const State& state);
std::string concepts_report(const Trace& trace, const State& state);

// All eight numbered parts.
std::string demo_report(const ScratchRun& run, const State& state);
std::string model_report(const Trace& trace, const State& state);

}  // namespace attn
