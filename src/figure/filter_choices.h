// filter_choices.h - ways to complete the word that is being typed at the end of a filter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "figure/heads_table.h"

namespace attn {

struct FilterChoice {
  std::string word;   // "induction", "role=sink", "L5"
  std::string title;  // what it is, in words; "" for layers and heads
  std::string text;   // the whole filter once it is chosen
  bool operator==(const FilterChoice&) const = default;
};

// Measures, roles, layers and heads whose name begins with the word, in either language, then those
// that contain it; at most `most`. None where a number is expected or nothing is being typed.
std::vector<FilterChoice> filter_choices(std::string_view text, int n_layers, int n_heads,
                                         Lang lang, size_t most);

}  // namespace attn
