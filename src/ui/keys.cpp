// keys.cpp - keyboard shortcuts, active everywhere but in text boxes.
#include <imgui.h>
#include <imgui_internal.h>

#include <algorithm>
#include <string_view>

#include "figure/views.h"
#include "ui/action_table.h"

namespace attn {
namespace {

bool pressed(ImGuiKey key, bool repeat = true) { return ImGui::IsKeyPressed(key, repeat); }

void move_cell(Frame& f, int down, int right) {
  if (!f.trace || (down == 0 && right == 0)) return;
  const Attention& a = f.attention();
  const int query = std::clamp(f.shown.token + down, 0, a.n_query - 1);
  int key = f.shown.locked_key;
  // The first step sideways starts at the strongest key of the row.
  if (right != 0 && key < 0) {
    const std::span<const float> row = f.row();
    key = row.empty() ? 0 : top_keys(row, 1)[0].key;
  } else if (right != 0) {
    key = std::clamp(key + right, 0, a.n_key - 1);
  }
  f.state.token = f.query_token(query);
  f.state.locked_key = f.key_token(key);
}

// Moves the lower right corner of the rectangle, or of a new one at the chosen cell.
void grow_rectangle(Frame& f, int down, int right) {
  if (!f.trace || (down == 0 && right == 0)) return;
  const Attention& a = f.attention();
  const int key = std::max(0, f.shown.locked_key);
  CellRect r = f.rectangle().value_or(CellRect{f.shown.token, f.shown.token, key, key});
  r.q1 = std::clamp(r.q1 + down, r.q0, a.n_query - 1);
  r.k1 = std::clamp(r.k1 + right, r.k0, a.n_key - 1);
  f.choose_rectangle(r);
}

void arrow_keys(Frame& f, bool shift, bool of_heads) {
  if (f.ui.arrows_taken) return;
  const int down = int(pressed(ImGuiKey_DownArrow)) - int(pressed(ImGuiKey_UpArrow));
  const int right = int(pressed(ImGuiKey_RightArrow)) - int(pressed(ImGuiKey_LeftArrow));
  if (of_heads) {
    if (down != 0) step_layer(f, down);
    if (right != 0) step_head(f, right);
  } else {
    shift ? grow_rectangle(f, down, right) : move_cell(f, down, right);
  }
}

bool is_pressed(const Action& action, bool typing) {
  const ImGuiIO& io = ImGui::GetIO();
  const bool command = io.KeyCtrl || io.KeySuper;
  for (const Chord& chord : action.chords) {
    const bool commands = chord.modifier >= Chord::command;
    if (chord.key == ImGuiKey_None || command != commands || io.KeyAlt) continue;
    if (typing && !commands) continue;
    const bool shift = chord.modifier == Chord::shift || chord.modifier == Chord::command_shift;
    if (chord.modifier != Chord::either && shift != io.KeyShift) continue;
    if (pressed(chord.key, action.repeats)) return true;
  }
  return false;
}

void number_keys(Frame& f) {
  const auto middle = middle_views();
  for (int i = 0; i < std::min(9, int(middle.size())); ++i)
    if (pressed(ImGuiKey(ImGuiKey_1 + i), false)) f.state.view = middle[size_t(i)]->id;
}

}  // namespace

void handle_keys(Frame& f) {
  const ImGuiIO& io = ImGui::GetIO();
  const bool menu = ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup);
  if (menu || f.ui.help_open) return;
  const bool typing = ImGui::IsAnyItemActive();
  for (const Action& action : actions())
    if ((action.in_text || !io.WantTextInput) && is_pressed(action, typing) && can_run(f, action))
      run_action(f, action);
  if (io.WantTextInput || typing || io.KeyCtrl || io.KeySuper || io.KeyAlt) return;
  arrow_keys(f, io.KeyShift, middle_view(f.state).id == std::string_view("wall") && !io.KeyShift);
  if (!io.KeyShift) number_keys(f);

  // The arrow keys belong to the map; Dear ImGui navigates the controls by Tab.
  const ImGuiID owner = ImGui::GetID("map keys");
  for (ImGuiKey key : {ImGuiKey_LeftArrow, ImGuiKey_RightArrow, ImGuiKey_UpArrow,
                       ImGuiKey_DownArrow, ImGuiKey_PageUp, ImGuiKey_PageDown})
    ImGui::SetKeyOwner(key, owner);
}

}  // namespace attn
