// test_attention_block.cpp - blocks of attention against double, in every instruction set.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tensor/simd.h"
#include "trace/attention_block.h"

using namespace attn;

namespace {

struct Shape {
  int n_query, n_key, d_head, n_heads = 1, n_kv_heads = 1;
};
// Panels of 4 to 32 queries, tiles of 5 to 14 keys and blocks of 64 keys met, missed by one and
// passed.
const Shape kShapes[] = {{1, 1, 1},         {2, 2, 3},        {3, 3, 64, 4, 2}, {4, 4, 5},
                         {5, 9, 7},         {8, 8, 80, 2, 1}, {9, 4, 31},       {16, 16, 64, 6, 3},
                         {17, 40, 33},      {31, 31, 128},    {33, 33, 160},    {64, 65, 13},
                         {65, 64, 2, 4, 1}, {70, 70, 64},     {1, 70, 64},      {2, 70, 100, 2, 1},
                         {130, 130, 24},    {3, 300, 65},     {200, 333, 96},   {300, 300, 64}};

std::mt19937 random_numbers(11);

std::vector<float> normal(int64_t n, float spread) {
  std::normal_distribution<float> distribution(0, spread);
  std::vector<float> out(static_cast<size_t>(n));
  for (float& x : out) x = distribution(random_numbers);
  return out;
}

Attention random_attention(const Shape& s, Mask mask) {
  Attention a;
  a.n_samples = 2;
  a.n_layers = 1;
  a.n_heads = s.n_heads;
  a.n_kv_heads = s.n_kv_heads;
  a.d_head = s.d_head;
  a.n_query = s.n_query;
  a.n_key = s.n_key;
  a.mask = mask;
  a.scale = 1 / std::sqrt(float(s.d_head));
  const auto rows = [&](int n_heads, int n, float spread) {
    return HeadRows(2 * n_heads, n, s.d_head, normal(int64_t(2) * n_heads * n * s.d_head, spread));
  };
  QK layer;  // in this order: the numbers are drawn one after the other
  layer.q = rows(s.n_heads, s.n_query, 1);
  layer.k = rows(s.n_kv_heads, s.n_key, 1);
  layer.v = rows(s.n_kv_heads, s.n_key, 1);
  a.layers = {layer};
  a.facts = {HeadRows(2 * s.n_heads, s.n_query, kRowFacts)};
  return a;
}

// Tokens of a text of five pieces; of which "b" goes on with a word, and the last is special.
constexpr const char* kPieces[] = {" a", "b", ",", " c", "<s>"};
Tokens few_tokens(int n) {
  Tokens out;
  for (int i = 0; i < n; ++i) {
    const int id = int(random_numbers() % 5);
    const size_t begin = out.text.size();
    if (id < 4) out.text += kPieces[id];
    out.items.push_back({.id = id,
                         .shown = kPieces[id],
                         .begin = begin,
                         .end = out.text.size(),
                         .special = id == 4});
  }
  return out;
}
int word_of(const Tokens& tokens, int i) {
  while (i > 0 && tokens.items[size_t(i)].id == 1 && tokens.items[size_t(i) - 1].id != 2 &&
         tokens.items[size_t(i) - 1].id != 4)
    --i;
  return i;
}

double entropy_of(std::span<const double> weights) {
  double bits = 0;
  for (const double w : weights) bits -= w > 0 ? w * std::log2(w) : 0;
  return bits;
}

int span_of(std::vector<double> weights, double part) {
  std::ranges::sort(weights, std::greater());
  double sum = 0;
  int n = 0;
  while (n < int(weights.size()) && sum < part - 1e-6) sum += weights[size_t(n++)];
  return n;
}

// One row of a pattern, its z and its facts, as their definitions say, in double.
struct SlowRow {
  std::vector<double> weights, z;
  double facts[kRowFacts] = {};
};
SlowRow slow_row(const Attention& a, const Tokens& queries, const Tokens& keys, int sample,
                 int head, int query) {
  const int kv = sample * a.n_kv_heads + head / (a.n_heads / a.n_kv_heads);
  const ConstMat q = a.computed(0).q.head(sample * a.n_heads + head), k = a.computed(0).k.head(kv),
                 v = a.computed(0).v.head(kv);
  const bool self = a.n_query == a.n_key;
  SlowRow row;
  row.weights.assign(size_t(a.n_key), -INFINITY);
  row.z.assign(size_t(a.d_head), 0);
  double highest = -INFINITY, sum = 0;
  for (int key = 0; key < a.n_key; ++key) {
    double score = a.masked_score;
    if (a.may_see(sample, 0, query, key)) {
      score = 0;
      for (int i = 0; i < a.d_head; ++i) score += double(q(query, i)) * k(key, i);
      if (!a.place_rows.empty()) {
        const int place = a.place_rows[size_t(key - query + a.n_query - 1)];
        const QK& of = a.computed(0);
        for (int i = 0; i < a.d_head && !of.place_k.empty(); ++i)
          score += double(q(query, i)) * of.place_k.head(head)(place, i);
        for (int i = 0; i < a.d_head && !of.place_q.empty(); ++i)
          score += double(k(key, i)) * of.place_q.head(head)(place, i);
      }
      score *= a.scale;
    } else if (a.masked_score == 0) {
      continue;
    }
    row.weights[size_t(key)] = score;
    highest = std::max(highest, score);
  }
  for (double& w : row.weights) sum += w = w == -INFINITY ? 0 : std::exp(w - highest);
  const double kept = sum;
  if (const float* sink = a.sink_of(0, head); sink && sum > 0) sum += std::exp(*sink - highest);
  if (sum > 0) row.facts[kLogSum] = highest + std::log(sum);
  for (int key = 0; key < a.n_key; ++key) {
    double& w = row.weights[size_t(key)];
    w = sum > 0 ? w / sum : 0;
    for (int i = 0; i < a.d_head && w > 0; ++i) row.z[size_t(i)] += w * v(key, i);
    const double far = std::abs(query - key);
    row.facts[kDistance] += w * far;
    row.facts[kDistance2] += w * far * far;
    row.facts[kLargest] = std::max(row.facts[kLargest], w);
    if (key > 0) {
      row.facts[kRest] += w;
      row.facts[kRestDistance] += w * far;
      row.facts[kRestDistance2] += w * far * far;
      row.facts[kRestLargest] = std::max(row.facts[kRestLargest], w);
    }
    if (key == query) row.facts[kSelf] = w;
    if (key == query - 1) row.facts[kPrevious] = w;
    if (key == query + 1) row.facts[kNext] = w;
    if (key == 0) row.facts[kFirst] = w;
    if (self && key != query && word_of(keys, key) == word_of(keys, query))
      row.facts[kSameWord] += w;
    if (keys.items[size_t(key)].id == 4) row.facts[kSpecial] += w;
    if (keys.items[size_t(key)].id == 2) row.facts[kPunctuation] += w;
    const int id = queries.items[size_t(query)].id;
    if (key < query && keys.items[size_t(key)].id == id) row.facts[kDuplicate] += w;
    if (key >= 1 && key <= query && keys.items[size_t(key) - 1].id == id) {
      row.facts[kInduction] += w;
      if (w >= kInductionLeast) row.facts[kInductionMass] += w;
    }
  }
  row.facts[kEntropy] = entropy_of(row.weights);
  std::vector<double> rest(row.weights.begin() + 1, row.weights.end());
  for (double& w : rest) w = row.facts[kRest] > 0 ? w / row.facts[kRest] : 0;
  row.facts[kRestEntropy] = entropy_of(rest);
  if (sum > 0) {
    std::vector<double> of_keys = row.weights;
    for (double& w : of_keys) w *= sum / kept;
    row.facts[kSpan50] = span_of(of_keys, .5);
    row.facts[kSpan90] = span_of(of_keys, .9);
  }
  return row;
}

void grow(double& worst, double got, double wanted, double size = 1) {
  const double off = std::abs(got - wanted) / std::max(1.0, size);
  worst = std::isnan(off) ? INFINITY : std::max(worst, off);
}

// Every row by attend() and block_pattern(), in blocks of different sizes.
void check_all(const AttentionLoops& loops, const Attention& a) {
  const Tokens queries = few_tokens(a.n_query);
  const Tokens keys = a.n_key == a.n_query ? queries : few_tokens(a.n_key);
  const TokenSets sets = token_sets(queries, keys, a.n_key == a.n_query);
  const int64_t z_stride = a.d_head + 3, p_stride = a.n_key + 1;
  double worst_z = 0, worst_weight = 0, worst_fact = 0;
  int n_apart = 0;
  for (int sample = 0; sample < 2; ++sample) {
    for (int head = 0; head < a.n_heads; ++head) {
      for (int q0 = 0, n = 1; q0 < a.n_query; q0 += n, n = n % 50 * 3 + 1) {
        n = std::min(n, a.n_query - q0);
        std::vector<float> z(size_t(n * z_stride), 77.f), pattern(size_t(n * p_stride), 77.f);
        attend(loops, a, sets, sample, 0, head, q0, q0 + n, {z.data(), n, a.d_head, z_stride});
        block_pattern(loops, a, sample, 0, head, q0, q0 + n,
                      {pattern.data(), n, a.n_key, p_stride});
        for (int i = 0; i < n; ++i) {
          const SlowRow row = slow_row(a, queries, keys, sample, head, q0 + i);
          double sum = 0;
          for (int j = 0; j < a.d_head; ++j)
            grow(worst_z, z[size_t(i * z_stride + j)], row.z[size_t(j)]);
          for (int key = 0; key < a.n_key; ++key) {
            const float w = pattern[size_t(i * p_stride + key)];
            grow(worst_weight, w, row.weights[size_t(key)]);
            if (row.weights[size_t(key)] == 0) CHECK(w == 0);
            sum += w;
          }
          if (sum != 0 && a.sinks.empty()) CHECK(std::abs(sum - 1) < 1e-6);
          CHECK(z[size_t(i * z_stride + a.d_head)] == 77);
          CHECK(pattern[size_t(i * p_stride + a.n_key)] == 77);
          const ConstMat facts = a.facts[0].head(sample * a.n_heads + head);
          for (int f = 0; f < kRowFacts && a.masked_score == 0; ++f) {
            // A weight next to the threshold, and a sum next to a part of the mass, are not told by
            // floats.
            if (f == kSpan50 || f == kSpan90) {
              n_apart += facts(q0 + i, f) != float(row.facts[f]);
            } else if (f == kInductionMass) {
              n_apart += std::abs(facts(q0 + i, f) - row.facts[f]) > 2e-5;
            } else {
              grow(worst_fact, facts(q0 + i, f), row.facts[f], row.facts[f]);
            }
          }
        }
      }
    }
  }
  CHECK(worst_z < 5e-6);
  CHECK(worst_weight < 1e-6);
  CHECK(worst_fact < 2e-5);
  CHECK(n_apart <= a.n_query * a.n_heads / 100);
}

template <class F>
void for_all_loops(F&& f) {
  int n = 0;
  const Simd* const* all = all_simd(n);
  for (int i = 0; i < n; ++i) {
    CAPTURE(all[i]->name);
    f(all[i]->attention);
  }
}

}  // namespace

