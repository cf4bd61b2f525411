// simd_exp.h - e^x of every lane.
#pragma once

#include "tensor/lanes.h"

namespace attn {
namespace {

// e^x = 2^n e^r with |r| <= ln 2 / 2. `shifted` holds n + 127 in its low bits,
// which come from adding 1.5 * 2^23 + 127; shifted left they are the bits of 2^n.
constexpr float kExpShift = 12583039.f;

ATTN_INLINE Lanes exp_shifted(Lanes x) { return madd(x, splat(1.44269504f), splat(kExpShift)); }

// e^r
ATTN_INLINE Lanes exp_rest(Lanes x, Lanes shifted) {
  const Lanes n = shifted - splat(kExpShift);
  // ln 2 in two parts; the first has nine bits, so that the product is exact.
  Lanes r = madd(n, splat(-0.693359375f), x);
  r = madd(n, splat(2.12194440e-4f), r);
  // 1 + r + r² q(r) with the smallest relative error on |r| <= ln 2 / 2, 3.1e-9; found by weighted
  // least squares whose weights grow where the error is largest, coefficients rounded one after the
  // other.
  Lanes p = splat(0.00138214463f);
  p = madd(p, r, splat(0.00836866163f));
  p = madd(p, r, splat(0.0416682549f));
  p = madd(p, r, splat(0.166665211f));
  p = madd(p, r, splat(0.49999994f));
#if defined(__FMA__) || defined(__wasm_relaxed_simd__)
  return madd(madd(p, r, splat(1.f)), r, splat(1.f));
#else
  return p * (r * r) + r +
         splat(1.f);  // as many steps, of which fewer are rounded at the size of 1
#endif
}

// e^x where the result is a normal number, 2^-126 .. 1: within 1 ulp. Smaller results lose digits
// or become 0, and are 0 from -88 down, minus infinity too. x <= 0 or NaN, which stays NaN.
ATTN_INLINE Lanes exp_not_positive(Lanes x) {
  x = larger(splat(-88.f), x);
  const Lanes shifted = exp_shifted(x);
  return exp_rest(x, shifted) * (Lanes)((IntLanes)shifted << 23);
}

// The same for every x; infinity from 88.4 up, a little before e^x passes the largest float.
ATTN_INLINE Lanes exp_flushed(Lanes x) {
  x = smaller(splat(89.f), larger(splat(-88.f), x));
  const Lanes shifted = exp_shifted(x);
  return exp_rest(x, shifted) * (Lanes)((IntLanes)shifted << 23);
}

// e^x within 1 ulp where the result is a normal number, and within 1.5e-45 below; 0 from -104 down,
// infinity from 88.73 up, NaN for NaN.
ATTN_INLINE Lanes exp_lanes(Lanes x) {
  x = smaller(splat(89.f), larger(splat(-104.f), x));
  const Lanes shifted = exp_shifted(x);
  // 2^n in two factors, since n may be 128 or as low as -150.
  const IntLanes n = (IntLanes)shifted - (IntLanes)splat(kExpShift);
  const IntLanes half = n >> 1;
  const Lanes first = (Lanes)((half + 127) << 23), second = (Lanes)((n - half + 127) << 23);
  return exp_rest(x, shifted) * first * second;
}

}  // namespace
}  // namespace attn
