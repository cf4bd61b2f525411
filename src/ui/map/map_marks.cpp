// map_marks.cpp - marks on the big map: hovered cell, locked cell, rectangle, cells of a score.
#include <algorithm>

#include "figure/rectangle.h"
#include "ui/map/map_view.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

void frame_cell(const MapBox& box, int query, int key, ImU32 color, float width) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 min = {box.x_of(float(key)), box.y_of(float(query))};
  const ImVec2 max = {box.x_of(float(key + 1)), box.y_of(float(query + 1))};
  list->AddRect({min.x - width, min.y - width}, {max.x + width, max.y + width},
                IM_COL32(0, 0, 0, 170), 1, 0, width + 1.5f);
  list->AddRect({min.x - width / 2, min.y - width / 2}, {max.x + width / 2, max.y + width / 2},
                color, 1, 0, width);
}

}  // namespace

void draw_score_cells(const Frame& f, const MapBox& box) {
  if (f.ui.open_measure.empty() || f.state.panel != Panel::head) return;
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRect(box.min, box.max, true);
  const ImU32 color = rgb(0xff5fa2);
  const bool fine = box.cell_width() < 5 || box.cell_height() < 5;
  for (auto [query, key] : score_cells(f.base ? *f.base : f)) {
    if (f.reading) {
      query = f.reading->queries.of_token[size_t(query)];
      key = f.reading->keys.of_token[size_t(key)];
      if (query < 0 || key < 0) continue;
    }
    const ImVec2 min = {box.x_of(float(key)), box.y_of(float(query))};
    const ImVec2 max = {box.x_of(float(key + 1)), box.y_of(float(query + 1))};
    if (max.x < box.min.x || min.x > box.max.x || max.y < box.min.y || min.y > box.max.y) continue;
    if (fine)
      list->AddRectFilled(min, {std::max(max.x, min.x + 1.5f), std::max(max.y, min.y + 1.5f)},
                          rgb(0xff5fa2, .55f));
    else
      list->AddRect({min.x + 1, min.y + 1}, {max.x - 1, max.y - 1}, color, 1, 0, 1.5f);
  }
  list->PopClipRect();
}

void draw_marks(const Frame& f, const MapBox& box) {
  const UiState& ui = f.ui;
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRect({box.min.x - 3, box.min.y - 3}, {box.max.x + 3, box.max.y + 3}, true);
  if (ui.hover_query >= 0) {
    const ImU32 line = IM_COL32(255, 255, 255, 110), shade = IM_COL32(0, 0, 0, 90);
    const float y0 = box.y_of(float(ui.hover_query)), y1 = box.y_of(float(ui.hover_query + 1));
    const float x0 = box.x_of(float(ui.hover_key)), x1 = box.x_of(float(ui.hover_key + 1));
    for (float y : {y0, y1}) {
      list->AddLine({box.min.x, y + 1}, {box.max.x, y + 1}, shade);
      list->AddLine({box.min.x, y}, {box.max.x, y}, line);
    }
    for (float x : {x0, x1}) {
      if (ui.hover_key < 0) continue;  // a whole row
      list->AddLine({x + 1, box.min.y}, {x + 1, box.max.y}, shade);
      list->AddLine({x, box.min.y}, {x, box.max.y}, line);
    }
    if (ui.hover_key >= 0) frame_cell(box, ui.hover_query, ui.hover_key, IM_COL32_WHITE, 1.5f);
  }
  if (const auto r = f.rectangle()) {
    const ImVec2 min = {box.x_of(float(r->k0)), box.y_of(float(r->q0))};
    const ImVec2 max = {box.x_of(float(r->k1 + 1)), box.y_of(float(r->q1 + 1))};
    list->AddRectFilled(min, max, IM_COL32(255, 255, 255, 26));
    list->AddRect(min, max, IM_COL32(0, 0, 0, 190), 1, 0, 4);
    list->AddRect(min, max, IM_COL32_WHITE, 1, 0, 2);
  }
  if (f.shown.locked_key >= 0)
    frame_cell(box, f.shown.token, f.shown.locked_key, rgb(f.colors().accent), 2.5f);
  list->PopClipRect();
}

}  // namespace attn
