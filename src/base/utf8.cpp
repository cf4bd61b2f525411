// utf8.cpp - UTF-8 by hand; widths from utf8proc.
#include "base/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>

namespace attn {

char32_t decode_utf8(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return i < text.size() ? uint8_t(text[i]) : 0; };
  const size_t begin = at++;
  const uint8_t lead = byte(begin);
  if (lead < 0x80) return lead;
  const int n_more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4) return kReplacement;
  char32_t c = lead & (0x3F >> n_more);
  for (int i = 1; i <= n_more; ++i) {
    const uint8_t next = byte(begin + size_t(i));
    if ((next & 0xC0) != 0x80) return kReplacement;
    c = c << 6 | (next & 0x3F);
  }
  const bool overlong = (n_more == 2 && c < 0x800) || (n_more == 3 && c < 0x10000);
  if (overlong || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF) return kReplacement;
  at = begin + 1 + size_t(n_more);
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) c = kReplacement;
  if (c < 0x80) {
    out += char(c);
  } else if (c < 0x800) {
    out += char(0xC0 | c >> 6);
    out += char(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += char(0xE0 | c >> 12);
    out += char(0x80 | (c >> 6 & 0x3F));
    out += char(0x80 | (c & 0x3F));
  } else {
    out += char(0xF0 | c >> 18);
    out += char(0x80 | (c >> 12 & 0x3F));
    out += char(0x80 | (c >> 6 & 0x3F));
    out += char(0x80 | (c & 0x3F));
  }
}

size_t first_broken_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    // A real U+FFFD is three bytes long.
    if (decode_utf8(text, at) == kReplacement && at == begin + 1) return begin;
  }
  return text.size();
}

bool is_valid_utf8(std::string_view text) { return first_broken_utf8(text) == text.size(); }

bool is_unprintable(char32_t c) {
  if (c < 0xA0) return c >= 0x7F || (c < 0x20 && c != U'\n' && c != U'\t');
  return c == 0x61C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

void append_escape(std::string& out, char32_t c) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[c >> shift & 15];
}

std::string printable(std::string_view text, LineBreaks breaks) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    if (is_unprintable(c) || (c == U'\n' && breaks == LineBreaks::escaped))
      append_escape(out, c);
    else
      append_utf8(out, c);
  }
  return out;
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t broken = at + first_broken_utf8(text.substr(at));
    out += text.substr(at, broken - at);
    at = broken;
    if (at == text.size()) break;
    append_utf8(out, kReplacement);
    const uint8_t lead = uint8_t(text[at++]);
    const size_t n_more = lead < 0xC2 || lead > 0xF4 ? 0 : lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    // A narrower range follows these lead bytes: no overlong forms, surrogates, or values above
    // U+10FFFF.
    uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (size_t i = 0; i < n_more && at < text.size(); ++i, ++at) {
      if (uint8_t(text[at]) < low || uint8_t(text[at]) > high) break;
      low = 0x80, high = 0xBF;
    }
  }
  return out;
}

int display_width(std::string_view text) {
  // Summed over user-perceived characters, at most 2 for each: an emoji of several code points
  // occupies the columns of one.
  int width = 0, cluster = 0;
  char32_t previous = 0;
  utf8proc_int32_t state = 0;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    const bool starts =
        previous == 0 ||
        utf8proc_grapheme_break_stateful(utf8proc_int32_t(previous), utf8proc_int32_t(c), &state);
    if (starts) {
      width += std::min(cluster, 2);
      cluster = 0;
    }
    constexpr char32_t kEmojiStyle = 0xFE0F;
    cluster =
        c == kEmojiStyle && cluster == 1 ? 2 : cluster + utf8proc_charwidth(utf8proc_int32_t(c));
    previous = c;
  }
  return width + std::min(cluster, 2);
}

std::string pad_right(std::string_view text, int columns) {
  std::string out(text);
  out.append(size_t(std::max(0, columns - display_width(text))), ' ');
  return out;
}

std::string pad_left(std::string_view text, int columns) {
  std::string out(size_t(std::max(0, columns - display_width(text))), ' ');
  return out += text;
}

}  // namespace attn
