// tokenizer_text.h - text during tokenization; each byte keeps its position in the original.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

// Bytes begin .. end - 1 of the text passed to encode().
struct Place {
  uint32_t begin = 0, end = 0;
};

// One character of a rewritten text: delta > 0 was inserted after the previous character (and
// shares its place), 0 replaces the next character of the old text, -n replaces it and drops n
// more.
struct Change {
  char32_t c = 0;
  int delta = 0;
};

// Valid UTF-8. Places follow the Hugging Face library, so that offsets agree with it.
struct AlignedText {
  std::string text;
  std::vector<Place> places;  // one per byte of `text`
  Place all;                  // the place of the whole piece

  static AlignedText of(std::string_view original);
  bool empty() const { return text.empty(); }
  Place place_of(size_t begin, size_t end) const;
  AlignedText slice(size_t begin, size_t end) const;

  // Replaces the text with `changes`, after skipping `n_dropped` characters of the old one.
  void transform(std::span<const Change> changes, size_t n_dropped = 0);
  void keep_if(const std::function<bool(char32_t)>& keep);
  // Replaces each character by one character.
  void map(const std::function<char32_t(char32_t)>& f);
  void keep_range(size_t begin, size_t end);
  void prepend(std::string_view prefix);
  // Rewrites that would grow the text by more than this factor are skipped: a chain of rules that
  // each double it could exhaust memory.
  bool may_grow_to(uint64_t size) const;
};

// A piece between two splits, or an added token spelt out in the text.
struct Piece {
  AlignedText text;
  int token = -1;
};
using Pieces = std::vector<Piece>;

// Replaces every piece that is not yet a token by the result of `cut`; empty pieces are dropped.
void cut_pieces(Pieces& pieces, const std::function<void(AlignedText&&, Pieces&)>& cut);

// A part of a text that matches a delimiter, or a part between two.
struct Match {
  size_t begin = 0, end = 0;
  bool is_match = false;
};
enum class Delimiter { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// Splits `text` at its delimiters. `matches` cover it from begin to end.
void cut_at(const AlignedText& text, std::vector<Match> matches, Delimiter delimiter, Pieces& out);
// Each character for which `f` holds is a delimiter.
std::vector<Match> match_characters(std::string_view text, bool (*f)(char32_t));

}  // namespace attn
