// tokenizer_post_processors.cpp - adds special tokens around a text and trims spaces from offsets.
#include <algorithm>

#include "base/utf8.h"
#include "text/tokenizer_chars.h"
#include "text/tokenizer_steps.h"

namespace attn {
namespace {

bool is_blank_letter(char32_t c) { return c == byte_to_letter(' ') || is_whitespace(c); }

size_t count_leading_blanks(std::string_view value) {
  size_t n = 0;
  for (size_t at = 0; at < value.size() && is_blank_letter(decode_utf8(value, at));) ++n;
  return n;
}

size_t count_trailing_blanks(std::string_view value) {
  size_t n = 0;
  for (size_t at = 0; at < value.size();) n = is_blank_letter(decode_utf8(value, at)) ? n + 1 : 0;
  return n;
}

// Offsets of " the" become those of "the". The space that add_prefix_space put before the first
// token is not part of the text, so nothing is trimmed there.
void trim(Encoding& encoding, bool add_prefix_space) {
  const std::string_view text = encoding.text;
  for (size_t i = 0; i < encoding.items.size(); ++i) {
    Item& item = encoding.items[i];
    size_t leading = count_leading_blanks(item.value);
    if ((i == 0 || item.begin == 0) && add_prefix_space) leading = 0;
    for (; leading > 0 && item.begin < item.end; --leading) decode_utf8(text, item.begin);
    size_t trailing = count_trailing_blanks(item.value);
    for (; trailing > 0 && item.end > item.begin; --trailing) do
        --item.end;
      while (item.end > item.begin && (uint8_t(text[item.end]) & 0xC0) == 0x80);
  }
}

}  // namespace

PostProcessor post_processors::trim_offsets(bool add_prefix_space) {
  return [=](Encoding& encoding) { trim(encoding, add_prefix_space); };
}

Item post_processors::special_item(std::string_view value, int id) {
  return {id, std::string(value), 0, 0, true};
}

PostProcessor post_processors::surround(std::vector<Item> before, std::vector<Item> after) {
  return [before = std::move(before), after = std::move(after)](Encoding& encoding) {
    if (!encoding.add_special) return;
    encoding.items.insert(encoding.items.begin(), before.begin(), before.end());
    encoding.items.insert(encoding.items.end(), after.begin(), after.end());
  };
}

PostProcessor post_processors::sequence(std::vector<PostProcessor> steps) {
  return [steps = std::move(steps)](Encoding& encoding) {
    for (const PostProcessor& step : steps) step(encoding);
  };
}

}  // namespace attn
