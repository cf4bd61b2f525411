// tensor.h - floats with a shape, shared.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace attn {

// Floats of a checkpoint, shared.
struct Tensor {
  std::shared_ptr<const void> owner;
  const float* data = nullptr;
  std::vector<int64_t> shape;

  bool empty() const { return data == nullptr; }
  int64_t size() const {
    int64_t n = data ? 1 : 0;
    for (int64_t d : shape) n *= d;
    return n;
  }
  std::span<const float> vec() const { return {data, size_t(size())}; }
};

}  // namespace attn
