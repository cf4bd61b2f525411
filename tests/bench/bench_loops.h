// bench_loops.h - what the machine can do at most: multiply-adds from registers, and reading.
#pragma once

#include <cstdint>
#include <span>

namespace attn {

// One piece of each is short, so that an engine which swaps a function only when it is called again
// does so soon.
constexpr int64_t kPeakSteps = 50000;
constexpr int kPeakSums = 12;

struct MachineLoops {
  const char* name;  // "avx512", "avx2", "128 bit", "relaxed madd"
  int lanes;         // floats in a register
  // kPeakSteps times a multiplication and an addition in each of kPeakSums registers.
  float (*peak)(float x, float y);
  float (*read)(std::span<const float> floats);  // their sum

  double flops_of_peak() const { return 2.0 * kPeakSums * double(kPeakSteps) * lanes; }
};

// The widest that this processor has.
const MachineLoops& machine_loops();

}  // namespace attn
