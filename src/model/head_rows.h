// head_rows.h - floats of several heads, [head, row, width], which a longer trace may go on filling.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <vector>

#include "tensor/mat.h"

namespace attn {

// Text that is typed at its end changes no row that is there. So the trace of the longer text shares
// the memory of the shorter and writes behind its last row; only the first who goes on may do so,
// others copy. Rows that a trace has are never written again. Cheap to copy.
class HeadRows {
 public:
  HeadRows() = default;
  // Room for `room` rows (at least n_rows) of each head; not initialized.
  HeadRows(int64_t n_heads, int64_t n_rows, int64_t width, int64_t room = 0);
  // [n_heads, n_rows, width], as they are.
  HeadRows(int64_t n_heads, int64_t n_rows, int64_t width, const std::vector<float>& values);

  // The first n_kept rows of these and room for n_rows in all; `room` as above where memory is new.
  HeadRows extended(int64_t n_kept, int64_t n_rows, int64_t room) const;

  // Rows from n_kept on were never handed on: whoever goes on may write there again.
  void give_back(int64_t n_kept) const;

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
  float* at(int64_t i) const {
    assert(i >= 0 && i < n_heads_);
    return memory_->floats.get() + i * room_ * width_;
  }

  std::shared_ptr<Memory> memory_;
  float* data_ = nullptr;  // of memory_
  int64_t n_heads_ = 0, n_rows_ = 0, width_ = 0, room_ = 0;
};

}  // namespace attn
