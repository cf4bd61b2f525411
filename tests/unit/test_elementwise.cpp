// test_elementwise.cpp - activations, norms and softmax of every instruction set against double.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tensor/simd.h"

using namespace attn;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr int kMostLanes = 16;

template <class F>
void for_all_simd(F&& f) {
  int n = 0;
  const Simd* const* all = all_simd(n);
  REQUIRE(n > 0);
  for (int i = 0; i < n; ++i) {
    CAPTURE(std::string(all[i]->name));
    f(all[i]->elements);
  }
}

// Floats of all signs and exponents, NaNs and infinities among them.
std::vector<float> all_sizes() {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += 6991)
    x.push_back(std::bit_cast<float>(uint32_t(bits)));
  return x;
}

std::vector<float> between(float low, float high, float step) {
  std::vector<float> x;
  for (int i = 0; low + float(i) * step <= high; ++i) x.push_back(low + float(i) * step);
  return x;
}

std::vector<float> normal(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw;
  std::vector<float> x(n);
  for (float& v : x) v = draw(random);
  return x;
}

double ulps_off(float ours, double exact) {
  const float nearest = float(exact);
  const double ulp = double(std::nextafter(nearest, kInf)) - nearest;
  return std::abs(double(ours) - exact) / ulp;
}

float one(void (*loop)(float*, int64_t), float x) {
  loop(&x, 1);
  return x;
}

using Loop = void (*)(float*, int64_t);
struct NamedLoop {
  const char* name;
  Loop ElementLoops::* loop;
  double (*exact)(double);
  double most_off;  // beside max(1, |x|)
};
const NamedLoop kActivations[] = {
    {"gelu", &ElementLoops::gelu, [](double v) { return 0.5 * v * std::erfc(-v / std::sqrt(2.0)); },
     1.7e-7},
    {"gelu_tanh", &ElementLoops::gelu_tanh,
     [](double v) {
       return 0.5 * v *
              (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v)));
     },
     1.4e-7},
    {"silu", &ElementLoops::silu, [](double v) { return v / (1 + std::exp(-v)); }, 1.4e-7},
    {"relu", &ElementLoops::relu, [](double v) { return std::max(0.0, v); }, 0},
};

}  // namespace

TEST_CASE("e^x is within 1 ulp on every instruction set") {
  std::vector<float> x = all_sizes();
  for (float v : between(-150, 89, 0.00371f)) x.push_back(v);
  for_all_simd([&](const ElementLoops& loops) {
    std::vector<float> y = x;
    loops.exp(y.data(), int64_t(y.size()));
    double worst = 0;
    bool all_small_close = true, all_nan_kept = true;
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = std::exp(double(x[i]));
      if (std::isnan(x[i])) {
        all_nan_kept = all_nan_kept && std::isnan(y[i]);
      } else if (exact < std::numeric_limits<float>::min()) {
        all_small_close = all_small_close && std::abs(y[i] - exact) <= 1.5e-45;
      } else if (exact < 3.402e38) {
        worst = std::max(worst, ulps_off(y[i], exact));
      }
    }
    CHECK(worst <= 1.0);
    CHECK(all_small_close);
    CHECK(all_nan_kept);
    CHECK(one(loops.exp, 0) == 1);
    CHECK(one(loops.exp, -kInf) == 0);
    CHECK(one(loops.exp, -1e30f) == 0);
    CHECK(one(loops.exp, 88.73f) == kInf);
    CHECK(one(loops.exp, kInf) == kInf);
  });
}

TEST_CASE("activations follow their formulas on every instruction set") {
  std::vector<float> x = all_sizes();
  for (float v : between(-12, 12, 0.000371f)) x.push_back(v);
  for_all_simd([&](const ElementLoops& loops) {
    for (const NamedLoop& a : kActivations) {
      CAPTURE(std::string(a.name));
      const Loop loop = loops.*a.loop;
      std::vector<float> y = x;
      loop(y.data(), int64_t(y.size()));
      double worst = 0;
      bool all_nan_kept = true;
      for (size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i])) all_nan_kept = all_nan_kept && std::isnan(y[i]);
        if (!std::isfinite(x[i])) continue;
        const double off = std::abs(y[i] - a.exact(x[i])) / std::max(1.0, std::abs(double(x[i])));
        if (!(off <= worst)) worst = std::isnan(off) ? INFINITY : off;
      }
      CHECK(worst <= a.most_off);
      CHECK(all_nan_kept);
      CHECK(one(loop, kInf) == kInf);
      CHECK(one(loop, -kInf) == 0);
      CHECK(one(loop, -200) == 0);
      CHECK(one(loop, 200) == 200);
      CHECK(one(loop, 0) == 0);
    }
  });
}

TEST_CASE("a loop over floats has the same bits wherever it begins and ends") {
  const std::vector<float> x = normal(3 * kMostLanes + 8, 1), y = normal(x.size(), 2);
  for_all_simd([&](const ElementLoops& loops) {
    const Loop all[] = {loops.exp, loops.gelu, loops.gelu_tanh, loops.silu, loops.relu};
    for (const Loop loop : all) {
      std::vector<float> whole = x;
      loop(whole.data(), int64_t(x.size()));
      for (size_t at = 0; at < 5; ++at) {
        for (size_t n = 0; n <= 2 * kMostLanes + 1; ++n) {
          std::vector<float> part = x;
          loop(part.data() + at, int64_t(n));
          for (size_t i = 0; i < x.size(); ++i) {
            const bool inside = i >= at && i < at + n;
            if (part[i] != (inside ? whole : x)[i]) FAIL("at ", at, ", ", n, " floats, ", i);
          }
        }
      }
    }
    for (size_t n = 0; n <= 2 * kMostLanes + 1; ++n) {
      std::vector<float> sum = x;
      loops.add(sum.data() + 1, y.data() + 2, int64_t(n));
      for (size_t i = 0; i < x.size(); ++i) {
        if (sum[i] != (i >= 1 && i < 1 + n ? x[i] + y[i + 1] : x[i])) FAIL(n, " floats, ", i);
      }
    }
  });
}

