// test_torch_random.cpp - the generator gives PyTorch's numbers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "pass/torch_random.h"

using attn::TorchRandom;

// torch.manual_seed(seed); torch.rand(4) and torch.randn(4), printed with every digit.
TEST_CASE("uniforms and single normals are PyTorch's, bit for bit") {
  const struct {
    uint64_t seed;
    float uniform[4], normal[4];
  } golden[] = {
      {0,
       {0.4962566f, 0.7682218f, 0.08847743f, 0.13203049f},
       {1.5409961f, -0.2934289f, -2.1787894f, 0.56843126f}},
      {1,
       {0.7576316f, 0.27931088f, 0.40306926f, 0.73468447f},
       {0.66135216f, 0.2669241f, 0.06167726f, 0.6213173f}},
      {42,
       {0.88226926f, 0.91500396f, 0.38286376f, 0.95930564f},
       {0.33669037f, 0.1288094f, 0.23446237f, 0.23033303f}},
      {12345,
       {0.9817182f, 0.87960654f, 0.99214345f, 0.46106726f},
       {1.4271305f, -1.8700892f, -1.1962104f, -2.0439513f}},
      {2147483647,
       {0.70812887f, 0.3542391f, 0.10543233f, 0.5996444f},
       {-0.98000735f, -1.6578479f, -0.05716623f, -0.3408541f}},
      {4294967303ull,
       {0.53492254f, 0.19880319f, 0.6592117f, 0.6568903f},
       {-0.1467951f, 0.7861413f, 0.94682163f, -1.114344f}},
  };
  for (const auto& g : golden) {
    CAPTURE(g.seed);
    std::vector<float> x(4);
    TorchRandom uniform(g.seed);
    uniform.uniform(x, 0, 1);
    CHECK(std::ranges::equal(x, g.uniform));
    TorchRandom normal(g.seed);
    normal.normal(x);
    CHECK(std::ranges::equal(x, g.normal));
  }
}

TEST_CASE("the second normal of a pair is kept for the next call") {
  TorchRandom whole(9), parts(9);
  std::vector<float> x(7), y(7);
  whole.normal(x);
  parts.normal(std::span(y).first(1));
  parts.normal(std::span(y).subspan(1, 3));
  parts.normal(std::span(y).subspan(4));
  CHECK(x == y);
}

TEST_CASE("from 16 on, what is left over is drawn anew") {
  TorchRandom a(9), b(9);
  std::vector<float> x(16), y(17);
  a.normal(x);
  b.normal(y);
  CHECK(y[0] == x[0]);  // only the first is left of the first block
  CHECK(y[1] != x[1]);
}

TEST_CASE("normals have mean 0 and variance 1, and none is infinite") {
  TorchRandom random(1);
  std::vector<float> x(1 << 20);
  random.normal(x);
  double sum = 0, squares = 0;
  bool finite = true;
  for (float v : x) {
    finite = finite && std::isfinite(v);
    sum += v;
    squares += double(v) * v;
  }
  CHECK(finite);
  CHECK(std::abs(sum / double(x.size())) < 5e-3);
  CHECK(std::abs(squares / double(x.size()) - 1) < 1e-2);
}
