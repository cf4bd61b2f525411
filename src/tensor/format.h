// format.h - number formats of stored weights.
#pragma once

#include <cstdint>

namespace attn {

// q8_0 is GGUF's: blocks of 32 numbers share a scale, and each number is scale * int8. In files a
// block is the scale (binary16), then the numbers.
enum class Format { f32, bf16, f16, q8_0 };
constexpr int kFormatCount = 4;

// Numbers and bytes of a block, the smallest unit of the format.
constexpr int numbers_of(Format format) { return format == Format::q8_0 ? 32 : 1; }
constexpr int bytes_of(Format format) {
  return format == Format::q8_0 ? 34 : format == Format::f32 ? 4 : 2;
}
// Bytes of n numbers; n is a multiple of numbers_of().
constexpr int64_t bytes_of(Format format, int64_t n) {
  return n / numbers_of(format) * bytes_of(format);
}

}  // namespace attn
