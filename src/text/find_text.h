// find_text.h - where words stand in a tokenized text.
#pragma once

#include <string_view>
#include <vector>

#include "text/tokens.h"

namespace attn {

// Positions of the first and the last token of a place.
struct FoundTokens {
  int first = 0, last = 0;
  bool operator==(const FoundTokens&) const = default;
};
// The places where the text has these words, whatever their case and wherever tokens begin; a
// position ("120" or "#120") comes before them. At most `most`.
std::vector<FoundTokens> find_tokens(const Tokens& tokens, std::string_view words, size_t most);

}  // namespace attn
