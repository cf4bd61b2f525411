// test_kernels.cpp - every kernel against the slow, obvious version in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "tensor/kernels.h"
#include "tensor/parallel.h"

using namespace attn;

namespace {

// A matrix inside a larger one, so that strides and what lies beside it are tested too.
struct Padded {
  static constexpr int kPad = 3;
  static constexpr float kOutside = 12345;
  std::vector<float> floats;
  Mat mat;

  Padded(int64_t rows, int64_t cols) : floats(size_t((rows + 1) * (cols + kPad)), kOutside) {
    mat = {floats.data(), rows, cols, cols + kPad};
  }
  Padded(int64_t rows, int64_t cols, std::mt19937& random) : Padded(rows, cols) {
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < rows; ++i) {
      for (float& x : mat.row(i)) x = normal(random);
    }
  }
  bool outside_untouched() const {
    for (size_t i = 0; i < floats.size(); ++i) {
      const int64_t row = int64_t(i) / mat.stride, col = int64_t(i) % mat.stride;
      if ((row >= mat.rows || col >= mat.cols) && floats[i] != kOutside) return false;
    }
    return true;
  }
};

// Largest difference from f(row, col), relative to the size of what was summed.
template <class F>
double most_off(ConstMat out, double scale, F&& f) {
  double most = 0;
  for (int64_t i = 0; i < out.rows; ++i) {
    for (int64_t j = 0; j < out.cols; ++j) {
      const double off = std::abs(out(i, j) - f(i, j)) / scale;
      if (!(off <= most)) most = std::isnan(off) ? INFINITY : off;
    }
  }
  return most;
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i];
  return sum;
}

struct Shape {
  int64_t n, d_in, d_out;
};
// One of everything, odd tails, tiles of 128 met, missed by one and passed.
const Shape kShapes[] = {{1, 1, 1},     {1, 64, 512},    {2, 3, 5},      {7, 17, 9},
                         {16, 64, 64},  {33, 172, 64},   {128, 32, 128}, {129, 31, 127},
                         {127, 5, 257}, {200, 100, 300}, {1, 300, 1000}, {300, 1, 7}};

}  // namespace

TEST_CASE("linear is x times W transposed plus b") {
  std::mt19937 random(1);
  for (const Shape& s : kShapes) {
    CAPTURE(s.n);
    CAPTURE(s.d_in);
    CAPTURE(s.d_out);
    const Padded x(s.n, s.d_in, random), w(s.d_out, s.d_in, random), b(1, s.d_out, random);
    const Padded out(s.n, s.d_out);
    const auto exact = [&](int64_t i, int64_t j) {
      return dot(x.mat.row(i), w.mat.row(j)) + b.mat(0, j);
    };
    linear(x.mat, w.mat, b.mat.row(0), out.mat);
    CHECK(most_off(out.mat, std::sqrt(double(s.d_in)), exact) < 2e-6);
    CHECK(out.outside_untouched());
    linear(x.mat, w.mat, {}, out.mat);
    CHECK(most_off(out.mat, std::sqrt(double(s.d_in)),
                   [&](int64_t i, int64_t j) { return exact(i, j) - b.mat(0, j); }) < 2e-6);
  }
}

TEST_CASE("products of rows with rows, and of rows with columns") {
  std::mt19937 random(2);
  for (const Shape& s : kShapes) {
    CAPTURE(s.n);
    CAPTURE(s.d_in);
    CAPTURE(s.d_out);
    const Padded a(s.n, s.d_in, random), bt(s.d_out, s.d_in, random), b(s.d_in, s.d_out, random);
    const Padded out(s.n, s.d_out);
    product_nt(a.mat, bt.mat, 0.125f, out.mat);
    CHECK(most_off(out.mat, std::sqrt(double(s.d_in)), [&](int64_t i, int64_t j) {
            return dot(a.mat.row(i), bt.mat.row(j)) / 8;
          }) < 1e-6);
    CHECK(out.outside_untouched());
    product_nn(a.mat, b.mat, out.mat);
    const double off = most_off(out.mat, std::sqrt(double(s.d_in)), [&](int64_t i, int64_t j) {
      double sum = 0;
      for (int64_t k = 0; k < s.d_in; ++k) sum += double(a.mat(i, k)) * b.mat(k, j);
      return sum;
    });
    CHECK(off < 2e-6);
    CHECK(out.outside_untouched());
  }
}

