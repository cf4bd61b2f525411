// test_long_text.cpp - texts that are searched, continued and cut, and the contrast of long maps.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>

#include "figure/contrast.h"
#include "figure/figure_text.h"
#include "figure/filter_choices.h"
#include "golden_model.h"
#include "text/continue_text.h"
#include "text/find_text.h"

using namespace attn;

namespace {

const Tokenizer& bookworm() {
  static const auto model =
      load_model(read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m"), "bookworm-2m");
  REQUIRE(model);
  return *(*model)->tokenizer;
}

std::vector<int> ids(const Tokens& tokens) {
  std::vector<int> out;
  for (const Token& token : tokens.items) out.push_back(token.id);
  return out;
}

std::vector<std::string> words(const std::vector<FilterChoice>& choices) {
  std::vector<std::string> out;
  for (const FilterChoice& choice : choices) out.push_back(choice.word);
  return out;
}

std::vector<FilterChoice> choices(std::string_view text, Lang lang = Lang::en, size_t most = 100) {
  return filter_choices(text, 6, 4, lang, most);
}

bool holds(const std::vector<FilterChoice>& all, std::string_view word) {
  return std::ranges::count(all, word, &FilterChoice::word) == 1;
}

}  // namespace

TEST_CASE("words are found whatever their case and across the borders of tokens") {
  const Tokens tokens = bookworm().encode("The Toad went home. The toadstool and the TOAD slept.");
  const auto found = find_tokens(tokens, "toad", 100);
  REQUIRE(found.size() == 3);
  for (const FoundTokens& place : found) {
    const Token &first = tokens.items[size_t(place.first)],
                &last = tokens.items[size_t(place.last)];
    std::string text = tokens.text.substr(first.begin, last.end - first.begin);
    std::ranges::transform(text, text.begin(), [](char c) { return char(std::tolower(c)); });
    CHECK(text.find("toad") != std::string::npos);
  }
  const auto phrase = find_tokens(tokens, " went HOME ", 100);
  REQUIRE(phrase.size() == 1);
  CHECK(phrase[0].last > phrase[0].first);
  CHECK(find_tokens(tokens, "toad", 2).size() == 2);
  CHECK(find_tokens(tokens, "walrus", 100).empty());
  CHECK(find_tokens(tokens, "", 100).empty());
  CHECK(find_tokens(tokens, "#3", 100) == std::vector<FoundTokens>{{3, 3}});
  CHECK(find_tokens(tokens, "3", 100) == std::vector<FoundTokens>{{3, 3}});
  CHECK(find_tokens(tokens, "#3000", 100).empty());
  CHECK(find_tokens(tokens, "#-1", 100).empty());
}

TEST_CASE("names without a text, and letters other than ASCII, are found") {
  Tokens names;
  for (const char* name : {"我", "爱", "学习", "Über"}) {
    Token token;
    token.shown = name;
    names.items.push_back(token);
  }
  CHECK(find_tokens(names, "学", 9) == std::vector<FoundTokens>{{2, 2}});
  CHECK(find_tokens(names, "üBER", 9) == std::vector<FoundTokens>{{3, 3}});
  CHECK(find_tokens(names, "爱 学习", 9) == std::vector<FoundTokens>{{1, 2}});
}

TEST_CASE("a text goes on with every token that some text ends in") {
  const Tokenizer& tokenizer = bookworm();
  const Tokens tokens = tokenizer.encode("Once upon a time, there was a little");
  int added = 0;
  for (int id = 0; id < tokenizer.size(); id += 7) {
    const auto text = text_with_token(tokenizer, tokens, id);
    if (!text) continue;
    ++added;
    CHECK(text->starts_with(tokens.text));
    const Tokens now = tokenizer.encode(*text);
    CHECK(ids(now).back() == id);
  }
  CHECK(added > tokenizer.size() / 7 / 3);
  // Again and again: the same tokens and one more.
  Tokens longer = tokens;
  for (const char* word : {" the", " and", " of", " to", ",", "."}) {
    const Tokens alone = tokenizer.encode(std::string("a") + word);
    if (alone.size() != tokenizer.encode("a").size() + 1) continue;
    const int id = alone.items.back().id;
    const auto text = text_with_token(tokenizer, longer, id);
    REQUIRE(text);
    CHECK(*text == longer.text + word);
    std::vector<int> expected = ids(longer);
    expected.push_back(id);
    longer = tokenizer.encode(*text);
    CHECK(ids(longer) == expected);
  }
  CHECK(longer.size() > tokens.size() + 2);
}

TEST_CASE("the beginning and the end of a text fit, to the token, and say what was cut") {
  const auto model = load_model(read_model_files(test_models() / "gpt2"), "gpt2");
  REQUIRE(model);
  const Tokenizer& tokenizer = *(*model)->tokenizer;
  std::string text;
  for (int i = 0; i < 40; ++i) text += "the cat 学习 ";
  const Tokens whole = tokenizer.encode(text);
  for (int most : {1, 7, 20, whole.size() - 1}) {
    CAPTURE(most);
    for (bool end : {false, true}) {
      const Tokens cut = cut_to_fit(tokenizer, whole, most, end);
      CHECK(cut.size() <= most);
      CHECK(cut.size() >= most - 3);
      CHECK((end ? text.ends_with(cut.text) : text.starts_with(cut.text)));
      CHECK(cut.n_whole == whole.size());
    }
  }
  const Tokens last = cut_to_fit(tokenizer, whole, 20, true);
  const std::string n = std::to_string(last.size()), all = std::to_string(whole.size());
  CHECK(cut_words(last, Lang::en) == "last " + n + " of " + all + " tokens");
  CHECK(cut_words(last, Lang::zh) == "后 " + n + " 个词元（全文共 " + all + " 个）");
  CHECK(cut_words(whole, Lang::en) == "");
  CHECK(cut_to_fit(tokenizer, whole, 0, false).items.empty());
}

TEST_CASE("the brightest colour stands for a weight that few rows exceed") {
  CHECK(top_of_rows({}) == 1);
  CHECK(top_of_rows({.9f, .9f, .9f}) == 1);
  CHECK(top_of_rows({.5f, .5f}) == doctest::Approx(.5));
  CHECK(top_of_rows(std::vector<float>(50, .03f)) == doctest::Approx(.05));
  CHECK(top_of_rows(std::vector<float>(50, .01f)) == doctest::Approx(.01));
  std::vector<float> outliers(100, .015f);
  std::fill_n(outliers.begin(), 8, .9f);
  CHECK(top_of_rows(outliers) == doctest::Approx(.02));
  CHECK(top_of_rows(std::vector<float>(9, 0.f)) > 0);
  CHECK(top_text(1) == "1");
  CHECK(top_text(.05f) == "≥0.05");
}

TEST_CASE(
    "an automatic scale is that from 0 to 1 for short texts, and narrower for long diffuse "
    "maps") {
  Attention a;
  a.n_layers = a.n_heads = 1;
  for (int n : {20, 200}) {
    CAPTURE(n);
    a.n_query = a.n_key = n;
    a.layers = {Given{HeadRows(1, n, n, std::vector<float>(size_t(n) * size_t(n), 1 / float(n)))}};
    CHECK(weight_top(a, 0, 0, 0, Scale::linear) == 1);
    CHECK(weight_top(a, 0, 0, 0, Scale::automatic) == doctest::Approx(n == 20 ? 1 : .005));
    CHECK(head_top(a, 0, 0, 0) == doctest::Approx(n == 20 ? .05 : .005));
  }
}

TEST_CASE("what is typed last in a filter is completed") {
  const auto ind = choices("L2 ind");
  REQUIRE(!ind.empty());
  CHECK(holds(ind, "role=induction"));
  for (const FilterChoice& choice : ind) CHECK(choice.text.starts_with("L2 " + choice.word));
  // Every choice is the beginning of a filter that is understood.
  for (const FilterChoice& choice : ind) {
    const bool measure = choice.text.ends_with("> ");
    CAPTURE(choice.text);
    CHECK(parse_filter(choice.text + (measure ? "0.5" : ""), Lang::en));
  }
  // Those that begin with the word come first.
  const auto entropy = choices("entro");
  REQUIRE(entropy.size() > 1);
  CHECK(entropy[0].word.starts_with("entro"));
  CHECK(words(choices("role=ind")) == std::vector<std::string>{"induction"});
  CHECK(choices("role=").size() > 5);
  CHECK(holds(choices("ro"), "role"));
  CHECK(words(choices("L", Lang::en, 3)) == std::vector<std::string>{"L0", "L1", "L2"});
  CHECK(holds(choices("层", Lang::zh), "L5"));
  CHECK(holds(choices("归纳", Lang::zh), "role=induction"));
  CHECK(!holds(choices("L5"), "L5"));  // nothing to add
  for (const char* complete : {"", "induction >", "induction > 0", "self > 0.5 ", "zzz"})
    CHECK(choices(complete).empty());
  // The words of a title, not only its last one.
  for (const Metric* m : head_metrics()) {
    const std::string title = m->title.en;
    const size_t blank = title.find(' ');
    if (blank == std::string::npos || title.size() < blank + 3) continue;
    const auto found = choices("H1 " + title.substr(0, blank + 3));
    const auto it = std::ranges::find(found, m->id, &FilterChoice::word);
    CAPTURE(title);
    REQUIRE(it != found.end());
    CHECK(it->text == "H1 " + std::string(m->id) + " > ");
  }
}
