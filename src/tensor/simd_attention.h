// simd_attention.h - attention of a panel of queries, one per lane, over all visible keys.
//
// Scores are laid out as [key][query]: each key row is read in place, number by number, against
// registers of packed queries, and the softmax runs over the keys without adding across lanes. The
// result of a lane does not depend on the other lanes.
#pragma once

#include <stddef.h>

#include "tensor/lanes.h"
#include "tensor/simd.h"
#include "tensor/simd_exp.h"
#include "tensor/simd_product.h"

namespace attn {
namespace {

constexpr float kMinusInfinity = -__builtin_inff();
typedef float Four __attribute__((vector_size(16)));

ATTN_INLINE Four load_four(const float* from) {
  Four x;
  __builtin_memcpy(&x, from, sizeof x);
  return x;
}
ATTN_INLINE void store_four(float* to, Four x) { __builtin_memcpy(to, &x, sizeof x); }

ATTN_INLINE void transpose(Four& a, Four& b, Four& c, Four& d) {
  const Four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5),
             cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Four ef = __builtin_shufflevector(a, b, 2, 6, 3, 7),
             gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  a = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  b = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  c = __builtin_shufflevector(ef, gh, 0, 1, 4, 5);
  d = __builtin_shufflevector(ef, gh, 2, 3, 6, 7);
}

// s [kM][panel] = k q, and the highest so far.   k [kM] rows of d   q [d][panel]   highest [panel]
template <int kM, int kV>
void score_tile(ptrdiff_t d, const float* q, const float* k, ptrdiff_t k_stride, float* s,
                float* highest) {
  Lanes sum[kM][kV] = {};
  const float* row[kM];
#pragma GCC unroll 16
  for (int i = 0; i < kM; ++i) row[i] = k + i * k_stride;
  // Not unrolled: engines would gather the loads of several steps and run out of registers.
  for (ptrdiff_t t = 0; t < d; ++t, q += kV * kLanes) {
    Lanes right[kV];
#pragma GCC unroll 4
    for (int j = 0; j < kV; ++j) right[j] = load(q + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kM; ++i) {
      const Lanes left = splat_at(row[i] + t);
#pragma GCC unroll 4
      for (int j = 0; j < kV; ++j) sum[i][j] = madd(left, right[j], sum[i][j]);
    }
  }
  // In the order of the loop above, by which engines allocate registers.
  Lanes most[kV];
#pragma GCC unroll 4
  for (int j = 0; j < kV; ++j) most[j] = load(highest + j * kLanes);
#pragma GCC unroll 16
  for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kV; ++j) {
      store(s + (i * kV + j) * kLanes, sum[i][j]);
      most[j] = larger(sum[i][j], most[j]);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < kV; ++j) store(highest + j * kLanes, most[j]);
}

