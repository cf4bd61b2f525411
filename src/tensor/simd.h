// simd.h - a table of hot loops per instruction set; the best is chosen on first use.
//
// Each group of loops has a body simd_<group>.h written over lanes.h. Callers outside tensor/ use
// the functions of kernels.h, packed.h and attention_block.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/format.h"

namespace attn {

constexpr int kMostTileRows = 14;
constexpr int kMostPanel = 32;
// Sums over d_in are taken in blocks of this size, which stay in the L1 cache; every loop does so,
// so that a row has the same bits alone as among others.
constexpr int kDepthBlock = 256;

// Products with weights of one format, in whole blocks.
struct FormatLoops {
  // n numbers of rows or of panels as floats; null for f32.
  void (*from_row)(const void* from, float* to, int64_t n);
  void (*from_panels)(const void* from, float* to, int64_t n);
  // One row x [d_in] times adjacent panels, y [n_panels * panel]. Sums have the same order as in
  // tiles, except that q8_0 multiplies sums of 32 by their scale.
  void (*row)(int64_t d_in, const float* x, const void* w, int64_t n_panels, float* y);
  // y[i] = x · w_i for n_rows rows of row-major w.
  void (*dots)(int64_t d_in, const float* x, const void* w, int64_t n_rows, float* y);
};

// Memory that a tile brings closer beside its product, `step` bytes further at each step of depth:
// asked for all at once, it would keep the product waiting. `sum` has no meaning.
struct Ahead {
  const uint8_t* at;
  ptrdiff_t step;
  uint32_t sum;
};

struct ProductLoops {
  int rows;   // of the largest tile
  int panel;  // outputs side by side
  // c [m, panel] = a b, or += where `more`, for m = 1 .. rows.   a [depth][m]   b [depth][panel]
  void (*tile[kMostTileRows + 1])(int64_t depth, const float* a, const float* b, float* c,
                                  int64_t c_stride, bool more, Ahead& ahead);
  FormatLoops formats[kFormatCount];
  void (*dots_f32)(int64_t d_in, const float* x, const float* w, int64_t n_rows, float* y);

  const FormatLoops& of(Format format) const { return formats[int(format)]; }
};

// Sums collected by the softmax of a row, with e = exp(score - highest): Σ e over all keys; over
// all but key 0: Σ e, Σ e (score - highest), Σ e |i - j|, Σ e |i - j|², max e; then score - highest
// of key 0; and highest.
enum SoftSum {
  kAllE,
  kRestE,
  kRestX,
  kRestFar,
  kRestFar2,
  kRestMost,
  kFirstX,
  kHighest,
  kSoftSums
};

// Bins of weights by size, 16 per power of two, down to 2^-16 of the largest.
constexpr int kBins = 256, kBinShift = 19, kBinCount = 42;
constexpr float kBinOne = 16777216;

struct ElementLoops {
  // y[i] = f(y[i]). NaN stays NaN; gelu, gelu_tanh, silu and relu of minus infinity are 0.
  void (*exp)(float* y, int64_t n);
  void (*gelu)(float* y, int64_t n);
  void (*gelu_tanh)(float* y, int64_t n);
  void (*silu)(float* y, int64_t n);
  void (*relu)(float* y, int64_t n);
  void (*add)(float* x, const float* y, int64_t n);  // x += y
  // In place. The whole row becomes NaN if any value is NaN or infinity, or all are minus infinity.
  void (*softmax)(float* x, int64_t n);
  // beta may be null, y may be x. Squares of x must stay below the largest float; n > 0.
  void (*layer_norm)(const float* x, int64_t n, const float* gamma, const float* beta, float eps,
                     float* y);
  void (*rms_norm)(const float* x, int64_t n, const float* gamma, float eps, float* y);
};

// Sums of weights are taken in blocks of this many keys for any panel, which reduces rounding; sums
// of values in blocks of v that stay in the L1 cache while all tiles of d_head read them.
constexpr int kSumKeys = 64;
constexpr int64_t keys_a_value_sum(int64_t d) { return d < 512 ? 8192 / d : 16; }

// Attention for a panel of `width` queries, one per lane. Scores, weights and z are columns,
// [key or dimension][width]. Weights e = exp(score - highest) are not yet divided by their sum.
struct PanelLoops {
  int width;
  // s [n][width] = k q; `highest` [width] grows.   q [d][width]   k [n] rows of d
  void (*scores)(int64_t d, const float* q, const float* k, int64_t k_stride, int64_t n, float* s,
                 float* highest);
  // Minus infinity for keys first_key .. first_key+n-1 that come after lane i's query, first_query
  // + i, and the highest of the others.
  void (*mask)(int64_t first_query, int64_t first_key, int64_t n, float* s, float* highest);
  // s [n][width] = e, 0 for minus infinity; sums [1][width] = Σ e. With facts sums
  // [kSoftSums][width], of which kHighest is left to the caller.
  void (*soften)(int64_t first_query, int64_t n, const float* highest, float* s, float* sums);
  void (*soften_facts)(int64_t first_query, int64_t n, const float* highest, float* s, float* sums);
  // z [d][width] = Σ over n keys of v e; d > 0.   v [n] rows of d
  void (*values)(int64_t d, int64_t n, const float* e, const float* v, int64_t v_stride, float* z);
  // Sum of e over a list of n keys, [width].
  void (*listed)(int64_t n, const int* keys, const float* e, float* at);
  // The same, plus the sum over the key after each, and over those of them with e >= least.
  void (*copied)(int64_t n, const int* keys, const float* e, const float* least, float* at,
                 float* behind, float* strong);
  // bins [width][kBins], zeros before: each e (0 .. 1) adds 1 << kBinCount, and itself times
  // kBinOne, to the bin of its size: bin b holds (0x3F800000 - its bits) >> kBinShift == b, the
  // last one all that is smaller.
  void (*bins)(int64_t n, const float* e, uint64_t* bins);
  // Over n keys, [width].
  void (*pool)(int64_t n, const float* e, float* largest, float* sum);
  // rows [n_rows][n] = columns [n][width] transposed, column i times factor[i]; n_rows <= width.
  void (*to_rows)(int64_t n, const float* columns, const float* factor, int64_t n_rows, float* rows,
                  int64_t stride);
  // The reverse; columns from n_rows on get zeros.
  void (*to_columns)(int64_t n, const float* rows, int64_t stride, int64_t n_rows, float factor,
                     float* columns);
};

struct AttentionLoops {
  PanelLoops wide, narrow;  // bit-identical, for many queries and for few
  // One query: s [n] and room for up to kMostPanel floats behind becomes e; sums as above, one
  // each, kHighest too.
  void (*row_soften)(int64_t query, int64_t n, float* s, float* sums);
  void (*row_soften_facts)(int64_t query, int64_t n, float* s, float* sums);
  // z [d] = Σ over n keys of v e
  void (*row_values)(int64_t d, int64_t n, const float* e, const float* v, int64_t v_stride,
                     float* z);
};

struct Simd {
  const char* name;  // "avx512", "avx2", "base", "wasm", "wasm-relaxed"
  ProductLoops product;
  ElementLoops elements;
  AttentionLoops attention;
};

// The best table for this processor.
const Simd& simd();
// All tables that this processor supports, best first; for tests.
const Simd* const* all_simd(int& n);

}  // namespace attn
