// pack_weights.h - packs matrices into the layout of the kernels, within the memory of their files.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "model/recipe.h"

namespace attn {

// Processes tensors in file order. Each is copied aside and then packed at or before its own place:
// packed data never reaches unread data, because the space of the header, vectors and unused
// tensors becomes free. Tables aligned to the size of their numbers stay in place. Peak memory is
// the files plus one tensor.
//
// Files whose bytes are shared are not written to, and a tensor that grew by padding its last panel
// may not fit: these get separate memory.
class WeightPacker {
 public:
  // `plan` must be the plan of these files.
  WeightPacker(std::vector<NamedTensors> files, WeightPlan plan);
  ~WeightPacker();

  static constexpr uint64_t kBytesAStep = 4'000'000;
  // Upper bound on the steps for files of this total size.
  static int n_steps(uint64_t n_bytes) { return int(n_bytes / kBytesAStep) + 1; }
  // A few milliseconds of work; false after the last step, or if out of memory.
  bool step();

  struct Packed {
    Weights weights;
    uint64_t bytes = 0;                      // memory that they hold
    std::vector<std::string> warnings = {};  // tensors with numbers that are not finite
  };
  Result<Packed> take();  // after the last step

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attn