TEST_CASE("results are the same bits on one thread and on many") {
  std::mt19937 random(3);
  const Padded x(300, 200, random), w(500, 200, random);
  std::vector<float> many(300 * 500), one(300 * 500);
  linear(x.mat, w.mat, {}, {many.data(), 300, 500});
  // A loop inside a loop runs on the thread that asks.
  parallel_for(2 * n_threads(), 1, [&](int64_t begin, int64_t) {
    if (begin == 0) linear(x.mat, w.mat, {}, {one.data(), 300, 500});
  });
  CHECK(std::memcmp(many.data(), one.data(), many.size() * sizeof(float)) == 0);
}

TEST_CASE("softmax is exp over its sum, however large the scores") {
  std::mt19937 random(4);
  for (const int n : {1, 2, 3, 15, 64, 1000}) {
    for (const float size : {1.f, 30.f, 1e4f}) {
      const Padded x(1, n, random);
      const std::span<float> row = x.mat.row(0);
      for (float& v : row) v *= size;
      const std::vector<float> scores(row.begin(), row.end());
      const double highest = *std::ranges::max_element(scores);
      double sum = 0, total = 0;
      for (float v : scores) sum += std::exp(v - highest);
      softmax_row(row);
      for (size_t i = 0; i < row.size(); ++i) {
        CHECK(std::abs(row[i] - std::exp(scores[i] - highest) / sum) < 3e-7);
        total += row[i];
      }
      CHECK(total == doctest::Approx(1).epsilon(1e-6));
      CHECK(x.outside_untouched());
    }
  }
  softmax_row({});
  std::vector<float> equal(7, -1e9f);
  softmax_row(equal);
  for (float v : equal) CHECK(v == doctest::Approx(1.0 / 7));
}

TEST_CASE("norms follow their formulas, in place too") {
  std::mt19937 random(5);
  for (const int d : {1, 2, 16, 63, 300}) {
    CAPTURE(d);
    const Padded x(5, d, random), g(1, d, random), b(1, d, random), out(5, d);
    for (float& v : x.mat.row(3)) v = v * 0.01f + 100;  // a mean far from 0
    const float eps = 1e-5f;
    const auto stats = [&](int64_t i) {
      double mean = 0, var = 0, square = 0;
      for (float v : x.mat.row(i)) mean += v / double(d);
      for (float v : x.mat.row(i)) var += (v - mean) * (v - mean) / d;
      for (float v : x.mat.row(i)) square += double(v) * v / d;
      return std::array{mean, var, square};
    };
    const auto layer = [&](int64_t i, int64_t j) {
      const auto [mean, var, square] = stats(i);
      return (x.mat(i, j) - mean) / std::sqrt(var + eps) * g.mat(0, j) + b.mat(0, j);
    };
    layer_norm(x.mat, g.mat.row(0), b.mat.row(0), eps, out.mat);
    CHECK(most_off(out.mat, 1, layer) < 2e-6);
    CHECK(out.outside_untouched());
    layer_norm(x.mat, g.mat.row(0), {}, eps, out.mat);
    CHECK(most_off(out.mat, 1, [&](int64_t i, int64_t j) { return layer(i, j) - b.mat(0, j); }) <
          2e-6);
    rms_norm(x.mat, g.mat.row(0), eps, out.mat);
    CHECK(most_off(out.mat, 1, [&](int64_t i, int64_t j) {
            return x.mat(i, j) / std::sqrt(stats(i)[2] + eps) * g.mat(0, j);
          }) < 2e-6);
    Padded again = x;
    const Mat same(again.floats.data(), 5, d, x.mat.stride);
    rms_norm(same, g.mat.row(0), eps, same);
    CHECK(most_off(same, 1, [&](int64_t i, int64_t j) { return out.mat(i, j); }) == 0);
  }
}

