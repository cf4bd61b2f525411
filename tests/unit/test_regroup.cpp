// test_regroup.cpp - measures as people read them: words, sentences, spans, what is hidden, means.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "analysis/regroup.h"

using namespace attn;

namespace {

// "[CLS] play|ing is fun. Yes" with playing in two pieces.
Tokens tokens() {
  Tokens t;
  t.text = "playing is fun. Yes";
  t.items = {{.id = 1, .shown = "[CLS]", .special = true},
             {.id = 2, .shown = "play", .begin = 0, .end = 4},
             {.id = 3, .shown = "ing", .begin = 4, .end = 7},
             {.id = 4, .shown = " is", .begin = 7, .end = 10},
             {.id = 5, .shown = " fun", .begin = 10, .end = 14},
             {.id = 6, .shown = ".", .begin = 14, .end = 15},
             {.id = 7, .shown = " Yes", .begin = 15, .end = 19}};
  return t;
}

Measure map(int n) {
  Measure m{{Axis::query, Axis::key}, {n, n}, {}};
  for (int q = 0; q < n; ++q)
    for (int k = 0; k < n; ++k) m.values.push_back(float(q * n + k) / 10);
  return m;
}

}  // namespace

TEST_CASE("words are summed over keys and averaged over queries") {
  const Groups words = words_of(tokens());
  CHECK(words.names == std::vector<std::string>{"[CLS]", "playing", " is", " fun", ".", " Yes"});
  const Measure m = merged(map(7), words, words);
  CHECK(m.shape == std::vector<int>{6, 6});
  const Measure whole = map(7);
  const auto at = [&](int q, int k) { return whole.values[size_t(q * 7 + k)]; };
  CHECK(m.values[0 * 6 + 1] == doctest::Approx(at(0, 1) + at(0, 2)));
  CHECK(m.values[1 * 6 + 0] == doctest::Approx((at(1, 0) + at(2, 0)) / 2));
  CHECK(m.values[1 * 6 + 1] == doctest::Approx((at(1, 1) + at(1, 2) + at(2, 1) + at(2, 2)) / 2));
  CHECK(m.values[5 * 6 + 5] == doctest::Approx(at(6, 6)));
  const Measure largest = merged(map(7), words, words, Merge::largest, Merge::largest);
  CHECK(largest.values[1 * 6 + 1] == doctest::Approx(at(2, 2)));
}

TEST_CASE("rows that sum to 1 still do, and hiding renormalises nothing") {
  Measure m{{Axis::query, Axis::key}, {7, 7}, std::vector<float>(49, 1.f / 7)};
  const Groups words = words_of(tokens());
  const Measure by_word = merged(m, words, words);
  for (int q = 0; q < 6; ++q) {
    float sum = 0;
    for (int k = 0; k < 6; ++k) sum += by_word.values[size_t(q * 6 + k)];
    CHECK(sum == doctest::Approx(1));
  }
  const std::vector<char> special = special_flags(tokens());
  const Measure less = hidden(m, special, special);
  CHECK(less.shape == std::vector<int>{6, 6});
  for (const float v : less.values) CHECK(v == 1.f / 7);
}

TEST_CASE("sentences and spans") {
  CHECK(sentences_of(tokens()).of_token == std::vector<int>{0, 1, 1, 1, 1, 1, 2});
  const Groups spans = spans_of(tokens(), {{4, 6}, {1, 3}, {2, 5}, {6, 9}, {3, 3}});
  CHECK(spans.of_token == std::vector<int>{0, 1, 1, 2, 3, 3, 4});
  CHECK(spans.names[3] == " fun.");
}

TEST_CASE("means over heads and layers leave the other axes, and NaN is no number") {
  Measure m{{Axis::layer, Axis::head, Axis::key}, {2, 2, 1}, {1, 3, 5, 9}};
  const Measure heads = mean_over(m, Axis::head), layers = mean_over(m, Axis::layer);
  CHECK(heads.axes == std::vector<Axis>{Axis::layer, Axis::key});
  CHECK(heads.values == std::vector<float>{2, 7});
  CHECK(layers.values == std::vector<float>{3, 6});
  CHECK(mean_over(m, Axis::query).values == m.values);
  m.values[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(mean_over(m, Axis::head).values == std::vector<float>{1, 7});
  m.values[0] = m.values[1];
  CHECK(std::isnan(mean_over(m, Axis::head).values[0]));
}
