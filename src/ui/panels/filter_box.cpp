// filter_box.cpp - the box of the filter of heads, and the ways to complete the word typed in it.
#include <algorithm>
#include <utility>

#include "figure/filter_choices.h"
#include "platform/platform.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr size_t kMostChoices = 8;

// The list shows, and sorts by, the measure that was just filtered by.
void follow_filter(Frame& f, const std::string& before) {
  const Metric* metric = newly_filtered(before, f.state.filter);
  if (!metric) return;
  f.state.measure = metric->id;
  if (f.state.order == Order::place) f.state.order = Order::highest;
}

void take_choice(Frame& f, const FilterChoice& choice) {
  const std::string before = std::exchange(f.state.filter, choice.text);
  f.ui.typed_at = ImGui::GetTime();
  f.ui.filter_chosen = 0;
  f.ui.completes_filter = choice.text.ends_with('=');  // its roles come next
  follow_filter(f, before);
  platform::focus_prompt("filter");
}

// One line: the word, and at the right what it is.
bool draw_filter_choice(const Frame& f, const FilterChoice& choice, int i, float width) {
  ImGui::PushID(i);
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const bool taken = ImGui::Selectable("##choice", f.ui.filter_chosen == i);
  ImGui::PopID();
  f.mark("filter." + std::to_string(i));
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddText(at, rgb(f.colors().text), fit_text(choice.word, width).c_str());
  const float left = text_width(choice.word) + 12;
  const std::string title = fit_text(choice.title, std::max(0.f, width - left));
  if (width > left + 24)
    list->AddText({at.x + width - text_width(title), at.y}, rgb(f.colors().faint), title.c_str());
  return taken;
}

// Up and Down choose, Enter, Tab and a click take, Escape closes.
void draw_choices(Frame& f, const std::vector<FilterChoice>& choices, ImVec2 below, float width) {
  const int n = int(choices.size());
  int& chosen = f.ui.filter_chosen;
  chosen = std::clamp(chosen, 0, std::max(0, n - 1));
  const FilterChoice* taken = nullptr;
  switch (platform::box_key("filter", n > 0)) {
    case platform::BoxKey::up:
      chosen = (chosen + n - 1) % std::max(1, n);
      break;
    case platform::BoxKey::down:
      chosen = (chosen + 1) % std::max(1, n);
      break;
    case platform::BoxKey::enter:
    case platform::BoxKey::shift_enter:
    case platform::BoxKey::tab:
      if (n > 0) taken = &choices[size_t(chosen)];
      break;
    case platform::BoxKey::escape:
      f.ui.completes_filter = false;
      break;
    case platform::BoxKey::none:
      break;
  }
  if (n == 0) return;
  ImGui::SetNextWindowPos(below);
  ImGui::SetNextWindowSize({width, 0});
  ImGui::Begin("##filter choices", nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoNav |
                   ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_NoFocusOnAppearing |
                   ImGuiWindowFlags_AlwaysAutoResize);
  for (int i = 0; i < n; ++i)
    if (draw_filter_choice(f, choices[size_t(i)], i, ImGui::GetContentRegionAvail().x))
      taken = &choices[size_t(i)];
  const bool over = ImGui::IsWindowHovered(ImGuiHoveredFlags_AllowWhenBlockedByActiveItem);
  ImGui::End();
  if (ImGui::IsMouseClicked(0) && !over) f.ui.completes_filter = false;
  if (taken) take_choice(f, *taken);
}

}  // namespace

void draw_filter_box(Frame& f, float width) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float high = ImGui::GetFrameHeight();
  const char* hint = f.t("Filter: induction > 0.5 L5", "筛选：induction > 0.5 L5");
  const std::string before = f.state.filter;
  const bool covered = ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup) || f.ui.help_open;
  if (covered) {
    f.ui.completes_filter = false;
    ImGui::GetWindowDrawList()->AddRectFilled(at, {at.x + width, at.y + high},
                                              rgb(f.colors().field), 7);
    ImGui::GetWindowDrawList()->AddText(
        {at.x + 8, at.y + 7}, rgb(f.state.filter.empty() ? f.colors().faint : f.colors().text),
        fit_text(f.state.filter.empty() ? hint : f.state.filter, width - 16).c_str());
  } else {
    if (platform::prompt_box("filter", f.state.filter, {at.x, at.y}, {at.x + width, at.y + high},
                             hint, f.ui.dark)) {
      f.ui.typed_at = ImGui::GetTime();
      f.ui.completes_filter = true;
      f.ui.filter_chosen = 0;
      follow_filter(f, before);
    }
    std::vector<FilterChoice> choices;
    if (f.ui.completes_filter)
      choices = filter_choices(f.state.filter, f.attention().n_layers, f.attention().n_heads,
                               f.lang, kMostChoices);
    draw_choices(f, choices, {at.x, at.y + high + 2}, width);
  }
  ImGui::SetCursorScreenPos(at);
  ImGui::Dummy({width, high});
  f.mark({"filter", {at.x, at.y}, {at.x + width, at.y + high}, false, {}, {}});
}

}  // namespace attn
