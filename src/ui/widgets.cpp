#include "ui/widgets.h"

#include <imgui_internal.h>

#include <algorithm>
#include <cmath>

#include "figure/figure_text.h"
#include "platform/platform.h"

namespace attn {
namespace {

// In the top bar: beside the last item, since the page's own text box covers what is below.
void place_tooltip() {
  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  if (min.y < 20 && min.x > 120)
    ImGui::SetNextWindowPos({min.x - 6, (min.y + max.y) / 2}, ImGuiCond_Always, {1, .5f});
}

// Whether the last item's help is due: not after a click on it, until the mouse has left it, since
// the help would cover what the click brought. A finger that rests asks for help.
bool is_help_due(ImGuiHoveredFlags flags) {
  const ImGuiIO& io = ImGui::GetIO();
  ImGuiID& pressed = static_cast<const Frame*>(io.UserData)->ui.pressed_item;
  const ImGuiID id = ImGui::GetItemID();
  if (id && ImGui::IsItemActivated() && io.MouseSource == ImGuiMouseSource_Mouse) pressed = id;
  if (ImGui::IsItemHovered(flags)) return !id || pressed != id;
  if (id && pressed == id && !ImGui::IsItemHovered()) pressed = 0;
  return false;
}

}  // namespace

float text_width(std::string_view text) {
  return ImGui::CalcTextSize(text.data(), text.data() + text.size()).x;
}

std::string fit_text(std::string_view text, float max_width) {
  if (text_width(text) <= max_width) return std::string(text);
  const std::string dots = "…";
  const float room = max_width - text_width(dots);
  const char* end = text.data();
  if (room > 0)
    ImGui::GetFont()->CalcTextSizeA(ImGui::GetFontSize(), room, 0, text.data(),
                                    text.data() + text.size(), &end);
  return std::string(text.substr(0, size_t(end - text.data()))) + dots;
}

std::string fit_preview(std::string_view text, float width) {
  return fit_text(text, width - ImGui::GetFrameHeight() - ImGui::GetStyle().FramePadding.x - 2);
}

bool begin_card(const Frame& f, const char* id, ImVec2 size, bool scrolls) {
  ImGui::PushStyleColor(ImGuiCol_ChildBg, rgb(f.colors().panel));
  const bool open = ImGui::BeginChild(
      id, size, ImGuiChildFlags_AlwaysUseWindowPadding | kTabPasses,
      scrolls ? 0 : ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse);
  ImGui::PopStyleColor();
  return open;
}

void end_card() { ImGui::EndChild(); }

void heading(const Frame& f, std::string_view text) {
  ImGui::PushFont(nullptr, kSmallText);
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  const std::string cut = fit_text(text, ImGui::GetContentRegionAvail().x);
  ImGui::TextUnformatted(cut.c_str(), cut.c_str() + cut.size());
  ImGui::PopStyleColor();
  ImGui::PopFont();
}

const char* line_end(const char* line, const char* end, float room) {
  const char* stop = std::find(line, end, '\n');
  if (stop == line) return std::min(end, line + 1);
  const char* longest = stop;
  ImGui::GetFont()->CalcTextSizeA(ImGui::GetFontSize(), std::max(room, 1.f), 0, line, stop,
                                  &longest);
  return line + line_break({line, size_t(stop - line)}, size_t(longest - line));
}

void wrapped(std::string_view text) {
  const float room = ImGui::GetContentRegionAvail().x;
  const float left = ImGui::GetCursorPosX();
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {8, 3});
  const char* end = text.data() + text.size();
  for (const char* line = text.data(); line < end;) {
    const char* stop = line_end(line, end, room);
    ImGui::SetCursorPosX(left);
    ImGui::TextUnformatted(line, stop);
    line = stop;
    while (line < end && (*line == ' ' || *line == '\n')) ++line;
  }
  ImGui::PopStyleVar();
}

void tooltip(std::string_view text) {
  if (!ImGui::BeginTooltip()) return;
  const float room = std::min(520.f, ImGui::GetMainViewport()->Size.x - 40);
  const char* end = text.data() + text.size();
  for (const char* line = text.data(); line < end;) {
    const char* paragraph = std::find(line, end, '\n');
    do {
      const char* stop = line_end(line, paragraph, room);
      ImGui::TextUnformatted(line, stop);
      line = stop;
      while (line < paragraph && *line == ' ') ++line;
    } while (line < paragraph);
    line = paragraph + 1;
  }
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  static_cast<const Frame*>(ImGui::GetIO().UserData)
      ->mark({"tooltip", {min.x, min.y}, {min.x + size.x, min.y + size.y}});
  ImGui::EndTooltip();
}

void item_tooltip(std::string_view text) {
  if (!is_help_due(ImGuiHoveredFlags_ForTooltip)) return;
  place_tooltip();
  tooltip(text);
}

bool icon_button(Frame& f, const char* name, Icon icon, std::string_view help, bool enabled) {
  ImGui::BeginDisabled(!enabled);
  const float side = ImGui::GetFrameHeight();
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImGui::PushID(name);
  const bool pressed = ImGui::Button("##icon", {side, side});
  ImGui::PopID();
  draw_icon(ImGui::GetWindowDrawList(), icon, {at.x + side / 2, at.y + side / 2},
            std::round(side * .5f), ImGui::GetColorU32(ImGuiCol_Text));
  f.mark(std::string("button.") + name);
  item_says(f, Control::button, help);
  ImGui::EndDisabled();
  if (is_help_due(ImGuiHoveredFlags_ForTooltip | ImGuiHoveredFlags_AllowWhenDisabled)) {
    place_tooltip();
    tooltip(help);
  }
  return pressed;
}

