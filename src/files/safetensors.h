// safetensors.h - reading the file format of weights: a JSON header, then raw tensors.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tensor/packed.h"
#include "tensor/tensor.h"

namespace attn {

// What the format knows and we can list. Only the first four can become weights.
enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean, f8 };

// One tensor as it lies in the file; `bytes` has exactly as many as shape and dtype need.
struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::span<const uint8_t> bytes;
};

// A file whose header has been checked; it and its tensors point into `bytes`.
struct SafeTensors {
  std::string file;  // its name without folders, for errors
  Bytes bytes;
  std::string_view header;
  std::vector<StoredTensor> tensors;  // in the order of their bytes

  std::unordered_map<std::string, size_t> index;  // name -> place in `tensors`

  const StoredTensor* find(const std::string& name) const;
};

// Checks everything before it allocates more than the header's own size: lengths, dtypes, shapes,
// and that the tensors cover the bytes after the header once, without gaps or overlaps.
// https://huggingface.co/docs/safetensors
Result<SafeTensors> read_safetensors(const File& file);

// A copy as floats of F32, F64, F16 or BF16. Other types are an error.
Result<Tensor> to_floats(const SafeTensors& file, const StoredTensor& tensor);

// The format in which a tensor is kept as a weight: its own, but f32 for F64. Other types than
// these four are an error.
Result<Format> format_of(const SafeTensors& file, const StoredTensor& tensor);

// Numbers begin .. end - 1 of a tensor that has a format, in that format, whatever their alignment
// in the file. `to` may be in the file itself, at the numbers' own place or before it.
void copy_numbers(const StoredTensor& tensor, int64_t begin, int64_t end, void* to);

// A tensor's name in quotes, cut where it is absurdly long; for errors.
std::string quoted_name(std::string_view name);

}  // namespace attn