TEST_CASE("softmax is exp over its sum for rows of any length") {
  std::vector<int> lengths = {100, 511, 512, 513, 1000, 1024, 1500};
  for (int n = 1; n <= 5 * kMostLanes + 1; ++n) lengths.push_back(n);
  for_all_simd([&](const ElementLoops& loops) {
    double worst = 0;
    for (const int n : lengths) {
      CAPTURE(n);
      for (const float size : {1.f, 10.f, 1e4f}) {
        // Starts off a register's boundary; what lies around it must stay.
        std::vector<float> x = normal(size_t(n) + 2, unsigned(n));
        for (float& v : x) v *= size;
        const std::vector<float> scores = x;
        const double highest = *std::max_element(scores.begin() + 1, scores.end() - 1);
        double sum = 0, total = 0;
        for (int i = 1; i <= n; ++i) sum += std::exp(scores[size_t(i)] - highest);
        loops.softmax(x.data() + 1, n);
        for (size_t i = 1; i <= size_t(n); ++i) {
          worst = std::max(worst, std::abs(x[i] - std::exp(scores[i] - highest) / sum));
          total += x[i];
        }
        CHECK(std::abs(total - 1) < 1e-6);
        CHECK(x.front() == scores.front());
        CHECK(x.back() == scores.back());
      }
    }
    CHECK(worst < 2e-7);

    std::vector<float> hidden = {1, -kInf, 2, -kInf, -1e30f};
    loops.softmax(hidden.data(), 5);
    CHECK(hidden[1] == 0);
    CHECK(hidden[3] == 0);
    CHECK(hidden[4] == 0);
    CHECK(hidden[2] == doctest::Approx(1 / (1 + std::exp(-1.0))));
    for (const float bad : {kInf, std::numeric_limits<float>::quiet_NaN()}) {
      for (const size_t at : {size_t(0), size_t(5), size_t(36)}) {
        std::vector<float> row = normal(37, 3);
        row[at] = bad;
        loops.softmax(row.data(), 37);
        CHECK(std::all_of(row.begin(), row.end(), [](float v) { return std::isnan(v); }));
      }
    }
    std::vector<float> none(37, -kInf);
    loops.softmax(none.data(), 37);
    CHECK(std::all_of(none.begin(), none.end(), [](float v) { return std::isnan(v); }));
  });
}

TEST_CASE("norms follow their formulas for rows of any length") {
  std::vector<int> lengths = {100, 511, 512, 513, 768, 4096};
  for (int n = 1; n <= 5 * kMostLanes + 1; ++n) lengths.push_back(n);
  const float eps = 1e-5f;
  for_all_simd([&](const ElementLoops& loops) {
    double worst_layer = 0, worst_rms = 0;
    for (const int n : lengths) {
      CAPTURE(n);
      const size_t d = size_t(n);
      const std::vector<float> gamma = normal(d, 5), beta = normal(d, 6);
      for (int kind = 0; kind < 3; ++kind) {
        std::vector<float> x = normal(d, unsigned(n));
        if (kind == 1)
          for (float& v : x) v = v * 0.01f + 100;  // a mean far from 0
        if (kind == 2) x[0] = 3000;                // one that stands out
        double mean = 0, variance = 0, square = 0;
        for (float v : x) mean += v / double(n);
        for (float v : x) variance += (v - mean) * (v - mean) / n;
        for (float v : x) square += double(v) * v / n;
        std::vector<float> y(d + 1, 7), plain(d), rms = x;
        loops.layer_norm(x.data(), n, gamma.data(), beta.data(), eps, y.data());
        loops.layer_norm(x.data(), n, gamma.data(), nullptr, eps, plain.data());
        loops.rms_norm(rms.data(), n, gamma.data(), eps, rms.data());
        CHECK(y[d] == 7);
        for (size_t i = 0; i < d; ++i) {
          // Beside the size of the result, which may be large where one number stands out.
          const double norm = (x[i] - mean) / std::sqrt(variance + eps);
          const double root = x[i] / std::sqrt(square + eps);
          const double size = std::max(1.0, std::abs(norm));
          worst_layer = std::max(worst_layer, std::abs(y[i] - (norm * gamma[i] + beta[i])) / size);
          worst_layer = std::max(worst_layer, std::abs(plain[i] - norm * gamma[i]) / size);
          worst_rms = std::max(worst_rms,
                               std::abs(rms[i] - root * gamma[i]) / std::max(1.0, std::abs(root)));
        }
      }
      std::vector<float> bad = normal(d, 9), y(d);
      bad[d / 2] = std::numeric_limits<float>::quiet_NaN();
      loops.layer_norm(bad.data(), n, gamma.data(), nullptr, eps, y.data());
      CHECK(std::all_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }));
      loops.rms_norm(bad.data(), n, gamma.data(), eps, y.data());
      CHECK(std::all_of(y.begin(), y.end(), [](float v) { return std::isnan(v); }));
    }
    CHECK(worst_layer < 1e-6);
    CHECK(worst_rms < 1e-6);
    std::vector<float> equal(50, 0.1f), gamma(50, 1.f), y(50, 7.f);
    loops.layer_norm(equal.data(), 50, gamma.data(), nullptr, 1e-5f, y.data());
    for (float v : y) CHECK(std::abs(v) < 1e-5f);
  });
}
