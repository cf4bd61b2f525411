// tokenizer_precompiled.cpp - the normalizers of SentencePiece: a character map, which is a
// double-array trie (Darts) and the texts it leads to, and the rules for NMT.
#include <utf8proc.h>

#include <algorithm>
#include <cstring>

#include "base/utf8.h"
#include "text/tokenizer_steps.h"

namespace attn {
namespace {

struct CharsMap {
  std::vector<uint32_t> units;  // Darts-clone's double array
  std::string texts;            // each ends in a NUL

  // The replacement for the shortest prefix of `part` in the trie, as in the Hugging Face library
  // (SentencePiece itself takes the longest).
  std::optional<std::string_view> find(std::string_view part) const {
    const auto offset = [](uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); };
    if (units.empty()) return {};
    size_t node = offset(units[0]);
    for (const char c : part) {
      if (c == 0) return {};
      node ^= uint8_t(c);
      if (node >= units.size()) return {};
      const uint32_t unit = units[node];
      if ((unit & ((1u << 31) | 0xFF)) != uint8_t(c)) return {};
      node ^= offset(unit);
      if (node >= units.size()) return {};
      if (unit >> 8 & 1) {
        const size_t begin = units[node] & 0x7FFFFFFF;
        if (begin >= texts.size()) return {};
        return std::string_view(texts).substr(begin, texts.find('\0', begin) - begin);
      }
    }
    return {};
  }
};

size_t count_characters(std::string_view text) {
  size_t n = 0;
  for (size_t at = 0; at < text.size(); ++n) decode_utf8(text, at);
  return n;
}

void put(std::vector<Change>& changes, std::string_view old_part, std::string_view new_part) {
  const int n_old = int(count_characters(old_part)), n_new = int(count_characters(new_part));
  for (size_t at = 0; at < new_part.size();) changes.push_back({decode_utf8(new_part, at), 0});
  for (int i = 0; i < n_new - n_old; ++i) changes[changes.size() - 1 - size_t(i)].delta = 1;
  if (n_new < n_old && !changes.empty()) changes.back().delta -= n_old - n_new;
}

size_t grapheme_end(std::string_view text, size_t at) {
  utf8proc_int32_t state = 0;
  char32_t previous = decode_utf8(text, at);
  while (at < text.size()) {
    size_t next = at;
    const char32_t c = decode_utf8(text, next);
    if (utf8proc_grapheme_break_stateful(utf8proc_int32_t(previous), utf8proc_int32_t(c), &state))
      break;
    previous = c;
    at = next;
  }
  return at;
}

void apply(const CharsMap& map, AlignedText& text) {
  std::vector<Change> changes;
  bool changed = false;
  const std::string_view all = text.text;
  const auto mapped = [&](std::string_view part) {
    const std::optional<std::string_view> found = map.find(part);
    if (found) put(changes, part, *found);
    changed |= found.has_value();
    return found.has_value();
  };
  for (size_t at = 0; at < all.size();) {
    const size_t end = grapheme_end(all, at);
    constexpr size_t kLongestKey = 5;
    if (end - at <= kLongestKey && mapped(all.substr(at, end - at))) {
      at = end;
      continue;
    }
    while (at < end) {
      const size_t begin = at;
      const char32_t c = decode_utf8(all, at);
      if (!mapped(all.substr(begin, at - begin))) changes.push_back({c, 0});
    }
  }
  if (changed) text.transform(changes);
}

bool nmt_drops(char32_t c) {
  return (c >= 1 && c <= 8) || c == 11 || (c >= 14 && c <= 31) || c == 127 || c == 0x8F ||
         c == 0x9F;
}

bool nmt_is_blank(char32_t c) {
  return c == 9 || c == 10 || c == 12 || c == 13 || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

}  // namespace

std::optional<Normalizer> normalizers::precompiled(std::string_view charsmap) {
  if (charsmap.empty()) return [](AlignedText&) {};
  CharsMap map;
  uint32_t trie_size = 0;
  if (charsmap.size() >= 4) std::memcpy(&trie_size, charsmap.data(), 4);
  if (charsmap.size() < 4 || trie_size > charsmap.size() - 4) return {};
  map.units.resize(trie_size / 4);
  if (!map.units.empty()) std::memcpy(map.units.data(), charsmap.data() + 4, map.units.size() * 4);
  map.texts = repair_utf8(charsmap.substr(4 + trie_size));
  return [map = std::make_shared<const CharsMap>(std::move(map))](AlignedText& text) {
    apply(*map, text);
  };
}

Normalizer normalizers::nmt() {
  return [](AlignedText& text) {
    text.keep_if([](char32_t c) { return !nmt_drops(c); });
    text.map([](char32_t c) { return nmt_is_blank(c) ? U' ' : c; });
  };
}

}  // namespace attn
