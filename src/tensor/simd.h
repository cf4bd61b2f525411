// simd.h - the hot loops of one instruction set as a table; the best one is chosen when first asked.
//
// Each group of loops has a body simd_<group>.h written over lanes.h. Callers outside tensor/ use the
// functions of kernels.h, packed.h and attention_block.h.
#pragma once

#include <cstdint>

namespace attn {

constexpr int kMostTileRows = 14;
constexpr int kMostPanel = 32;
// Sums over d_in are taken in blocks of so many, which stay in the first cache; in every loop alike, so
// that a row by itself has the same bits as among others.
constexpr int kDepthBlock = 256;

struct ProductLoops {
  int rows;   // of the largest tile
  int panel;  // outputs side by side
  // c [m, panel] = a b, or += where `more`, for m = 1 .. rows.   a [depth][m]   b [depth][panel]
  void (*tile[kMostTileRows + 1])(int64_t depth, const float* a, const float* b, float* c,
                                  int64_t c_stride, bool more);
  // n floats from bfloat16 or binary16.
  void (*from_bf16)(const uint16_t* from, float* to, int64_t n);
  void (*from_f16)(const uint16_t* from, float* to, int64_t n);
  // One row times panels p0 .. p1-1 of a packed matrix in its own format: y [(p1 - p0) * panel], x [d_in]. The sum over d_in is
  // taken in the same order as by tiles.
  void (*row_f32)(int64_t d_in, const float* x, const float* w, int64_t n_panels, float* y);
  void (*row_bf16)(int64_t d_in, const float* x, const uint16_t* w, int64_t n_panels, float* y);
  void (*row_f16)(int64_t d_in, const float* x, const uint16_t* w, int64_t n_panels, float* y);
  // y[i] = x · w_i for n_rows rows of row-major w.
  void (*dots_f32)(int64_t d_in, const float* x, const float* w, int64_t n_rows, float* y);
  void (*dots_bf16)(int64_t d_in, const float* x, const uint16_t* w, int64_t n_rows, float* y);
  void (*dots_f16)(int64_t d_in, const float* x, const uint16_t* w, int64_t n_rows, float* y);
};

struct Simd {
  const char* name;  // "avx512", "avx2", "base", "wasm", "wasm-relaxed"
  ProductLoops product;
};

// Of this processor.
const Simd& simd();
// All that this processor can run, best first; for tests.
const Simd* const* all_simd(int& n);

}  // namespace attn
