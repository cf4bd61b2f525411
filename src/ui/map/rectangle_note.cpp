// rectangle_note.cpp - the numbers of the rectangle on the map, beside it.
#include <algorithm>

#include "figure/heads_table.h"
#include "figure/rectangle.h"
#include "ui/map/map_view.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr double kRectangleWork = 3e7;  // multiplications per frame
constexpr float kNoteWidth = 236;

}  // namespace

const std::vector<std::string>& rectangle_lines(Frame& f) {
  RectCache& c = f.ui.rectangle;
  const auto rect = read_rectangle(f.state.rectangle, f.attention());
  if (!rect || !f.attention().is_kept(f.shown.layer)) {
    c = {};
    return c.lines;
  }
  const MapKey key{f.shown.site(), f.snap.trace, f.shown.sample};
  if (c.map == key && c.rect == *rect && c.lang == f.lang) return c.lines;
  c = {key, *rect, f.lang, {}};
  if (rectangle_work(f.attention(), *rect) > kRectangleWork)
    c.lines = {f.t("Too many queries to sum at once; select a smaller rectangle",
                   "查询过多，无法立即求和；请缩小矩形")};
  else
    c.lines =
        rectangle_words(rectangle_facts(f.attention(), key.sample, key.layer, key.head, *rect),
                        *rect, f.attention(), f.shown.sample, f.lang);
  return c.lines;
}

void draw_rectangle_note(Frame& f, const MapBox& box, const MapSource& source) {
  const auto rect = f.rectangle();
  if (!rect || source.preview) return;
  const std::vector<std::string>& lines = rectangle_lines(f.base ? *f.base : f);
  if (lines.empty()) return;
  // Where the map shows another measure, these are still weights of the chosen head.
  std::string text = source.measured
                         ? f.t("Weights of ", "权重：") + head_name(f.shown.layer, f.shown.head)
                         : std::string();
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;

  ImGui::PushFont(nullptr, kSmallText);
  const ImVec2 size =
      ImGui::CalcTextSize(text.c_str(), text.c_str() + text.size(), false, kNoteWidth);
  const float pad = 8, wide = size.x + 2 * pad, high = size.y + 2 * pad;
  const float left = box.x_of(float(rect->k0)), right = box.x_of(float(rect->k1 + 1));
  // To its right, else to its left, else below; within the window.
  const ImVec2 low = ImGui::GetWindowPos(),
               end = {low.x + ImGui::GetWindowWidth(), low.y + ImGui::GetWindowHeight()};
  const float top = box.y_of(float(rect->q0)), bottom = box.y_of(float(rect->q1 + 1));
  ImVec2 at = {right + 10, top};
  if (at.x + wide > end.x - 4) at.x = left - wide - 10;
  if (at.x < low.x + 4) at = {left, bottom + 10};
  at.x = std::clamp(at.x, low.x + 4, std::max(low.x + 4, end.x - wide - 4));
  at.y = std::clamp(at.y, low.y + 4, std::max(low.y + 4, end.y - high - 4));
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(at, {at.x + wide, at.y + high}, rgb(f.colors().panel, .94f), 6);
  list->AddRect(at, {at.x + wide, at.y + high}, rgb(f.colors().line), 6);
  list->AddText(nullptr, 0, {at.x + pad, at.y + pad}, rgb(f.colors().text), text.c_str(),
                text.c_str() + text.size(), kNoteWidth);
  ImGui::PopFont();
  f.mark({"rectangle.note", {at.x, at.y}, {at.x + wide, at.y + high}, false, {}, {}});
}

}  // namespace attn
