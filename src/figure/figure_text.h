// figure_text.h - text shared by the views: tokens, weights and cells in both languages.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "state/state.h"
#include "trace/attention.h"

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

// The position of a token in the model's text, "16"; of merged tokens, of the first and the last,
// "13–14". Every place that numbers tokens uses it.
std::string position_text(std::span<const Token> tokens, int i);

// "first 512 of 900 tokens" of a text that was cut to fit; "" otherwise.
std::string cut_words(const Tokens& tokens, Lang lang);

// One cell of a pattern.
struct CellText {
  std::string query, key;  // positions
  std::string_view query_token, key_token;
  float weight = 0;
  bool masked = false;
  std::string window = {};  // the window that hides it, in words; "" for other masks
};
// In the state's sample and layer.
CellText cell_text(const Pairs& pairs, const State& at, int query, int key, float weight);
// "outside the window of 64 tokens" where that hides the key, else "".
std::string window_words(const Pairs& pairs, const State& at, int query, int key);
// " + bias of the distance", or what else distances add to scores; "" for nothing.
std::string distance_words(const Attention& a, Lang lang);
// Weight 0.2341, 23.41 % · query 3 "学习" → key 1 "爱". A masked cell is said to be masked, and its
// weight only where it is not 0. The number comes first, so that it is never cut.
std::string cell_sentence(Lang lang, const CellText& cell);
// The same of a map that shows another measure: `value`, "Rollout 0.1234", comes first; the weight
// follows only where `of_head`, since a measure of several heads has no one weight.
std::string measured_sentence(Lang lang, const CellText& cell, const std::string& value,
                              bool of_head);

}  // namespace attn
