// test_head_scores.cpp - scores of all heads against PyTorch's, and patterns with known scores.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <random>

#include "analysis/head_scores.h"
#include "base/json.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "trace/attention_block.h"

using namespace attn;
namespace fs = std::filesystem;

namespace {

const fs::path kBookworm = ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m";

std::vector<const HeadScore*> all_scores() {
  std::vector<const HeadScore*> all;
  for (const HeadScore& score : head_scores()) all.push_back(&score);
  return all;
}

// One head's causal attention whose row i looks at `key(i)` alone, or, where that is negative, at
// all it sees alike: q is a large multiple of a unit vector, k the unit vectors.
Trace planted(const std::vector<int>& ids, const std::function<int(int)>& key) {
  const int n = int(ids.size());
  Attention a;
  a.n_layers = a.n_heads = a.n_kv_heads = 1;
  a.n_query = a.n_key = a.d_head = n;
  a.mask = Mask::causal;
  std::vector<float> q(size_t(n) * size_t(n)), k(q.size()), v(q.size());
  for (int i = 0; i < n; ++i) {
    k[size_t(i * n + i)] = 1;
    if (const int j = key(i); j >= 0) q[size_t(i * n + j)] = 1000;
  }
  a.layers = {QK{{1, n, n, q}, {1, n, n, k}, {1, n, n, v}}};
  Trace trace;
  trace.parts.push_back(std::move(a));
  trace.parts[0].query_tokens = trace.parts[0].key_tokens = {tokens_of(ids)};
  return trace;
}

double score_of(const Trace& trace, const char* id, int period = 0) {
  REQUIRE(find_head_score(id) != nullptr);
  HeadTable table({find_head_score(id)}, trace.parts[0]);
  table.add(nullptr, trace.parts[0], 0, period);
  return table.values(0)[0];
}

Json head_scores_of_torch() {
  const fs::path path = kBookworm / "head_scores.json";
  const Result<Json> json = Json::parse(read_bytes(path).text(), "head_scores.json");
  REQUIRE(json);
  return *json;
}

std::shared_ptr<const Model> bookworm() {
  const Result<std::shared_ptr<const Model>> model =
      load_model(read_model_files(kBookworm), "bookworm-2m");
  REQUIRE(model);
  return *model;
}

HeadTable table_over(const std::shared_ptr<const Model>& model,
                     const std::vector<std::vector<int>>& texts, int period) {
  std::optional<HeadTable> table;
  for (const std::vector<int>& ids : texts) {
    const Trace trace = forward(model, tokens_of(ids));
    if (!table) table.emplace(all_scores(), trace.parts[0]);
    table->add(model.get(), trace.parts[0], 0, period);
  }
  return std::move(*table);
}

struct Pair {
  const char *ours, *theirs;
  double tolerance;
};

// Prints and checks the largest difference over all heads, score by score. The file has six
// decimals, so 5e-7 of it is rounding.
void compare(const HeadTable& table, const Json& torch, std::span<const Pair> pairs) {
  for (const Pair& pair : pairs) {
    CAPTURE(pair.theirs);
    std::vector<float> theirs;
    const Json rows = torch.at("scores").at(pair.theirs);
    for (size_t l = 0; l < rows.size(); ++l)
      for (size_t h = 0; h < rows.at(l).size(); ++h)
        theirs.push_back(float(rows.at(l).at(h).number().value_or(NAN)));
    REQUIRE(theirs.size() == size_t(table.n_layers * table.n_heads));
    const auto at = std::ranges::find(table.scores, find_head_score(pair.ours));
    const double most = most_apart(table.values(size_t(at - table.scores.begin())), theirs);
    std::printf("bookworm-2m, %zu heads: %s differs from PyTorch's %s by at most %.2g\n",
                theirs.size(), pair.ours, pair.theirs, most);
    CHECK(most <= pair.tolerance);
  }
}

}  // namespace

