// tokenizer_shown.cpp - makes any bytes readable.
#include "text/tokenizer_shown.h"

#include <utf8proc.h>

#include <cstdint>

#include "base/utf8.h"

namespace attn {
namespace {

std::string hex(uint32_t value, int n_digits) {
  std::string out;
  for (int shift = 4 * (n_digits - 1); shift >= 0; shift -= 4)
    out += "0123456789ABCDEF"[value >> shift & 15];
  return out;
}

bool has_no_shape(char32_t c) {
  switch (utf8proc_category(utf8proc_int32_t(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string readable(std::string_view bytes) {
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const size_t begin = at;
    const char32_t c = decode_utf8(bytes, at);
    // Joiners inside an emoji are part of it.
    const bool alone = at - begin == bytes.size();
    if (c == kReplacement && at == begin + 1) {
      out += "‹" + hex(uint8_t(bytes[begin]), 2) + "›";
    } else if (c == '\n') {
      out += "⏎";
    } else if (c == '\t') {
      out += "⇥";
    } else if (c < 0x20 || c == 0x7F) {
      append_utf8(out, c == 0x7F ? 0x2421 : 0x2400 + c);
    } else if (has_no_shape(c) && (alone || c < 0xA0)) {
      out += "‹U+" + hex(c, c > 0xFFFF ? 6 : 4) + "›";
    } else {
      append_utf8(out, c);
    }
  }
  return out;
}

}  // namespace attn
