// test_tokenizer_hostile.cpp - files that are wrong, damaged or made to do harm: an error, never a
// crash.
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer.h"

using namespace attn;

static std::string file_text(const std::string& name) {
  std::ifstream in(ATTNSCOPE_SOURCE_DIR "/tests/data/tokenizers/" + name + ".tokenizer.json",
                   std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

static Result<std::shared_ptr<const Tokenizer>> load(std::string_view text) {
  const Result<Json> json = Json::parse(text, "tokenizer.json");
  if (!json) return json.error();
  return Tokenizer::from_json(*json, "tokenizer.json");
}

static std::string error_of(std::string_view text) {
  const auto tokenizer = load(text);
  return tokenizer ? "" : tokenizer.error().message;
}

// A tokenizer with one letter, and these sections.
static std::string with(const std::string& sections) {
  return R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, )" +
         sections + "}";
}

static void use(const Tokenizer& tokenizer) {
  for (const std::string_view text :
       {std::string_view(""),
        std::string_view(
            "The quick <s>brown</s> fox's 12.5 👩‍👩‍👧\r\n  e\u0301 深度 [MASK] a\0b",
            68),
        std::string_view("\xFF\x80 ab abab İ")}) {
    const Tokens tokens = tokenizer.encode(text);
    std::vector<int> ids;
    for (const Token& token : tokens.items) {
      CHECK(token.begin <= token.end);
      CHECK(token.end <= tokens.text.size());
      CHECK(is_valid_utf8(token.shown));
      CHECK(token.id >= 0);
      ids.push_back(token.id);
    }
    CHECK(is_valid_utf8(tokenizer.decode(ids)));
  }
}

TEST_CASE("errors say what is wrong and where") {
  CHECK(error_of("{}").starts_with("tokenizer.json: model is missing"));
  CHECK(error_of("[]").starts_with("tokenizer.json: model is missing"));
  CHECK(
      error_of(with(R"("pre_tokenizer": {"type": "UnicodeScripts"})"))
          .starts_with("tokenizer.json: pre_tokenizer kind \"UnicodeScripts\" is not supported; "));
  CHECK(error_of(with(R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "X"}]})"))
            .starts_with("tokenizer.json: normalizer kind \"X\" is not supported; "));
  CHECK(error_of(R"({"model": {"type": "Lattice"}})")
            .starts_with("tokenizer.json: model kind \"Lattice\" is not supported; "));
  CHECK(
      error_of(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})")
          .starts_with("tokenizer.json: model merges entry 0 needs \"b\", which is not in vocab"));
  CHECK(error_of(R"({"model": {"type": "BPE", "vocab": {"a": 4000000000}, "merges": []}})")
            .starts_with("tokenizer.json: model vocab: the id of \"a\" must be"));
  CHECK(error_of(R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})") != "");
  CHECK(error_of(with(R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}})"))
            .starts_with("tokenizer.json: pre_tokenizer: the regular expression \"(a\" could not "
                         "be compiled"));
  CHECK(error_of(with(R"("added_tokens": [{"id": 999999999, "content": "x"}])")) != "");
}

TEST_CASE("ids may have holes") {
  const auto tokenizer = load(R"({"model": {"type": "BPE", "vocab": {"a": 7}, "merges": []}})");
  REQUIRE(tokenizer);
  CHECK((*tokenizer)->size() == 8);
  CHECK((*tokenizer)->piece(3) == "");
  CHECK((*tokenizer)->encode("aa").size() == 2);
}

TEST_CASE("patterns that would take forever are given up") {
  const std::string text(30'000, 'a');
  for (const char* pattern : {"(a+)+$b", "(a|aa)+c", "(?=.*b)a", "(.*)(.*)(.*)(.*)(.*)x",
                              "((a*)*)*b", "(?R)?a(?R)?b", "()*", "a*?", "(?<=a)(?=a)", "\\\\K"}) {
    CAPTURE(pattern);
    const auto begin = std::chrono::steady_clock::now();
    const auto tokenizer =
        load(with(R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": ")" +
                  std::string(pattern) + R"("}, "behavior": "Isolated"})"));
    if (tokenizer) CHECK((*tokenizer)->encode(text).size() > 0);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
  }
}

TEST_CASE("rules that make a text grow without end do not") {
  std::string steps;
  for (int i = 0; i < 60; ++i)
    steps += std::string(i ? "," : "") +
             R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"})";
  const auto tokenizer =
      load(with(R"("normalizer": {"type": "Sequence", "normalizers": [)" + steps + R"(]},
                   "decoder": {"type": "Sequence", "decoders": [)" +
                steps + "]}"));
  REQUIRE(tokenizer);
  const Tokens tokens = (*tokenizer)->encode("aaa");
  CHECK(tokens.size() > 3);
  CHECK(tokens.size() < 100'000);
  (*tokenizer)->decode(std::vector<int>{0, 0, 0});
}

TEST_CASE("damaged tokenizer files are an error or a tokenizer") {
  std::mt19937 random(20171206);
  const auto below = [&](size_t n) { return size_t(random() % std::max<size_t>(n, 1)); };
  const std::string_view scraps[] = {"null",
                                     "-1",
                                     "[]",
                                     "{}",
                                     "\"\"",
                                     "true",
                                     "1e9",
                                     ":",
                                     "\"type\"",
                                     "4294967296",
                                     "\"ByteLevel\"",
                                     "\"Sequence\"",
                                     "\"Unigram\"",
                                     "\\u0000",
                                     "}",
                                     "]",
                                     ",",
                                     "0",
                                     "\"(a+)+$\"",
                                     "\"\\uFFFD\""};
  int n_loaded = 0;
  for (const char* name : {"byte_level", "split_byte_level", "sentencepiece_bpe", "metaspace",
                           "word_piece", "unigram", "suffixed"}) {
    CAPTURE(name);
    const std::string original = file_text(name);
    REQUIRE(!original.empty());
    // Most of a file is its vocabulary; the rules before it are hit as often.
    const size_t rules = original.find("\"model\":") + 200;
    for (int trial = 0; trial < 400; ++trial) {
      std::string text = original;
      for (size_t n = 1 + below(3); n > 0; --n) {
        const size_t at = below(random() % 2 ? std::min(rules, text.size()) : text.size());
        switch (random() % 5) {
          case 0:
            text[at] = char(random());
            break;
          case 1:
            text[at] = char('0' + random() % 10);
            break;
          case 2:
            text.erase(at, below(20));
            break;
          case 3:
            text.insert(at, scraps[below(std::size(scraps))]);
            break;
          default: {  // a value for another one
            const size_t begin = text.find(':', at), end = text.find_first_of(",}]", begin);
            if (end != text.npos)
              text.replace(begin + 1, end - begin - 1, scraps[below(std::size(scraps))]);
          }
        }
      }
      const auto tokenizer = load(text);
      if (tokenizer) {
        ++n_loaded;
        use(**tokenizer);
      } else {
        CHECK(is_valid_utf8(tokenizer.error().message));
        CHECK(tokenizer.error().message.starts_with("tokenizer.json: "));
      }
    }
  }
  CHECK(n_loaded > 100);
}
