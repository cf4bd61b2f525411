// written_tensor.h - a tensor that is about to be written to a file, which nobody need hold whole.
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
  // Puts exactly n_bytes() into the sink: rows one after the other, little-endian.
  std::function<void(ByteSink&)> put;

  uint64_t n_bytes() const;
};

// Of numbers at hand, which must outlive it.
WrittenTensor written_tensor(std::string name, std::span<const float> values,
                             std::span<const int> shape);
WrittenTensor written_tensor(std::string name, std::span<const int32_t> values);

}  // namespace attn