float segment_width(const Frame& f, std::string_view title) {
  return std::max(f.ui.touch ? kTouchSide : 0, text_width(title) + 16);
}

float menu_entry_height(const Frame& f) {
  return f.ui.touch ? kTouchSide - ImGui::GetStyle().ItemSpacing.y : 0;
}

bool menu_entry(const Frame& f, const char* title, bool chosen) {
  return ImGui::Selectable(title, chosen, 0, {0, menu_entry_height(f)});
}

bool segmented(Frame& f, const char* name, std::span<const std::string> titles, int& chosen,
               float width, std::span<const char* const> helps) {
  const float height = ImGui::GetFrameHeight(), pad = 3;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(at, {at.x + width, at.y + height}, rgb(f.colors().field), 8);
  // Each gets the width it needs; the rest is shared equally.
  std::vector<float> widths;
  float needed = 0;
  for (const std::string& title : titles) {
    widths.push_back(segment_width(f, title));
    needed += widths.back();
  }
  for (float& w : widths)
    w = needed > width ? w * width / needed : w + (width - needed) / float(titles.size());

  bool changed = false;
  float x = at.x;
  ImGui::PushID(name);
  for (size_t i = 0; i < titles.size(); ++i) {
    ImGui::SetCursorScreenPos({x, at.y});
    ImGui::PushID(int(i));
    if (ImGui::InvisibleButton("##segment", {widths[i], height}, ImGuiButtonFlags_EnableNav)) {
      changed = chosen != int(i);
      chosen = int(i);
    }
    ImGui::PopID();
    f.mark(std::string(name) + "." + std::to_string(i));
    const bool on = chosen == int(i);
    item_says(f, Control::tab, titles[i], on ? f.t("selected", "已选中") : "");
    const ImVec2 min = {x + pad, at.y + pad}, max = {x + widths[i] - pad, at.y + height - pad};
    if (on)
      list->AddRectFilled(min, max, rgb(f.ui.dark ? f.colors().field_hover : f.colors().panel), 6);
    else if (ImGui::IsItemHovered())
      list->AddRectFilled(min, max, rgb(f.colors().field_hover, .6f), 6);
    const std::string cut = fit_text(titles[i], widths[i] - 8);
    if (i < helps.size())
      item_tooltip(titles[i] + "\n" + helps[i]);
    else if (cut != titles[i])
      item_tooltip(titles[i]);
    list->AddText(
        {x + (widths[i] - text_width(cut)) / 2, at.y + (height - ImGui::GetFontSize()) / 2},
        rgb(on ? f.colors().text : f.colors().faint), cut.c_str());
    x += widths[i];
  }
  ImGui::PopID();
  ImGui::SetCursorScreenPos(at);
  ImGui::Dummy({width, height});
  return changed;
}

bool slider(Frame& f, const char* id, int& value, int low, int high, float width, bool logarithmic,
            int step) {
  for (ImGuiCol c : {ImGuiCol_FrameBg, ImGuiCol_FrameBgHovered, ImGuiCol_FrameBgActive,
                     ImGuiCol_SliderGrab, ImGuiCol_SliderGrabActive})
    ImGui::PushStyleColor(c, ImU32(0));
  ImGui::SetNextItemWidth(width);
  bool changed = ImGui::SliderInt(id, &value, low, high, "",
                                  ImGuiSliderFlags_NoInput | ImGuiSliderFlags_AlwaysClamp |
                                      (logarithmic && low > 0 ? ImGuiSliderFlags_Logarithmic : 0));
  ImGui::PopStyleColor(5);
  if (ImGui::IsItemActive()) platform::keep_finger(true);

  if (ImGui::IsItemFocused() && ImGui::GetCurrentContext()->NavCursorVisible &&
      !ImGui::IsItemActive()) {
    f.ui.next_arrows_taken = true;
    const int before = value;
    if (ImGui::IsKeyPressed(ImGuiKey_LeftArrow)) value -= step;
    if (ImGui::IsKeyPressed(ImGuiKey_RightArrow)) value += step;
    value = std::clamp(value, low, high);
    changed = changed || value != before;
  }

  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  const float y = std::floor((min.y + max.y) / 2), radius = ImGui::IsItemActive() ? 8.f : 7.f;
  float t = high > low ? float(value - low) / float(high - low) : 0;
  if (logarithmic && low > 0 && high > low)
    t = std::log(float(value) / float(low)) / std::log(float(high) / float(low));
  const float from = min.x + 8, to = max.x - 8, x = from + std::clamp(t, 0.f, 1.f) * (to - from);
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImU32 accent = ImGui::GetColorU32(ImGuiCol_CheckMark);
  list->AddRectFilled({from, y - 2}, {to, y + 2}, ImGui::GetColorU32(ImGuiCol_Separator), 2);
  list->AddRectFilled({from, y - 2}, {x, y + 2}, accent, 2);
  list->AddCircleFilled({x, y}, radius, accent, 24);
  if (!ImGui::IsItemHovered() && !ImGui::IsItemActive())
    list->AddCircleFilled({x, y}, radius - 2.5f, rgb(f.colors().panel), 24);
  return changed;
}

}  // namespace attn
