// simd_avx512.cpp - the hot loops for processors with AVX-512; compiled for it by cmake/simd.cmake.
#if defined(ATTNSCOPE_AVX512)
#include "tensor/simd_table.h"

namespace attn {

extern const Simd kSimdAvx512;
const Simd kSimdAvx512 = simd_table("avx512");

}  // namespace attn
#endif
