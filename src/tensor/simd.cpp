#include "tensor/simd.h"

namespace attn {

extern const Simd kSimdBase;
#if defined(ATTNSCOPE_AVX512)
extern const Simd kSimdAvx2, kSimdAvx512;
#endif

const Simd* const* all_simd(int& n) {
#if defined(ATTNSCOPE_AVX512)
  static const Simd* const kAll[] = {&kSimdAvx512, &kSimdAvx2, &kSimdBase};
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  const int first = avx512 ? 0 : avx2 ? 1 : 2;
  n = 3 - first;
  return kAll + first;
#else
  static const Simd* const kAll[] = {&kSimdBase};
  n = 1;
  return kAll;
#endif
}

const Simd& simd() {
  static const Simd* const best = [] {
    int n = 0;
    return *all_simd(n);
  }();
  return *best;
}

}  // namespace attn
