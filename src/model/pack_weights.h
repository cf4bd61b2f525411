// pack_weights.h - matrices from the files' bytes into the order of the kernels, in the same
// memory.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "model/recipe.h"

namespace attn {

// Goes through the tensors in the order of their bytes. Each is copied aside and then packed at or
// before its own place: what has been packed never reaches what has not been read, because the
// header, vectors and unused tensors leave their room. Tables that lie at a multiple of
// their number's size stay where they are. At the peak there are the files and one tensor.
//
// Files whose bytes are shared with other holders are not written to, and a tensor that has become
// larger (a last panel that is filled up) does not have to fit: those get separate memory.
class WeightPacker {
 public:
  // `plan` of these files.
  WeightPacker(std::vector<NamedTensors> files, WeightPlan plan);
  ~WeightPacker();

  static constexpr uint64_t kBytesAStep = 4'000'000;
  // The most steps there can be for files of this size together.
  static int n_steps(uint64_t n_bytes) { return int(n_bytes / kBytesAStep) + 1; }
  // A few milliseconds of work; false: that was the last, or there was not enough memory.
  bool step();

  struct Packed {
    Weights weights;
    uint64_t bytes = 0;  // of memory that they keep
  };
  Result<Packed> take();  // after the last step

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attn