TEST_CASE("z, weights and facts of blocks equal their definitions, in every instruction set") {
  for_all_loops([](const AttentionLoops& loops) {
    for (const Shape& shape : kShapes) {
      for (const Mask mask : {Mask::none, Mask::causal}) {
        CAPTURE(shape.n_query);
        CAPTURE(shape.n_key);
        CAPTURE(shape.d_head);
        check_all(loops, random_attention(shape, mask));
      }
    }
  });
}

TEST_CASE("blocks under sliding windows, with and without a given mask") {
  for_all_loops([](const AttentionLoops& loops) {
    for (const auto& [n_query, n_key] : {std::pair{150, 150}, {20, 9}, {2, 40}}) {
      for (const Mask mask : {Mask::none, Mask::causal}) {
        for (const int reach : {0, 1, 5, 31, 64, 148}) {
          CAPTURE(n_query);
          CAPTURE(reach);
          Attention a = random_attention({n_query, n_key, 6, 2, 1}, mask);
          a.reaches = {reach};
          check_all(loops, a);
          if (reach != 5) continue;
          a.allowed.resize(size_t(2 * n_query * n_key));
          for (uint8_t& cell : a.allowed) cell = random_numbers() % 3 == 0;
          check_all(loops, a);
        }
      }
    }
  });
}

