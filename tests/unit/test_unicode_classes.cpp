// test_unicode_classes.cpp - characters are classified as the tokenizers library does, all of them.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_normal_forms.h"

using namespace attn;

namespace {

constexpr char32_t kEnd = 0x110000;

bool is_surrogate(char32_t c) { return c >= 0xD800 && c < 0xE000; }

// Whether each code point is in the class; tests/golden/unicode_classes.py writes the ranges.
std::vector<bool> flags_of(const Json& ranges) {
  std::vector<bool> flags(kEnd);
  for (size_t i = 0; i < ranges.size(); ++i) {
    const auto first = ranges.at(i).at(size_t(0)).integer();
    const auto last = ranges.at(i).at(size_t(1)).integer();
    REQUIRE(first);
    REQUIRE(last);
    for (int64_t c = *first; c <= *last; ++c) flags[size_t(c)] = true;
  }
  return flags;
}

bool changes_by(NormalForm form, char32_t c) {
  std::string one;
  append_utf8(one, c);
  AlignedText text = AlignedText::of(one);
  to_normal_form(text, form);
  return text.text != one;
}

}  // namespace

TEST_CASE("every character has the class that the tokenizers library gives it") {
  std::ifstream in(ATTNSCOPE_SOURCE_DIR "/tests/data/unicode_classes.json");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const Result<Json> json = Json::parse(text, "unicode_classes.json");
  REQUIRE(json);
  const std::vector<bool> nonspacing = flags_of(json->at("nonspacing"));
  const std::vector<bool> punctuation = flags_of(json->at("punctuation"));
  const std::vector<bool> control = flags_of(json->at("control"));
  const std::vector<bool> decomposed = flags_of(json->at("decomposed"));
  std::map<char32_t, char32_t> small;
  json->at("lower").each([&](std::string_view c, const Json& lower_case) {
    small[char32_t(std::stoul(std::string(c)))] = char32_t(*lower_case.integer());
    return true;
  });
  CHECK(small.size() > 1400);
  std::map<std::string, int> n_wrong;
  for (char32_t c = 1; c < kEnd; ++c) {
    if (is_surrogate(c)) continue;
    const bool changes = changes_by(NormalForm::nfkd, c);
    n_wrong["decomposed"] += changes != decomposed[c];
    // The library decomposes before it looks for marks, and drops U+FFFD with the controls.
    if (!changes_by(NormalForm::nfd, c))
      n_wrong["nonspacing"] += is_nonspacing_mark(c) != nonspacing[c];
    n_wrong["punctuation"] += is_punctuation(c) != punctuation[c];
    if (c != 0xFFFD) n_wrong["control"] += is_bert_control(c) != control[c];
    const auto expected = small.find(c);
    if (c != 0x130)
      n_wrong["lower"] += lower(c) != (expected == small.end() ? c : expected->second);
  }
  for (const auto& [name, n] : n_wrong) {
    CAPTURE(name);
    CHECK(n == 0);
  }
}
