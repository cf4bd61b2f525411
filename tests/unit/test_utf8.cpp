// test_utf8.cpp - code points, widths and normal forms.
#include <doctest/doctest.h>

#include "base/utf8.h"
#include "text/tokenizer_normal_forms.h"

using namespace attn;

TEST_CASE("every code point goes to UTF-8 and back") {
  for (char32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 37) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    size_t at = 0;
    CHECK(decode_utf8(text, at) == c);
    CHECK(at == text.size());
    CHECK(is_valid_utf8(text));
  }
}

TEST_CASE("broken bytes count one by one") {
  // Lone continuation, overlong slash, surrogate, above U+10FFFF, cut short.
  for (std::string_view text : {"\x80", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                                "\xF4\x90\x80\x80", "\xF8\x88", "\xE6\xB7", "\xF0\x9F\x98"}) {
    CHECK(!is_valid_utf8(text));
    size_t at = 0;
    CHECK(decode_utf8(text, at) == kReplacement);
    CHECK(at == 1);
  }
  CHECK(is_valid_utf8("\xEF\xBF\xBD"));
  CHECK(is_valid_utf8(std::string_view("\0", 1)));
  CHECK(first_broken_utf8("ab\xFF") == 2);
  CHECK(first_broken_utf8("abc") == 3);
  std::string surrogate;
  append_utf8(surrogate, 0xD800);
  CHECK(surrogate == "\xEF\xBF\xBD");
}

TEST_CASE("widths are columns of a terminal") {
  CHECK(display_width("") == 0);
  CHECK(display_width("abc") == 3);
  CHECK(display_width("深度学习") == 8);
  CHECK(display_width("ＡＢ") == 4);
  CHECK(display_width("한국") == 4);
  CHECK(display_width("é") == 1);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("█▓▒░") == 4);
  CHECK(display_width("·±αЖ“”…") == 7);
  CHECK(display_width("😀") == 2);
  CHECK(display_width("👩‍👩‍👧") == 2);
  CHECK(display_width("👍🏽") == 2);
  CHECK(display_width("🇨🇳🇫🇷") == 4);
  CHECK(display_width("❤️") == 2);
  CHECK(display_width("\xFF") == 1);
  CHECK(pad_right("我", 4) == "我  ");
  CHECK(pad_left("我", 4) == "  我");
  CHECK(pad_right("abcdef", 4) == "abcdef");
}

static std::string normalize(std::string_view text, NormalForm form) {
  AlignedText aligned = AlignedText::of(text);
  to_normal_form(aligned, form);
  return aligned.text;
}

TEST_CASE("normal forms are Unicode's") {
  CHECK(normalize("e\u0301", NormalForm::nfc) == "é");
  CHECK(normalize("é", NormalForm::nfd) == "e\u0301");
  CHECK(normalize("ﬁ①Ａ", NormalForm::nfkc) == "fi1A");
  CHECK(normalize("ﬁ①Ａ", NormalForm::nfc) == "ﬁ①Ａ");
  CHECK(normalize("한", NormalForm::nfd) == "\u1112\u1161\u11AB");
  CHECK(normalize("ｶﾞé", NormalForm::nfkd) == "\u30AB\u3099e\u0301");
  // Marks are sorted by their classes, and those of one class keep their order.
  CHECK(normalize("e\u0301\u0316\u0300\u0317", NormalForm::nfd) == "e\u0316\u0317\u0301\u0300");
  CHECK(normalize("", NormalForm::nfc) == "");
}

TEST_CASE("what must not reach a terminal is shown by its number") {
  CHECK(printable("a\x1b[8m\x07 \xc2\x9b é 中\t\n") == "a\\u001b[8m\\u0007 \\u009b é 中\t\n");
  CHECK(printable("a\nb", LineBreaks::escaped) == "a\\u000ab");
  CHECK(printable("\xe2\x80\xae right") == "\\u202e right");
  CHECK(printable("\xe2\x81\xa6\xd8\x9c") == "\\u2066\\u061c");
  CHECK(printable("\xff") == "\xef\xbf\xbd");
  CHECK(printable("עברית 👩‍🔬") == "עברית 👩‍🔬");
  for (char32_t c = 0; c < 0x300; ++c) {
    std::string text;
    append_utf8(text, c);
    CHECK((printable(text) == text) == !is_unprintable(c));
  }
}
