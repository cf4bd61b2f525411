// blocks.h - GGUF's types of numbers, and how blocks of quantized numbers become floats.
#pragma once

#include <cstdint>

#include "files/named_tensors.h"

namespace attn {

// Numbers of the largest block; those of all types divide it.
constexpr int kMostInBlock = 256;

struct BlockType {
  DType dtype;
  const char* name;  // "Q4_K"
  int n_numbers, n_bytes;
  // One block, to n_numbers floats: what gguf.quants.dequantize of the Python package gives.
  void (*expand)(const uint8_t* block, float* to);
};
// Null for numbers that do not come in blocks.
const BlockType* block_type(DType dtype);

}  // namespace attn
