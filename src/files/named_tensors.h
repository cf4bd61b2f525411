// named_tensors.h - the contents of a weights or array file: named tensors and metadata.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/result.h"
#include "tensor/packed.h"
#include "tensor/tensor.h"

namespace attn {

// Number types in files. Only the first four can become weights, and the last row: GGUF's blocks of
// quantized numbers (files/blocks.h).
// clang-format off
enum class DType {
  f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean, f8,
  q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl,
};
// clang-format on

// Bytes of one number, or of a block.
uint64_t bytes_of(DType dtype);
// Numbers of a block; 1 for other types.
int64_t numbers_of(DType dtype);

// One tensor as stored in the file; `bytes` has exactly the size that shape and dtype require.
struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::span<const uint8_t> bytes;
};

// A checked file of any format; the tensors and `header` point into `bytes`.
struct NamedTensors {
  std::string file;  // its name without folders, for errors
  Bytes bytes;
  // The bytes that describe the tensors; with samples of the data they identify a model.
  std::string_view header;
  // In the order of their bytes, which overlap only where a format lets tensors share memory.
  std::vector<StoredTensor> tensors;
  // An object with the file's other metadata, or null.
  Json metadata;

  std::unordered_map<std::string, size_t> index;  // name -> position in `tensors`

  const StoredTensor* find(const std::string& name) const;
};

// For format readers: sorts the tensors by offset and builds the index. An error if a name occurs
// twice; `advice` ends its sentence.
Status index_tensors(NamedTensors& file, std::string_view advice);

// A copy as floats, of F32, F64, F16, BF16 or blocks; other types are an error.
Result<Tensor> to_floats(const NamedTensors& file, const StoredTensor& tensor);

// The format in which a weight is kept: its own, but f32 for F64, and f16 for blocks other than
// Q8_0. Other types are an error.
Result<Format> format_of(const NamedTensors& file, const StoredTensor& tensor);

// Copies numbers begin .. end - 1 of a tensor, which are whole blocks, to `to` in its weight
// format, from any alignment. `to` may lie in the file itself, at or before the numbers' position,
// unless the format takes more bytes.
void copy_numbers(const StoredTensor& tensor, int64_t begin, int64_t end, void* to);

// A tensor's name in quotes, truncated if very long; for errors.
std::string quoted_name(std::string_view name);

}  // namespace attn
