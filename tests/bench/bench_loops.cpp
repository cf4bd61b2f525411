#include "bench_loops.h"

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

namespace attn {

namespace {

using Lanes4 [[gnu::vector_size(16)]] = float;
using Lanes8 [[gnu::vector_size(32)]] = float;
using Lanes16 [[gnu::vector_size(64)]] = float;

template <class V>
inline __attribute__((always_inline)) void multiply_add(V& sum, const V& x, const V& y) {
#if defined(__wasm_relaxed_simd__)
  sum = (V)wasm_f32x4_relaxed_madd((v128_t)sum, (v128_t)x, (v128_t)y);
#else
  sum = sum * x + y;  // compiled with -ffp-contract=fast
#endif
}

// sum = sum x + y: nothing in it is the same for two sums, so that no product can be shared. With
// |x| < 1 the sums stay where numbers are normal.
template <class V>
inline __attribute__((always_inline)) float peak_of(float from_x, float from_y) {
  const V x = V{} + from_x, y = V{} + from_y;
  V s0 = y, s1 = x, s2 = y + y, s3 = x + y, s4 = x + x, s5 = s2 + x;
  V s6 = s3 + x, s7 = s4 + y, s8 = s5 + x, s9 = s6 + y, s10 = s7 + x, s11 = s8 + y;
  for (int64_t i = 0; i < kPeakSteps; ++i) {
    multiply_add(s0, x, y);
    multiply_add(s1, x, y);
    multiply_add(s2, x, y);
    multiply_add(s3, x, y);
    multiply_add(s4, x, y);
    multiply_add(s5, x, y);
    multiply_add(s6, x, y);
    multiply_add(s7, x, y);
    multiply_add(s8, x, y);
    multiply_add(s9, x, y);
    multiply_add(s10, x, y);
    multiply_add(s11, x, y);
  }
  const V sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;
  return sum[0] + sum[1] + sum[2] + sum[3];
}

template <class V>
inline __attribute__((always_inline)) float read_of(std::span<const float> floats) {
  constexpr size_t kLanes = sizeof(V) / sizeof(float);
  const V zero = {};
  V s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
  const float* at = floats.data();
  V x[8];
  for (size_t n = floats.size() / (8 * kLanes); n > 0; --n, at += 8 * kLanes) {
    __builtin_memcpy(x, at, sizeof x);
    s0 += x[0];
    s1 += x[1];
    s2 += x[2];
    s3 += x[3];
    s4 += x[4];
    s5 += x[5];
    s6 += x[6];
    s7 += x[7];
  }
  const V sum = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
  return sum[0] + sum[1] + sum[2] + sum[3];
}

__attribute__((noinline)) float peak_4(float x, float y) { return peak_of<Lanes4>(x, y); }
__attribute__((noinline)) float read_4(std::span<const float> f) { return read_of<Lanes4>(f); }

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) float peak_8(float x, float y) { return peak_of<Lanes8>(x, y); }
__attribute__((target("avx2,fma"))) float read_8(std::span<const float> f) {
  return read_of<Lanes8>(f);
}
__attribute__((target("avx512f"))) float peak_16(float x, float y) {
  return peak_of<Lanes16>(x, y);
}
__attribute__((target("avx512f"))) float read_16(std::span<const float> f) {
  return read_of<Lanes16>(f);
}
#endif

}  // namespace

const MachineLoops& machine_loops() {
#if defined(__x86_64__)
  static const MachineLoops kAvx512 = {"avx512", 16, peak_16, read_16};
  static const MachineLoops kAvx2 = {"avx2", 8, peak_8, read_8};
  if (__builtin_cpu_supports("avx512f")) return kAvx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return kAvx2;
#endif
#if defined(__wasm_relaxed_simd__)
  static const MachineLoops kBase = {"relaxed madd", 4, peak_4, read_4};
#else
  static const MachineLoops kBase = {"128 bit", 4, peak_4, read_4};
#endif
  return kBase;
}

}  // namespace attn