TEST_CASE("a rotation turns pairs and leaves the rest") {
  std::mt19937 random(6);
  for (const bool interleaved : {false, true}) {
    for (const int n_pairs : {0, 1, 3, 8}) {
      const int d = 17;
      const Padded x(6, d, random), cosines(6, n_pairs), sines(6, n_pairs);
      for (int64_t i = 0; i < 6; ++i) {
        for (int64_t j = 0; j < n_pairs; ++j) {
          cosines.mat(i, j) = float(std::cos(0.3 * double(i) * double(j + 1)));
          sines.mat(i, j) = float(std::sin(0.3 * double(i) * double(j + 1)));
        }
      }
      const std::vector<float> before = x.floats;
      rotate(x.mat, cosines.mat, sines.mat, interleaved);
      const auto old = [&](int64_t i, int64_t j) {
        return double(before[size_t(i * (d + 3) + j)]);
      };
      CHECK(most_off(x.mat, 1, [&](int64_t i, int64_t j) {
              if (j >= 2 * n_pairs) return old(i, j);
              const int64_t pair = interleaved ? j / 2 : j % n_pairs;
              const bool second = interleaved ? j % 2 == 1 : j >= n_pairs;
              const int64_t other = interleaved ? j ^ 1 : (second ? j - n_pairs : j + n_pairs);
              const double angle = 0.3 * double(i) * double(pair + 1);
              return old(i, j) * std::cos(angle) +
                     (second ? 1 : -1) * old(i, other) * std::sin(angle);
            }) < 1e-6);
      CHECK(x.outside_untouched());
    }
  }
}

TEST_CASE("activations follow their formulas") {
  std::vector<float> x;
  for (float v = -30; v <= 30; v += 0.0137f) x.push_back(v);
  struct Row {
    const char* name;
    void (*kernel)(std::span<float>);
    double (*exact)(double);
  };
  const Row rows[] = {
      {"gelu", gelu, [](double v) { return 0.5 * v * std::erfc(-v / std::sqrt(2.0)); }},
      {"gelu_tanh", gelu_tanh,
       [](double v) {
         return 0.5 * v *
                (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v)));
       }},
      {"silu", silu, [](double v) { return v / (1 + std::exp(-v)); }},
      {"relu", relu, [](double v) { return std::max(0.0, v); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::vector<float> y = x;
    row.kernel(y);
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      worst =
          std::max(worst, std::abs(y[i] - row.exact(x[i])) / std::max(1.0, std::abs(double(x[i]))));
    }
    CHECK(worst < 3e-7);
    std::vector<float> far = {-1e30f, -200, 200, 1e30f};
    row.kernel(far);
    CHECK(far[0] == 0);
    CHECK(far[1] == 0);
    CHECK(far[2] == 200);
    CHECK(far[3] == 1e30f);
    row.kernel({});
  }
}

TEST_CASE("floats become the nearest halves, and the even one of two as near") {
  const auto check = [](auto widen, auto narrow, uint32_t infinity) {
    for (uint32_t bits = 0; bits < infinity; ++bits) {
      const float below = widen(uint16_t(bits));
      // Behind the largest, where the next would be.
      const float above = bits + 1 < infinity ? widen(uint16_t(bits + 1))
                                              : below + (below - widen(uint16_t(bits - 1)));
      const float between = std::isinf(above) ? NAN : below + (above - below) / 2;
      const bool right =
          narrow(below) == bits && narrow(-below) == (bits | 0x8000) &&
          (std::isnan(between) || (narrow(between) == bits + (bits & 1) &&
                                   narrow(std::nextafter(between, INFINITY)) == bits + 1 &&
                                   narrow(std::nextafter(between, 0.f)) == bits));
      if (!right) FAIL("half ", bits);
    }
    CHECK(narrow(INFINITY) == infinity);
    CHECK(std::isnan(widen(narrow(NAN))));
  };
  check(half_to_float, float_to_half, 0x7C00);
  check(bfloat16_to_float, float_to_bfloat16, 0x7F80);
}

TEST_CASE("halves become floats exactly") {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float ours = half_to_float(uint16_t(bits));
    const double sign = bits >> 15 ? -1 : 1;
    if (exponent == 31 && fraction) {
      CHECK(std::isnan(ours));
    } else {
      const double exact = exponent == 31 ? sign * INFINITY
                           : exponent == 0
                               ? sign * std::ldexp(double(fraction), -24)
                               : sign * std::ldexp(1024.0 + fraction, int(exponent) - 25);
      if (ours != exact || std::signbit(ours) != std::signbit(exact)) FAIL("half ", bits);
    }
  }
  CHECK(bfloat16_to_float(0x3F80) == 1);
  CHECK(bfloat16_to_float(0xC049) == -3.140625f);
  CHECK(std::isnan(bfloat16_to_float(0x7FC0)));
}
