// prompt_desktop.cpp - text boxes by Dear ImGui.
#include <imgui.h>
#include <imgui_stdlib.h>

#include "platform/program.h"

namespace attn::platform {
namespace {

// The box to focus when it is next drawn.
std::string& focus_wanted() {
  static std::string id;
  return id;
}

}  // namespace

bool prompt_box(const char* id, std::string& text, Vec2 min, Vec2 max, const char* label,
                bool /*dark*/, bool /*over_list*/) {
  const ImVec2 size(max.x - min.x, max.y - min.y);
  const bool one_line = size.y < 2.5f * ImGui::GetFontSize();
  const ImVec2 before = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos({min.x, min.y});
  if (focus_wanted() == id) {
    ImGui::SetKeyboardFocusHere();
    focus_wanted().clear();
  }
  bool changed = false;
  if (one_line) {
    ImGui::SetNextItemWidth(size.x);
    const float padding = (size.y - ImGui::GetFontSize()) / 2;
    ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, ImVec2(8, padding));
    changed = ImGui::InputTextWithHint((std::string("##") + id).c_str(), label, &text);
    ImGui::PopStyleVar();
  } else {
#if IMGUI_VERSION_NUM >= 19230
    const ImGuiInputTextFlags flags = ImGuiInputTextFlags_WordWrap;
#else
    const ImGuiInputTextFlags flags = ImGuiInputTextFlags_None;  // long lines scroll sideways
#endif
    changed = ImGui::InputTextMultiline((std::string("##") + id).c_str(), &text, size, flags);
  }
  ImGui::SetCursorScreenPos(before);
  return changed;
}

void focus_prompt(const char* id) { focus_wanted() = id; }

BoxKey box_key(const char* id, bool wants) {
  if (!wants || !(ImGui::IsItemActive() || ImGui::IsItemDeactivated())) return BoxKey::none;
  struct Row {
    ImGuiKey pressed;
    BoxKey means;
  };
  for (const Row& row : {Row{ImGuiKey_UpArrow, BoxKey::up}, Row{ImGuiKey_DownArrow, BoxKey::down},
                         Row{ImGuiKey_Enter, BoxKey::enter}, Row{ImGuiKey_Tab, BoxKey::tab},
                         Row{ImGuiKey_Escape, BoxKey::escape}}) {
    if (!ImGui::IsKeyPressed(row.pressed)) continue;
    if (row.means != BoxKey::escape) focus_prompt(id);  // Enter and Tab end typing
    return row.means == BoxKey::enter && ImGui::GetIO().KeyShift ? BoxKey::shift_enter : row.means;
  }
  return BoxKey::none;
}

void start_frame() {}
void end_frame() {}

}  // namespace attn::platform
