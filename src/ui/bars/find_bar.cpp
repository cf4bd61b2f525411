// find_bar.cpp - finds words, or a position, in the text and chooses their token.
#include <algorithm>
#include <utility>

#include "platform/platform.h"
#include "ui/ui_state.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr size_t kMostFound = 100'000;

// Chooses the row of the found token, and brings it into view.
void go_to(Frame& f, int at) {
  FindBar& bar = f.ui.find;
  if (bar.found.empty()) return;
  const int n = int(bar.found.size());
  bar.at = (at % n + n) % n;
  const int token = bar.found[size_t(bar.at)].first;
  if (token != f.state.token) f.state.locked_key = -1;
  f.state.token = f.ui.bring_row = token;
}

// Searches again where the words or the text changed; starts at the chosen token.
void search(Frame& f, bool typed) {
  FindBar& bar = f.ui.find;
  if (bar.trace.lock() == f.snap.trace && bar.sample == f.shown.sample && bar.searched == bar.words)
    return;
  bar.found =
      find_tokens(f.attention().query_tokens[size_t(f.shown.sample)], bar.words, kMostFound);
  bar.searched = bar.words;
  bar.trace = f.snap.trace;
  bar.sample = f.shown.sample;
  const auto from = std::ranges::find_if(
      bar.found, [&](const FoundTokens& found) { return found.first >= f.shown.token; });
  bar.at = from == bar.found.end() ? 0 : int(from - bar.found.begin());
  if (typed) go_to(f, bar.at);
}

void close_find(Frame& f) { f.ui.find.open = false; }

std::string count_words(const Frame& f) {
  const FindBar& bar = f.ui.find;
  if (bar.words.empty()) return "";
  if (bar.found.empty()) return f.t("not found", "未找到");
  return std::to_string(bar.at + 1) + f.t(" of ", " / ") + std::to_string(bar.found.size());
}

}  // namespace

void open_find(Frame& f) { f.ui.find.open = f.ui.find.wants_focus = true; }

void draw_find_bar(Frame& f) {
  FindBar& bar = f.ui.find;
  if (!bar.open || !f.trace) return;
  const bool covered = ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup) || f.ui.help_open;
  const float side = ImGui::GetFrameHeight(), gap = 4;
  const std::string count = count_words(f);
  const float counts = std::max(text_width(f.t("not found", "未找到")), text_width(count)) + 12;
  const float all = ImGui::GetContentRegionAvail().x;
  const float width = std::clamp(all - counts - 3 * (side + gap) - 8, 80.f, 320.f);
  const ImVec2 at = ImGui::GetCursorScreenPos(), end = {at.x + width, at.y + side};
  bool typed = false;
  if (covered) {  // the page's own text box would cover menus
    ImGui::GetWindowDrawList()->AddRectFilled(at, end, rgb(f.colors().field), 7);
    ImGui::GetWindowDrawList()->AddText({at.x + 8, at.y + 7}, rgb(f.colors().text),
                                        fit_text(bar.words, width - 16).c_str());
  } else {
    typed = platform::prompt_box("find", bar.words, {at.x, at.y}, {end.x, end.y},
                                 f.t("Find in the text, or #position", "在文本中查找，或 #位置"),
                                 f.ui.dark);
    const platform::BoxKey key = platform::box_key("find", true);
    if (std::exchange(bar.wants_focus, false)) platform::focus_prompt("find");
    search(f, typed);
    if (key == platform::BoxKey::enter || key == platform::BoxKey::down) go_to(f, bar.at + 1);
    if (key == platform::BoxKey::shift_enter || key == platform::BoxKey::up) go_to(f, bar.at - 1);
    const bool escaped = !ImGui::GetIO().WantTextInput && ImGui::IsKeyPressed(ImGuiKey_Escape);
    if (key == platform::BoxKey::escape || escaped) close_find(f);
  }
  ImGui::SetCursorScreenPos(at);
  ImGui::Dummy({width, side});
  f.mark({"find", {at.x, at.y}, {end.x, end.y}, false, {}, {}});
  ImGui::SameLine(0, gap + 4);
  ImGui::AlignTextToFramePadding();
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  ImGui::TextUnformatted(count.c_str());
  ImGui::PopStyleColor();
  ImGui::SameLine(width + counts);
  const bool any = !bar.found.empty();
  if (icon_button(f, "find_previous", Icon::previous,
                  f.t("Previous place (Shift+Enter)", "上一处（Shift+回车）"), any))
    go_to(f, bar.at - 1);
  ImGui::SameLine(0, gap);
  if (icon_button(f, "find_next", Icon::next, f.t("Next place (Enter)", "下一处（回车）"), any))
    go_to(f, bar.at + 1);
  ImGui::SameLine(0, gap);
  if (icon_button(f, "find_close", Icon::close, f.t("Close (Esc)", "关闭 (Esc)"))) close_find(f);
}

}  // namespace attn
