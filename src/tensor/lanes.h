// lanes.h - one register of floats, as wide as the including file's instruction set.
//
// The bodies of the hot loops (simd_*.h) are written once over these and compiled once for each
// instruction set: simd_base.cpp, simd_avx2.cpp, simd_avx512.cpp. Everything is in an unnamed
// namespace, so that copies for different processors never mix; nothing here may call functions
// that the linker could share between them (no std:: templates).
#pragma once

#include <cstdint>

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#elif defined(__SSE2__)
#include <immintrin.h>
#endif

#define ATTN_INLINE inline __attribute__((always_inline, unused))

namespace attn {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Lanes __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntLanes __attribute__((vector_size(kLanes * 4)));

ATTN_INLINE Lanes load(const float* from) {
  Lanes x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}
ATTN_INLINE void store(float* to, Lanes x) { __builtin_memcpy(to, &x, sizeof x); }

ATTN_INLINE Lanes splat(float x) { return x - Lanes{}; }
#if defined(__wasm_simd128__)
ATTN_INLINE Lanes splat_at(const float* from) { return (Lanes)wasm_v128_load32_splat(from); }
#else
ATTN_INLINE Lanes splat_at(const float* from) { return splat(*from); }
#endif

// a * b + c; fused where the processor can.
ATTN_INLINE Lanes madd(Lanes a, Lanes b, Lanes c) {
#if defined(__wasm_relaxed_simd__)
  return (Lanes)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#else
  return a * b + c;
#endif
}

// The larger or smaller of each lane; b if either is NaN.
ATTN_INLINE Lanes larger(Lanes a, Lanes b) {
#if defined(__wasm_simd128__)
  return (Lanes)wasm_f32x4_pmax((v128_t)b, (v128_t)a);
#elif defined(__AVX512F__)
  return _mm512_maskz_max_ps(0xFFFF, a, b);
#elif defined(__AVX__)
  return _mm256_max_ps(a, b);
#elif defined(__SSE2__)
  return _mm_max_ps(a, b);
#else
  return a > b ? a : b;
#endif
}
ATTN_INLINE Lanes smaller(Lanes a, Lanes b) {
#if defined(__wasm_simd128__)
  return (Lanes)wasm_f32x4_pmin((v128_t)b, (v128_t)a);
#elif defined(__AVX512F__)
  return _mm512_maskz_min_ps(0xFFFF, a, b);
#elif defined(__AVX__)
  return _mm256_min_ps(a, b);
#elif defined(__SSE2__)
  return _mm_min_ps(a, b);
#else
  return a < b ? a : b;
#endif
}

// x where the lane of the mask is all ones, y where it is zero.
ATTN_INLINE Lanes choose(IntLanes mask, Lanes x, Lanes y) {
  return (Lanes)((mask & (IntLanes)x) | (~mask & (IntLanes)y));
}

// In a fixed order, so that results do not depend on the compiler.
ATTN_INLINE float sum_of(Lanes x) {
  float at[kLanes];
  store(at, x);
  for (int n = kLanes / 2; n > 0; n /= 2) {
    for (int i = 0; i < n; ++i) at[i] += at[i + n];
  }
  return at[0];
}

}  // namespace
}  // namespace attn