TEST_CASE("scores of all heads on r + r are PyTorch's") {
  const Json torch = head_scores_of_torch();
  const auto model = bookworm();
  std::vector<std::vector<int>> texts;
  // The file's tokens are also what the same generator gives with the same seed.
  std::mt19937 draw(1);
  const Json rows = torch.at("repeat_tokens");
  for (size_t i = 0; i < rows.size(); ++i) {
    std::vector<int> ids;
    for (size_t t = 0; t < rows.at(i).size(); ++t) {
      ids.push_back(int(rows.at(i).at(t).integer().value_or(-1)));
      CHECK(ids.back() == 1 + int(draw() % uint32_t(model->config.d_vocab - 1)));
    }
    ids.resize(2 * ids.size());
    std::copy_n(ids.begin(), ids.size() / 2, ids.begin() + int64_t(ids.size() / 2));
    texts.push_back(ids);
  }
  REQUIRE(texts.size() == 10);
  REQUIRE(texts[0].size() == 100);
  constexpr Pair kPairs[] = {{"induction_stripe", "repeat_induction", 2e-6},
                             {"duplicate_stripe", "repeat_duplicate", 2e-6},
                             {"previous_token", "repeat_previous", 2e-6},
                             {"first_token", "repeat_first", 2e-6}};
  compare(table_over(model, texts, 50), torch, kPairs);
}

