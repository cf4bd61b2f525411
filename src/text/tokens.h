// tokens.h - a text cut into tokens, with the place of each in the text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace attn {

struct Token {
  int id = -1;                // -1 where there is no vocabulary
  std::string piece;          // as the vocabulary spells it ("Ġthe", "▁the", "<0xE6>")
  std::string shown;          // for people: " the"; bytes that are no whole character as "‹E6›"
  size_t begin = 0, end = 0;  // bytes of the text; equal for tokens that stand for none of it
  bool special = false;
  bool padding = false;  // fills a text up to a length: no token attends to it
};

struct Tokens {
  std::string text;
  std::vector<Token> items;

  int size() const { return int(items.size()); }
};

}  // namespace attn
