// figure_text.h - text shared by the views: tokens, weights and cells in both languages.
#pragma once

#include <string>
#include <string_view>

#include "state/language.h"
#include "text/tokens.h"

namespace attn {

// For labels: spaces as '·', line breaks as '↵', an empty token as '∅'.
std::string visible_token(std::string_view shown);
// For sentences: in quotes, "学习" or “学习”; line breaks as '↵', spaces unchanged.
std::string quoted_token(Lang lang, std::string_view shown);

std::string weight_text(float weight, int decimals = 4);   // "0.2341"
std::string percent_text(float weight, int decimals = 2);  // "23.41 %"

// The byte at which to break a line of at most `longest` bytes. Words and numbers (with point, sign
// and per cent) stay whole; no line starts with a closing mark or ends with an opening one. Never 0
// for a non-empty text, so that wrapping terminates.
size_t line_break(std::string_view text, size_t longest);

// One cell of a pattern.
struct CellText {
  int query = 0, key = 0;
  std::string_view query_token, key_token;
  float weight = 0;
  bool masked = false;
};
// (query 3 "学习" → key 1 "爱") weight 0.2341, 23.41 %; masked cells end in "masked".
std::string cell_sentence(Lang lang, const CellText& cell);
// The same of a map that shows another measure: `value`, "Rollout 0.1234", comes first; the weight
// follows only where `of_head`, since a measure of several heads has no one weight.
std::string measured_sentence(Lang lang, const CellText& cell, const std::string& value,
                              bool of_head);

}  // namespace attn
