// torch_random.cpp - PyTorch's way from Mersenne Twister draws to uniform and normal floats.
#include "pass/torch_random.h"

#include <cmath>
#include <numbers>

namespace attn {

namespace {

// 2^-24 times the lower 24 bits: [0, 1), every value exact in a float.
float unit_float(std::mt19937& engine) { return float(engine() & 0xffffff) * 0x1p-24f; }

// 2^-53 times the lower 53 bits of two draws, the first of them the upper half.
double unit_double(std::mt19937& engine) {
  const uint64_t high = engine();
  const uint64_t bits = (high << 32) | engine();
  return double(bits & ((uint64_t(1) << 53) - 1)) * 0x1p-53;
}

// Box-Muller in place over 16 uniforms: the first eight become the cosines, the last the sines.
// PyTorch rounds every step to float but has logarithm, sine and cosine of its own (AVX2), which
// differ from correctly rounded ones in the last place.
void normal_block(std::span<float, 16> x) {
  constexpr float kTwoPi = float(2 * std::numbers::pi);
  for (size_t j = 0; j < 8; ++j) {
    const float u = 1 - x[j];  // (0, 1], for the logarithm
    const float radius = std::sqrt(-2 * float(std::log(double(u))));
    const float theta = kTwoPi * x[j + 8];
    x[j] = radius * float(std::cos(double(theta)));
    x[j + 8] = radius * float(std::sin(double(theta)));
  }
}

}  // namespace

TorchRandom::TorchRandom(uint64_t seed) : engine_(uint32_t(seed)) {}

void TorchRandom::uniform(std::span<float> out, float low, float high) {
  // One rounding, as with a fused multiply-add: the product of two floats is exact in a double.
  const double width = high - low;
  for (float& x : out) x = float(double(unit_float(engine_)) * width + double(low));
}

void TorchRandom::normal(std::span<float> out) {
  if (out.size() < 16) {
    for (float& x : out) x = float(next_normal());
    return;
  }
  for (float& x : out) x = unit_float(engine_);
  for (size_t at = 0; at + 16 <= out.size(); at += 16)
    normal_block(std::span<float, 16>(out.data() + at, 16));
  if (out.size() % 16 == 0) return;
  // The rest is not filled up: the last 16, done or not, are drawn anew.
  const std::span<float, 16> last(out.data() + out.size() - 16, 16);
  for (float& x : last) x = unit_float(engine_);
  normal_block(last);
}

double TorchRandom::next_normal() {
  if (has_next_normal_) {
    has_next_normal_ = false;
    return next_normal_;
  }
  const double u1 = unit_double(engine_), u2 = unit_double(engine_);
  const double radius = std::sqrt(-2 * std::log1p(-u2));
  const double theta = 2 * std::numbers::pi * u1;
  next_normal_ = radius * std::sin(theta);
  has_next_normal_ = true;
  return radius * std::cos(theta);
}

}  // namespace attn
