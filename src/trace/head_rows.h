// head_rows.h - floats of several heads, [head, row, width], which a longer trace may go on
// filling.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <vector>

#include "tensor/mat.h"

namespace attn {

// Text that is typed at its end changes no row that is there. So the trace of the longer text
// shares the memory of the shorter and writes behind its last row. Only one may do so as long as it
// lives, others copy; rows that a living trace has are never written again. Cheap to copy.
class HeadRows {
 public:
  HeadRows() = default;
  // Room for `room` rows (at least n_rows) of each head; not initialized.
  HeadRows(int64_t n_heads, int64_t n_rows, int64_t width, int64_t room = 0);
  // [n_heads, n_rows, width], as they are.
  HeadRows(int64_t n_heads, int64_t n_rows, int64_t width, const std::vector<float>& values);

  // The first n_kept rows of these and room for n_rows in all; `room` as above where memory is new.
  HeadRows extended(int64_t n_kept, int64_t n_rows, int64_t room) const;

  bool empty() const { return !data_; }
  int64_t n_heads() const { return n_heads_; }
  int64_t n_rows() const { return n_rows_; }
  int64_t width() const { return width_; }
  uint64_t bytes() const;  // of the memory, shared or not

  ConstMat head(int64_t i) const { return {at(i), n_rows_, width_}; }
  // For whoever made these, and rows that no earlier trace has.
  Mat head_to_fill(int64_t i) const { return {at(i), n_rows_, width_}; }

 private:
  struct Memory {
    std::unique_ptr<float[]> floats;
    std::atomic<int64_t> n_filled{0};  // rows that some trace has
  };
  // The rows that one trace wrote behind those of another; given back with its last copy.
  struct Claim {
    std::shared_ptr<Memory> memory;
    std::shared_ptr<const Claim>
        before;  // outlives this one, so that rows are given back from the end
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
