// target_pass.h - the token that is asked about, found in short steps where it is the likeliest of
// a large vocabulary.
#pragma once

#include <vector>

#include "analysis/target.h"

namespace attn {

// target_of() with the likeliest token or label at `query` where none is named, found in steps:
// none where the trace has its logits.
class TargetPass {
 public:
  TargetPass(const Inputs& in, int query);
  int n_steps() const { return n_steps_; }
  void step();
  const Target& target() const { return target_; }

 private:
  const Model& model_;
  Target target_;
  std::vector<float> ready_;  // [d_model], before W_U
  float highest_ = 0;
  int n_steps_ = 0, rows_ = 0, at_ = 0;  // tokens a step; tokens done
};

}  // namespace attn
