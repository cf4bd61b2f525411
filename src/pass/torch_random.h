// torch_random.h - PyTorch's CPU generator: the same seed gives the same numbers.
#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace attn {

// torch.manual_seed(seed) on a CPU generator (Mersenne Twister 19937 seeded with the lower 32
// bits).
class TorchRandom {
 public:
  explicit TorchRandom(uint64_t seed);

  // tensor.uniform_(low, high), float32: the lower 24 bits of one draw each. Bit for bit.
  void uniform(std::span<float> out, float low, float high);
  // torch.randn, float32: below 16 elements by pairs of doubles (Box-Muller, the second kept for
  // the next call), from 16 on by blocks of 16 uniforms. Bit for bit below 16; from there on within
  // 5e-7, because PyTorch's vectorised logarithm, sine and cosine are not the C library's.
  void normal(std::span<float> out);

 private:
  double next_normal();

  std::mt19937 engine_;
  double next_normal_ = 0;
  bool has_next_normal_ = false;
};

}  // namespace attn
