// action_table.h - every action with its title and keys: one table for keys, help and tooltips.
#pragma once

#include <imgui.h>

#include <span>
#include <string>
#include <string_view>

#include "ui/ui_state.h"

namespace attn {

// One way to press an action.
struct Chord {
  enum Modifier { none, shift, either, command, command_shift };  // either: with or without Shift
  ImGuiKey key = ImGuiKey_None;
  Modifier modifier = either;
};

// One row per action or gesture.
struct Action {
  const char* id = "";
  Text title = {};                      // what it does, in the help and in lists
  Text keys = {};                       // separated by two spaces; empty: it has none
  Chord chords[3] = {};                 // the same keys
  void (*run)(Frame&) = nullptr;        // null: of the mouse or of keys.cpp; only the help lists it
  bool (*can)(const Frame&) = nullptr;  // null: always
  bool repeats = false;                 // while the key is held down
  bool in_text = false;                 // from a text box, too
};
std::span<const Action> actions();
const Action* find_action(std::string_view id);
bool can_run(const Frame& f, const Action& action);
void run_action(Frame& f, const Action& action);

// "Undo (Ctrl+Z)", the tooltip of a button that does the same.
std::string action_help(const Frame& f, std::string_view id);

}  // namespace attn
