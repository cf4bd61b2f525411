// head_words.h - what a head does, in sentences from two sources: the model's probe, and this text.
#pragma once

#include <span>
#include <string>

#include "analysis/head_character.h"
#include "state/language.h"
#include "trace/attention.h"

namespace attn {

// "Induction head", "First-token sink"; "No role found".
std::string role_noun(Role role, Lang lang);
// The head's name in general: that of its role, or "Even attention" or "No role found".
std::string general_name(const HeadCharacter& character, Lang lang);
// The same, as short as it goes: "Induction", "First token"; "" without a role.
std::string short_role(const HeadCharacter& character, Lang lang);
// The roles with their scores on the probe and their places: "Induction head (0.82 on the probe;
// 3rd of 24); otherwise rests on the first token (0.71; 2nd of 24)."
std::string general_words(const HeadCharacters& all, int layer, int head, Lang lang);
// "In general: Induction head", a line for where heads are listed or pointed at; "" where the head
// has no role.
std::string general_line(const HeadCharacters* all, int layer, int head, Lang lang);
// How the probe was made, in a sentence or two.
std::string probe_words(const HeadCharacters& all, Lang lang);

// What a head does in the text on screen. A row goes to something where more than half of its
// weight does.
struct HereInput {
  const Attention& attention;
  int sample = 0, layer = 0, head = 0;
  int query = 0;               // the chosen token
  std::span<const float> row;  // its weights [n_key]
};
struct HeadHere {
  // Of the rows that may see two keys or more: those that go to the first token, and so on.
  int n_rows = 0, first = 0, previous = 0, self = 0, next = 0, special = 0, punctuation = 0;
  int n_copied = 0;           // rows whose token stood before, with something after it
  int copies = 0, after = 0;  // those that go to earlier copies, and to what followed these
  bool has_rows = false;      // false: too many to read, and the pass told nothing of them
  int key = -1, n_seen = 0;   // the chosen token's largest weight; keys it may see
  float weight = 0;
  bool is_even = false;  // the largest weight is about that of uniform attention
  bool is_self = false, is_previous = false, is_next = false, is_first = false;
  bool is_copy = false, is_after = false, is_special = false, is_punctuation = false;
};
HeadHere head_here(const HereInput& input);
// "Rests on the first token in 67 % of rows; in 2 of the 4 rows whose token stood before,
// it attends mostly to what followed it." "" where nothing is known of the rows.
std::string rows_words(const HeadHere& here, Lang lang);
// "At “ Toad” (16) it attends most to “ and” (3), weight 0.55: the token that followed “ Toad”
// earlier." "" where the layer is not kept.
std::string token_words(const HeadHere& here, const HereInput& input, Lang lang);

}  // namespace attn
