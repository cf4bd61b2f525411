// simd_elementwise.h - activations, norms and softmax.
#pragma once

#include <cstddef>

#include "tensor/simd.h"
#include "tensor/simd_exp.h"

namespace attn {
namespace {

// The first n < kLanes lanes; the others are `fill` and not written. The last floats of a row take
// the same steps as the others, so that results do not depend on where a row is divided.
ATTN_INLINE Lanes load_some(const float* from, int64_t n, float fill) {
  float at[kLanes];
  for (int i = 0; i < kLanes; ++i) at[i] = fill;
  __builtin_memcpy(at, from, size_t(n) * sizeof(float));
  return load(at);
}
ATTN_INLINE void store_some(float* to, Lanes x, int64_t n) {
  float at[kLanes];
  store(at, x);
  __builtin_memcpy(to, at, size_t(n) * sizeof(float));
}

// y[i] = F::of(y[i])
template <class F>
void map_lanes(float* y, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, F::of(load(y + i)));
  if (i < n) store_some(y + i, F::of(load_some(y + i, n - i, 0)), n - i);
}

struct Exp {
  static ATTN_INLINE Lanes of(Lanes x) { return exp_lanes(x); }
};

// x Φ(x) = max(x, 0) - |x| Φ(-|x|), which keeps precision for large x; within 1.7e-7 max(1, |x|), 0
// at minus infinity. Φ(-a) = P(a)^-8 has no step that cancels. P has the smallest error of a Φ(-a)
// on 0 <= a <= 6, 1.2e-9 (weighted least squares as for e^r), and grows on past it.
struct Gelu {
  static ATTN_INLINE Lanes of(Lanes x) {
    const Lanes a = smaller(splat(100.f), larger(x, -x));
    Lanes p = splat(6.69399824e-08f);
    p = madd(p, a, splat(-7.30838281e-07f));
    p = madd(p, a, splat(5.42885618e-06f));
    p = madd(p, a, splat(-1.50105188e-05f));
    p = madd(p, a, splat(7.00636156e-05f));
    p = madd(p, a, splat(0.00021620495f));
    p = madd(p, a, splat(0.00094840856f));
    p = madd(p, a, splat(0.00944996811f));
    p = madd(p, a, splat(0.0488165505f));
    p = madd(p, a, splat(0.108762056f));
    p = madd(p, a, splat(1.09050775f));
    p = p * p;
    p = p * p;
    return larger(splat(0.f), x) - a / (p * p);
  }
};

// x σ(t)
ATTN_INLINE Lanes times_sigmoid(Lanes x, Lanes t) { return x / (splat(1.f) + exp_flushed(-t)); }
// Both functions below are 0 long before this, and at minus infinity.
constexpr float kFarBelow = -100;

// 0.5 x (1 + tanh u) = x σ(2u), u = sqrt(2/π) (x + 0.044715 x³), which keeps precision where tanh
// is close to -1.
struct GeluTanh {
  static ATTN_INLINE Lanes of(Lanes x) {
    x = larger(splat(kFarBelow), x);
    return times_sigmoid(x, x * madd(x * x, splat(0.0713548163f), splat(1.59576912f)));
  }
};

struct Silu {
  static ATTN_INLINE Lanes of(Lanes x) {
    x = larger(splat(kFarBelow), x);
    return times_sigmoid(x, x);
  }
};

struct Relu {
  static ATTN_INLINE Lanes of(Lanes x) { return larger(splat(0.f), x); }
};

void add_lanes(float* x, const float* y, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(x + i, load(x + i) + load(y + i));
  for (; i < n; ++i) x[i] += y[i];
}

// Sums are kept in float for this many numbers, and added in double.
constexpr int64_t kSumBlock = 512;

struct Moments {
  double sum, squares;  // of x - pivot and of its square
};

ATTN_INLINE Moments moments(const float* x, int64_t n, float pivot) {
  const Lanes pivots = splat(pivot);
  Moments total = {0, 0};
  for (int64_t i0 = 0; i0 < n; i0 += kSumBlock) {
    const int64_t i1 = n < i0 + kSumBlock ? n : i0 + kSumBlock;
    Lanes sum[4] = {}, squares[4] = {};
    int64_t i = i0;
    for (; i + 4 * kLanes <= i1; i += 4 * kLanes) {
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        const Lanes d = load(x + i + j * kLanes) - pivots;
        sum[j] += d;
        squares[j] = madd(d, d, squares[j]);
      }
    }
    for (; i < i1; i += kLanes) {
      const bool whole = i + kLanes <= i1;
      const Lanes d = (whole ? load(x + i) : load_some(x + i, i1 - i, pivot)) - pivots;
      sum[0] += d;
      squares[0] = madd(d, d, squares[0]);
    }
    total.sum += double(sum_of((sum[0] + sum[1]) + (sum[2] + sum[3])));
    total.squares += double(sum_of((squares[0] + squares[1]) + (squares[2] + squares[3])));
  }
  return total;
}