TEST_CASE("scores of all heads on held-out text are PyTorch's") {
  const char* given = std::getenv("ATTNSCOPE_SHARED");
  const fs::path shared = given ? given : ATTNSCOPE_SOURCE_DIR "/../shared";
  const fs::path path = shared / "corpus" / "simple_en.txt";
  if (!fs::exists(path)) {
    std::printf("SKIPPED head scores on held-out text: no %s\n", path.string().c_str());
    return;
  }
  const auto model = bookworm();
  // The last two books, each without blanks around it and with the end token behind it, as texts()
  // of measure.py; then its text_windows(): 64 times the end token and 127 tokens, at even steps.
  constexpr std::string_view kEnd = "<|endoftext|>", kBlanks = " \t\r\n\f\v";
  const Bytes bytes = read_bytes(path);
  std::vector<std::string_view> books;
  for (std::string_view rest = bytes.text(); !rest.empty();) {
    const size_t end = rest.find(kEnd), first = rest.find_first_not_of(kBlanks);
    const std::string_view book = rest.substr(0, end);
    rest = end == rest.npos ? "" : rest.substr(end + kEnd.size());
    if (first >= book.size()) continue;
    books.push_back(book.substr(first, book.find_last_not_of(kBlanks) + 1 - first));
  }
  REQUIRE(books.size() > 2);
  std::vector<int> held;
  for (size_t b = books.size() - 2; b < books.size(); ++b) {
    for (const Token& token : model->tokenizer->encode(books[b], false).items)
      held.push_back(token.id);
    held.push_back(0);
  }
  REQUIRE(held.size() == 167'268);  // as its card says
  std::vector<std::vector<int>> texts;
  for (int w = 0; w < 64; ++w) {
    const auto begin = held.begin() + int64_t(w * (double(held.size() - 128) / 63));
    texts.push_back({0});
    texts.back().insert(texts.back().end(), begin, begin + 127);
  }
  // Distances are up to 42 here, where 5e-5 is the seventh digit of a float32.
  constexpr Pair kPairs[] = {
      {"previous_token", "text_previous", 2e-6},    {"self", "text_self", 2e-6},
      {"first_token", "text_first", 2e-6},          {"duplicate_token", "text_same_token", 2e-6},
      {"induction", "text_after_same_token", 2e-6}, {"distance", "text_distance", 5e-5},
      {"entropy", "text_entropy_bits", 1e-5}};
  compare(table_over(model, texts, 0), head_scores_of_torch(), kPairs);
}

TEST_CASE("planted heads have the scores they were made for") {
  const std::vector<int> r = {7, 3, 9, 4, 8, 5};
  std::vector<int> ids = r;
  ids.insert(ids.end(), r.begin(), r.end());
  const int n = 12, p = 6;

  const Trace previous = planted(ids, [](int i) { return std::max(0, i - 1); });
  CHECK(score_of(previous, "previous_token") == 1);
  CHECK(score_of(previous, "self") == doctest::Approx(1.0 / n));  // the first row sees itself alone
  CHECK(score_of(previous, "distance") == doctest::Approx((n - 1.0) / n));
  CHECK(score_of(previous, "entropy") == 0);
  CHECK(score_of(previous, "duplicate_token") == 0);
  CHECK(score_of(previous, "induction_stripe", p) == 0);

  const Trace self = planted(ids, [](int i) { return i; });
  CHECK(score_of(self, "self") == 1);
  CHECK(score_of(self, "previous_token") == 0);
  CHECK(score_of(self, "distance") == 0);

  const Trace first = planted(ids, [](int) { return 0; });
  CHECK(score_of(first, "first_token") == 1);
  CHECK(score_of(first, "self") == doctest::Approx(1.0 / n));
  CHECK(score_of(first, "distance") == doctest::Approx((n - 1) / 2.0));

  // Looks at what followed the earlier copy, and rests on itself before there is one. The stripe
  // i - (p-1) has n-(p-1) cells, from i = p-1 on; the copy comes one later.
  const Trace induction = planted(ids, [&](int i) { return i < p ? i : i - (p - 1); });
  CHECK(score_of(induction, "induction_stripe", p) == doctest::Approx(6.0 / 7));
  CHECK(score_of(induction, "induction") == doctest::Approx(6.0 / n));
  CHECK(score_of(induction, "duplicate_stripe", p) == 0);
  CHECK(score_of(induction, "duplicate_token") == 0);

  const Trace duplicate = planted(ids, [&](int i) { return i < p ? i : i - p; });
  CHECK(score_of(duplicate, "duplicate_stripe", p) == 1);
  CHECK(score_of(duplicate, "duplicate_token") == doctest::Approx(6.0 / n));
  CHECK(score_of(duplicate, "induction") == 0);

  // A token twice in a row follows its own copy.
  const Trace twice = planted({5, 5}, [](int i) { return i; });
  CHECK(score_of(twice, "induction") == doctest::Approx(0.5));
}

TEST_CASE("a head that looks at all it sees alike: closed forms") {
  const int n = 300;  // more rows than are held at a time
  std::vector<int> ids(n);
  for (int i = 0; i < n; ++i) ids[size_t(i)] = i;
  const Trace uniform = planted(ids, [](int) { return -1; });
  double harmonic = 0, bits = 0;
  for (int i = 1; i <= n; ++i) {
    harmonic += 1.0 / i;
    bits += std::log2(i);
  }
  CHECK(score_of(uniform, "entropy") == doctest::Approx(bits / n).epsilon(1e-6));
  CHECK(score_of(uniform, "self") == doctest::Approx(harmonic / n).epsilon(1e-6));
  CHECK(score_of(uniform, "first_token") == doctest::Approx(harmonic / n).epsilon(1e-6));
  CHECK(score_of(uniform, "previous_token") ==
        doctest::Approx((harmonic - 1) / (n - 1)).epsilon(1e-6));
  CHECK(score_of(uniform, "distance") == doctest::Approx((n - 1) / 4.0).epsilon(1e-6));
  CHECK(score_of(uniform, "duplicate_token") == 0);
}

TEST_CASE("masked cells are not counted, and nothing to count is 0") {
  Trace trace = planted({1, 2, 3, 4}, [](int i) { return i; });
  Attention& a = trace.parts[0];
  a.allowed.assign(16, 1);
  for (int i = 0; i < 4; ++i) a.allowed[size_t(i * 4 + 3)] = 0;  // nobody sees the last key
  for (int j = 0; j < 4; ++j) a.allowed[size_t(2 * 4 + j)] = 0;  // the third query sees nothing
  CHECK(score_of(trace, "self") == 1);                           // of two cells
  CHECK(score_of(trace, "first_token") == doctest::Approx((1 + 0 + 1.0 / 3) / 3));
  CHECK(score_of(trace, "entropy") == doctest::Approx(std::log2(3.0) / 3));
  a.masked_score = -1e9f;  // the third row is uniform now, over cells that are still masked
  CHECK(score_of(trace, "entropy") == doctest::Approx(std::log2(3.0) / 3));
  CHECK(score_of(trace, "self") == 1);

  const Trace one = planted({1}, [](int) { return 0; });
  CHECK(score_of(one, "previous_token") == 0);
  CHECK(score_of(one, "self") == 1);
  CHECK(score_of(one, "induction_stripe", 50) == 0);
}

TEST_CASE("tokens without a vocabulary are told apart by their names") {
  Trace trace = planted({-1, -1, -1}, [](int i) { return i == 2 ? 0 : i; });
  const std::array names = {"a", "b", "a"};
  for (size_t i = 0; i < 3; ++i) {
    trace.parts[0].query_tokens[0].items[i].shown = trace.parts[0].key_tokens[0].items[i].shown =
        names[i];
  }
  CHECK(score_of(trace, "duplicate_token") == doctest::Approx(1.0 / 3));
}

TEST_CASE("scores from the facts of rows are those from walking the patterns") {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 1.5);
  for (const bool masked : {false, true}) {
    for (const Mask mask : {Mask::none, Mask::causal}) {
      const int n = 90, d_head = 24, n_heads = 4;
      std::vector<int> ids;
      for (int i = 0; i < n; ++i) ids.push_back(int(random() % 12));
      Trace trace;
      Attention a;
      a.query_tokens = a.key_tokens = {tokens_of(ids)};
      a.n_layers = 2;
      a.n_heads = a.n_kv_heads = n_heads;
      a.d_head = d_head;
      a.n_query = a.n_key = n;
      a.mask = mask;
      a.scale = 1 / std::sqrt(float(d_head));
      // The last tokens are padding, and the fourth sees nothing.
      for (int i = 0; masked && i < n * n; ++i) a.allowed.push_back(i % n < n - 9 && i / n != 3);
      const auto rows = [&] {
        std::vector<float> values(size_t(n_heads * n * d_head));
        for (float& x : values) x = normal(random);
        return HeadRows(n_heads, n, d_head, values);
      };
      a.layers.resize(2);
      for (HeadRows QK::* part : {&QK::q, &QK::k, &QK::v})
        for (int l = 0; l < 2; ++l) a.computed(l).*part = rows();
      trace.parts.push_back(a);
      HeadTable walked(all_scores(), a), told(all_scores(), a);
      walked.add(nullptr, a, 0, 5);

      Attention& with = trace.parts.front();
      with.facts = {HeadRows(n_heads, n, kRowFacts), HeadRows(n_heads, n, kRowFacts)};
      const TokenSets sets =
          token_sets(trace.parts[0].query_tokens[0], trace.parts[0].key_tokens[0], true);
      std::vector<float> z(size_t(n * d_head));
      for (int layer = 0; layer < 2; ++layer)
        for (int head = 0; head < n_heads; ++head)
          attend(with, sets, 0, layer, head, 0, n, {z.data(), n, d_head});
      told.add(nullptr, with, 0, 5);
      for (size_t s = 0; s < walked.scores.size(); ++s) {
        CAPTURE(walked.scores[s]->metric.id);
        for (size_t i = 0; i < size_t(2 * n_heads); ++i) {
          const size_t at = s * size_t(2 * n_heads) + i;
          CHECK(told.means[at].n == walked.means[at].n);
          const double size = std::max(1.0, walked.means[at].value());
          CHECK(std::abs(told.means[at].value() - walked.means[at].value()) < 1e-6 * size);
        }
      }
    }
  }
}
