// written_tensor.h - a tensor to write to a file, generated on the fly.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_sink.h"
#include "files/named_tensors.h"

namespace attn {

struct WrittenTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  // Writes exactly n_bytes() to the sink, row-major and little-endian.
  std::function<void(ByteSink&)> put;

  uint64_t n_bytes() const;
};

// A tensor over existing numbers, which must outlive it.
WrittenTensor written_tensor(std::string name, std::span<const float> values,
                             std::span<const int> shape);
WrittenTensor written_tensor(std::string name, std::span<const int32_t> values);

}  // namespace attn
