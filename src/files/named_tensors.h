// named_tensors.h - what a file of weights or arrays holds: tensors by name, and metadata.
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

// The number types that a file's reader can list. Only the first four can become weights.
enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean, f8 };

// Bytes of one number.
uint64_t bytes_of(DType dtype);

// One tensor as it is stored in the file; `bytes` has exactly as many as shape and dtype need.
struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::span<const uint8_t> bytes;
};

// A file that its format's reader has checked; the tensors and `header` point into `bytes`. Code
// that uses it does not know which format that was.
struct NamedTensors {
  std::string file;  // its name without folders, for errors
  Bytes bytes;
  // The bytes that describe the tensors. Together with samples of the data they tell models apart.
  std::string_view header;
  std::vector<StoredTensor> tensors;  // in the order of their bytes; they don't overlap
  // An object: whatever else the file says. Null where the format or the file has no metadata.
  Json metadata;

  std::unordered_map<std::string, size_t> index;  // name -> position in `tensors`

  const StoredTensor* find(const std::string& name) const;
};

// For readers of formats: sorts the tensors by their bytes and builds the index. An error where a
// name occurs twice; `advice` ends its sentence.
Status index_tensors(NamedTensors& file, std::string_view advice);

// A copy as floats of F32, F64, F16 or BF16. Other types are an error.
Result<Tensor> to_floats(const NamedTensors& file, const StoredTensor& tensor);

// The format in which a tensor is kept as a weight: its own, but f32 for F64. Other types than
// these four are an error.
Result<Format> format_of(const NamedTensors& file, const StoredTensor& tensor);

// Numbers begin .. end - 1 of a tensor that has a format, in that format, whatever their alignment
// in the file. `to` may be in the file itself, at the numbers' own position or before it.
void copy_numbers(const StoredTensor& tensor, int64_t begin, int64_t end, void* to);

// A tensor's name in quotes, cut where it is absurdly long; for errors.
std::string quoted_name(std::string_view name);

}  // namespace attn
