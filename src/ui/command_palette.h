// command_palette.h - a search over every action, view, measure, example, model and setting.
#pragma once

#include <string>
#include <vector>

#include "ui/search_list.h"

namespace attn {

// One row of the palette, and what choosing it does.
struct Choice {
  SearchRow row;
  void (*run)(Frame&, const Choice&) = nullptr;
  const void* of = nullptr;  // the row of a table
  std::string id = {};       // or its id
  int value = 0;             // or its index
};
std::vector<Choice> choices(const Frame& f);

}  // namespace attn
