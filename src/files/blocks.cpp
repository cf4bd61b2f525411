#include "files/blocks.h"

#include <cstring>

#include "tensor/kernels.h"

// The layouts are those of ggml-common.h in llama.cpp. A block of 32 numbers has one scale, and one
// minimum in the types that end in _1. One of 256, "K", is cut into runs of 16 or 32 numbers, whose
// own scales, small integers, multiply the scale of the block.

namespace attn {

namespace {

float half_at(const uint8_t* at) {
  uint16_t half;
  std::memcpy(&half, at, sizeof half);
  return half_to_float(half);
}

// 4 bits each: the lower halves of 16 bytes, then the upper ones; then 5 bits of which the fifth
// ones stand before these bytes.
template <bool kMinimum, bool kFifth>
void expand_32(const uint8_t* b, float* to) {
  const float scale = half_at(b), least = kMinimum ? half_at(b + 2) : 0;
  b += kMinimum ? 4 : 2;
  uint32_t fifth = 0;
  if (kFifth) {
    std::memcpy(&fifth, b, sizeof fifth);
    b += sizeof fifth;
  }
  constexpr int kZero = kMinimum ? 0 : kFifth ? 16 : 8;
  for (int i = 0; i < 32; ++i) {
    const int q = (i < 16 ? b[i] & 15 : b[i - 16] >> 4) | int(fifth >> i & 1) << 4;
    to[i] = scale * float(q - kZero) + least;
  }
}

// 4 bits that name one of these numbers.
void expand_iq4_nl(const uint8_t* b, float* to) {
  static constexpr int8_t kValues[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                       1,    13,   25,  38,  53,  69,  89,  113};
  const float scale = half_at(b);
  b += 2;
  for (int i = 0; i < 32; ++i) to[i] = scale * float(kValues[i < 16 ? b[i] & 15 : b[i - 16] >> 4]);
}

void expand_q8_0(const uint8_t* b, float* to) {
  const float scale = half_at(b);
  for (int i = 0; i < 32; ++i) to[i] = scale * float(int8_t(b[2 + i]));
}

// Number i of 2 bits: 4 numbers that are 32 apart share a byte.
int two_bits(const uint8_t* b, unsigned i) {
  return b[i / 128 * 32 + i % 32] >> (2 * (i % 128 / 32)) & 3;
}

void expand_q2_k(const uint8_t* b, float* to) {
  const float scale = half_at(b + 80), least = half_at(b + 82);
  for (unsigned i = 0; i < 256; ++i) {
    const uint8_t own = b[i / 16];
    to[i] = scale * float(own & 15) * float(two_bits(b + 16, i)) - least * float(own >> 4);
  }
}

void expand_q3_k(const uint8_t* b, float* to) {
  const float scale = half_at(b + 108);
  const uint8_t* const own = b + 96;
  float scales[16];
  for (int k = 0; k < 16; ++k) {
    const int low = k < 8 ? own[k] & 15 : own[k - 8] >> 4;
    scales[k] = scale * float((low | (own[8 + k % 4] >> (2 * (k / 4)) & 3) << 4) - 32);
  }
  for (unsigned i = 0; i < 256; ++i) {
    const int third = b[i % 32] >> (i / 32) & 1;
    to[i] = scales[i / 16] * float(two_bits(b + 32, i) - (third ? 0 : 4));
  }
}

// Scales and minima of 8 runs, 6 bits each.
void expand_scales(const uint8_t* b, float scale, float least, float* scales, float* minima) {
  for (int k = 0; k < 4; ++k) {
    scales[k] = scale * float(b[k] & 63);
    minima[k] = least * float(b[k + 4] & 63);
    scales[k + 4] = scale * float((b[k + 8] & 15) | (b[k] >> 2 & 48));
    minima[k + 4] = least * float(b[k + 8] >> 4 | (b[k + 4] >> 2 & 48));
  }
}

template <bool kFifth>
void expand_q45_k(const uint8_t* b, float* to) {
  float scales[8], minima[8];
  expand_scales(b + 4, half_at(b), half_at(b + 2), scales, minima);
  const uint8_t *const fifth = b + 16, *const low = b + (kFifth ? 48 : 16);
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned run = i / 32, at = i % 32;
    int q = low[run / 2 * 32 + at] >> (4 * (run % 2)) & 15;
    if (kFifth) q |= (fifth[at] >> run & 1) << 4;
    to[i] = scales[run] * float(q) - minima[run];
  }
}

void expand_q6_k(const uint8_t* b, float* to) {
  const float scale = half_at(b + 208);
  for (unsigned i = 0; i < 256; ++i) {
    const int low = b[i / 128 * 64 + i % 64] >> (4 * (i % 128 / 64)) & 15;
    const int q = (low | two_bits(b + 128, i) << 4) - 32;
    to[i] = scale * float(int8_t(b[192 + i / 16])) * float(q);
  }
}

constexpr BlockType kTypes[] = {
    {DType::q4_0, "Q4_0", 32, 18, expand_32<false, false>},
    {DType::q4_1, "Q4_1", 32, 20, expand_32<true, false>},
    {DType::q5_0, "Q5_0", 32, 22, expand_32<false, true>},
    {DType::q5_1, "Q5_1", 32, 24, expand_32<true, true>},
    {DType::q8_0, "Q8_0", 32, 34, expand_q8_0},
    {DType::q2_k, "Q2_K", 256, 84, expand_q2_k},
    {DType::q3_k, "Q3_K", 256, 110, expand_q3_k},
    {DType::q4_k, "Q4_K", 256, 144, expand_q45_k<false>},
    {DType::q5_k, "Q5_K", 256, 176, expand_q45_k<true>},
    {DType::q6_k, "Q6_K", 256, 210, expand_q6_k},
    {DType::iq4_nl, "IQ4_NL", 32, 18, expand_iq4_nl},
};

}  // namespace

const BlockType* block_type(DType dtype) {
  for (const BlockType& type : kTypes)
    if (type.dtype == dtype) return &type;
  return nullptr;
}

}  // namespace attn