// y = ((x - pivot) - shift) * scale * gamma + beta
template <bool kBeta>
ATTN_INLINE void normalize(const float* x, int64_t n, float pivot, float shift, float scale,
                           const float* gamma, const float* beta, float* y) {
  const Lanes pivots = splat(pivot), shifts = splat(shift), scales = splat(scale);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Lanes d = ((load(x + i) - pivots) - shifts) * scales;
    store(y + i, madd(d, load(gamma + i), kBeta ? load(beta + i) : Lanes{}));
  }
  if (i == n) return;
  const Lanes d = ((load_some(x + i, n - i, 0) - pivots) - shifts) * scales;
  const Lanes more = kBeta ? load_some(beta + i, n - i, 0) : Lanes{};
  store_some(y + i, madd(d, load_some(gamma + i, n - i, 0), more), n - i);
}

// The mean is computed in two steps; the second corrects the first, a float. A mean that is large
// compared to the deviations therefore costs no precision.
void layer_norm_row(const float* x, int64_t n, const float* gamma, const float* beta, float eps,
                    float* y) {
  const float pivot = float(moments(x, n, 0).sum / double(n));
  const Moments about = moments(x, n, pivot);
  const double shift = about.sum / double(n);
  const double variance = about.squares / double(n) - shift * shift;
  const float scale = float(1 / __builtin_sqrt((variance > 0 ? variance : 0) + double(eps)));
  if (beta) {
    normalize<true>(x, n, pivot, float(shift), scale, gamma, beta, y);
  } else {
    normalize<false>(x, n, pivot, float(shift), scale, gamma, beta, y);
  }
}

void rms_norm_row(const float* x, int64_t n, const float* gamma, float eps, float* y) {
  const double mean_square = moments(x, n, 0).squares / double(n);
  const float scale = float(1 / __builtin_sqrt(mean_square + double(eps)));
  normalize<false>(x, n, 0, 0, scale, gamma, nullptr, y);
}

// In rows of at least kLanes floats, the last register overlaps the one before; only its last
// n_rest lanes count. The others are computed twice, with the same bits.
ATTN_INLINE Lanes last_lanes(Lanes x, int64_t n_rest, float fill) {
  int32_t at[2 * kLanes];
  for (int i = 0; i < kLanes; ++i) {
    at[i] = 0;
    at[kLanes + i] = -1;
  }
  IntLanes counts;
  __builtin_memcpy(&counts, at + n_rest, sizeof counts);
  return choose(counts, x, splat(fill));
}

void softmax_few(float* x, int64_t n) {
  float at[kLanes];
  for (int i = 0; i < kLanes; ++i) at[i] = i < n ? x[i] : -__builtin_inff();
  float highest = at[0];
  for (int i = 1; i < kLanes; ++i) highest = at[i] > highest ? at[i] : highest;
  const Lanes e = exp_not_positive(load(at) - splat(highest));
  store(at, e * splat(float(1 / double(sum_of(e)))));
  for (int i = 0; i < n; ++i) x[i] = at[i];
}

void softmax(float* x, int64_t n) {
  if (n < kLanes) return softmax_few(x, n);
  Lanes top[4];
  for (int j = 0; j < 4; ++j) top[j] = load(x);
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) top[j] = larger(load(x + i + j * kLanes), top[j]);
  }
  for (; i + kLanes <= n; i += kLanes) top[0] = larger(load(x + i), top[0]);
  const int64_t n_whole = i, n_rest = n - i;
  Lanes last = load(x + n - kLanes);
  float tops[kLanes];
  store(tops, larger(larger(last, top[0]), larger(top[1], larger(top[2], top[3]))));
  float highest = tops[0];
  for (int j = 1; j < kLanes; ++j) highest = tops[j] > highest ? tops[j] : highest;

  const Lanes most = splat(highest);
  double sum = 0;
  if (n_rest > 0) {
    last = exp_not_positive(last - most);
    sum = double(sum_of(last_lanes(last, n_rest, 0)));
  }
  for (i = 0; i < n_whole; i += kSumBlock) {
    const int64_t end = n_whole < i + kSumBlock ? n_whole : i + kSumBlock;
    Lanes sums = {};
    for (int64_t k = i; k < end; k += kLanes) {
      const Lanes e = exp_not_positive(load(x + k) - most);
      store(x + k, e);
      sums += e;
    }
    sum += double(sum_of(sums));
  }
  const Lanes scale = splat(float(1 / sum));
  for (i = 0; i < n_whole; i += kLanes) store(x + i, load(x + i) * scale);
  if (n_rest > 0) store(x + n - kLanes, last * scale);
}

constexpr ElementLoops element_loops() {
  return {map_lanes<Exp>, map_lanes<Gelu>, map_lanes<GeluTanh>, map_lanes<Silu>, map_lanes<Relu>,
          add_lanes,      softmax,         layer_norm_row,      rms_norm_row};
}

}  // namespace
}  // namespace attn
