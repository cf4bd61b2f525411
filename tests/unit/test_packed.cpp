// test_packed.cpp - packed products against double, in every format, shape of tail and instruction
// set.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "stored.h"
#include "tensor/kernels.h"
#include "tensor/packed.h"
#include "tensor/parallel.h"
#include "tensor/simd.h"

using namespace attn;

namespace {

struct Shape {
  int64_t n, d_in, d_out;
};
// One of everything; panels, row groups and blocks of 256 met, missed by one and passed.
const Shape kShapes[] = {{1, 1, 1},      {1, 64, 512},  {1, 300, 77},   {2, 3, 5},
                         {3, 17, 9},     {5, 255, 8},   {6, 256, 32},   {7, 257, 33},
                         {11, 40, 31},   {14, 768, 64}, {15, 513, 100}, {16, 768, 768},
                         {29, 100, 300}, {97, 64, 257}, {200, 31, 65}};

constexpr double kTolerance = 3e-7;  // of the sum of what is added, without signs

// The largest error of three products, of the sum of what is added without signs.
double worst_of(const Shape& shape, Format format, std::mt19937& random) {
  const int64_t n = shape.n, d_out = shape.d_out;
  const int64_t d_in =
      (shape.d_in + numbers_of(format) - 1) / numbers_of(format) * numbers_of(format);
  const std::vector<float> x = normal(n * d_in, random), b = normal(d_out, random);
  const std::vector<float> times = normal(n * d_out, random);
  const Stored w = store(normal(d_out * d_in, random), d_in, format);
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
      worst = std::max(
          worst, std::abs(mapped[at] - y * y * factor) / (2 * size * std::abs(y * factor) + size));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("packed products equal the sum in double, whatever the format, tail and epilogue") {
  std::mt19937 random(5);
  for (const Format format : kAllFormats) {
    for (const Shape& shape : kShapes) {
      CAPTURE(shape.n);
      CAPTURE(shape.d_in);
      CAPTURE(shape.d_out);
      CHECK(worst_of(shape, format, random) < kTolerance);
    }
  }
}

TEST_CASE("packed products of up to twenty rows, of any width, by one thread and by two") {
  std::mt19937 random(10);
  for (const Format format : kAllFormats) {
    for (int64_t n = 1; n <= 20; ++n) {
      const Shape shape{n, 1 + int64_t(random() % 600), 1 + int64_t(random() % 150)};
      CAPTURE(n);
      CAPTURE(shape.d_in);
      CAPTURE(shape.d_out);
      set_n_threads(1 + int(n % 2));
      CHECK(worst_of(shape, format, random) < kTolerance);
    }
  }
  set_n_threads(2);
  for (const Format format : kAllFormats)
    CHECK(worst_of({1, 1024, 3000}, format, random) < kTolerance);
  set_n_threads(0);
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

TEST_CASE("blocks of 32 with a scale are packed from scattered rows and read back") {
  std::mt19937 random(11);
  const int64_t d_out = 45, n_rows = 60;
  for (const int64_t d_in : {32, 96}) {
    const Stored w = store(normal(n_rows * d_in, random), d_in, Format::q8_0);
    WeightSource source{w.data(), Format::q8_0, {}, 1, d_in};
    for (int64_t o = 0; o < d_out; ++o) source.row_at.push_back(o * 7 % n_rows * d_in);
    const PackedMatrix packed = PackedMatrix::pack(source);
    std::vector<float> row(static_cast<size_t>(d_in));
    for (int64_t o = 0; o < d_out; ++o) {
      packed.row(o, row);
      CHECK(std::equal(row.begin(), row.end(), w.exact.begin() + source.row_at[size_t(o)]));
    }
  }
  CHECK(PackedMatrix::bytes_needed(PackedMatrix::panel(), 64, Format::q8_0) ==
        uint64_t(PackedMatrix::panel() * 68));
}

TEST_CASE("ggml's rule for blocks of 32") {
  std::vector<float> x(64);
  for (int i = 0; i < 32; ++i) x[size_t(i)] = float(i) - 16;  // d = 16 / 127, in binary16 0x3008
  const std::vector<uint8_t> bytes = quantize_q8_0({x.data(), 1, 64});
  REQUIRE(bytes.size() == 68);
  CHECK(bytes[0] + 256 * bytes[1] == 0x3008);
  CHECK(int8_t(bytes[2]) == -127);
  CHECK(int8_t(bytes[33]) == 119);
  CHECK(std::all_of(bytes.begin() + 34, bytes.end(), [](uint8_t b) { return b == 0; }));
}

TEST_CASE("products with a table, few rows and many, in every format") {
  std::mt19937 random(8);
  const int64_t n_rows = 515;
  for (const Format format : kAllFormats) {
    const int64_t d = format == Format::q8_0 ? 96 : 77;
    const Stored w = store(normal(n_rows * d, random), d, format);
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
    table.rows_of(2, 10).row(1, row);
    for (int64_t i = 0; i < d; ++i) CHECK(row[size_t(i)] == w.exact[size_t(3 * d + i)]);
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
      const std::vector<float> a = normal(depth * m, random),
                               b = normal(depth * loops.panel, random);
      std::vector<float> c(size_t(m * loops.panel), 2.f);
      // Bytes are read ahead along with it, and no further than told.
      const std::vector<uint8_t> next(size_t(3 * depth));
      Ahead ahead{next.data(), 3, 0};
      loops.tile[m](depth, a.data(), b.data(), c.data(), loops.panel, true, ahead);
      CHECK(ahead.at == next.data() + next.size());
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
    loops.of(Format::bf16).from_row(halves.data(), floats.data(), int64_t(halves.size()));
    int n_wrong = 0;
    const auto differ = [](float x, float y) {
      return std::isnan(x) ? !std::isnan(y)
                           : std::bit_cast<uint32_t>(x) != std::bit_cast<uint32_t>(y);
    };
    for (size_t i = 0; i < halves.size(); ++i)
      n_wrong += differ(bfloat16_to_float(uint16_t(i)), floats[i]);
    CHECK(n_wrong == 0);
    loops.of(Format::f16).from_row(halves.data(), floats.data(), int64_t(halves.size()));
    for (size_t i = 0; i < halves.size(); ++i)
      n_wrong += differ(half_to_float(uint16_t(i)), floats[i]);
    CHECK(n_wrong == 0);
  }
}

TEST_CASE("every instruction set here multiplies one row and tables in every format") {
  int n_sets = 0;
  const Simd* const* sets = all_simd(n_sets);
  std::mt19937 random(12);
  const int64_t d = 96;
  const std::vector<float> x = normal(d, random);
  for (int s = 0; s < n_sets; ++s) {
    const ProductLoops& loops = sets[s]->product;
    CAPTURE(sets[s]->name);
    for (const Format format : kAllFormats) {
      // Panels whose outputs are all alike are the same numbers in any order of packing.
      const int64_t n_panels = 7, n_rows = n_panels * loops.panel;
      const Stored row = store(normal(d, random), d, format);
      std::vector<uint8_t> panels, rows;
      const int64_t numbers = numbers_of(format), bytes = bytes_of(format);
      const int64_t head = format == Format::q8_0 ? 2 : bytes;
      for (int64_t p = 0; p < n_rows; ++p)
        rows.insert(rows.end(), row.bytes.begin(), row.bytes.end());
      const auto repeat = [&](const uint8_t* from, int64_t size) {
        for (int j = 0; j < loops.panel; ++j) panels.insert(panels.end(), from, from + size);
      };
      for (int64_t p = 0; p < n_panels; ++p) {
        for (int64_t b = 0; b < d / numbers; ++b) {
          const uint8_t* block = row.bytes.data() + b * bytes;
          repeat(block, head);
          for (int64_t k = head; k < bytes; ++k) repeat(block + k, 1);
        }
      }
      double exact = 0, size = 0;
      for (size_t k = 0; k < size_t(d); ++k) {
        exact += double(x[k]) * row.exact[k];
        size += std::abs(double(x[k]) * row.exact[k]);
      }
      std::vector<float> y(static_cast<size_t>(n_rows)), z(y), wide(size_t(d * n_rows));
      loops.of(format).row(d, x.data(), panels.data(), n_panels, y.data());
      loops.of(format).dots(d, x.data(), rows.data(), n_rows, z.data());
      for (const float v : y) CHECK(std::abs(v - exact) < kTolerance * size);
      for (const float v : z) CHECK(std::abs(v - exact) < kTolerance * size);
      if (format == Format::f32) continue;
      loops.of(format).from_panels(panels.data(), wide.data(), d * n_rows);
      for (size_t i = 0; i < wide.size(); ++i)
        CHECK(wide[i] == row.exact[i / size_t(loops.panel) % size_t(d)]);
      loops.of(format).from_row(rows.data(), wide.data(), d * n_rows);
      for (size_t i = 0; i < wide.size(); ++i) CHECK(wide[i] == row.exact[i % size_t(d)]);
    }
  }
}
