// experts.h - the experts in place of an MLP: which of them a router picks for each row.
#pragma once

#include <vector>

#include "model/model.h"
#include "tensor/mat.h"

namespace attn {

// One row's visit to one expert, whose output is added times `share`.
struct Visit {
  int row = 0, expert = 0;
  float share = 0;
};

// Each row visits Config::n_active_experts (Shazeer et al. 2017), those with the highest scores;
// the shares are the softmax of the scores of all experts, or of those visited. By expert, then by
// row.   scores [n, n_experts]
std::vector<Visit> route(const Config& c, ConstMat scores);

// in = act(gate) * in, or the clamped form of gpt-oss.   in, gate [n, d_expert]
void gate_rows(const Config& c, Mat in, Mat gate);

// What the experts of a layer add, all rows at once.   x, normed already, and out [n, d_model]
void experts_out(const Model& model, int layer, ConstMat x, Mat out);

}  // namespace attn
