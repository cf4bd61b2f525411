// packed.cpp - packing weights, and products with them as pieces of work.
#include "tensor/packed.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "tensor/kernels.h"
#include "tensor/parallel.h"
#include "tensor/simd.h"

namespace attn {
namespace {

constexpr size_t kAlign = 64;  // a cache line, and the widest register
// The size of a piece, so that its operands stay in the L2 cache.
constexpr int64_t kPieceRows = 96, kPieceOutputs = 256;
constexpr int64_t kCachedFloats = 1 << 16;

std::shared_ptr<void> aligned_memory(uint64_t bytes) {
  if (bytes > PTRDIFF_MAX - kAlign) throw std::bad_alloc();
  return {::operator new(std::max<size_t>(size_t(bytes), 1), std::align_val_t(kAlign)),
          [](void* p) { ::operator delete(p, std::align_val_t(kAlign)); }};
}

const uint8_t* bytes_at(const void* data, Format format, int64_t n) {
  return static_cast<const uint8_t*>(data) + bytes_of(format, n);
}

// Number i of `width` rows side by side, in lane `lane` of them.
float float_at(const void* data, Format format, int64_t width, int64_t i, int64_t lane) {
  const int64_t at = i * width + lane;
  switch (format) {
    case Format::f32:
      return static_cast<const float*>(data)[at];
    case Format::bf16:
      return bfloat16_to_float(static_cast<const uint16_t*>(data)[at]);
    case Format::f16:
      return half_to_float(static_cast<const uint16_t*>(data)[at]);
    case Format::q8_0: {
      constexpr int kBlock = numbers_of(Format::q8_0);
      const uint8_t* block = bytes_at(data, format, i / kBlock * kBlock * width);
      uint16_t scale;
      std::memcpy(&scale, block + 2 * lane, 2);
      return half_to_float(scale) * float(int8_t(block[(2 + i % kBlock) * width + lane]));
    }
  }
  return 0;
}

}  // namespace

int PackedMatrix::panel() { return simd().product.panel; }

uint64_t PackedMatrix::bytes_needed(int64_t d_out, int64_t d_in, Format format) {
  assert(d_in % numbers_of(format) == 0);
  return uint64_t(n_panels(d_out)) * uint64_t(panel()) * uint64_t(bytes_of(format, d_in));
}

PackedMatrix PackedMatrix::packed(const WeightSource& source, const void* at,
                                  std::shared_ptr<const void> owner) {
  PackedMatrix packed;
  packed.owner_ = std::move(owner);
  packed.data_ = at;
  packed.d_out_ = int64_t(source.row_at.size());
  packed.d_in_ = source.d_in;
  packed.format_ = source.format;
  return packed;
}

PackedMatrix PackedMatrix::pack(const WeightSource& source) {
  const int64_t d_out = int64_t(source.row_at.size());
  const std::shared_ptr<void> memory =
      aligned_memory(bytes_needed(d_out, source.d_in, source.format));
  pack_panels(source, 0, n_panels(d_out), memory.get());
  return packed(source, memory.get(), memory);
}

PackedMatrix PackedMatrix::pack(ConstMat w) {
  WeightSource source{w.data, Format::f32, {}, 1, w.cols};
  for (int64_t i = 0; i < w.rows; ++i) source.row_at.push_back(i * w.stride);
  return pack(source);
}

float PackedMatrix::at(int64_t out, int64_t in) const {
  return float_at(data_, format_, panel(), out / panel() * d_in_ + in, out % panel());
}

void PackedMatrix::row(int64_t out, std::span<float> to) const {
  for (int64_t i = 0; i < d_in_; ++i) to[size_t(i)] = at(out, i);
}

void Table::row(int64_t i, std::span<float> to) const {
  assert(i >= 0 && i < rows && int64_t(to.size()) == cols);
  const uint8_t* from = bytes_at(data, format, i * cols);
  if (format == Format::f32) {
    std::memcpy(to.data(), from, to.size_bytes());
  } else {
    simd().product.of(format).from_row(from, to.data(), cols);
  }
}

void Table::add_row(int64_t i, std::span<float> to) const {
  for (int64_t j = 0; j < cols; ++j) to[size_t(j)] += float_at(data, format, 1, i * cols + j, 0);
}

Table Table::rows_of(int64_t from, int64_t to) const {
  Table part = *this;
  part.data = bytes_at(data, format, from * cols);
  part.rows = to - from;
  return part;
}

Table Table::of(ConstMat m) {
  const auto copy = std::make_shared<std::vector<float>>();
  copy->reserve(size_t(m.rows * m.cols));
  for (int64_t i = 0; i < m.rows; ++i) copy->insert(copy->end(), m.row(i).begin(), m.row(i).end());
  return {copy, copy->data(), Format::f32, m.rows, m.cols};
}

namespace {

// Row groups of nearly equal size, so that no slow small tile remains: 16 = 6 + 5 + 5.
int64_t groups_of(int64_t n) { return (n + simd().product.rows - 1) / simd().product.rows; }
int64_t begin_of(int64_t group, int64_t n, int64_t n_groups) { return group * n / n_groups; }

}  // namespace

// [block of depth][group][depth][rows of the group]
void PackedRows::pack(ConstMat x) {
  x_ = x;
  if (x.rows <= 1) return;
  floats_.resize(size_t(x.rows * x.cols));
  const int64_t n_groups = groups_of(x.rows);
  const int64_t grain = (1 << 15) / (std::max<int64_t>(1, x.cols) * simd().product.rows);
  parallel_for(n_groups, std::max<int64_t>(1, grain), [&](int64_t begin, int64_t end) {
    for (int64_t g = begin; g < end; ++g) {
      const int64_t row = begin_of(g, x.rows, n_groups),
                    rows = begin_of(g + 1, x.rows, n_groups) - row;
      for (int64_t k0 = 0; k0 < x.cols; k0 += kDepthBlock) {
        const int64_t depth = std::min<int64_t>(kDepthBlock, x.cols - k0);
        float* to = floats_.data() + k0 * x.rows + row * depth;
        for (int64_t i = 0; i < rows; ++i) {
          const float* from = x.row(row + i).data() + k0;
          for (int64_t k = 0; k < depth; ++k) to[k * rows + i] = from[k];
        }
      }
    }
  });
}

ProductPlan::Cut::Cut(int64_t n_rows, int64_t d_out)
    : n_groups(groups_of(n_rows)), n_panels(PackedMatrix::n_panels(d_out)) {
  groups_each = std::max<int64_t>(1, kPieceRows / simd().product.rows);
  panels_each = kPieceOutputs / simd().product.panel;
  down = (n_groups + groups_each - 1) / groups_each;
  // If there are few pieces, they are made smaller, so that every thread gets some. Products of a
  // single row are limited by memory, which prefers long streams.
  const int64_t wanted = n_threads() > 1 ? (n_rows == 1 ? 2 : 8) * n_threads() : 1;
  while (panels_each > 4 && down * ((n_panels + panels_each - 1) / panels_each) < wanted)
    panels_each /= 2;
  across = (n_panels + panels_each - 1) / panels_each;
}

ProductPlan::ProductPlan(const PackedRows& x, const PackedMatrix& w, const Then& then, Mat out)
    : x_(x), w_(w), then_(then), out_(out), cut_(x.n(), w.d_out()) {
  assert(x.d_in() == w.d_in() && out.rows == x.n() && out.cols == w.d_out());
  assert(then.bias.empty() || int64_t(then.bias.size()) == w.d_out());
  assert(!then.add || (!then.map && !then.times.data));
}

WorkPieces ProductPlan::pieces(int64_t n_rows, const PackedMatrix& w) {
  const Cut cut(n_rows, w.d_out());
  const int64_t outputs = cut.panels_each * simd().product.panel;
  return {cut.down * cut.across, std::min(kPieceRows, n_rows) * outputs * w.d_in()};
}

int64_t ProductPlan::group_begin(int64_t group) const {
  return begin_of(group, x_.n(), cut_.n_groups);
}

void ProductPlan::run(int64_t begin, int64_t end) const {
  for (int64_t piece = begin; piece < end; ++piece) {
    const int64_t g0 = piece % cut_.down * cut_.groups_each,
                  g1 = std::min(cut_.n_groups, g0 + cut_.groups_each);
    const int64_t p0 = piece / cut_.down * cut_.panels_each,
                  p1 = std::min(cut_.n_panels, p0 + cut_.panels_each);
    if (x_.n() == 1) {
      run_row(p0, p1);
    } else {
      run_tiles(g0, g1, p0, p1);
    }
  }
}

void ProductPlan::run_row(int64_t p0, int64_t p1) const {
  const ProductLoops& loops = simd().product;
  const int64_t panel = loops.panel;
  alignas(kAlign) float y[kPieceOutputs];
  const uint8_t* w = bytes_at(w_.data(), w_.format(), p0 * panel * x_.d_in());
  loops.of(w_.format()).row(x_.d_in(), x_.x_.data, w, p1 - p0, y);
  const int64_t c0 = p0 * panel, c1 = std::min(w_.d_out(), p1 * panel);
  float* to = out_.data + c0;
  if (then_.add) {
    for (int64_t j = 0; j < c1 - c0; ++j) to[j] += y[j];
  } else {
    std::memcpy(to, y, size_t(c1 - c0) * sizeof(float));
  }
  finish(0, 1, c0, c1);
}

void ProductPlan::run_tiles(int64_t g0, int64_t g1, int64_t p0, int64_t p1) const {
  const ProductLoops& loops = simd().product;
  const int64_t panel = loops.panel, n = x_.n(), d_in = x_.d_in(), d_out = w_.d_out();
  alignas(kAlign) float edge[kMostTileRows * kMostPanel];
  alignas(kAlign) float expanded[kDepthBlock * kMostPanel];
  if (d_in == 0) {
    for (int64_t r = group_begin(g0); r < group_begin(g1) && !then_.add; ++r)
      std::fill_n(out_.row(r).data() + p0 * panel, std::min(d_out, p1 * panel) - p0 * panel, 0.f);
  }
  const auto stored = [&](int64_t k, int64_t p) {
    return bytes_at(w_.data(), w_.format(), (p * d_in + k) * panel);
  };
  const bool wide = w_.format() == Format::f32;
  uint32_t fetched = 0;
  const auto block = [&](int64_t k0, int64_t p, const uint8_t* next) {
    const int64_t depth = std::min<int64_t>(kDepthBlock, d_in - k0);
    const bool more = k0 > 0 || then_.add;
    const uint8_t* here = stored(k0, p);
    const float* right = wide ? reinterpret_cast<const float*>(here) : expanded;
    if (!wide) loops.of(w_.format()).from_panels(here, expanded, depth * panel);
    const int64_t col = p * panel, cols = std::min(panel, d_out - col);
    // The next block is fetched meanwhile, evenly over the tiles of this one.
    const ptrdiff_t n_next =
        std::min(stored(0, cut_.n_panels) - next, stored(k0 + depth, p) - here);
    Ahead ahead{n_next > 0 ? next : here, n_next / ptrdiff_t((g1 - g0) * depth), 0};
    for (int64_t g = g0; g < g1; ++g) {
      const int64_t row = group_begin(g), rows = group_begin(g + 1) - row;
      const float* left = x_.floats_.data() + k0 * n + row * depth;
      float* c = out_.data + row * out_.stride + col;
      if (cols == panel) {
        loops.tile[rows](depth, left, right, c, out_.stride, more, ahead);
        continue;
      }
      loops.tile[rows](depth, left, right, edge, panel, false, ahead);
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < cols; ++j) {
          float& to = c[i * out_.stride + j];
          to = more ? to + edge[i * panel + j] : edge[i * panel + j];
        }
      }
    }
    fetched += ahead.sum;
  };
  // Weights are read sequentially, as long as the matching part of x stays in the L2 cache.
  const int64_t rows_here = std::max<int64_t>(1, group_begin(g1) - group_begin(g0));
  const int64_t stretch =
      std::max<int64_t>(1, kCachedFloats / rows_here / kDepthBlock) * kDepthBlock;
  for (int64_t from = 0; from < d_in; from += stretch) {
    const int64_t to = std::min(d_in, from + stretch);
    for (int64_t p = p0; p < p1; ++p) {
      for (int64_t k0 = from; k0 < to; k0 += kDepthBlock) {
        const bool last = k0 + kDepthBlock >= to, end = last && p + 1 == p1;
        block(k0, p,
              !last       ? stored(k0 + kDepthBlock, p)
              : !end      ? stored(from, p + 1)
              : to < d_in ? stored(to, p0)
                          : stored(0, p1));
      }
    }
  }
  finish(group_begin(g0), group_begin(g1), p0 * panel, std::min(d_out, p1 * panel));
  [[maybe_unused]] volatile const uint32_t wanted = fetched;
}

