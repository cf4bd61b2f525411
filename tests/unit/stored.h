// stored.h - numbers in every format that weights are stored in, and what they are exactly.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "tensor/format.h"
#include "tensor/kernels.h"
#include "tensor/mat.h"

namespace attn {

constexpr Format kAllFormats[] = {Format::f32, Format::bf16, Format::f16, Format::q8_0};

inline std::vector<float> normal(int64_t n, std::mt19937& random) {
  std::normal_distribution<float> distribution;
  std::vector<float> out(static_cast<size_t>(n));
  for (float& x : out) x = distribution(random);
  return out;
}

inline uint16_t to_bf16(float x) { return uint16_t(std::bit_cast<uint32_t>(x) >> 16); }

// To nearest, ties to even; |x| < 65520.
inline uint16_t to_f16(float x) {
  if (x == 0) return std::signbit(x) ? 0x8000 : 0;
  int exponent = 0;
  std::frexp(x, &exponent);
  const int step = std::max(exponent, -13) - 11;  // log2 of the distance between neighbours
  const int steps = int(std::nearbyint(std::ldexp(std::abs(double(x)), -step)));
  return uint16_t((std::signbit(x) ? 0x8000 : 0) + ((step + 24) << 10) + steps);
}

// ggml's rule: d = max|x| / 127 of 32 numbers, stored as binary16; q = x / d rounded, ties away
// from 0.
inline std::vector<uint8_t> quantize_q8_0(ConstMat m) {
  std::vector<uint8_t> bytes;
  for (int64_t r = 0; r < m.rows; ++r) {
    for (int64_t i = 0; i < m.cols; i += 32) {
      const float* x = m.row(r).data() + i;
      float most = 0;
      for (int k = 0; k < 32; ++k) most = std::max(most, std::abs(x[k]));
      const float d = most / 127, inverse = d > 0 ? 1 / d : 0;
      const uint16_t half = to_f16(d);
      bytes.push_back(uint8_t(half));
      bytes.push_back(uint8_t(half >> 8));
      for (int k = 0; k < 32; ++k) bytes.push_back(uint8_t(int8_t(std::round(x[k] * inverse))));
    }
  }
  return bytes;
}

struct Stored {
  Format format;
  std::vector<float> exact;  // what the stored numbers are
  std::vector<uint8_t> bytes;
  const void* data() const { return bytes.data(); }
};

// Of q8_0 rows of `d`, a multiple of 32.
inline Stored store(std::vector<float> values, int64_t d, Format format) {
  Stored out{format, std::move(values), {}};
  const auto append = [&](auto number) {
    const auto bytes = std::bit_cast<std::array<uint8_t, sizeof number>>(number);
    out.bytes.insert(out.bytes.end(), bytes.begin(), bytes.end());
  };
  if (format == Format::q8_0) {
    out.bytes = quantize_q8_0({out.exact.data(), int64_t(out.exact.size()) / d, d});
    for (size_t i = 0; i < out.exact.size(); ++i) {
      const uint8_t* block = out.bytes.data() + i / 32 * 34;
      out.exact[i] = half_to_float(uint16_t(block[0] | block[1] << 8)) * int8_t(block[2 + i % 32]);
    }
    return out;
  }
  for (float& x : out.exact) {
    if (format == Format::f32) {
      append(x);
    } else {
      const uint16_t half = format == Format::bf16 ? to_bf16(x) : to_f16(x);
      append(half);
      x = format == Format::bf16 ? bfloat16_to_float(half) : half_to_float(half);
    }
  }
  return out;
}

}  // namespace attn
