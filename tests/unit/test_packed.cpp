// test_packed.cpp - packed products against double, in every format, shape of tail and instruction set.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "tensor/kernels.h"
#include "tensor/packed.h"
#include "tensor/simd.h"

using namespace attn;

namespace {

struct Shape {
  int64_t n, d_in, d_out;
};
// One of everything; panels, row groups and blocks of 256 met, missed by one and passed.
const Shape kShapes[] = {{1, 1, 1},      {1, 64, 512},   {1, 300, 77},   {2, 3, 5},    {3, 17, 9},
                         {5, 255, 8},    {6, 256, 32},   {7, 257, 33},   {11, 40, 31}, {14, 768, 64},
                         {15, 513, 100}, {16, 768, 768}, {29, 100, 300}, {97, 64, 257}, {200, 31, 65}};

std::vector<float> normal(int64_t n, std::mt19937& random) {
  std::normal_distribution<float> distribution;
  std::vector<float> out(static_cast<size_t>(n));
  for (float& x : out) x = distribution(random);
  return out;
}

uint16_t to_bf16(float x) { return uint16_t(std::bit_cast<uint32_t>(x) >> 16); }
// Of normal halves; cuts the fraction off.
uint16_t to_f16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const int exponent = int(bits >> 23 & 255) - 112;
  if (exponent <= 0) return uint16_t(bits >> 16 & 0x8000);
  return uint16_t((bits >> 16 & 0x8000) | uint32_t(exponent) << 10 | (bits >> 13 & 0x3FF));
}

struct Stored {
  std::vector<float> exact;      // what the stored numbers are
  std::vector<uint16_t> halves;  // unless f32
  Format format;
  const void* data() const {
    return format == Format::f32 ? static_cast<const void*>(exact.data()) : halves.data();
  }
};

Stored store(std::vector<float> values, Format format) {
  Stored out{std::move(values), {}, format};
  if (format == Format::f32) return out;
  for (float& x : out.exact) {
    out.halves.push_back(format == Format::bf16 ? to_bf16(x) : to_f16(x));
    x = format == Format::bf16 ? bfloat16_to_float(out.halves.back())
                               : half_to_float(out.halves.back());
  }
  return out;
}

constexpr Format kFormats[] = {Format::f32, Format::bf16, Format::f16};
constexpr double kTolerance = 3e-7;  // of the sum of what is added, without signs

}  // namespace

TEST_CASE("packed products equal the sum in double, whatever the format, tail and epilogue") {
  std::mt19937 random(5);
  for (const Format format : kFormats) {
    for (const auto& [n, d_in, d_out] : kShapes) {
      CAPTURE(n);
      CAPTURE(d_in);
      CAPTURE(d_out);
      const std::vector<float> x = normal(n * d_in, random), b = normal(d_out, random);
      const std::vector<float> times = normal(n * d_out, random);
      const Stored w = store(normal(d_out * d_in, random), format);
      WeightSource source{w.data(), format, {}, 1, d_in};
      for (int64_t o = 0; o < d_out; ++o) source.row_at.push_back(o * d_in);
      const PackedMatrix packed = PackedMatrix::pack(source);
      PackedRows rows;
      rows.pack({x.data(), n, d_in});
      const int64_t stride = d_out + 3;
      std::vector<float> plain(size_t(n * stride), 77.f), added(plain), mapped(plain);
      linear(rows, packed, {}, {plain.data(), n, d_out, stride});
      linear(rows, packed, {.bias = b, .add = true}, {added.data(), n, d_out, stride});
      const auto square = [](float* y, int64_t m) {
        for (int64_t i = 0; i < m; ++i) y[i] *= y[i];
      };
      linear(rows, packed, {.bias = b, .map = square, .times = {times.data(), n, d_out}},
             {mapped.data(), n, d_out, stride});
      double worst = 0;
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t o = 0; o < stride; ++o) {
          const size_t at = size_t(i * stride + o);
          if (o >= d_out) {
            CHECK(plain[at] == 77);
            continue;
          }
          double sum = 0, size = 0;
          for (int64_t k = 0; k < d_in; ++k) {
            const double product = double(x[size_t(i * d_in + k)]) * w.exact[size_t(o * d_in + k)];
            sum += product;
            size += std::abs(product);
          }
          const double bias = b[size_t(o)], y = sum + bias, factor = times[size_t(i * d_out + o)];
          size += std::abs(bias);
          worst = std::max(worst, std::abs(plain[at] - sum) / size);
          worst = std::max(worst, std::abs(added[at] - (77 + y)) / (77 + size));
          worst = std::max(worst, std::abs(mapped[at] - y * y * factor) /
                                      (2 * size * std::abs(y * factor) + size));
        }
      }
      CHECK(worst < kTolerance);
    }
  }
}