// The remaining steps of Then, on values that are still in a cache.
void ProductPlan::finish(int64_t r0, int64_t r1, int64_t c0, int64_t c1) const {
  for (int64_t r = r0; r < r1; ++r) {
    float* to = out_.data + r * out_.stride + c0;
    const int64_t n = c1 - c0;
    if (!then_.bias.empty()) {
      const float* bias = then_.bias.data() + c0;
      for (int64_t j = 0; j < n; ++j) to[j] += bias[j];
    }
    if (then_.map) then_.map(to, n);
    if (then_.times.data) {
      const float* times = then_.times.data + r * then_.times.stride + c0;
      for (int64_t j = 0; j < n; ++j) to[j] *= times[j];
    }
  }
}

void linear(const PackedRows& x, const PackedMatrix& w, const Then& then, Mat out) {
  if (out.rows == 0 || out.cols == 0) return;
  const ProductPlan plan(x, w, then, out);
  const int64_t grain = (1 << 17) / std::max<int64_t>(1, plan.work_a_piece());
  parallel_for(plan.n_pieces(), std::max<int64_t>(1, grain),
               [&](int64_t begin, int64_t end) { plan.run(begin, end); });
}

void linear(ConstMat x, const PackedMatrix& w, std::span<const float> b, Mat out) {
  PackedRows rows;
  rows.pack(x);
  linear(rows, w, {.bias = b}, out);
}

