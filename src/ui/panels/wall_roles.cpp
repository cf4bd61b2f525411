// wall_roles.cpp - what heads do in general, as coloured dots where their maps have no room for
// words, and the legend of the colours.
#include <algorithm>

#include "figure/head_words.h"
#include "figure/heads_table.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

// By Role: the colours of Okabe and Ito (2008), which all kinds of eyes tell apart.
constexpr uint32_t kRoleColors[] = {
    0x0072b2,  // previous_token
    0x56b4e9,  // next_token
    0xf0e442,  // self
    0xd55e00,  // induction
    0xcc79a7,  // duplicate_token
    0x999999,  // sink
    0x009e73,  // special
    0xe69f00,  // punctuation
    0xffffff,  // broad
    0x000000,  // block
};
static_assert(std::size(kRoleColors) == size_t(Role::nothing));

}  // namespace

void draw_role_dot(const Frame& f, ImDrawList* list, ImVec2 at, float radius, Role role) {
  if (role == Role::nothing) return;
  list->AddCircleFilled(at, radius + 1, rgb(f.colors().panel));
  list->AddCircleFilled(at, radius, rgb(kRoleColors[size_t(role)]));
  list->AddCircle(at, radius + 1, rgb(f.colors().faint));
}

void draw_role_legend(Frame& f, const HeadCharacters& all) {
  const float line = ImGui::GetFontSize(), right = ImGui::GetContentRegionAvail().x;
  const ImVec2 corner = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  float x = 0, y = 0;
  for (size_t r = 0; r < std::size(kRoleColors); ++r) {
    const Role role = Role(r);
    const auto has = [role](const HeadCharacter& head) { return head.main.role == role; };
    const auto n = std::ranges::count_if(all.heads, has);
    if (n == 0) continue;
    const std::string text = std::string(role_name(role).in(f.lang)) + " " + std::to_string(n);
    const float wide = line + text_width(text) + 10;
    if (x > 0 && x + wide > right) x = 0, y += line + 4;
    const ImVec2 at = {corner.x + x, corner.y + y};
    const std::string filter = role_filter(role);
    const bool chosen = f.state.filter == filter;
    ImGui::SetCursorScreenPos(at);
    if (ImGui::InvisibleButton(filter.c_str(), {wide - 6, line + 2}, ImGuiButtonFlags_EnableNav))
      f.state.filter = chosen ? "" : filter;
    f.mark("wall.role." + std::to_string(r));
    item_tooltip(chosen ? f.t("Show all heads again", "重新显示所有头")
                        : f.t("Show only these heads", "只显示这些头"));
    const bool strong = chosen || ImGui::IsItemHovered();
    draw_role_dot(f, list, {at.x + 5, at.y + line / 2 + 1}, 3.5f, role);
    list->AddText({at.x + line, at.y}, rgb(strong ? f.colors().text : f.colors().faint),
                  text.c_str());
    x += wide;
  }
  if (x == 0) return;
  ImGui::SetCursorScreenPos(corner);
  ImGui::Dummy({right, y + line});
}

}  // namespace attn
