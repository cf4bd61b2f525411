// head_rows.h - floats [head, row, width] whose memory a trace of a longer text can extend.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <vector>

#include "tensor/mat.h"

namespace attn {

// Text typed at the end leaves earlier rows unchanged, so the trace of the longer text shares the
// memory of the shorter one and appends rows. Only one live trace may append to the same rows,
// others copy; rows owned by a live trace are never rewritten. Cheap to copy.
class HeadRows {
 public:
  HeadRows() = default;
  // Uninitialized, with capacity for `room` rows (at least n_rows) per head.
  HeadRows(int64_t n_heads, int64_t n_rows, int64_t width, int64_t room = 0);
  // A copy of values [n_heads, n_rows, width].
  HeadRows(int64_t n_heads, int64_t n_rows, int64_t width, const std::vector<float>& values);

  // The first n_kept rows of these, extended to n_rows; `room` applies if new memory is needed.
  HeadRows extended(int64_t n_kept, int64_t n_rows, int64_t room) const;

  bool empty() const { return !data_; }
  int64_t n_heads() const { return n_heads_; }
  int64_t n_rows() const { return n_rows_; }
  int64_t width() const { return width_; }
  uint64_t bytes() const;  // of the memory, shared or not

  ConstMat head(int64_t i) const { return {at(i), n_rows_, width_}; }
  // For the maker of these rows only, and not for rows shared with an earlier trace.
  Mat head_to_fill(int64_t i) const { return {at(i), n_rows_, width_}; }

 private:
  struct Memory {
    std::unique_ptr<float[]> floats;
    std::atomic<int64_t> n_filled{0};  // rows owned by some trace
  };
  // The rows that one trace appended to another's; released with its last copy.
  struct Claim {
    std::shared_ptr<Memory> memory;
    std::shared_ptr<const Claim>
        before;  // outlives this one, so that rows are released from the end
    int64_t from, to;
    ~Claim();
  };
  float* at(int64_t i) const {
    assert(i >= 0 && i < n_heads_);
    return memory_->floats.get() + i * room_ * width_;
  }

  std::shared_ptr<Memory> memory_;
  std::shared_ptr<const Claim> claim_;
  float* data_ = nullptr;  // of memory_
  int64_t n_heads_ = 0, n_rows_ = 0, width_ = 0, room_ = 0;
};

}  // namespace attn
