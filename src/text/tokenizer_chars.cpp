// tokenizer_chars.cpp - classes of characters, from utf8proc's categories.
#include "text/tokenizer_chars.h"

#include <utf8proc.h>

#include <array>

#include "base/utf8.h"
#include "text/tokenizer_drift.h"

namespace attn {
namespace {

utf8proc_category_t category(char32_t c) { return utf8proc_category(utf8proc_int32_t(c)); }

bool in(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

}  // namespace

bool is_whitespace(char32_t c) {
  return in(c, 9, 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         in(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_number(char32_t c) {
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) return in(c, 33, 47) || in(c, 58, 64) || in(c, 91, 96) || in(c, 123, 126);
  const auto k = category(c);
  return (k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO) != drifts(Drift::punctuation, c);
}

bool is_nonspacing_mark(char32_t c) {
  return (category(c) == UTF8PROC_CATEGORY_MN) != drifts(Drift::nonspacing, c);
}

bool is_mark(char32_t c) {
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_MC || k == UTF8PROC_CATEGORY_ME;
}

bool is_word(char32_t c) {
  const auto k = category(c);
  if (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) return true;
  if (is_mark(c) || k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL) return true;
  if (k == UTF8PROC_CATEGORY_PC || c == 0x200C || c == 0x200D) return true;
  // Symbols that are Alphabetic: circled and squared letters.
  return in(c, 0x24B6, 0x24E9) || in(c, 0x1F130, 0x1F149) || in(c, 0x1F150, 0x1F169) ||
         in(c, 0x1F170, 0x1F189);
}

bool is_bert_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const auto k = category(c);
  const bool control =
      k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO;
  return control != drifts(Drift::control, c);
}

bool is_cjk_ideograph(char32_t c) {
  return in(c, 0x4E00, 0x9FFF) || in(c, 0x3400, 0x4DBF) || in(c, 0x20000, 0x2A6DF) ||
         in(c, 0x2A700, 0x2B73F) || in(c, 0x2B740, 0x2B81F) || in(c, 0x2B920, 0x2CEAF) ||
         in(c, 0xF900, 0xFAFF) || in(c, 0x2F800, 0x2FA1F);
}

char32_t lower(char32_t c) {
  if (const int32_t offset = newer_lower(c)) return char32_t(int32_t(c) + offset);
  return char32_t(utf8proc_tolower(utf8proc_int32_t(c)));
}

// Bytes that are visible in Latin-1 stand for themselves, the others follow from U+0100 on
// (Radford et al. 2019, bytes_to_unicode).
static constexpr bool is_own_letter(int byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

static constexpr std::array<char32_t, 256> kLetters = [] {
  std::array<char32_t, 256> letters{};
  char32_t next = 256;
  for (int byte = 0; byte < 256; ++byte)
    letters[size_t(byte)] = is_own_letter(byte) ? char32_t(byte) : next++;
  return letters;
}();

static constexpr std::array<int16_t, 324> kBytes = [] {
  std::array<int16_t, 324> bytes{};
  for (int16_t& byte : bytes) byte = -1;
  for (int16_t byte = 0; byte < 256; ++byte) bytes[kLetters[size_t(byte)]] = byte;
  return bytes;
}();

char32_t byte_to_letter(uint8_t byte) { return kLetters[byte]; }

int letter_to_byte(char32_t letter) { return letter < kBytes.size() ? kBytes[letter] : -1; }

std::string bytes_of_letters(std::string_view piece) {
  std::string out;
  for (size_t at = 0; at < piece.size();) {
    const int byte = letter_to_byte(decode_utf8(piece, at));
    if (byte < 0) return std::string(piece);
    out += char(byte);
  }
  return out;
}

}  // namespace attn
