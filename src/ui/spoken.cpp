// spoken.cpp - the name and role of the control that has the keyboard's focus. Dear ImGui reports
// the labels of its own widgets through the hooks of its test engine.
#include <imgui_internal.h>

#include "ui/widgets.h"

namespace attn {
namespace {

const char* role_name(const Frame& f, Control role) {
  switch (role) {
    case Control::button:
      return f.t("button", "按钮");
    case Control::tab:
      return f.t("tab", "标签");
    case Control::slider:
      return f.t("slider", "滑块");
    case Control::menu:
      return f.t("menu", "菜单");
    case Control::entry:
      return f.t("menu item", "菜单项");
    case Control::text:
      return f.t("text box", "文本框");
    case Control::checked:
      return f.t("checkbox, checked", "复选框，已选中");
    case Control::unchecked:
      return f.t("checkbox, not checked", "复选框，未选中");
  }
  return "";
}

}  // namespace

void item_says(const Frame& f, Control role, std::string_view name, std::string_view value) {
  const ImGuiContext& g = *ImGui::GetCurrentContext();
  if (!g.NavCursorVisible || g.LastItemData.ID == 0 || g.LastItemData.ID != g.NavId) return;
  const char* comma = f.t(", ", "，");
  f.ui.focus_says = std::string(name) + comma + role_name(f, role);
  if (!value.empty()) (f.ui.focus_says += comma) += value;
}

}  // namespace attn

// IO::UserData is the frame (draw_window).
void ImGuiTestEngineHook_ItemAdd(ImGuiContext*, ImGuiID, const ImRect&, const ImGuiLastItemData*) {}
void ImGuiTestEngineHook_Log(ImGuiContext*, const char*, ...) {}
const char* ImGuiTestEngine_FindItemDebugLabel(ImGuiContext*, ImGuiID) { return nullptr; }

void ImGuiTestEngineHook_ItemInfo(ImGuiContext* g, ImGuiID id, const char* label,
                                  ImGuiItemStatusFlags flags) {
  if (id != g->NavId || !g->NavCursorVisible || !g->IO.UserData) return;
  const std::string_view all = label ? label : "";
  const std::string_view name = all.substr(0, all.find("##"));
  if (name.empty()) return;
  const bool in_menu = g->CurrentWindow->Flags & ImGuiWindowFlags_Popup;
  using attn::Control;
  const Control role = flags & ImGuiItemStatusFlags_Inputable   ? Control::text
                       : flags & ImGuiItemStatusFlags_Checked   ? Control::checked
                       : flags & ImGuiItemStatusFlags_Checkable ? Control::unchecked
                       : in_menu                                ? Control::entry
                                                                : Control::button;
  const ImGuiLastItemData last = g->LastItemData;
  g->LastItemData.ID = id;
  attn::item_says(*static_cast<const attn::Frame*>(g->IO.UserData), role, name);
  g->LastItemData = last;
}
