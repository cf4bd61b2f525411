// format.h - the number formats in which weights are stored.
#pragma once

#include <cstdint>

namespace attn {

// q8_0 is GGUF's: 32 numbers side by side share a scale, and each is scale * int8. In a file their
// block is the scale, a binary16, and then the numbers.
enum class Format { f32, bf16, f16, q8_0 };
constexpr int kFormatCount = 4;

// Numbers of a block, which never is divided, and its bytes.
constexpr int numbers_of(Format format) { return format == Format::q8_0 ? 32 : 1; }
constexpr int bytes_of(Format format) {
  return format == Format::q8_0 ? 34 : format == Format::f32 ? 4 : 2;
}
// Of n numbers, a multiple of numbers_of().
constexpr int64_t bytes_of(Format format, int64_t n) {
  return n / numbers_of(format) * bytes_of(format);
}

}  // namespace attn
