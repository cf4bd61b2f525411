#include "text/continue_text.h"

#include <algorithm>
#include <vector>

namespace attn {
namespace {

// Without the special tokens that a tokenizer adds after the text.
std::vector<int> ids_of(const Tokens& tokens) {
  size_t n = tokens.items.size();
  while (n > 0 && tokens.items[n - 1].special &&
         tokens.items[n - 1].begin == tokens.items[n - 1].end)
    --n;
  std::vector<int> ids;
  for (size_t i = 0; i < n; ++i) ids.push_back(tokens.items[i].id);
  return ids;
}

bool is_inside_character(std::string_view text, size_t at) {
  return at > 0 && at < text.size() && (uint8_t(text[at]) & 0xC0) == 0x80;
}

}  // namespace

std::optional<std::string> text_with_token(const Tokenizer& tokenizer, const Tokens& tokens,
                                           int id) {
  std::vector<int> ids = ids_of(tokens);
  const std::string before = tokenizer.decode(ids);
  ids.push_back(id);
  std::string added = tokenizer.piece(id);  // special tokens are found as they are spelt
  if (!tokenizer.is_special(id)) {
    const std::string after = tokenizer.decode(ids);
    if (!after.starts_with(before)) return {};
    added = after.substr(before.size());
  }
  if (added.empty()) return {};
  std::string text = tokens.text + added;
  const std::vector<int> now = ids_of(tokenizer.encode(text));
  if (now != ids && (now.empty() || now.back() != id)) return {};
  return text;
}

Tokens cut_to_fit(const Tokenizer& tokenizer, const Tokens& whole, int most, bool end) {
  const std::string_view text = whole.text;
  const int size = whole.size();
  for (int n = std::min(most, size); n > 0;) {
    size_t at = end ? whole.items[size_t(size - n)].begin : whole.items[size_t(n) - 1].end;
    at = std::min(at, text.size());
    while (is_inside_character(text, at)) end ? ++at : --at;
    Tokens cut = tokenizer.encode(end ? text.substr(at) : text.substr(0, at));
    if (cut.size() <= most) {
      cut.n_whole = size;
      cut.keeps_end = end;
      return cut;
    }
    n -= cut.size() - most;
  }
  return {};
}

}  // namespace attn