// z [kM][panel] = Σ over n keys of v e, or += where `more`.   v [n] rows of kM and more   e
// [n][panel]
template <int kM, int kV>
void value_tile(ptrdiff_t n, const float* v, ptrdiff_t v_stride, const float* e, float* z,
                bool more) {
  Lanes sum[kM][kV] = {};
  for (ptrdiff_t key = 0; key < n; ++key, v += v_stride, e += kV * kLanes) {
    Lanes right[kV];
#pragma GCC unroll 4
    for (int j = 0; j < kV; ++j) right[j] = load(e + j * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kM; ++i) {
      const Lanes left = splat_at(v + i);
#pragma GCC unroll 4
      for (int j = 0; j < kV; ++j) sum[i][j] = madd(left, right[j], sum[i][j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < kV; ++j) {
      float* to = z + (i * kV + j) * kLanes;
      store(to, more ? load(to) + sum[i][j] : sum[i][j]);
    }
  }
}

typedef void (*ScoreTile)(ptrdiff_t, const float*, const float*, ptrdiff_t, float*, float*);
typedef void (*ValueTile)(ptrdiff_t, const float*, ptrdiff_t, const float*, float*, bool);

template <int kM, int kV>
constexpr ScoreTile score_tile_or_none() {
  if constexpr (kM <= kRows) return score_tile<kM, kV>;
  return nullptr;
}
template <int kM, int kV>
constexpr ValueTile value_tile_or_none() {
  if constexpr (kM <= kRows) return value_tile<kM, kV>;
  return nullptr;
}
#define ATTN_TILES(of, v)                                          \
  {nullptr,     of<1, v>(),  of<2, v>(),  of<3, v>(),  of<4, v>(), \
   of<5, v>(),  of<6, v>(),  of<7, v>(),  of<8, v>(),  of<9, v>(), \
   of<10, v>(), of<11, v>(), of<12, v>(), of<13, v>(), of<14, v>()}
template <int kV>
constexpr ScoreTile kScoreTiles[] = ATTN_TILES(score_tile_or_none, kV);
template <int kV>
constexpr ValueTile kValueTiles[] = ATTN_TILES(value_tile_or_none, kV);
#undef ATTN_TILES

// Divides n into as few tiles as possible, of nearly equal size.
struct Tiling {
  ptrdiff_t n_tiles, size, n_larger;
  explicit Tiling(ptrdiff_t n) : n_tiles((n + kRows - 1) / kRows), size(0), n_larger(0) {
    if (n_tiles == 0) return;
    size = n / n_tiles;
    n_larger = n % n_tiles;
  }
  int operator[](ptrdiff_t tile) const { return int(size + (tile < n_larger)); }
};

template <int kV>
void panel_scores(int64_t d, const float* q, const float* k, int64_t k_stride, int64_t n, float* s,
                  float* highest) {
  const Tiling tiles{ptrdiff_t(n)};
  for (ptrdiff_t t = 0; t < tiles.n_tiles; ++t) {
    const int m = tiles[t];
    kScoreTiles<kV>[m](ptrdiff_t(d), q, k, ptrdiff_t(k_stride), s, highest);
    k += m * ptrdiff_t(k_stride);
    s += m * kV * kLanes;
  }
}

ATTN_INLINE IntLanes counted() {
  int32_t at[kLanes];
  for (int i = 0; i < kLanes; ++i) at[i] = i;
  IntLanes x;
  __builtin_memcpy(&x, at, sizeof x);
  return x;
}

// Keys first_key .. of which lane i, the query first_query + i, sees those up to itself.
template <int kV>
void panel_mask(int64_t first_query, int64_t first_key, int64_t n, float* s, float* highest) {
  for (int j = 0; j < kV; ++j) {
    IntLanes ahead = counted() + int32_t(first_query + j * kLanes - first_key);
    Lanes most = load(highest + j * kLanes);
    for (ptrdiff_t key = 0; key < ptrdiff_t(n); ++key, ahead -= 1) {
      float* at = s + (key * kV + j) * kLanes;
      const Lanes x = choose((IntLanes)(ahead >= 0), load(at), splat(kMinusInfinity));
      store(at, x);
      most = larger(x, most);
    }
    store(highest + j * kLanes, most);
  }
}

// e^x and x, clamped to at least -88, for the sums. For minus infinity, e^x and the product of both
// are 0.
ATTN_INLINE Lanes exp_and_clamp(Lanes& x) {
  x = larger(splat(-88.f), x);
  const Lanes shifted = exp_shifted(x);
  return exp_rest(x, shifted) * (Lanes)((IntLanes)shifted << 23);
}

ATTN_INLINE Lanes magnitude(Lanes x) { return (Lanes)((IntLanes)x & 0x7FFFFFFF); }

// Key 0, the usual attention sink, is summed separately, so that the rest keeps its precision.
template <int kV, bool kFacts>
void panel_soften(int64_t first_query, int64_t n, const float* highest, float* s, float* sums) {
  constexpr int kSums = kFacts ? 4 : 1, kWidth = kV * kLanes;
  for (int j = 0; j < kV; ++j) {
    const Lanes most = load(highest + j * kLanes);
    Lanes total[kSums] = {}, largest = {};
    Lanes ahead = __builtin_convertvector(counted() + int32_t(first_query + j * kLanes), Lanes);
    float* at = s + j * kLanes;
    Lanes first_x = load(at) - most;
    const Lanes first = exp_and_clamp(first_x);
    store(at, first);
    at += kWidth;
    for (ptrdiff_t key = 1; key < ptrdiff_t(n);) {
      const ptrdiff_t end = key + kSumKeys < ptrdiff_t(n) ? key + kSumKeys : ptrdiff_t(n);
      Lanes sum[kSums] = {};
      for (; key < end; ++key, at += kWidth) {
        Lanes x = load(at) - most;
        const Lanes e = exp_and_clamp(x);
        store(at, e);
        sum[0] += e;
        if constexpr (kFacts) {
          ahead -= 1.f;
          const Lanes far = e * magnitude(ahead);
          sum[1] = madd(e, x, sum[1]);
          sum[2] += far;
          sum[3] = madd(far, magnitude(ahead), sum[3]);
          largest = larger(e, largest);
        }
      }
#pragma GCC unroll 4
      for (int i = 0; i < kSums; ++i) total[i] += sum[i];
    }
    float* out = sums + j * kLanes;
    store(out, total[0] + first);
    if constexpr (kFacts) {
#pragma GCC unroll 4
      for (int i = 0; i < kSums; ++i) store(out + (kRestE + i) * kWidth, total[i]);
      store(out + kRestMost * kWidth, largest);
      store(out + kFirstX * kWidth, first_x);
    }
  }
}

// The bin of e counts one more weight and adds its fixed-point value.
template <int kV>
void panel_bins(int64_t n, const float* e, uint64_t* bins) {
  const ptrdiff_t n_all = ptrdiff_t(n) * kV;
  uint64_t* of_lane = bins;
  int32_t bin[kLanes], fixed[kLanes];
  for (ptrdiff_t i = 0; i < n_all; ++i, e += kLanes) {
    const Lanes x = load(e);
    const IntLanes below = 0x3F800000 - (IntLanes)x;
    IntLanes at = (below >> kBinShift) & (0x7FFFFFFF >> (kBinShift - 1));
    const IntLanes last = at - (kBins - 1);
    at = (kBins - 1) + (last & (last >> 31));
    const IntLanes value = __builtin_convertvector(madd(x, splat(kBinOne), splat(.5f)), IntLanes);
    __builtin_memcpy(bin, &at, sizeof bin);
    __builtin_memcpy(fixed, &value, sizeof fixed);
#pragma GCC unroll 16
    for (int lane = 0; lane < kLanes; ++lane)
      of_lane[lane * kBins + bin[lane]] += (uint64_t(1) << kBinCount) + uint32_t(fixed[lane]);
    of_lane = of_lane == bins + (kV - 1) * kLanes * kBins ? bins : of_lane + kLanes * kBins;
  }
}

template <int kV>
void panel_values(int64_t d_, int64_t n_, const float* e, const float* v, int64_t v_stride_,
                  float* z) {
  const ptrdiff_t d = ptrdiff_t(d_), n = ptrdiff_t(n_), v_stride = ptrdiff_t(v_stride_);
  const ptrdiff_t most = ptrdiff_t(keys_a_value_sum(d_));
  const Tiling tiles{d};
  for (ptrdiff_t key = 0; key < n; key += most) {
    const ptrdiff_t n_keys = key + most < n ? most : n - key;
    for (ptrdiff_t t = 0, dim = 0; t < tiles.n_tiles; ++t) {
      const int m = tiles[t];
      kValueTiles<kV>[m](n_keys, v + key * v_stride + dim, v_stride, e + key * kV * kLanes,
                         z + dim * kV * kLanes, key > 0);
      dim += m;
    }
  }
}

template <int kV>
void panel_listed(int64_t n, const int* keys, const float* e, float* at) {
  for (int j = 0; j < kV; ++j) {
    Lanes here = {};
    for (ptrdiff_t i = 0; i < ptrdiff_t(n); ++i)
      here += load(e + (ptrdiff_t(keys[i]) * kV + j) * kLanes);
    store(at + j * kLanes, here);
  }
}

template <int kV>
void panel_copied(int64_t n, const int* keys, const float* e, const float* least, float* at,
                  float* behind, float* strong) {
  for (int j = 0; j < kV; ++j) {
    Lanes here = {}, next = {}, some = {};
    const Lanes low = load(least + j * kLanes);
    for (ptrdiff_t i = 0; i < ptrdiff_t(n); ++i) {
      const float* row = e + (ptrdiff_t(keys[i]) * kV + j) * kLanes;
      const Lanes x = load(row + kV * kLanes);
      here += load(row);
      next += x;
      some += choose((IntLanes)(x >= low), x, Lanes{});
    }
    store(at + j * kLanes, here);
    store(behind + j * kLanes, next);
    store(strong + j * kLanes, some);
  }
}

template <int kV>
void panel_pool(int64_t n, const float* e, float* largest, float* sum) {
  for (int j = 0; j < kV; ++j) {
    Lanes most = {}, all = {};
    for (ptrdiff_t key = 0; key < ptrdiff_t(n); ++key) {
      const Lanes x = load(e + (key * kV + j) * kLanes);
      most = larger(most, x);
      all += x;
    }
    store(largest + j * kLanes, most);
    store(sum + j * kLanes, all);
  }
}

template <int kV>
void panel_to_rows(int64_t n_, const float* columns, const float* factor, int64_t n_rows,
                   float* rows, int64_t stride_) {
  constexpr int kWidth = kV * kLanes;
  const ptrdiff_t n = ptrdiff_t(n_), stride = ptrdiff_t(stride_);
  int r = 0;
  for (; r + 4 <= n_rows; r += 4) {
    const Four times = load_four(factor + r);
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const float* from = columns + i * kWidth + r;
      float* to = rows + r * stride + i;
      Four a = load_four(from) * times, b = load_four(from + kWidth) * times;
      Four c = load_four(from + 2 * kWidth) * times, d = load_four(from + 3 * kWidth) * times;
      transpose(a, b, c, d);
      store_four(to, a);
      store_four(to + stride, b);
      store_four(to + 2 * stride, c);
      store_four(to + 3 * stride, d);
    }
    for (; i < n; ++i) {
      for (int u = 0; u < 4; ++u)
        rows[(r + u) * stride + i] = columns[i * kWidth + r + u] * factor[r + u];
    }
  }
  for (; r < n_rows; ++r) {
    for (ptrdiff_t i = 0; i < n; ++i) rows[r * stride + i] = columns[i * kWidth + r] * factor[r];
  }
}

template <int kV>
void panel_to_columns(int64_t n_, const float* rows, int64_t stride_, int64_t n_rows, float factor,
                      float* columns) {
  constexpr int kWidth = kV * kLanes;
  const ptrdiff_t n = ptrdiff_t(n_), stride = ptrdiff_t(stride_);
  for (int r = 0; r < kWidth; r += 4) {
    ptrdiff_t i = 0;
    for (; r + 4 <= n_rows && i + 4 <= n; i += 4) {
      const float* from = rows + r * stride + i;
      float* to = columns + i * kWidth + r;
      Four a = load_four(from) * factor, b = load_four(from + stride) * factor;
      Four c = load_four(from + 2 * stride) * factor, d = load_four(from + 3 * stride) * factor;
      transpose(a, b, c, d);
      store_four(to, a);
      store_four(to + kWidth, b);
      store_four(to + 2 * kWidth, c);
      store_four(to + 3 * kWidth, d);
    }
    for (; i < n; ++i) {
      for (int u = 0; u < 4; ++u) {
        columns[i * kWidth + r + u] = r + u < n_rows ? rows[(r + u) * stride + i] * factor : 0.f;
      }
    }
  }
}

// One query, with keys in the lanes; s [n], with room for a whole register after it.
template <bool kFacts>
void row_soften(int64_t query, int64_t n_, float* s, float* sums) {
  const ptrdiff_t n = ptrdiff_t(n_);
  for (ptrdiff_t key = n; key % kLanes != 0; ++key) s[key] = kMinusInfinity;
  Lanes most = splat(kMinusInfinity);
  for (ptrdiff_t key = 0; key < n; key += kLanes) most = larger(load(s + key), most);
  float highest = kMinusInfinity, at[kLanes];
  store(at, most);
  for (int i = 0; i < kLanes; ++i) highest = at[i] > highest ? at[i] : highest;
  if (highest == kMinusInfinity) highest = 0;  // fully masked
  constexpr int kSums = kFacts ? 4 : 1;
  Lanes sum[4] = {}, largest = {};
  Lanes ahead = __builtin_convertvector(int32_t(query) - counted(), Lanes);
  IntLanes rest = (IntLanes)(counted() != 0);  // key 0 by itself
  float first[kLanes], first_x[kLanes];
  for (ptrdiff_t key = 0; key < n; key += kLanes) {
    Lanes x = load(s + key) - splat(highest);
    Lanes e = exp_and_clamp(x);
    store(s + key, e);
    if (key == 0) {
      store(first, e);
      store(first_x, x);
      e = choose(rest, e, Lanes{});
    }
    sum[0] += e;
    if constexpr (kFacts) {
      const Lanes far = e * magnitude(ahead);
      sum[1] = madd(e, x, sum[1]);
      sum[2] += far;
      sum[3] = madd(far, magnitude(ahead), sum[3]);
      largest = larger(e, largest);
      ahead -= float(kLanes);
    }
  }
  const float all = sum_of(sum[0]);
  sums[0] = all + first[0];
  if constexpr (kFacts) {
    sums[kRestE] = all;
    for (int i = 1; i < kSums; ++i) sums[kRestE + i] = sum_of(sum[i]);
    store(at, largest);
    sums[kRestMost] = 0;
    for (int i = 0; i < kLanes; ++i)
      sums[kRestMost] = at[i] > sums[kRestMost] ? at[i] : sums[kRestMost];
    sums[kFirstX] = first_x[0];
    sums[kHighest] = highest;
  }
}

template <int kN>
ATTN_INLINE void row_values_part(ptrdiff_t n, const float* e, const float* v, ptrdiff_t v_stride,
                                 float* z) {
  Lanes sum[kN] = {};
  for (ptrdiff_t key = 0; key < n; ++key, v += v_stride) {
    const Lanes left = splat_at(e + key);
#pragma GCC unroll 8
    for (int j = 0; j < kN; ++j) sum[j] = madd(left, load(v + j * kLanes), sum[j]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < kN; ++j) store(z + j * kLanes, sum[j]);
}

void row_values(int64_t d_, int64_t n_, const float* e, const float* v, int64_t v_stride_,
                float* z) {
  const ptrdiff_t d = ptrdiff_t(d_), n = ptrdiff_t(n_), v_stride = ptrdiff_t(v_stride_);
  ptrdiff_t i = 0;
  for (; i + 8 * kLanes <= d; i += 8 * kLanes) row_values_part<8>(n, e, v + i, v_stride, z + i);
  for (; i + 2 * kLanes <= d; i += 2 * kLanes) row_values_part<2>(n, e, v + i, v_stride, z + i);
  for (; i + kLanes <= d; i += kLanes) row_values_part<1>(n, e, v + i, v_stride, z + i);
  for (; i < d; ++i) {
    float sum = 0;
    for (ptrdiff_t key = 0; key < n; ++key) sum += e[key] * v[key * v_stride + i];
    z[i] = sum;
  }
}

template <int kV>
constexpr PanelLoops panel_loops() {
  return {kV * kLanes,
          panel_scores<kV>,
          panel_mask<kV>,
          panel_soften<kV, false>,
          panel_soften<kV, true>,
          panel_values<kV>,
          panel_listed<kV>,
          panel_copied<kV>,
          panel_bins<kV>,
          panel_pool<kV>,
          panel_to_rows<kV>,
          panel_to_columns<kV>};
}

constexpr AttentionLoops attention_loops() {
  return {panel_loops<kVectors>(), panel_loops<1>(), row_soften<false>, row_soften<true>,
          row_values};
}

}  // namespace
}  // namespace attn
