// simd_base.cpp - the hot loops for every processor of the kind: SSE2, NEON, or WebAssembly's 128
// bits.
#include "tensor/simd_table.h"

namespace attn {

extern const Simd kSimdBase;
#if defined(__wasm_relaxed_simd__)
const Simd kSimdBase = simd_table("wasm-relaxed");
#elif defined(__wasm_simd128__)
const Simd kSimdBase = simd_table("wasm");
#else
const Simd kSimdBase = simd_table("base");
#endif

}  // namespace attn
