// mat.h - non-owning row-major views over floats.
#pragma once

#include <cassert>
#include <cstdint>
#include <span>

namespace attn {

// [rows, cols]; row r begins at data + r * stride.
struct ConstMat {
  const float* data = nullptr;
  int64_t rows = 0, cols = 0, stride = 0;

  ConstMat() = default;
  ConstMat(const float* d, int64_t r, int64_t c) : data(d), rows(r), cols(c), stride(c) {}
  ConstMat(const float* d, int64_t r, int64_t c, int64_t s)
      : data(d), rows(r), cols(c), stride(s) {}

  float operator()(int64_t r, int64_t c) const {
    assert(r >= 0 && r < rows && c >= 0 && c < cols);
    return data[r * stride + c];
  }
  std::span<const float> row(int64_t r) const { return {data + r * stride, size_t(cols)}; }
  ConstMat rows_of(int64_t from, int64_t to) const {
    return {data + from * stride, to - from, cols, stride};
  }
};

struct Mat {
  float* data = nullptr;
  int64_t rows = 0, cols = 0, stride = 0;

  Mat() = default;
  Mat(float* d, int64_t r, int64_t c) : data(d), rows(r), cols(c), stride(c) {}
  Mat(float* d, int64_t r, int64_t c, int64_t s) : data(d), rows(r), cols(c), stride(s) {}
  operator ConstMat() const { return {data, rows, cols, stride}; }

  float& operator()(int64_t r, int64_t c) const {
    assert(r >= 0 && r < rows && c >= 0 && c < cols);
    return data[r * stride + c];
  }
  std::span<float> row(int64_t r) const { return {data + r * stride, size_t(cols)}; }
  Mat rows_of(int64_t from, int64_t to) const {
    return {data + from * stride, to - from, cols, stride};
  }
};

}  // namespace attn
