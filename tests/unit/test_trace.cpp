// test_trace.cpp - patterns made on demand against the formula, for every kind of mask.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "trace/trace.h"

using namespace attn;

namespace {

Attention random_attention(int n_samples, int n_layers, int n_heads, int n_kv_heads, int d_head,
                           int n_query, int n_key) {
  Attention a;
  a.n_samples = n_samples;
  a.n_layers = n_layers;
  a.n_heads = n_heads;
  a.n_kv_heads = n_kv_heads;
  a.d_head = d_head;
  a.n_query = n_query;
  a.n_key = n_key;
  a.scale = 1 / std::sqrt(float(d_head));
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 1.5);
  for (int l = 0; l < n_layers; ++l) {
    std::vector<float> q(size_t(n_samples * n_heads * n_query * d_head));
    std::vector<float> k(size_t(n_samples * n_kv_heads * n_key * d_head));
    for (float& x : q) x = normal(random);
    for (float& x : k) x = normal(random);
    a.layers.push_back(QK{
        {n_samples * n_heads, n_query, d_head, q}, {n_samples * n_kv_heads, n_key, d_head, k}, {}});
  }
  return a;
}

double score(const Attention& a, int sample, int layer, int head, int query, int key) {
  const int kv_head = head / (a.n_heads / a.n_kv_heads);
  const ConstMat q = a.computed(layer).q.head(sample * a.n_heads + head);
  const ConstMat k = a.computed(layer).k.head(sample * a.n_kv_heads + kv_head);
  double sum = 0;
  for (int i = 0; i < a.d_head; ++i) sum += double(q(query, i)) * k(key, i);
  return sum * a.scale;
}

// One row as the header describes it.
std::vector<double> slow_row(const Attention& a, int sample, int layer, int head, int query) {
  std::vector<double> row(size_t(a.n_key), 0);
  double sum = 0;
  double highest = -INFINITY;
  std::vector<double> scores(row.size(), -INFINITY);
  for (int key = 0; key < a.n_key; ++key) {
    const bool seen = a.may_see(sample, layer, query, key);
    if (!seen && a.masked_score == 0) continue;
    scores[size_t(key)] = seen ? score(a, sample, layer, head, query, key) : a.masked_score;
    highest = std::max(highest, scores[size_t(key)]);
  }
  if (highest == -INFINITY) return row;
  for (size_t key = 0; key < row.size(); ++key) {
    row[key] = scores[key] == -INFINITY ? 0 : std::exp(scores[key] - highest);
    sum += row[key];
  }
  for (double& x : row) x /= sum;
  return row;
}

void check_all(const Attention& a) {
  double worst = 0;
  for (int sample = 0; sample < a.n_samples; ++sample) {
    for (int layer = 0; layer < a.n_layers; ++layer) {
      for (int head = 0; head < a.n_heads; ++head) {
        const std::vector<float> pattern = a.pattern(sample, layer, head);
        REQUIRE(pattern.size() == size_t(a.n_query) * size_t(a.n_key));
        for (int query = 0; query < a.n_query; ++query) {
          const std::vector<double> row = slow_row(a, sample, layer, head, query);
          for (int key = 0; key < a.n_key; ++key) {
            const double off = std::abs(pattern[size_t(query * a.n_key + key)] - row[size_t(key)]);
            worst = std::max(worst, std::isnan(off) ? INFINITY : off);
          }
        }
      }
    }
  }
  CHECK(worst < 2e-6);
}

}  // namespace

TEST_CASE("patterns equal the formula: masks, grouped heads, more keys than queries") {
  for (const Mask mask : {Mask::none, Mask::causal}) {
    for (const auto& [n_query, n_key] : {std::pair{1, 1}, {5, 5}, {70, 70}, {3, 40}, {40, 3}}) {
      for (const int n_kv_heads : {1, 2, 4}) {
        CAPTURE(n_query);
        CAPTURE(n_key);
        Attention a = random_attention(2, 2, 4, n_kv_heads, 6, n_query, n_key);
        a.mask = mask;
        check_all(a);
      }
    }
  }
}

TEST_CASE("given masks, left out or set to a score, with rows that see nothing") {
  Attention a = random_attention(2, 1, 3, 3, 5, 40, 37);
  std::mt19937 random(9);
  a.allowed.resize(2 * 40 * 37);
  for (uint8_t& cell : a.allowed) cell = random() % 3 == 0;
  const auto first = a.allowed.begin() + 4 * 37;
  std::fill(first, first + 37, uint8_t(0));
  for (const Mask mask : {Mask::none, Mask::causal}) {
    a.mask = mask;
    for (const float masked_score : {0.f, -1e9f}) {
      a.masked_score = masked_score;
      check_all(a);
      const std::vector<float> pattern = a.pattern(0, 0, 1);
      for (int key = 0; key < 37; ++key) {
        CHECK(pattern[size_t(4 * 37 + key)] == doctest::Approx(masked_score == 0 ? 0 : 1.0 / 37));
      }
    }
  }
}

