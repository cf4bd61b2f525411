#include "ui/command_palette.h"

#include <algorithm>
#include <utility>

#include "ui/widgets.h"

namespace attn {
namespace {

void open_search(Frame& f) {
  f.ui.choices = choices(f.reads());
  std::vector<SearchRow> rows;
  for (const Choice& c : f.ui.choices) rows.push_back(c.row);
  f.ui.search.open(std::move(rows), 0);
}

// What the selected row does, or why it cannot be chosen.
void draw_about(const Frame& f) {
  const SearchList& s = f.ui.search;
  std::string says;
  if (!s.found.empty()) {
    const SearchRow& row = s.rows[size_t(s.found[size_t(s.at)])];
    says = row.why_not.empty() ? row.help : row.why_not;
  }
  heading(f, says.empty() ? f.t("↑ ↓ to select, Enter to choose, Esc to close",
                                "↑ ↓ 选择，回车确认，Esc 关闭")
                          : says);
}

}  // namespace

void draw_command_palette(Frame& f) {
  const char* id = "palette";
  if (f.ui.palette_open && !ImGui::IsPopupOpen(id)) {
    ImGui::OpenPopup(id);
    open_search(f);
  }
  const ImVec2 window = ImGui::GetMainViewport()->Size;
  const float width = std::min(600.f, window.x - 24), height = std::min(520.f, window.y - 24);
  ImGui::SetNextWindowPos({(window.x - width) / 2, std::max(12.f, (window.y - height) * .3f)});
  ImGui::SetNextWindowSize({width, height});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {12, 12});
  const bool shows = ImGui::BeginPopupModal(
      id, nullptr,
      ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoResize |
          ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoNav);
  ImGui::PopStyleVar();
  if (!shows) {
    f.ui.palette_open = false;
    return;
  }
  const ImVec2 room = ImGui::GetContentRegionAvail();
  const float line = ImGui::GetTextLineHeightWithSpacing();
  const int chosen = draw_search_list(
      f,
      width < 480 ? f.t("Search…", "搜索…")
                  : f.t("Search actions, views, measures, models…", "搜索操作、视图、度量、模型…"),
      room.x, room.y - line - 8);
  draw_about(f);
  const ImVec2 min = ImGui::GetWindowPos(), max = {min.x + width, min.y + height};
  const bool outside = ImGui::IsMouseClicked(0) && !ImGui::IsWindowAppearing() &&
                       !ImGui::IsMouseHoveringRect(min, max, false);
  const bool again = ImGui::GetIO().KeyCtrl && ImGui::IsKeyPressed(ImGuiKey_K, false) &&
                     !ImGui::IsWindowAppearing();
  if (chosen >= 0 || outside || again || ImGui::IsKeyPressed(ImGuiKey_Escape, false)) {
    f.ui.palette_open = false;
    ImGui::CloseCurrentPopup();
  }
  ImGui::EndPopup();
  if (chosen >= 0) {
    const Choice choice = f.ui.choices[size_t(chosen)];
    choice.run(f.reads(), choice);
  }
  if (!f.ui.palette_open) {
    f.ui.choices.clear();
    f.ui.search.rows.clear();
  }
}

}  // namespace attn