TEST_CASE("blocks under given masks, with rows that see nothing") {
  for_all_loops([](const AttentionLoops& loops) {
    for (const auto& [n_query, n_key] : {std::pair{40, 37}, {2, 30}, {1, 5}}) {
      for (const Mask mask : {Mask::none, Mask::causal}) {
        Attention a = random_attention({n_query, n_key, 6, 2, 1}, mask);
        a.allowed.resize(size_t(2 * n_query * n_key));
        for (uint8_t& cell : a.allowed) cell = random_numbers() % 3 == 0;
        std::fill_n(a.allowed.begin() + n_key * (n_query - 1), n_key, uint8_t(0));
        check_all(loops, a);
        a.masked_score = -1e9f;
        check_all(loops, a);
      }
    }
  });
}

TEST_CASE("blocks with learned sinks, which take their part of every row and pass nothing on") {
  for_all_loops([](const AttentionLoops& loops) {
    for (const auto& [n_query, n_key] : {std::pair{150, 150}, {40, 37}, {2, 40}, {1, 5}}) {
      for (const Mask mask : {Mask::none, Mask::causal}) {
        for (const float sink : {-30.f, 0.f, 3.f, 25.f}) {
          CAPTURE(n_query);
          CAPTURE(sink);
          Attention a = random_attention({n_query, n_key, 6, 2, 1}, mask);
          a.sinks = {sink, sink + 1};
          check_all(loops, a);
          a.reaches = {7};
          check_all(loops, a);
          a.allowed.assign(size_t(2 * n_query * n_key), 1);
          std::fill_n(a.allowed.begin() + n_key * (n_query - 1), n_key, uint8_t(0));
          check_all(loops, a);
        }
      }
    }
  });
}

