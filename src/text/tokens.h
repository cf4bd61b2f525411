// tokens.h - a tokenized text, with the position of each token.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/picture.h"

namespace attn {

struct Token {
  int id = -1;                // -1 where there is no vocabulary
  std::string piece;          // as the vocabulary spells it ("Ġthe", "▁the", "<0xE6>")
  std::string shown;          // readable: " the"; incomplete characters as "‹E6›"
  size_t begin = 0, end = 0;  // bytes of the text; equal for tokens not in the text
  bool special = false;
  bool padding = false;  // pads a text to a length; no token attends to it
  int type = 0;          // of the model's token types (BERT's segments)
  int sequence = 0;      // of a pair of texts: 0 the first, 1 the second; special tokens too
  // Where tokens are merged into one: the positions of the first and the last; -1: not merged, and
  // the position is that in the list.
  int first = -1, last = -1;
};

struct Tokens {
  std::string text;
  std::vector<Token> items;
  // Where a longer text was cut to fit: its number of tokens, else 0; and which part was kept.
  int n_whole = 0;
  bool keeps_end = false;
  // Of what a decoder reads: the tokens of its encoder; null: there is none.
  std::shared_ptr<const Tokens> source;
  std::shared_ptr<const Patches> patches;  // of a picture; null for a text

  int size() const { return int(items.size()); }
  int n_source() const { return source ? source->size() : 0; }
};

}  // namespace attn
