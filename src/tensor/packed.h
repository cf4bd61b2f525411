// packed.h - weights in the layout and number format that the hot loops read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tensor/format.h"
#include "tensor/mat.h"

namespace attn {

// Weights as stored in a file: W[o, i] is number row_at[o] + i * in_stride of `data`. In q8_0, rows
// are whole blocks: row_at and d_in are multiples of 32, in_stride is 1.
struct WeightSource {
  const void* data = nullptr;
  Format format = Format::f32;
  std::vector<int64_t> row_at;  // [d_out]
  int64_t in_stride = 1, d_in = 0;
};

// W [d_out, d_in] of an nn.Linear as panels of panel() outputs, each [d_in][panel], the last padded
// with zeros; a q8_0 panel is [d_in / 32] blocks of scales [panel] and numbers [32][panel]. Cheap
// to copy; immutable once packed.
class PackedMatrix {
 public:
  PackedMatrix() = default;

  static int panel();  // of this processor
  static uint64_t bytes_needed(int64_t d_out, int64_t d_in, Format format);
  static int64_t n_panels(int64_t d_out) { return (d_out + panel() - 1) / panel(); }
  // Packs panels begin .. end-1 into `to`, the memory of the matrix: bytes_needed(), 64-byte
  // aligned, not overlapping the source. packed() then makes the matrix; `owner` keeps the memory
  // alive.
  static void pack_panels(const WeightSource& source, int64_t begin, int64_t end, void* to);
  static PackedMatrix packed(const WeightSource& source, const void* at,
                             std::shared_ptr<const void> owner);
  static PackedMatrix pack(const WeightSource& source);  // into newly allocated memory
  static PackedMatrix pack(ConstMat w);                  // the same, from floats

  bool empty() const { return !data_; }
  int64_t d_out() const { return d_out_; }
  int64_t d_in() const { return d_in_; }
  Format format() const { return format_; }
  const void* data() const { return data_; }
  float at(int64_t out, int64_t in) const;           // W[out, in]; slow
  void row(int64_t out, std::span<float> to) const;  // W[out, :]; to [d_in]

 private:
  std::shared_ptr<const void> owner_;
  const void* data_ = nullptr;
  int64_t d_out_ = 0, d_in_ = 0;
  Format format_ = Format::f32;
};

// A row-major matrix [rows, cols] in the file's number format, read by rows: W_E, W_pos, W_U.
struct Table {
  std::shared_ptr<const void> owner;
  const void* data = nullptr;
  Format format = Format::f32;
  int64_t rows = 0, cols = 0;

  bool empty() const { return data == nullptr; }
  void row(int64_t i, std::span<float> to) const;      // to [cols]
  void add_row(int64_t i, std::span<float> to) const;  // to += row i
  Table rows_of(int64_t from, int64_t to) const;       // in the same memory
  static Table of(ConstMat m);                         // a copy
};

// x [n, d_in] in the layout of the loops; made once for all products of the same rows.
class PackedRows {
 public:
  void pack(ConstMat x);
  int64_t n() const { return x_.rows; }
  int64_t d_in() const { return x_.cols; }

 private:
  friend class ProductPlan;
  ConstMat x_;  // a single row is read in place
  std::vector<float> floats_;
};

// Steps applied to a product y = x Wᵀ before it is written, in this order.
struct Then {
  std::span<const float> bias = {};            // y += bias
  void (*map)(float* y, int64_t n) = nullptr;  // y = f(y)
  ConstMat times = {};                         // y *= times [n, d_out]; must not be `out`
  bool add = false;                            // out += y; not with map or times
};

// Pieces 0 .. n-1, in any order, of about `work` multiplications each.
struct WorkPieces {
  int64_t n = 0, work = 0;
};

// A product divided into pieces that can run in any order on any thread, with bit-identical
// results. `x`, `w` and `out` must live until all pieces are done.
class ProductPlan {
 public:
  ProductPlan(const PackedRows& x, const PackedMatrix& w, const Then& then, Mat out);
  // The division of a product with n_rows rows, without needing the rows.
  static WorkPieces pieces(int64_t n_rows, const PackedMatrix& w);
  int64_t n_pieces() const { return cut_.down * cut_.across; }
  int64_t work_a_piece() const { return pieces(x_.n(), w_).work; }
  void run(int64_t begin, int64_t end) const;

 private:
  // Row groups and output panels per piece.
  struct Cut {
    int64_t n_groups, n_panels, groups_each, panels_each, down, across;
    Cut(int64_t n_rows, int64_t d_out);
  };
  int64_t group_begin(int64_t group) const;
  void run_row(int64_t p0, int64_t p1) const;
  void run_tiles(int64_t g0, int64_t g1, int64_t p0, int64_t p1) const;
  void finish(int64_t r0, int64_t r1, int64_t c0, int64_t c1) const;

  const PackedRows& x_;
  const PackedMatrix& w_;
  Then then_;
  Mat out_;
  Cut cut_;
};

// out = then(x Wᵀ).   out [n, d_out]
void linear(const PackedRows& x, const PackedMatrix& w, const Then& then, Mat out);
void linear(ConstMat x, const PackedMatrix& w, std::span<const float> b, Mat out);

// out = x tableᵀ.   x [n, cols]   out [n, rows]
void linear(ConstMat x, const Table& table, Mat out);

}  // namespace attn