// Terms of content and distance: rows of their own for near distances, then shared ones, of which
// some are left out.
void add_places(Attention& a, bool keys, bool queries) {
  for (int ahead = 1 - a.n_query; ahead < a.n_key; ++ahead) {
    const int far = std::abs(ahead), bucket = far < 9 ? far : 9 + (far - 9) / 7 * 2;
    a.place_rows.push_back(ahead > 0 ? -bucket : bucket);
  }
  const int last = a.place_rows.back();
  for (int& row : a.place_rows) row -= last;
  const int n = a.n_heads * a.n_place_rows() * a.d_head;
  const auto rows = [&] { return HeadRows(a.n_heads, a.n_place_rows(), a.d_head, normal(n, 1)); };
  if (keys) a.computed(0).place_k = rows();
  if (queries) a.computed(0).place_q = rows();
}

TEST_CASE("blocks whose scores have terms of content and distance") {
  for_all_loops([](const AttentionLoops& loops) {
    for (const auto& [n_query, n_key] : {std::pair{150, 150}, {40, 37}, {2, 40}, {1, 5}, {70, 9}}) {
      for (const auto& [keys, queries] : {std::pair{true, true}, {true, false}, {false, true}}) {
        CAPTURE(n_query);
        CAPTURE(keys);
        CAPTURE(queries);
        Attention a = random_attention({n_query, n_key, 6, 2, 1}, Mask::none);
        a.scale = 1 / std::sqrt(18.f);
        add_places(a, keys, queries);
        check_all(loops, a);
        a.allowed.resize(size_t(2 * n_query * n_key));
        for (uint8_t& cell : a.allowed) cell = random_numbers() % 3 == 0;
        check_all(loops, a);
      }
    }
  });
}

