#include "text/token_sets.h"

#include <utf8proc.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string>

#include "base/utf8.h"

namespace attn {

namespace {

bool is_mark(char32_t c) {
  const auto category = utf8proc_category(utf8proc_int32_t(c));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool is_blank(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 ||
         utf8proc_category(utf8proc_int32_t(c)) == UTF8PROC_CATEGORY_ZS;
}

// Scripts without spaces between words: kana, ideographs, fullwidth forms.
bool stands_alone(char32_t c) {
  return (c >= 0x2E80 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

std::string_view text_of(const Tokens& tokens, int i) {
  const Token& t = tokens.items[size_t(i)];
  if (t.begin < t.end && t.end <= tokens.text.size())
    return std::string_view(tokens.text).substr(t.begin, t.end - t.begin);
  return {};
}

// Whether token i begins a word, judged by it and the preceding text.
bool begins_word(const Tokens& tokens, int i) {
  const std::string_view text = text_of(tokens, i), before = i > 0 ? text_of(tokens, i - 1) : text;
  if (i == 0 || text.empty() || before.empty()) return true;
  const Token &t = tokens.items[size_t(i)], &last = tokens.items[size_t(i) - 1];
  if (t.special || last.special || t.padding || last.padding || t.begin > last.end) return true;
  if ((uint8_t(text[0]) & 0xC0) == 0x80 || t.begin < last.end)
    return false;  // the rest of a character
  size_t at = 0;
  const char32_t c = decode_utf8(text, at);
  if (is_blank(c) || is_mark(c)) return true;
  // A token of one blank belongs to the word behind it.
  if (before == " ") return false;
  if (stands_alone(c)) return true;
  size_t end = before.size();
  do --end;
  while (end > 0 && (uint8_t(before[end]) & 0xC0) == 0x80);
  const char32_t previous = decode_utf8(before, end);
  return is_blank(previous) || is_mark(previous) || stands_alone(previous);
}

std::vector<int> ids_of(const Tokens& tokens) {
  std::vector<int> out;
  for (const Token& token : tokens.items) out.push_back(token.id);
  return out;
}

std::vector<int> numbers_of(const Tokens& tokens, int n, std::map<std::string, int>& names) {
  std::vector<int> out;
  for (int i = 0; i < n; ++i) {
    const Token* token = i < tokens.size() ? &tokens.items[size_t(i)] : nullptr;
    if (token && token->id >= 0) {
      out.push_back(token->id);
      continue;
    }
    const std::string name = token ? token->shown : "#" + std::to_string(i);
    out.push_back(names.try_emplace(name, -1 - int(names.size())).first->second);
  }
  return out;
}

}  // namespace

EarlierCopies earlier_copies(std::span<const int> query_ids, std::span<const int> key_ids) {
  EarlierCopies out;
  out.keys.resize(key_ids.size());
  std::iota(out.keys.begin(), out.keys.end(), 0);
  const auto id = [&](int key) { return key_ids[size_t(key)]; };
  std::ranges::stable_sort(out.keys, {}, id);
  for (size_t i = 0; i < query_ids.size(); ++i) {
    auto same = std::ranges::equal_range(out.keys, query_ids[i], {}, id);
    // A token without keys must not appear equal to the next one that has some.
    if (same.empty()) same = {out.keys.end(), out.keys.end()};
    const auto end = std::ranges::lower_bound(same, int(i));
    out.begin.push_back(int(same.begin() - out.keys.begin()));
    out.end.push_back(int(end - out.keys.begin()));
  }
  return out;
}

EarlierCopies earlier_copies(const Tokens& queries, const Tokens& keys) {
  return earlier_copies(ids_of(queries), ids_of(keys));
}

bool is_punctuation(const Tokens& tokens, int i) {
  const Token& token = tokens.items[size_t(i)];
  if (token.special || token.padding) return false;
  std::string_view text = text_of(tokens, i);
  if (text.empty()) text = token.shown;
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    if (is_blank(c)) continue;
    if (!is_mark(c)) return false;
    any = true;
  }
  return any;
}

std::vector<int> word_begins(const Tokens& tokens) {
  std::vector<int> out;
  for (int i = 0; i < tokens.size(); ++i) out.push_back(begins_word(tokens, i) ? i : out.back());
  return out;
}

TokenSets token_sets(const Tokens& queries, const Tokens& keys, bool self) {
  TokenSets out;
  const TokenIds ids = token_ids(queries, queries.size(), keys, keys.size());
  out.copies = earlier_copies(ids.queries, ids.keys);
  for (int j = 0; j < keys.size(); ++j) {
    if (keys.items[size_t(j)].special) out.special.push_back(j);
    if (is_punctuation(keys, j)) out.punctuation.push_back(j);
  }
  out.word_begin.assign(queries.items.size(), 0);
  out.word_end = out.word_begin;
  if (!self) return out;
  out.word_begin = word_begins(queries);
  for (int i = queries.size() - 1; i >= 0; --i) {
    const bool last = i + 1 == queries.size() || out.word_begin[size_t(i) + 1] == i + 1;
    out.word_end[size_t(i)] = last ? i + 1 : out.word_end[size_t(i) + 1];
  }
  return out;
}

TokenIds token_ids(const Tokens& queries, int n_query, const Tokens& keys, int n_key) {
  std::map<std::string, int> names;
  TokenIds out;
  out.queries = numbers_of(queries, n_query, names);
  out.keys = numbers_of(keys, n_key, names);
  return out;
}

}  // namespace attn
