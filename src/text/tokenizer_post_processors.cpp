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
// token is not part of the text, so nothing is trimmed there; it puts none before other spaces.
void trim(const Encoding& encoding, std::vector<Item>& items, bool add_prefix_space) {
  for (size_t i = 0; i < items.size(); ++i) {
    Item& item = items[i];
    const std::string_view text = item.sequence == 0 ? encoding.text : encoding.second_text;
    size_t leading = count_leading_blanks(item.value);
    if ((i == 0 || item.begin == 0) && add_prefix_space && leading == 1) leading = 0;
    for (; leading > 0 && item.begin < item.end; --leading) decode_utf8(text, item.begin);
    size_t trailing = count_trailing_blanks(item.value);
    for (; trailing > 0 && item.end > item.begin; --trailing) do
        --item.end;
      while (item.end > item.begin && (uint8_t(text[item.end]) & 0xC0) == 0x80);
  }
}

}  // namespace

PostProcessor post_processors::trim_offsets(bool add_prefix_space) {
  return [=](Encoding& encoding) {
    trim(encoding, encoding.items, add_prefix_space);
    trim(encoding, encoding.second, add_prefix_space);
  };
}

Item post_processors::special_item(std::string_view value, int id) {
  return {id, std::string(value), 0, 0, true};
}

Item post_processors::text_item(int sequence, int type) {
  return {.id = -1, .value = {}, .type = type, .sequence = sequence};
}

PostProcessor post_processors::assemble(std::vector<Item> single, std::vector<Item> pair) {
  return [single = std::move(single), pair = std::move(pair)](Encoding& encoding) {
    if (encoding.is_pair && pair.empty()) return;
    std::vector<Item> texts[] = {std::move(encoding.items), std::move(encoding.second)};
    encoding.items.clear();
    encoding.second.clear();
    for (const Item& part : encoding.is_pair ? pair : single) {
      const bool is_text = part.id < 0;
      if (!is_text && encoding.add_special) encoding.items.push_back(part);
      if (!is_text) continue;
      for (Item& item : texts[part.sequence]) {
        item.type = part.type;
        item.sequence = part.sequence;
        encoding.items.push_back(std::move(item));
      }
    }
    encoding.is_pair = false;
  };
}

PostProcessor post_processors::sequence(std::vector<PostProcessor> steps) {
  return [steps = std::move(steps)](Encoding& encoding) {
    for (const PostProcessor& step : steps) step(encoding);
  };
}

}  // namespace attn