void linear(ConstMat x, const Table& table, Mat out) {
  assert(x.cols == table.cols && out.rows == x.rows && out.cols == table.rows);
  const FormatLoops& loops = simd().product.of(table.format);
  constexpr int64_t kFew = 4;     // rows of x for which packing the table does not pay off
  constexpr int64_t kRows = 256;  // of the table at a time
  PackedRows packed_x;
  if (x.rows > kFew) packed_x.pack(x);
  const int64_t n_blocks = (table.rows + kRows - 1) / kRows;
  parallel_for(n_blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t r0 = block * kRows, r1 = std::min(table.rows, r0 + kRows);
      const uint8_t* rows = bytes_at(table.data, table.format, r0 * table.cols);
      if (x.rows > kFew) {
        WeightSource source{rows, table.format, {}, 1, table.cols};
        for (int64_t r = 0; r < r1 - r0; ++r) source.row_at.push_back(r * table.cols);
        const PackedMatrix packed = PackedMatrix::pack(source);
        const ProductPlan plan(packed_x, packed, {}, {out.data + r0, x.rows, r1 - r0, out.stride});
        plan.run(0, plan.n_pieces());
        continue;
      }
      for (int64_t i = 0; i < x.rows; ++i) {
        loops.dots(table.cols, x.row(i).data(), rows, r1 - r0, out.row(i).data() + r0);
      }
    }
  });
}

}  // namespace attn
