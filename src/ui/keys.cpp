// keys.cpp - keyboard shortcuts, active everywhere but in text boxes.
#include <imgui.h>
#include <imgui_internal.h>

#include <algorithm>
#include <string_view>

#include "figure/views.h"
#include "platform/platform.h"
#include "ui/ui_state.h"

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

void step_head(Frame& f, int by) {
  if (!f.trace) return;
  choose_head(f, f.shown.layer, std::clamp(f.shown.head + by, 0, f.attention().n_heads - 1));
}

void step_layer(Frame& f, int by) {
  if (!f.trace) return;
  choose_head(f, std::clamp(f.shown.layer + by, 0, f.attention().n_layers - 1), f.shown.head);
}

void zoom(Frame& f, float factor) {
  const View2D& v = f.ui.view;
  zoom_map(f, factor, {(v.cell_min.x + v.cell_max.x) / 2, (v.cell_min.y + v.cell_max.y) / 2});
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

void plain_keys(Frame& f, bool shift) {
  const bool wall = middle_view(f.state).id == std::string_view("wall");
  arrow_keys(f, shift, wall && !shift);
  if (wall && pressed(ImGuiKey_Enter, false)) open_map(f);
  const auto middle = middle_views();
  for (int i = 0; i < std::min(9, int(middle.size())) && !shift; ++i)
    if (pressed(ImGuiKey(ImGuiKey_1 + i), false)) f.state.view = middle[size_t(i)]->id;
  const int bracket = int(pressed(ImGuiKey_RightBracket)) - int(pressed(ImGuiKey_LeftBracket));
  if (bracket != 0) shift ? step_layer(f, bracket) : step_head(f, bracket);
  const int comma = int(pressed(ImGuiKey_Period)) - int(pressed(ImGuiKey_Comma));
  if (comma != 0) step_head(f, comma);
  const int page = int(pressed(ImGuiKey_PageDown)) - int(pressed(ImGuiKey_PageUp));
  if (page != 0) step_layer(f, page);
  if (pressed(ImGuiKey_Equal) || pressed(ImGuiKey_KeypadAdd))
    wall ? zoom_wall(f, 1.25f) : zoom(f, 1.25f);
  if (pressed(ImGuiKey_Minus) || pressed(ImGuiKey_KeypadSubtract))
    wall ? zoom_wall(f, .8f) : zoom(f, .8f);
  if (pressed(ImGuiKey_N) && middle_view(f.state).id == std::string_view("chain"))
    step_chain(f, shift ? -1 : 1);
  if (pressed(ImGuiKey_F, false)) fit_map(f);
  if (pressed(ImGuiKey_W, false))
    f.state.units = Units((int(f.state.units) + 1) % int(std::size(kUnitNames)));
  if (pressed(ImGuiKey_S, false))
    f.state.specials = f.state.specials == Specials::shown ? Specials::hidden : Specials::shown;
  if (pressed(ImGuiKey_R, false) && can_retry(f)) retry(f);
  const bool learns = f.state.panel == Panel::learn;
  if (pressed(ImGuiKey_G, false)) f.state.panel = learns ? Panel::token : Panel::learn;
  if (learns && pressed(ImGuiKey_J)) step_place(f, 1);
  if (learns && pressed(ImGuiKey_K)) step_place(f, -1);
  if (pressed(ImGuiKey_T, false)) set_theme(f, f.ui.dark ? Theme::light : Theme::dark);
  if (pressed(ImGuiKey_L, false)) set_language(f, f.lang == Lang::zh ? Lang::en : Lang::zh);
  if (pressed(ImGuiKey_Slash, false)) {
    if (shift)
      f.ui.help_open = true;
    else
      platform::focus_prompt();
  }
  if (pressed(ImGuiKey_Escape, false)) {
    f.state.locked_key = -1;
    f.state.rectangle.clear();
  }
}

}  // namespace

void handle_keys(Frame& f) {
  const ImGuiIO& io = ImGui::GetIO();
  const bool menu = ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup);
  if (io.WantTextInput || menu || f.ui.help_open) return;

  const bool command = io.KeyCtrl || io.KeySuper;
  if (command && pressed(ImGuiKey_Z)) io.KeyShift ? go_forward(f) : go_back(f);
  if (command && pressed(ImGuiKey_Y)) go_forward(f);
  if (ImGui::IsAnyItemActive() || command || io.KeyAlt) return;
  plain_keys(f, io.KeyShift);

  // The arrow keys belong to the map; Dear ImGui navigates the controls by Tab.
  const ImGuiID owner = ImGui::GetID("map keys");
  for (ImGuiKey key : {ImGuiKey_LeftArrow, ImGuiKey_RightArrow, ImGuiKey_UpArrow,
                       ImGuiKey_DownArrow, ImGuiKey_PageUp, ImGuiKey_PageDown})
    ImGui::SetKeyOwner(key, owner);
}

}  // namespace attn