TEST_CASE("a row has the same bits in every block of three queries and more") {
  for_all_loops([](const AttentionLoops& loops) {
    for (const Mask mask : {Mask::none, Mask::causal}) {
      for (const bool slides : {false, true}) {
        Attention a = random_attention({150, 150, 20}, mask);
        if (slides)
          a.reaches = {40};
        else if (mask == Mask::none)
          add_places(a, true, true);
        const Tokens tokens = few_tokens(150);
        const TokenSets sets = token_sets(tokens, tokens, true);
        std::vector<float> whole(150 * 20), z(150 * 20);
        attend(loops, a, sets, 0, 0, 0, 0, 150, {whole.data(), 150, 20});
        std::vector<float> facts(a.facts[0].head(0).data,
                                 a.facts[0].head(0).data + 150 * kRowFacts);
        for (const int n : {3, 4, 5, 13, 30, 64}) {
          for (int q0 = 0; q0 + n <= 150; q0 += n)
            attend(loops, a, sets, 0, 0, 0, q0, q0 + n, {z.data() + q0 * 20, n, 20});
          const int n_all = 150 / n * n;
          CHECK(std::equal(z.begin(), z.begin() + n_all * 20, whole.begin()));
          int differ = 0;
          for (int i = 0; i < n_all * kRowFacts; ++i)
            differ += i % kRowFacts < kDuplicate && facts[size_t(i)] != a.facts[0].head(0).data[i];
          CHECK(differ == 0);
        }
      }
    }
  });
}

TEST_CASE("what comes later leaves no trace in weights and facts, though it be no number") {
  for_all_loops([](const AttentionLoops& loops) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), INFINITY, -INFINITY}) {
      const Attention a = random_attention({50, 50, 9}, Mask::causal);
      const Tokens tokens = few_tokens(50);
      const TokenSets sets = token_sets(tokens, tokens, true);
      std::vector<float> before(50 * 50), after(50 * 50), z(50 * 9);
      const auto run = [&](std::vector<float>& pattern) {
        block_pattern(loops, a, 0, 0, 0, 0, 50, {pattern.data(), 50, 50});
        attend(loops, a, sets, 0, 0, 0, 0, 50, {z.data(), 50, 9});
        return std::vector<float>(a.facts[0].head(0).data,
                                  a.facts[0].head(0).data + 20 * kRowFacts);
      };
      const std::vector<float> facts = run(before);
      for (int key = 20; key < 50; ++key)
        for (float& x : a.computed(0).k.head_to_fill(0).row(key)) x = bad;
      CHECK(facts == run(after));
      CHECK(std::equal(after.begin(), after.begin() + 20 * 50, before.begin()));
      for (int query = 0; query < 50; ++query)
        for (int key = query + 1; key < 50; ++key) CHECK(after[size_t(query * 50 + key)] == 0);
    }
  });
}

TEST_CASE("pooled cells are the largest and the mean of their weights") {
  for (const Mask mask : {Mask::none, Mask::causal}) {
    for (const auto& [n_query, n_key] : {std::pair{150, 150}, {20, 100}, {3, 3}, {100, 20}}) {
      Attention a = random_attention({n_query, n_key, 16, 2, 1}, mask);
      if (n_query == 150) a.reaches = {17};
      const std::vector<float> pattern = a.pattern(1, 0, 1);
      for (const auto& [n_rows, n_cols] : {std::pair{64, 64}, {1, 1}, {7, 3}, {3, 200}}) {
        for (const int cut : {0, 1}) {
          const int q0 = cut * (n_query / 3), q1 = n_query - cut, k0 = cut, k1 = n_key - cut;
          CAPTURE(n_query);
          CAPTURE(n_rows);
          std::vector<float> largest(size_t(n_rows * n_cols), 7), mean(largest);
          a.pooled(1, 0, 1, q0, q1, k0, k1, {largest.data(), n_rows, n_cols},
                   {mean.data(), n_rows, n_cols});
          int wrong = 0;
          for (int r = 0; r < n_rows; ++r) {
            for (int c = 0; c < n_cols; ++c) {
              const int query = q0 + r * (q1 - q0) / n_rows, key = k0 + c * (k1 - k0) / n_cols;
              const int query_end = std::max(query + 1, q0 + (r + 1) * (q1 - q0) / n_rows);
              const int key_end = std::max(key + 1, k0 + (c + 1) * (k1 - k0) / n_cols);
              float most = 0;
              double sum = 0;
              for (int i = query; i < query_end; ++i) {
                for (int j = key; j < key_end; ++j) {
                  most = std::max(most, pattern[size_t(i * n_key + j)]);
                  sum += pattern[size_t(i * n_key + j)];
                }
              }
              const size_t at = size_t(r * n_cols + c);
              wrong += largest[at] != most;
              wrong += !(std::abs(mean[at] - sum / ((query_end - query) * (key_end - key))) < 1e-6);
            }
          }
          CHECK(wrong == 0);
        }
      }
    }
  }
}