TEST_CASE("a row by itself has the same bits as among others") {
  std::mt19937 random(6);
  const int64_t n = 23, d_in = 700, d_out = 100;
  const std::vector<float> x = normal(n * d_in, random), w = normal(d_out * d_in, random);
  const PackedMatrix packed = PackedMatrix::pack({w.data(), d_out, d_in});
  std::vector<float> all(size_t(n * d_out)), one(static_cast<size_t>(d_out));
  linear({x.data(), n, d_in}, packed, {}, {all.data(), n, d_out});
  for (int64_t i = 0; i < n; ++i) {
    linear({x.data() + i * d_in, 1, d_in}, packed, {}, {one.data(), 1, d_out});
    CHECK(std::equal(one.begin(), one.end(), all.begin() + i * d_out));
  }
}

TEST_CASE("weights are packed from rows, from columns and from scattered rows") {
  std::mt19937 random(7);
  const int64_t d_out = 45, d_in = 19;
  const std::vector<float> flat = normal(d_out * d_in, random);
  for (const int64_t in_stride : {int64_t(1), d_out}) {
    for (const bool scattered : {false, true}) {
      WeightSource source{flat.data(), Format::f32, {}, in_stride, d_in};
      for (int64_t o = 0; o < d_out; ++o) {
        const int64_t row = scattered ? (o * 7) % d_out : o;
        source.row_at.push_back(in_stride == 1 ? row * d_in : row);
      }
      const PackedMatrix packed = PackedMatrix::pack(source);
      std::vector<float> row(static_cast<size_t>(d_in));
      for (int64_t o = 0; o < d_out; ++o) {
        packed.row(o, row);
        for (int64_t i = 0; i < d_in; ++i) {
          CHECK(row[size_t(i)] == flat[size_t(source.row_at[size_t(o)] + i * in_stride)]);
        }
      }
    }
  }
}

TEST_CASE("products with a table, few rows and many, in every format") {
  std::mt19937 random(8);
  const int64_t d = 77, n_rows = 515;
  for (const Format format : kFormats) {
    const Stored w = store(normal(n_rows * d, random), format);
    const Table table{nullptr, w.data(), format, n_rows, d};
    for (const int64_t n : {1, 3, 4, 5, 21}) {
      const std::vector<float> x = normal(n * d, random);
      std::vector<float> out(size_t(n * n_rows));
      linear({x.data(), n, d}, table, {out.data(), n, n_rows});
      double worst = 0;
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t r = 0; r < n_rows; ++r) {
          double sum = 0, size = 0;
          for (int64_t k = 0; k < d; ++k) {
            const double product = double(x[size_t(i * d + k)]) * w.exact[size_t(r * d + k)];
            sum += product;
            size += std::abs(product);
          }
          worst = std::max(worst, std::abs(out[size_t(i * n_rows + r)] - sum) / size);
        }
      }
      CHECK(worst < kTolerance);
    }
    std::vector<float> row(size_t(d), 1.f);
    table.add_row(3, row);
    CHECK(row[5] == 1 + w.exact[size_t(3 * d + 5)]);
    table.row(3, row);
    CHECK(row[5] == w.exact[size_t(3 * d + 5)]);
  }
}

TEST_CASE("every instruction set here multiplies tiles and widens halves alike") {
  int n_sets = 0;
  const Simd* const* sets = all_simd(n_sets);
  REQUIRE(n_sets >= 1);
  std::mt19937 random(9);
  for (int s = 0; s < n_sets; ++s) {
    const ProductLoops& loops = sets[s]->product;
    CAPTURE(sets[s]->name);
    REQUIRE(loops.rows <= kMostTileRows);
    REQUIRE(loops.panel <= kMostPanel);
    const int64_t depth = 67;
    for (int m = 1; m <= loops.rows; ++m) {
      const std::vector<float> a = normal(depth * m, random), b = normal(depth * loops.panel, random);
      std::vector<float> c(size_t(m * loops.panel), 2.f);
      loops.tile[m](depth, a.data(), b.data(), c.data(), loops.panel, true);
      for (int i = 0; i < m; ++i) {
        for (int j = 0; j < loops.panel; ++j) {
          double sum = 2;
          for (int64_t k = 0; k < depth; ++k)
            sum += double(a[size_t(k * m + i)]) * b[size_t(k * loops.panel + j)];
          CHECK(std::abs(c[size_t(i * loops.panel + j)] - sum) < 8 * kTolerance * 8);
        }
      }
    }
    std::vector<uint16_t> halves(65536);
    for (size_t i = 0; i < halves.size(); ++i) halves[i] = uint16_t(i);
    std::vector<float> floats(halves.size());
    loops.from_bf16(halves.data(), floats.data(), int64_t(halves.size()));
    int n_wrong = 0;
    const auto differ = [](float x, float y) {
      return std::isnan(x) ? !std::isnan(y) : std::bit_cast<uint32_t>(x) != std::bit_cast<uint32_t>(y);
    };
    for (size_t i = 0; i < halves.size(); ++i) n_wrong += differ(bfloat16_to_float(uint16_t(i)), floats[i]);
    CHECK(n_wrong == 0);
    loops.from_f16(halves.data(), floats.data(), int64_t(halves.size()));
    for (size_t i = 0; i < halves.size(); ++i) n_wrong += differ(half_to_float(uint16_t(i)), floats[i]);
    CHECK(n_wrong == 0);
  }
}
