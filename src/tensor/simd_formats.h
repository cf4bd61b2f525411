// simd_formats.h - loads stored numbers as floats in registers.
#pragma once

#include "tensor/lanes.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace attn {
namespace {

constexpr int kVectors = 2;  // of a panel
constexpr int kPanel = kVectors * kLanes;

typedef uint16_t Halves __attribute__((vector_size(kLanes * 2)));
typedef uint32_t Bits __attribute__((vector_size(kLanes * 4)));

ATTN_INLINE Halves load_halves(const uint16_t* from) {
  Halves x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}

// Converts numbers of a format to floats: a panel of adjacent numbers, or one.
struct F32 {
  using Stored = float;
  static ATTN_INLINE void panel(const float* from, Lanes* to) {
    for (int j = 0; j < kVectors; ++j) to[j] = load(from + kLanes * j);
  }
  static ATTN_INLINE float one(const float* from) { return *from; }
};

struct Bf16 {
  using Stored = uint16_t;
  static ATTN_INLINE void panel(const uint16_t* from, Lanes* to) {
#if defined(__wasm_simd128__)
    // Behind zeros, one instruction each.
    const v128_t x = wasm_v128_load(from), zero = wasm_i32x4_const_splat(0);
    to[0] = (Lanes)wasm_i16x8_shuffle(zero, x, 0, 8, 1, 9, 2, 10, 3, 11);
    to[1] = (Lanes)wasm_i16x8_shuffle(zero, x, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    for (int j = 0; j < kVectors; ++j)
      to[j] = (Lanes)(__builtin_convertvector(load_halves(from + kLanes * j), Bits) << 16);
#endif
  }
  static ATTN_INLINE float one(const uint16_t* from) {
    const uint32_t bits = uint32_t(*from) << 16;
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
  }
};

struct F16 {
  using Stored = uint16_t;
  static ATTN_INLINE Lanes at(const uint16_t* from) {
#if defined(__F16C__) && defined(__AVX512F__)
    return (Lanes)_mm512_maskz_cvtph_ps(0xFFFF, (__m256i)load_halves(from));
#elif defined(__F16C__)
    return (Lanes)_mm256_cvtph_ps((__m128i)load_halves(from));
#else
    // Exponent and fraction move to their places; 2^112 corrects the exponent's bias, also of
    // subnormals.
    const Bits half = __builtin_convertvector(load_halves(from), Bits);
    const Bits magnitude = (half & 0x7FFFu) << 13;
    const Bits special = (Bits)(magnitude >= 0x7C00u << 13) & 0x7F800000u;
    const Lanes x = (Lanes)magnitude * 0x1p112f;
    return (Lanes)((Bits)x | special | ((half & 0x8000u) << 16));
#endif
  }
  static ATTN_INLINE void panel(const uint16_t* from, Lanes* to) {
#if defined(__wasm_simd128__)
    // Fast path if no half is infinite or NaN: sign and all bits move at once.
    const v128_t x = wasm_v128_load(from), top = wasm_i16x8_const_splat(0x7C00);
    if (!wasm_v128_any_true(wasm_i16x8_eq(wasm_v128_and(x, top), top))) {
      const v128_t low = wasm_i32x4_shl(wasm_i32x4_extend_low_i16x8(x), 13);
      const v128_t high = wasm_i32x4_shl(wasm_i32x4_extend_high_i16x8(x), 13);
      const v128_t kept = wasm_i32x4_const_splat(int32_t(0x8FFFE000));
      to[0] = (Lanes)wasm_v128_and(low, kept) * 0x1p112f;
      to[1] = (Lanes)wasm_v128_and(high, kept) * 0x1p112f;
      return;
    }
#endif
    for (int j = 0; j < kVectors; ++j) to[j] = at(from + kLanes * j);
  }
  static ATTN_INLINE float one(const uint16_t* from) {
    const uint32_t half = *from, magnitude = (half & 0x7FFFu) << 13;
    float x;
    __builtin_memcpy(&x, &magnitude, 4);
    x *= 0x1p112f;
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    bits |= (magnitude >= 0x7C00u << 13 ? 0x7F800000u : 0) | (half & 0x8000u) << 16;
    __builtin_memcpy(&x, &bits, 4);
    return x;
  }
};

}  // namespace
}  // namespace attn