TEST_CASE("edited cells and outputs of blocks, in every instruction set") {
  for_all_loops([](const AttentionLoops& loops) {
    for (const Mask mask : {Mask::none, Mask::causal}) {
      for (const int n_rows : {1, 2, 7, 70}) {  // a block; the first two go row by row
        Attention a = random_attention({70, 70, 12, 4, 2}, mask);
        a.facts.clear();
        const auto run = [&](int head, std::vector<float>& pattern, std::vector<float>& z) {
          pattern.assign(70 * 70, 77);
          z.assign(70 * 12, 77);
          for (int q0 = 0; q0 < 70; q0 += n_rows) {
            block_pattern(loops, a, 1, 0, head, q0, q0 + n_rows,
                          {pattern.data() + q0 * 70, n_rows, 70});
            attend(loops, a, {}, 1, 0, head, q0, q0 + n_rows, {z.data() + q0 * 12, n_rows, 12});
          }
        };
        std::vector<float> plain, plain_z, other, other_z, pattern, z;
        run(3, plain, plain_z);
        run(2, other, other_z);
        const CellRect rect{20, 40, 10, 35};
        a.edits = {{.at = {0, 0, 3}, .kind = Edit::Kind::cells, .by = .5f, .rect = rect},
                   {.at = {0, 0, 2}, .kind = Edit::Kind::scale, .by = -2}};
        run(3, pattern, z);
        int wrong = 0;
        double worst = 0;
        for (int i = 0; i < 70; ++i) {
          const bool touched = i >= rect.q0 && i <= rect.q1;
          std::vector<double> sum(12);
          for (int j = 0; j < 70; ++j) {
            const bool edited =
                touched && j >= rect.k0 && j <= rect.k1 && (mask == Mask::none || j <= i);
            wrong += pattern[size_t(i * 70 + j)] != (edited ? .5f : plain[size_t(i * 70 + j)]);
            for (int d = 0; d < 12; ++d)
              sum[size_t(d)] += double(pattern[size_t(i * 70 + j)]) * a.values(1, 0, 3)(j, d);
          }
          for (int d = 0; d < 12; ++d) {
            grow(worst, z[size_t(i * 12 + d)], sum[size_t(d)]);
            if (!touched) wrong += z[size_t(i * 12 + d)] != plain_z[size_t(i * 12 + d)];
          }
        }
        CHECK(wrong == 0);
        CHECK(worst < 2e-5);
        run(2, pattern, z);
        CHECK(pattern == other);
        for (size_t i = 0; i < z.size(); ++i) wrong += z[i] != -2 * other_z[i];
        CHECK(wrong == 0);
        // What is drawn of a large map is the same pattern.
        std::vector<float> largest(7 * 7), whole = a.pattern(1, 0, 3);
        a.pooled(1, 0, 3, 0, 70, 0, 70, {largest.data(), 7, 7});
        for (int i = 0; i < 70 * 70; ++i)
          wrong += whole[size_t(i)] > largest[size_t(i / 700 * 7 + i % 70 / 10)];
        CHECK(wrong == 0);
        CHECK(largest[3 * 7 + 1] >= .5f);
      }
    }
  });
}

TEST_CASE("earlier copies of tokens") {
  const int ids[] = {5, 7, 5, 5, 7, 9};
  const EarlierCopies copies = earlier_copies(ids, ids);
  const auto of = [&](int i) {
    return std::vector<int>(copies.keys.begin() + copies.begin[size_t(i)],
                            copies.keys.begin() + copies.end[size_t(i)]);
  };
  CHECK(of(0).empty());
  CHECK(of(1).empty());
  CHECK(of(2) == std::vector{0});
  CHECK(of(3) == std::vector{0, 2});
  CHECK(of(4) == std::vector{1});
  CHECK(of(5).empty());

  const int others[] = {6, 7, 8, 8};  // between and behind the keys' tokens
  const EarlierCopies across = earlier_copies(others, ids);
  CHECK(across.begin[0] == across.begin[2]);
  CHECK(across.begin[0] == 6);
  CHECK(across.begin[1] == copies.begin[1]);
}
