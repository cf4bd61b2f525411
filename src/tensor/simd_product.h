// simd_product.h - tiles of matrix products, rows times packed panels, and dot products.
#pragma once

#include "tensor/simd.h"
#include "tensor/simd_formats.h"
#include "tensor/simd_q8.h"

namespace attn {
namespace {

// Accumulators, two right operands and one left must fit the registers: V8 leaves 15 of 16 in
// WebAssembly, and a product that is not fused needs one more.
#if defined(__AVX512F__)
constexpr int kRows = 14;
#elif defined(__wasm_simd128__) && !defined(__wasm_relaxed_simd__)
constexpr int kRows = 5;
#else
constexpr int kRows = 6;
#endif

// WebAssembly has no instruction for this, so a byte is read instead; its sum keeps the compiler
// from removing the read.
ATTN_INLINE void fetch(Ahead& ahead) {
#if defined(__wasm__)
  ahead.sum += *ahead.at;
#else
  __builtin_prefetch(ahead.at);
#endif
  ahead.at += ahead.step;
}

template <int kM>
void tile(int64_t depth, const float* a, const float* b, float* c, int64_t c_stride, bool more,
          Ahead& to_fetch) {
  Lanes sum[kM][kVectors] = {};
  Ahead ahead = to_fetch;
  for (int64_t k = 0; k < depth; ++k, a += kM, b += kPanel) {
    fetch(ahead);
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
  to_fetch = ahead;
#pragma GCC unroll 16
  for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < kVectors; ++j) {
      float* to = c + i * c_stride + kLanes * j;
      store(to, more ? load(to) + sum[i][j] : sum[i][j]);
    }
  }
}

// Panels read in parallel, `apart` panels from each other: enough streams and sums to saturate
// memory bandwidth.
template <class Format, int kN>
ATTN_INLINE void row_panels(int64_t d_in, const float* x, const typename Format::Stored* w,
                            int64_t apart, float* y) {
  for (int64_t k0 = 0; k0 < d_in; k0 += kDepthBlock) {
    const int64_t k1 = k0 + kDepthBlock < d_in ? k0 + kDepthBlock : d_in;
    Lanes sum[kN][kVectors] = {};
    for (int64_t k = k0; k < k1; ++k) {
      const Lanes left = splat_at(x + k);
#pragma GCC unroll 16
      for (int p = 0; p < kN; ++p) {
        Lanes right[kVectors];
        Format::panel(w + (p * apart * d_in + k) * kPanel, right);
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) sum[p][j] = madd(left, right[j], sum[p][j]);
      }
    }
#pragma GCC unroll 16
    for (int p = 0; p < kN; ++p) {
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) {
        float* to = y + p * apart * kPanel + kLanes * j;
        store(to, k0 > 0 ? load(to) + sum[p][j] : sum[p][j]);
      }
    }
  }
}

template <class Format>
void row_times_panels(int64_t d_in, const float* x, const void* panels, int64_t n_panels,
                      float* y) {
  const auto* w = static_cast<const typename Format::Stored*>(panels);
  // Four streams, each through a quarter of the weights: hardware prefetches few, long streams.
  const int64_t quarter = n_panels / 4;
  for (int64_t p = 0; p < quarter; ++p)
    row_panels<Format, 4>(d_in, x, w + p * d_in * kPanel, quarter, y + p * kPanel);
  for (int64_t p = 4 * quarter; p < n_panels; ++p)
    row_panels<Format, 1>(d_in, x, w + p * d_in * kPanel, 0, y + p * kPanel);
}

template <class Format, int kN>
ATTN_INLINE void few_dots(int64_t d_in, const float* x, const typename Format::Stored* w,
                          int64_t apart, float* y) {
  Lanes sum[kN][kVectors] = {};
  int64_t k = 0;
  for (; k + kPanel <= d_in; k += kPanel) {
    Lanes left[kVectors];
    F32::panel(x + k, left);
#pragma GCC unroll 4
    for (int i = 0; i < kN; ++i) {
      Lanes right[kVectors];
      Format::panel(w + i * apart * d_in + k, right);
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) sum[i][j] = madd(left[j], right[j], sum[i][j]);
    }
  }
  for (int i = 0; i < kN; ++i) {
    float rest = 0;
    for (int64_t t = k; t < d_in; ++t) rest += x[t] * Format::one(w + i * apart * d_in + t);
    y[i * apart] = sum_of(sum[i][0] + sum[i][1]) + rest;
  }
}

template <class Format>
void dots_of(int64_t d_in, const float* x, const typename Format::Stored* w, int64_t n_rows,
             float* y) {
  const int64_t quarter = n_rows / 4;
  for (int64_t i = 0; i < quarter; ++i) few_dots<Format, 4>(d_in, x, w + i * d_in, quarter, y + i);
  for (int64_t i = 4 * quarter; i < n_rows; ++i)
    few_dots<Format, 1>(d_in, x, w + i * d_in, 0, y + i);
}

template <class Format>
void dots(int64_t d_in, const float* x, const void* w, int64_t n_rows, float* y) {
  dots_of<Format>(d_in, x, static_cast<const typename Format::Stored*>(w), n_rows, y);
}

template <class Format>
void to_floats(const void* from, float* to, int64_t n) {
  const auto* w = static_cast<const typename Format::Stored*>(from);
  int64_t i = 0;
  for (; i + kPanel <= n; i += kPanel) {
    Lanes x[kVectors];
    Format::panel(w + i, x);
    for (int j = 0; j < kVectors; ++j) store(to + i + kLanes * j, x[j]);
  }
  for (; i < n; ++i) to[i] = Format::one(w + i);
}

template <class Format>
constexpr FormatLoops format_loops() {
  return {to_floats<Format>, to_floats<Format>, row_times_panels<Format>, dots<Format>};
}

constexpr ProductLoops product_loops(){return {
  kRows,
  kPanel,
  {nullptr, tile<1>, tile<2>, tile<3>, tile<4>, tile<5>,
#if defined(__AVX512F__)
   tile<6>, tile<7>, tile<8>, tile<9>, tile<10>, tile<11>, tile<12>, tile<13>, tile<14>},
#else
   kRows > 5 ? tile<6> : nullptr},
#endif
  {{nullptr, nullptr, row_times_panels<F32>, dots<F32>},
   format_loops<Bf16>(),
   format_loops<F16>(),
   {q8_from_row, q8_from_panels, q8_row_times_panels, q8_dots}},
  dots_of<F32>
};
}  // namespace

}  // namespace attn
}  // namespace attn
