// test_tokenizer_texts.cpp - how tokens are shown, broken text, special tokens, long texts.
#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer.h"

using namespace attn;

static std::shared_ptr<const Tokenizer> load(const std::string& name) {
  std::ifstream in(ATTNSCOPE_SOURCE_DIR "/tests/data/tokenizers/" + name + ".tokenizer.json",
                   std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const Result<Json> json = Json::parse(text, name);
  REQUIRE(json);
  const auto tokenizer = Tokenizer::from_json(*json, name);
  REQUIRE(tokenizer);
  return *tokenizer;
}

static std::vector<std::string> shown(const Tokens& tokens) {
  std::vector<std::string> out;
  for (const Token& token : tokens.items) out.push_back(token.shown);
  return out;
}

using Texts = std::vector<std::string>;

TEST_CASE("tokens are shown for people") {
  const auto bytes = load("byte_level");
  CHECK(shown(bytes->encode("The the\n\t\r")) == Texts{"The", " the", "⏎", "⇥", "␍"});
  CHECK(shown(bytes->encode("é")) == Texts{"‹C3›", "‹A9›"});
  const std::string nul(1, '\0');
  CHECK(shown(bytes->encode(nul)) == Texts{"␀"});
  CHECK(bytes->encode(" the").items[0].piece == "Ġthe");
  const auto pieces = load("sentencepiece_bpe");
  CHECK(shown(pieces->encode("the\nŋ", false)) == Texts{" ", "t", "h", "e", "⏎", "‹C5›", "‹8B›"});
  CHECK(pieces->encode("ŋ", false).items[1].piece == "<0xC5>");
  CHECK(bytes->shown(-1) == "");
  CHECK(bytes->piece(1 << 30) == "");
}

TEST_CASE("special tokens are marked, spelt out or added") {
  const auto tokenizer = load("sentencepiece_bpe");
  const Tokens tokens = tokenizer->encode("a<s>");
  REQUIRE(tokens.size() == 5);
  CHECK(tokens.items[0].special);
  CHECK(tokens.items[0].begin == tokens.items[0].end);
  CHECK(!tokens.items[2].special);
  CHECK(tokens.items[3].special);
  CHECK(tokens.items[3].begin == 1);
  CHECK(tokens.items[3].end == 4);
  CHECK(tokenizer->is_special(1));
  CHECK(!tokenizer->is_special(300));
  CHECK(tokenizer->id_of("<s>") == 1);
  CHECK(tokenizer->id_of("no such piece") == -1);
}

TEST_CASE("what is not UTF-8 is repaired first") {
  const auto tokenizer = load("byte_level");
  const Tokens tokens = tokenizer->encode("a\xFF\xE6\xB7z");
  CHECK(tokens.text == "a\uFFFD\uFFFDz");
  CHECK(is_valid_utf8(tokens.text));
  CHECK(tokens.items.back().begin == 7);
  CHECK(tokens.items.back().end == 8);
  CHECK(tokenizer->decode(std::vector<int>{-5, 1 << 29}) == "");
}

TEST_CASE("texts without blanks take n log n, not n squared") {
#ifdef NDEBUG
  constexpr size_t kBytes = 1'000'000;
#else  // sanitizers take ten times as long for each
  constexpr size_t kBytes = 250'000;
#endif
  const auto seconds_of = [](const Tokenizer& tokenizer, size_t n_bytes) {
    std::string text;
    while (text.size() < n_bytes) text += "abcdefgh深度学习thethethe";
    const std::clock_t begin = std::clock();  // of the processor: other programs do not count
    CHECK(tokenizer.encode(text, false).size() > 0);
    CHECK(tokenizer.encode(std::string(n_bytes, 'a'), false).size() > 0);
    tokenizer.encode(std::string(n_bytes, ' '), false);
    return double(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  for (const char* name : {"byte_level", "split_byte_level", "sentencepiece_bpe", "metaspace",
                           "word_piece", "unigram", "suffixed"}) {
    CAPTURE(name);
    const auto tokenizer = load(name);
    // Four times the text takes four times as long, not sixteen times; the best of three counts.
    double growth = 16;
    for (int i = 0; i < 3 && growth >= 9; ++i) {
      const double quarter = std::max(seconds_of(*tokenizer, kBytes / 4), .01);
      growth = std::min(growth, seconds_of(*tokenizer, kBytes) / quarter);
    }
    CAPTURE(growth);
    CHECK(growth < 9);
  }
}

TEST_CASE("a tokenizer serves several threads") {
#if ATTNSCOPE_THREADS
  const auto tokenizer = load("split_byte_level");
  const Tokens expected = tokenizer->encode("The quick brown fox, 深度学习");
  std::vector<int> n_equal(4);
  std::vector<std::thread> threads;
  for (int& n : n_equal)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i)
        n += shown(tokenizer->encode("The quick brown fox, 深度学习")) == shown(expected);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(n_equal == std::vector<int>{50, 50, 50, 50});
#endif
}
