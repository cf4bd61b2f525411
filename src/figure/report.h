// report.h - text reports: the eight parts of the tutorial, for any trace.
#pragma once

#include <string>
#include <vector>

#include "analysis/measure.h"
#include "figure/text_blocks.h"
#include "pass/scratch.h"
#include "state/language.h"

namespace attn {

// The state, clamped, selects sample, layer, head and token.
TextBlocks structure_report(const Inputs& in);  // shape, axes, one element
TextBlocks token_weights_report(const Inputs& in);
// Position, token, weight to 4 decimals, percent, bar of up to 50 blocks; the sum to 6 decimals.
TextBlocks token_table_report(const Inputs& in);
TextBlocks head_comparison_report(const Inputs& in);
// ██ > 0.5, ▓▓ > 0.3, ▒▒ > 0.1, ░░ > 0.05.
TextBlocks heat_map_report(const Inputs& in);
TextBlocks head_mean_report(const Inputs& in);
// The mean that it tells of, one head a step; the inputs, clamped, must outlive it.
struct MeanOfHeads {
  Inputs in;
  int head = 0;                  // the next
  std::vector<float> rows = {};  // of queries_shown(), [queries shown, n_key]
  bool step();                   // false after the last
};
TextBlocks head_mean_report(const MeanOfHeads& mean);
// Masked pairs are named as such.
TextBlocks element_report(const Inputs& in, int query, int key);
TextBlocks indexing_report(const Inputs& in);
// Lines of NumPy, then of PyTorch, that run: they set the chosen query's weights and index them.
TextBlocks python_report(const Inputs& in);
TextBlocks concepts_report(const Inputs& in);
// What the causal mask and the padding mask let a query see.
TextBlocks masks_report(const Inputs& in);

// All eight numbered parts.
std::string demo_report(const ScratchRun& run, const State& state);
std::string model_report(const Inputs& in);

}  // namespace attn
