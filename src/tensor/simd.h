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

struct ElementLoops {
  // y[i] = f(y[i]). NaN stays NaN; gelu, gelu_tanh, silu and relu of minus infinity are 0.
  void (*exp)(float* y, int64_t n);
  void (*gelu)(float* y, int64_t n);
  void (*gelu_tanh)(float* y, int64_t n);
  void (*silu)(float* y, int64_t n);
  void (*relu)(float* y, int64_t n);
  void (*add)(float* x, const float* y, int64_t n);  // x += y
  // In place. All of the row is NaN if any of it is, or infinity is, or if all is minus infinity.
  void (*softmax)(float* x, int64_t n);
  // beta may be null, y may be x. Squares of x must stay below the largest float; n > 0.
  void (*layer_norm)(const float* x, int64_t n, const float* gamma, const float* beta, float eps,
                     float* y);
  void (*rms_norm)(const float* x, int64_t n, const float* gamma, float eps, float* y);
};

struct Simd {
  const char* name;  // "avx512", "avx2", "base", "wasm", "wasm-relaxed"
  ProductLoops product;
  ElementLoops elements;
};

// Of this processor.
const Simd& simd();
// All that this processor can run, best first; for tests.
const Simd* const* all_simd(int& n);

}  // namespace attn
