// exp.h - e^x in float, without branches, so that compilers turn loops over it into SIMD.
#pragma once

#include <bit>
#include <cstdint>

namespace attn {

// Within 1 ulp where the result is a normal number, and within 1.5e-45 below; 0 from -104 down,
// infinity from 88.73 up, NaN for NaN.
inline float exp_float(float x) {
  // e^x = 2^n e^r with |r| <= ln 2 / 2; n falls out of the low bits when 1.5 * 2^23 is added.
  constexpr float kRound = 12582912.f, kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  x = x < -104.f ? -104.f : x;
  x = x > 89.f ? 89.f : x;
  const float shifted = x * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  // Minimax for (e^r - 1 - r) / r² on the interval (the classic Cephes coefficients).
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.f;
  // 2^n in two factors, since n may be 128 or as low as -150.
  const int32_t whole = int32_t(std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(kRound));
  const int32_t half = whole >> 1;
  const auto power = [](int32_t e) { return std::bit_cast<float>((uint32_t(e) + 127u) << 23); };
  return p * power(half) * power(int32_t(uint32_t(whole) - uint32_t(half)));
}

}  // namespace attn
