#include "ui/search_list.h"

#include <imgui_internal.h>

#include <algorithm>
#include <utility>

#include "base/match.h"
#include "platform/platform.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr int kPage = 8;    // rows that PageUp and PageDown move by
constexpr int kTitle = 20;  // the score of what one can see

int score_of(const SearchRow& row, const std::string& typed) {
  std::vector<std::string> names = row.found;
  names.push_back(row.title);
  int score = match_score(typed, names);
  if (match_score(typed, {&row.title, 1}) > 0) score += kTitle;
  return row.why_not.empty() ? score : (score + 1) / 2;
}

// The best first, equal ones in the order of the rows.
void find(SearchList& s) {
  s.found.clear();
  s.at = 0;
  const bool all = s.typed.find_first_not_of(' ') == std::string::npos;
  std::vector<int> scores;  // of `found`
  for (size_t i = 0; i < s.rows.size(); ++i) {
    const int score = all ? 1 : score_of(s.rows[i], s.typed);
    if (score <= 0) continue;
    size_t at = scores.size();
    while (at > 0 && scores[at - 1] < score) --at;
    scores.insert(scores.begin() + int(at), score);
    s.found.insert(s.found.begin() + int(at), int(i));
  }
}

void announce_row(const Frame& f) {
  const SearchList& s = f.ui.search;
  using platform::Spoken;
  if (s.found.empty())
    return platform::announce(f.t("Nothing found", "没有匹配项"), Spoken::control);
  const SearchRow& row = s.rows[size_t(s.found[size_t(s.at)])];
  platform::announce(row.title + (*row.group ? f.t(", ", "，") : "") + row.group +
                         (row.why_not.empty() ? "" : f.t("; unavailable: ", "；不可用：")) +
                         row.why_not,
                     Spoken::control);
}

// True when the selection moved.
bool move_by_keys(SearchList& s) {
  // No control of the window that is covered gets these keys.
  const ImGuiID owner = ImGui::GetID("search keys");
  for (ImGuiKey key :
       {ImGuiKey_UpArrow, ImGuiKey_DownArrow, ImGuiKey_PageUp, ImGuiKey_PageDown, ImGuiKey_Enter})
    ImGui::SetKeyOwner(key, owner);
  const auto pressed = [&](ImGuiKey key) { return int(ImGui::IsKeyPressed(key)); };
  const int by = pressed(ImGuiKey_DownArrow) - pressed(ImGuiKey_UpArrow) +
                 kPage * (pressed(ImGuiKey_PageDown) - pressed(ImGuiKey_PageUp));
  if (by == 0 || s.found.empty()) return false;
  const int last = int(s.found.size()) - 1;
  // One step past an end leads to the other.
  s.at = s.at == last && by == 1 ? 0
         : s.at == 0 && by == -1 ? last
                                 : std::clamp(s.at + by, 0, last);
  return true;
}

// True when it was clicked.
bool draw_row(Frame& f, const SearchRow& row, bool selected, bool searched) {
  ImVec2 at = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, high = menu_entry_height(f);
  const bool can = row.why_not.empty();
  const bool clicked =
      ImGui::Selectable("##row", selected, ImGuiSelectableFlags_NoAutoClosePopups, {0, high});
  at.y += std::max(0.f, high - ImGui::GetFontSize()) / 2;
  if (!ImGui::IsItemVisible()) return false;
  f.mark(row.name);
  const std::string& says = can ? row.help : row.why_not;
  if (!says.empty()) item_tooltip(says);
  ImDrawList* list = ImGui::GetWindowDrawList();
  const std::string right = searched && row.keys.empty() ? row.group : row.keys;
  const float small = kSmallText / ImGui::GetFontSize();
  const float right_width = right.empty() ? 0 : text_width(right) * small;
  list->AddText({at.x + 6, at.y}, rgb(can ? f.colors().text : f.colors().faint),
                fit_text(row.title, width - right_width - 26).c_str());
  list->AddText(nullptr, kSmallText, {at.x + width - right_width - 6, at.y + 2},
                rgb(f.colors().faint), right.c_str());
  return clicked && can;
}

int draw_rows(Frame& f, bool moved) {
  SearchList& s = f.ui.search;
  const bool searched = s.typed.find_first_not_of(' ') != std::string::npos;
  if (s.found.empty())
    wrapped(f.t("Nothing found. Try another word, in English or Chinese",
                "没有匹配项。换个词试试，中英文均可"));
  ImGui::PushItemFlag(ImGuiItemFlags_NoNav, true);
  int chosen = -1;
  const char* group = "";
  const ImVec2 mouse = ImGui::GetIO().MouseDelta;
  for (int i = 0; i < int(s.found.size()); ++i) {
    const int index = s.found[size_t(i)];
    const SearchRow& row = s.rows[size_t(index)];
    if (!searched && std::exchange(group, row.group) != row.group && *group) heading(f, group);
    ImGui::PushID(index);
    if (draw_row(f, row, i == s.at, searched)) chosen = index;
    ImGui::PopID();
    if (ImGui::IsItemHovered() && (mouse.x != 0 || mouse.y != 0)) s.at = i;
    if (i == s.at && moved) i == 0 ? ImGui::SetScrollY(0) : ImGui::SetScrollHereY(.5f);
  }
  ImGui::PopItemFlag();
  return chosen;
}

}  // namespace

void SearchList::open(std::vector<SearchRow> all, int row) {
  rows = std::move(all);
  typed.clear();
  find(*this);
  at = row >= 0 && row < int(rows.size()) ? row : 0;
  opens = true;
}

int draw_search_list(Frame& f, const char* label, float width, float height) {
  SearchList& s = f.ui.search;
  const ImVec2 at = ImGui::GetCursorScreenPos(),
               end = {at.x + width, at.y + ImGui::GetFrameHeight()};
  const int before = s.at;
  bool moved = std::exchange(s.opens, false);
  const bool typed =
      platform::prompt_box("search", s.typed, {at.x, at.y}, {end.x, end.y}, label, f.ui.dark, true);
  if (moved) platform::focus_prompt("search");
  ImGui::SetCursorScreenPos(at);
  ImGui::Dummy({width, end.y - at.y});
  f.mark({"search", {at.x, at.y}, {end.x, end.y}, false, {}, {}});
  if (typed) find(s);
  moved = move_by_keys(s) || moved || typed;

  ImGui::BeginChild("rows", {width, height - (end.y - at.y)}, ImGuiChildFlags_NavFlattened);
  int chosen = draw_rows(f, moved);
  ImGui::EndChild();
  if (moved || s.at != before) announce_row(f);
  if (chosen < 0 && ImGui::IsKeyPressed(ImGuiKey_Enter, false) && !s.found.empty()) {
    const int index = s.found[size_t(s.at)];
    if (s.rows[size_t(index)].why_not.empty()) chosen = index;
  }
  return chosen;
}

}  // namespace attn