TEST_CASE("a window of a layer hides what is farther away than it reaches") {
  Attention a = random_attention(2, 3, 4, 2, 6, 70, 70);
  a.reaches = {3, INT_MAX, 69};
  CHECK(a.reach(0) == 3);
  for (const int layer : {1, 2}) CHECK(a.reach(layer) == INT_MAX);
  for (const Mask mask : {Mask::none, Mask::causal}) {
    a.mask = mask;
    check_all(a);
    for (const int far : {2, 3, 4}) {
      CHECK(a.may_see(0, 0, 20, 20 - far) == (far <= 3));
      CHECK(a.may_see(0, 0, 20, 20 + far) == (far <= 3 && mask == Mask::none));
      CHECK(a.may_see(0, 1, 20, 20 - far));
    }
  }
}

TEST_CASE("causal rows do not read what they may not see") {
  Attention a = random_attention(1, 1, 2, 1, 4, 50, 50);
  a.mask = Mask::causal;
  const std::vector<float> before = a.pattern(0, 0, 0);
  const Mat keys = a.computed(0).k.head_to_fill(0);
  for (int key = 20; key < 50; ++key) {
    for (float& x : keys.row(key)) x = std::numeric_limits<float>::quiet_NaN();
  }
  const std::vector<float> after = a.pattern(0, 0, 0);
  CHECK(std::equal(after.begin(), after.begin() + 20 * 50, before.begin()));
  for (int query = 0; query < 50; ++query) {
    for (int key = query + 1; key < 50; ++key) CHECK(after[size_t(query * 50 + key)] == 0);
  }
}

TEST_CASE("some rows are the rows of the whole, in any buffer") {
  Attention a = random_attention(2, 2, 4, 2, 8, 90, 90);
  a.mask = Mask::causal;
  const std::vector<float> whole = a.pattern(1, 1, 3);
  for (const auto& [q0, q1] : {std::pair{0, 1}, {89, 90}, {13, 77}, {64, 64}}) {
    std::vector<float> floats(size_t((q1 - q0) * 100 + 1), -7);
    const Mat out(floats.data(), q1 - q0, 90, 100);
    a.pattern_rows(1, 1, 3, q0, q1, out);
    for (int i = q0; i < q1; ++i) {
      double sum = 0;
      for (int key = 0; key < 90; ++key) {
        CHECK(out(i - q0, key) == doctest::Approx(whole[size_t(i * 90 + key)]).epsilon(1e-5));
        sum += out(i - q0, key);
      }
      CHECK(sum == doctest::Approx(1).epsilon(1e-6));
      CHECK(floats[size_t((i - q0) * 100 + 90)] == -7);
    }
  }
}

TEST_CASE("scores are before softmax and mask") {
  Attention a = random_attention(2, 2, 4, 2, 8, 6, 9);
  a.mask = Mask::causal;
  std::vector<float> floats(4 * 9);
  a.score_rows(1, 1, 2, 2, 6, {floats.data(), 4, 9});
  for (int query = 2; query < 6; ++query) {
    for (int key = 0; key < 9; ++key) {
      CHECK(floats[size_t((query - 2) * 9 + key)] ==
            doctest::Approx(score(a, 1, 1, 2, query, key)).epsilon(1e-5));
    }
  }
}

TEST_CASE("given weights answer as computed ones do") {
  const Attention computed = random_attention(2, 2, 4, 2, 8, 37, 29);
  Attention given = computed;
  for (int l = 0; l < given.n_layers; ++l) {
    std::vector<float> all;
    for (int s = 0; s < given.n_samples; ++s)
      for (int h = 0; h < given.n_heads; ++h) {
        const std::vector<float> one = computed.pattern(s, l, h);
        all.insert(all.end(), one.begin(), one.end());
      }
    given.layers[size_t(l)] = Given{{2 * 4, 37, 29, all}};
    CHECK(given.is_kept(l));
    CHECK(!given.is_computed(l));
    CHECK(computed.is_computed(l));
  }
  for (int s = 0; s < 2; ++s) {
    for (int head = 0; head < 4; ++head) {
      CHECK(given.pattern(s, 1, head) == computed.pattern(s, 1, head));
      std::vector<float> row(29), most(5 * 7), mean(5 * 7), most_given(5 * 7), mean_given(5 * 7);
      given.pattern_rows(s, 1, head, 36, 37, {row.data(), 1, 29});
      CHECK(std::equal(row.begin(), row.end(), computed.pattern(s, 1, head).end() - 29));
      computed.pooled(s, 1, head, 1, 37, 2, 29, {most.data(), 5, 7}, {mean.data(), 5, 7});
      given.pooled(s, 1, head, 1, 37, 2, 29, {most_given.data(), 5, 7}, {mean_given.data(), 5, 7});
      for (size_t i = 0; i < most.size(); ++i) {
        CHECK(most_given[i] == doctest::Approx(most[i]).epsilon(1e-6));
        CHECK(mean_given[i] == doctest::Approx(mean[i]).epsilon(1e-6));
      }
    }
  }
  given.layers[0] = Given{};
  CHECK(!given.is_kept(0));
}
