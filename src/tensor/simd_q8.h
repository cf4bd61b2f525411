// simd_q8.h - products with blocks of 32 8-bit integers and a scale.
#pragma once

#include "tensor/format.h"
#include "tensor/simd_formats.h"

namespace attn {
namespace {

constexpr int kBlock = numbers_of(Format::q8_0), kBlockBytes = bytes_of(Format::q8_0);
constexpr int kPanelBytes = kPanel * kBlockBytes;  // one block of a panel: scales, then numbers
static_assert(kBlock % kPanel == 0);

// A panel of bytes as floats.
ATTN_INLINE void widen(const uint8_t* from, Lanes* to) {
#if defined(__wasm_simd128__)
  const v128_t x = wasm_i16x8_load8x8(from);
  to[0] = (Lanes)wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(x));
  to[1] = (Lanes)wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(x));
#elif defined(__AVX512F__)
  for (int j = 0; j < kVectors; ++j) {
    const __m128i x = _mm_loadu_si128((const __m128i*)(from + kLanes * j));
    to[j] = __builtin_convertvector((IntLanes)_mm512_maskz_cvtepi8_epi32(0xFFFF, x), Lanes);
  }
#elif defined(__AVX2__)
  for (int j = 0; j < kVectors; ++j) {
    const __m128i x = _mm_loadl_epi64((const __m128i*)(from + kLanes * j));
    to[j] = __builtin_convertvector((IntLanes)_mm256_cvtepi8_epi32(x), Lanes);
  }
#elif defined(__SSE2__)
  const __m128i x = _mm_loadl_epi64((const __m128i*)from), twice = _mm_unpacklo_epi8(x, x);
  to[0] = _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(twice, twice), 24));
  to[1] = _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpackhi_epi16(twice, twice), 24));
#else
  typedef int8_t Bytes __attribute__((vector_size(kLanes)));
  for (int j = 0; j < kVectors; ++j) {
    Bytes x;
    __builtin_memcpy(&x, from + kLanes * j, sizeof x);
    to[j] = __builtin_convertvector(x, Lanes);
  }
#endif
}

ATTN_INLINE float q8_scale(const uint8_t* block) {
  uint16_t half;
  __builtin_memcpy(&half, block, 2);
  return F16::one(&half);
}

// One block of a panel.
ATTN_INLINE void q8_scales(const uint8_t* block, Lanes* to) {
  uint16_t halves[kPanel];
  __builtin_memcpy(halves, block, sizeof halves);
  F16::panel(halves, to);
}

void q8_from_row(const void* row, float* to, int64_t n) {
  const auto* block = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < n; i += kBlock, block += kBlockBytes) {
    const Lanes scale = splat(q8_scale(block));
    for (int k = 0; k < kBlock; k += kPanel) {
      Lanes x[kVectors];
      widen(block + 2 + k, x);
      for (int j = 0; j < kVectors; ++j) store(to + i + k + kLanes * j, scale * x[j]);
    }
  }
}

void q8_from_panels(const void* panels, float* to, int64_t n) {
  const auto* block = static_cast<const uint8_t*>(panels);
  for (int64_t i = 0; i < n; i += kBlock * kPanel, block += kPanelBytes) {
    Lanes scales[kVectors];
    q8_scales(block, scales);
    for (int k = 0; k < kBlock; ++k) {
      Lanes x[kVectors];
      widen(block + (2 + k) * kPanel, x);
      for (int j = 0; j < kVectors; ++j) store(to + i + k * kPanel + kLanes * j, scales[j] * x[j]);
    }
  }
}

template <int kN>
ATTN_INLINE void q8_row_panels(int64_t d_in, const float* x, const uint8_t* w, int64_t apart,
                               float* y) {
  const int64_t panel_bytes = apart * (d_in / kBlock * kPanelBytes);
  for (int64_t k0 = 0; k0 < d_in; k0 += kBlock, w += kPanelBytes) {
    Lanes sum[kN][kVectors] = {};
    for (int k = 0; k < kBlock; ++k) {
      const Lanes left = splat_at(x + k0 + k);
#pragma GCC unroll 16
      for (int p = 0; p < kN; ++p) {
        Lanes right[kVectors];
        widen(w + p * panel_bytes + (2 + k) * kPanel, right);
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) sum[p][j] = madd(left, right[j], sum[p][j]);
      }
    }
#pragma GCC unroll 16
    for (int p = 0; p < kN; ++p) {
      Lanes scales[kVectors];
      q8_scales(w + p * panel_bytes, scales);
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) {
        float* to = y + p * apart * kPanel + kLanes * j;
        store(to, madd(scales[j], sum[p][j], k0 > 0 ? load(to) : Lanes{}));
      }
    }
  }
}

void q8_row_times_panels(int64_t d_in, const float* x, const void* panels, int64_t n_panels,
                         float* y) {
  const auto* w = static_cast<const uint8_t*>(panels);
  const int64_t panel_bytes = d_in / kBlock * kPanelBytes;
  const int64_t quarter = n_panels / 4;  // as in simd_product.h
  for (int64_t p = 0; p < quarter; ++p)
    q8_row_panels<4>(d_in, x, w + p * panel_bytes, quarter, y + p * kPanel);
  for (int64_t p = 4 * quarter; p < n_panels; ++p)
    q8_row_panels<1>(d_in, x, w + p * panel_bytes, 0, y + p * kPanel);
}

template <int kN>
ATTN_INLINE void q8_few_dots(int64_t d_in, const float* x, const uint8_t* w, int64_t apart,
                             float* y) {
  const int64_t row_bytes = apart * (d_in / kBlock * kBlockBytes);
  Lanes total[kN] = {};
  for (int64_t k0 = 0; k0 < d_in; k0 += kBlock, w += kBlockBytes) {
    Lanes sum[kN] = {};
    for (int k = 0; k < kBlock; k += kPanel) {
      Lanes left[kVectors];
      F32::panel(x + k0 + k, left);
#pragma GCC unroll 4
      for (int i = 0; i < kN; ++i) {
        Lanes right[kVectors];
        widen(w + i * row_bytes + 2 + k, right);
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) sum[i] = madd(left[j], right[j], sum[i]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kN; ++i)
      total[i] = madd(splat(q8_scale(w + i * row_bytes)), sum[i], total[i]);
  }
  for (int i = 0; i < kN; ++i) y[i * apart] = sum_of(total[i]);
}

void q8_dots(int64_t d_in, const float* x, const void* rows, int64_t n_rows, float* y) {
  const auto* w = static_cast<const uint8_t*>(rows);
  const int64_t row_bytes = d_in / kBlock * kBlockBytes;
  const int64_t quarter = n_rows / 4;
  for (int64_t i = 0; i < quarter; ++i) q8_few_dots<4>(d_in, x, w + i * row_bytes, quarter, y + i);
  for (int64_t i = 4 * quarter; i < n_rows; ++i)
    q8_few_dots<1>(d_in, x, w + i * row_bytes, 0, y + i);
}

}  // namespace
}  // namespace attn
