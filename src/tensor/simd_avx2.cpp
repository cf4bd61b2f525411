// simd_avx2.cpp - the hot loops for processors with AVX2 and FMA; compiled for it by
// cmake/simd.cmake.
#if defined(ATTNSCOPE_AVX2)
#include "tensor/simd_table.h"

namespace attn {

extern const Simd kSimdAvx2;
const Simd kSimdAvx2 = simd_table("avx2");

}  // namespace attn
#endif
