// test_regroup.cpp - measures as people read them: words, sentences, spans, what is hidden, means.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <limits>

#include "analysis/regroup.h"
#include "analysis/sentences.h"
#include "base/json.h"

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

TEST_CASE("maps of words, sentences and spans are NumPy's, whole and a row at a time") {
  std::ifstream file(ATTNSCOPE_SOURCE_DIR "/tests/data/regroup.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto json = Json::parse(text, "regroup.json");
  REQUIRE(json);
  Tokens t;
  t.text = std::string(*json->at("text").text());
  const Json list = json->at("tokens");
  for (size_t i = 0; i < list.size(); ++i) {
    const Json item = list.at(i);
    t.items.push_back({.shown = std::string(*item.at("shown").text()),
                       .begin = size_t(*item.at("begin").integer()),
                       .end = size_t(*item.at("end").integer()),
                       .special = *item.at("special").boolean()});
  }
  const int n = t.size();
  const auto number = [](const Json& x) { return x.number() ? float(*x.number()) : NAN; };
  float worst = 0;
  const Json cases = json->at("cases");
  for (size_t c = 0; c < cases.size(); ++c) {
    const Json golden = cases.at(c);
    Measure m{{Axis::query, Axis::key}, {n, n}, {}};
    const Json cells = json->at("maps").at(*golden.at("map").text());
    for (size_t i = 0; i < cells.size(); ++i) m.values.push_back(number(cells.at(i)));
    State state;
    for (size_t u = 0; u < std::size(kUnitNames); ++u)
      if (*golden.at("units").text() == kUnitNames[u]) state.units = Units(u);
    state.spans = "1-3.4-8";
    if (*golden.at("hidden").boolean()) state.specials = Specials::hidden;
    const Groups groups = groups_of(t, state, PairSide::key);
    CAPTURE(c);
    REQUIRE(groups.size() == int(*golden.at("n").integer()));
    const Merge over_keys = *golden.at("mean_keys").boolean() ? Merge::mean : Merge::sum;
    RowMerger merger(groups, groups, over_keys);
    for (int q = 0; q < n; ++q)
      merger.add(q, std::span(m.values).subspan(size_t(q * n), size_t(n)));
    const Measure by_row = merger.take(), whole = merged(m, groups, groups, over_keys);
    const Json values = golden.at("values"), held = golden.at("held");
    REQUIRE(by_row.values.size() == values.size());
    REQUIRE(whole.values.size() == values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const float x = number(values.at(i));
      CHECK(std::isnan(x) == std::isnan(by_row.values[i]));
      CHECK(std::isnan(x) == std::isnan(whole.values[i]));
      if (std::isnan(x)) continue;
      worst = std::max({worst, std::abs(x - by_row.values[i]), std::abs(x - whole.values[i])});
    }
    for (size_t g = 0; g < held.size(); ++g)
      worst = std::max(worst, std::abs(number(held.at(g)) - merger.hidden()[g]));
  }
  MESSAGE("largest difference ", worst);
  CHECK(worst < 1e-6);
}

TEST_CASE("marked spans are written and read, and one more joins or parts") {
  const auto spans = read_spans("7,2-5");
  REQUIRE(spans);
  CHECK(write_spans(*spans) == "2-5.7-7");
  CHECK(write_spans(with_span(*spans, {2, 6})) == "7-7");
  CHECK(write_spans(with_span(*spans, {5, 9})) == "5-8");
  CHECK(read_spans("")->empty());
  for (const char* wrong : {"x", "5-2", "1-", "-1", "1-99999999999", "1;2", "1-2-3"}) {
    CAPTURE(wrong);
    CHECK(!read_spans(wrong));
  }
}

TEST_CASE("pairs of groups have their names, and a group sees what any of its tokens sees") {
  Pairs a;
  a.query_tokens = a.key_tokens = {tokens()};
  a.n_query = a.n_key = 7;
  for (int q = 0; q < 7; ++q)
    for (int k = 0; k < 7; ++k) a.allowed.push_back(k <= q);
  State state;
  state.units = Units::words;
  state.specials = Specials::hidden;
  const Groups groups = groups_of(tokens(), state, PairSide::key);
  CHECK(groups.names == std::vector<std::string>{"playing", " is", " fun", ".", " Yes"});
  CHECK(groups.places[0] == TokenSpan{1, 3});
  CHECK(groups.nearest(0) == 0);
  CHECK(groups.nearest(6) == 4);
  const Pairs made = pairs_of(groups, groups, a, 0, 0);
  CHECK(made.n_query == 5);
  CHECK(made.key_tokens[0].items[0].shown == "playing");
  for (int q = 0; q < 5; ++q)
    for (int k = 0; k < 5; ++k) CHECK(made.may_see(0, 0, q, k) == (k <= q));
  state.lang = Lang::en;
  CHECK(hidden_words(State{}, 1, .43, Lang::en) ==
        "1 hidden special token holds 0.430 of the weight");
}

TEST_CASE("abbreviations, initials and numbers end no sentence") {
  // "|" where one ends.
  for (const char* marked : {
           "Mr. Fox met Dr. Toad.| They ate, e.g. plums, i.e. fruit, etc. and left.",
           "Prof. J. R. R. Tolkien wrote it.| It was I.| See Fig. 3 on pp. 4 and No. 5.",
           "He said no.| Then he paid 3.14 at example.com.| It cost a lot, etc.| Really?!| Yes...",
           "Yes...| So",
           "The U.S. Army came at 5 p.m. sharp.| At 6 p.m.| They left.| Smith et al. agree.",
           "\"Stop!\"| he said.| (He meant it.)| End.|Next",
           "你好。|他说：“走吧！”|真的？|好 Mr. 王。|",
           "No marks at all",
       }) {
    CAPTURE(marked);
    std::string text, found;
    for (const char* c = marked; *c; ++c)
      if (*c != '|') text += *c;
    for (size_t i = 0; i < text.size(); ++i) {
      found += text[i];
      const std::string_view all = text;
      if (ends_sentence(all.substr(0, i + 1), all.substr(i + 1))) found += '|';
    }
    if (found.ends_with('|') && !std::string_view(marked).ends_with('|')) found.pop_back();
    CHECK(found == marked);
  }
}

TEST_CASE("sentences are cut by the text around a token") {
  Tokens t;
  t.text = "Mr. Fox ran. 好。Yes";
  for (const char* piece : {"Mr", ".", " Fox", " ran", ".", " ", "好", "\xe3\x80", "\x82", "Yes"}) {
    const size_t begin = t.items.empty() ? 0 : t.items.back().end;
    t.items.push_back({.id = 1,
                       .shown = uint8_t(*piece) == 0xe3 || uint8_t(*piece) == 0x82 ? "‹E3›" : piece,
                       .begin = begin,
                       .end = begin + std::string_view(piece).size()});
  }
  CHECK(sentences_of(t).names == std::vector<std::string>{"Mr. Fox ran.", " 好。", "Yes"});
}
