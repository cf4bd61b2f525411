// simd_product.h - tiles of matrix products, rows times packed panels, and dot products.
#pragma once

#include "tensor/lanes.h"
#include "tensor/simd.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace attn {
namespace {

constexpr int kVectors = 2;  // of a panel
constexpr int kPanel = kVectors * kLanes;
// Accumulators, two right sides and a left one must fit the registers: V8 leaves 15 of 16 in
// WebAssembly, and a product that is not fused needs one more.
#if defined(__AVX512F__)
constexpr int kRows = 14;
#elif defined(__wasm_simd128__) && !defined(__wasm_relaxed_simd__)
constexpr int kRows = 5;
#else
constexpr int kRows = 6;
#endif

typedef uint16_t Halves __attribute__((vector_size(kLanes * 2)));
typedef uint32_t Bits __attribute__((vector_size(kLanes * 4)));

ATTN_INLINE Halves load_halves(const uint16_t* from) {
  Halves x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}

struct F32 {
  using Stored = float;
  static ATTN_INLINE Lanes at(const float* from) { return load(from); }
  static ATTN_INLINE float one(const float* from) { return *from; }
};

struct Bf16 {
  using Stored = uint16_t;
  static ATTN_INLINE Lanes at(const uint16_t* from) {
    return (Lanes)(__builtin_convertvector(load_halves(from), Bits) << 16);
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
    // Exponent and fraction move to their places; 2^112 mends the exponent's bias, subnormals too.
    const Bits half = __builtin_convertvector(load_halves(from), Bits);
    const Bits magnitude = (half & 0x7FFFu) << 13;
    const Bits special = (Bits)(magnitude >= 0x7C00u << 13) & 0x7F800000u;
    const Lanes x = (Lanes)magnitude * 0x1p112f;
    return (Lanes)((Bits)x | special | ((half & 0x8000u) << 16));
#endif
  }
  static ATTN_INLINE float one(const uint16_t* from) {
    uint16_t many[kLanes] = {*from};
    float out[kLanes];
    store(out, at(many));
    return out[0];
  }
};

template <int kM>
void tile(int64_t depth, const float* a, const float* b, float* c, int64_t c_stride, bool more) {
  Lanes sum[kM][kVectors] = {};
  for (int64_t k = 0; k < depth; ++k, a += kM, b += kPanel) {
    Lanes right[kVectors];
#pragma GCC unroll 16
    for (int j = 0; j < kVectors; ++j) right[j] = load(b + kLanes * j);
#pragma GCC unroll 16
    for (int i = 0; i < kM; ++i) {
      const Lanes left = splat_at(a + i);
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) sum[i][j] = madd(left, right[j], sum[i][j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kVectors; ++j) {
      float* to = c + i * c_stride + kLanes * j;
      store(to, more ? load(to) + sum[i][j] : sum[i][j]);
    }
  }
}

// Panels that are read side by side: enough streams and sums to keep the memory busy.
template <class Format, int kN>
ATTN_INLINE void row_panels(int64_t d_in, const float* x, const typename Format::Stored* w,
                            float* y) {
  for (int64_t k0 = 0; k0 < d_in; k0 += kDepthBlock) {
    const int64_t k1 = k0 + kDepthBlock < d_in ? k0 + kDepthBlock : d_in;
    Lanes sum[kN][kVectors] = {};
    for (int64_t k = k0; k < k1; ++k) {
      const Lanes left = splat_at(x + k);
#pragma GCC unroll 16
      for (int p = 0; p < kN; ++p) {
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) {
          const Lanes right = Format::at(w + (p * d_in + k) * kPanel + kLanes * j);
          sum[p][j] = madd(left, right, sum[p][j]);
        }
      }
    }
#pragma GCC unroll 16
    for (int p = 0; p < kN; ++p) {
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) {
        float* to = y + p * kPanel + kLanes * j;
        store(to, k0 > 0 ? load(to) + sum[p][j] : sum[p][j]);
      }
    }
  }
}

template <class Format>
void row_times_panels(int64_t d_in, const float* x, const typename Format::Stored* w,
                      int64_t n_panels, float* y) {
  int64_t p = 0;
  for (; p + 4 <= n_panels; p += 4) row_panels<Format, 4>(d_in, x, w + p * d_in * kPanel, y + p * kPanel);
  for (; p < n_panels; ++p) row_panels<Format, 1>(d_in, x, w + p * d_in * kPanel, y + p * kPanel);
}

template <class Format, int kN>
ATTN_INLINE void few_dots(int64_t d_in, const float* x, const typename Format::Stored* w, float* y) {
  Lanes sum[kN][2] = {};
  int64_t k = 0;
  for (; k + 2 * kLanes <= d_in; k += 2 * kLanes) {
#pragma GCC unroll 4
    for (int half = 0; half < 2; ++half) {
      const Lanes left = load(x + k + half * kLanes);
#pragma GCC unroll 4
      for (int i = 0; i < kN; ++i) {
        sum[i][half] = madd(left, Format::at(w + i * d_in + k + half * kLanes), sum[i][half]);
      }
    }
  }
  for (int i = 0; i < kN; ++i) {
    float rest = 0;
    for (int64_t t = k; t < d_in; ++t) rest += x[t] * Format::one(w + i * d_in + t);
    y[i] = sum_of(sum[i][0] + sum[i][1]) + rest;
  }
}

template <class Format>
void dots(int64_t d_in, const float* x, const typename Format::Stored* w, int64_t n_rows, float* y) {
  int64_t i = 0;
  for (; i + 4 <= n_rows; i += 4) few_dots<Format, 4>(d_in, x, w + i * d_in, y + i);
  for (; i < n_rows; ++i) few_dots<Format, 1>(d_in, x, w + i * d_in, y + i);
}

template <class Format>
void to_floats(const uint16_t* from, float* to, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, Format::at(from + i));
  for (; i < n; ++i) to[i] = Format::one(from + i);
}

constexpr ProductLoops product_loops() {
  return {kRows,
          kPanel,
          {nullptr, tile<1>, tile<2>, tile<3>, tile<4>, tile<5>,
#if defined(__AVX512F__)
           tile<6>, tile<7>, tile<8>, tile<9>, tile<10>, tile<11>, tile<12>, tile<13>, tile<14>},
#else
           kRows > 5 ? tile<6> : nullptr},
#endif
          to_floats<Bf16>,
          to_floats<F16>,
          row_times_panels<F32>,
          row_times_panels<Bf16>,
          row_times_panels<F16>,
          dots<F32>,
          dots<Bf16>,
          dots<F16>};
}

}  // namespace
}  // namespace attn
