// tokenizer_added.cpp - finding added tokens.
#include "text/tokenizer_added.h"

#include <algorithm>

#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer_chars.h"

namespace attn {

void TokenFinder::add(std::string_view content, int index) {
  uint32_t at = 0;
  for (const char c : content) {
    auto& next = nodes_[at].next;
    const auto it = std::lower_bound(next.begin(), next.end(), std::pair(uint8_t(c), uint32_t(0)));
    if (it != next.end() && it->first == uint8_t(c)) {
      at = it->second;
      continue;
    }
    const uint32_t made = uint32_t(nodes_.size());
    next.insert(it, {uint8_t(c), made});
    nodes_.emplace_back();
    at = made;
  }
  // Of equal contents the first counts.
  if (at != 0 && nodes_[at].token < 0) nodes_[at].token = index;
}

int TokenFinder::match(std::string_view text, size_t at, size_t& end) const {
  int found = -1;
  uint32_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto& next = nodes_[node].next;
    const auto it =
        std::lower_bound(next.begin(), next.end(), std::pair(uint8_t(text[i]), uint32_t(0)));
    if (it == next.end() || it->first != uint8_t(text[i])) break;
    node = it->second;
    if (nodes_[node].token < 0) continue;
    found = nodes_[node].token;
    end = i + 1;
  }
  return found;
}

Result<AddedTokens> AddedTokens::make(std::vector<AddedToken> list, const std::string& where,
                                      const Vocabulary& vocabulary, const Normalizer& normalizer) {
  AddedTokens out;
  const int64_t most = Vocabulary::limit(vocabulary.n_entries() + list.size());
  for (AddedToken& token : list) {
    constexpr size_t kMostBytes = 1024;
    if (token.content.size() > kMostBytes)
      return Error{where + ": a token is longer than 1024 bytes; remove it"};
    if (token.id < 0 || token.id >= most)
      return Error{where + ": the id of " + json_quote(token.content.substr(0, 80)) +
                   " must be a whole number from 0 to " + std::to_string(most - 1) +
                   "; correct it"};
    if (token.content.empty()) continue;
    const int known = vocabulary.find(token.content);
    if (known >= 0) token.id = known;
    AlignedText content = AlignedText::of(token.content);
    if (token.normalized && normalizer) normalizer(content);
    (token.normalized ? out.normalized_ : out.plain_).add(content.text, int(out.tokens_.size()));
    out.by_id_[token.id] = out.tokens_.size();
    out.ids_[token.content] = token.id;
    out.tokens_.push_back(std::move(token));
  }
  return out;
}

void AddedTokens::cut(Pieces& pieces, bool after_normalization) const {
  const TokenFinder& finder = after_normalization ? normalized_ : plain_;
  if (finder.empty()) return;
  cut_pieces(pieces, [&](AlignedText&& text, Pieces& out) { cut(text, finder, out); });
}

// Where the blanks before `end` begin, but not before `from`.
static size_t before_blanks(std::string_view text, size_t from, size_t end) {
  size_t begin = end, at = end;
  while (at > from) {
    do --at;
    while (at > from && (uint8_t(text[at]) & 0xC0) == 0x80);
    size_t next = at;
    if (!is_whitespace(decode_utf8(text, next))) break;
    begin = at;
  }
  return begin;
}

static size_t after_blanks(std::string_view text, size_t at) {
  for (size_t next = at; at < text.size(); at = next)
    if (!is_whitespace(decode_utf8(text, next))) break;
  return at;
}

static bool is_single_word(std::string_view text, size_t begin, size_t end) {
  if (end < text.size() && is_word(decode_utf8(text, end))) return false;
  if (begin == 0) return true;
  size_t before = begin - 1;
  while (before > 0 && (uint8_t(text[before]) & 0xC0) == 0x80) --before;
  return !is_word(decode_utf8(text, before));
}

void AddedTokens::cut(const AlignedText& text, const TokenFinder& finder, Pieces& out) const {
  const std::string_view all = text.text;
  size_t covered = 0;
  size_t blanks = 0, blanks_end = 0;  // blanks already looked at: not again for each match in them
  for (size_t at = 0; at < all.size();) {
    size_t end = at;
    const int index = finder.match(all, at, end);
    if (index < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[size_t(index)];
    size_t begin = std::max(at, covered);
    at = end;
    if (token.single_word && !is_single_word(all, begin, end)) continue;
    if (token.lstrip) begin = before_blanks(all, covered, begin);
    if (token.rstrip) {
      if (end < blanks || end > blanks_end) {
        blanks = end;
        blanks_end = after_blanks(all, end);
      }
      end = blanks_end;
    }
    if (begin >= end) continue;
    if (covered < begin) out.push_back({text.slice(covered, begin)});
    out.push_back({text.slice(begin, end), token.id});
    covered = end;
  }
  if (covered < all.size()) out.push_back({text.slice(covered, all.size())});
}

const AddedToken* AddedTokens::find(int id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &tokens_[it->second];
}

int AddedTokens::find(std::string_view content) const {
  const auto it = ids_.find(std::string(content));
  return it == ids_.end() ? -1 : it->second;
}

int AddedTokens::size() const {
  int size = 0;
  for (const AddedToken& token : tokens_) size = std::max(size, token.id + 1);
  return size;
}

}  // namespace attn
