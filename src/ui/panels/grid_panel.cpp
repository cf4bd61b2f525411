// grid_panel.cpp - a small heat map of every head; hover previews it, a click chooses it.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "ui/focus.h"
#include "ui/panels/view_parts.h"
#include "ui/ui_state.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr float kLeft = 30, kTop = 20, kSmallest = 3, kLargest = 84;

// Sides and gaps of the thumbnails.
struct Tiles {
  float side, gap;
  float step() const { return side + gap; }
};

// As large as lets all of them be seen at once, in narrower gaps where they are small.
Tiles tiles_in(int n_layers, int n_heads, float width, float height) {
  Tiles tiles{};
  for (const float gap : {4.f, 2.f, 1.f, 0.f}) {
    const float wide = (width - kLeft - float(n_heads - 1) * gap) / float(n_heads);
    const float high = (height - float(n_layers - 1) * gap) / float(n_layers);
    tiles = {std::floor(std::clamp(std::min(wide, high), kSmallest, kLargest)), gap};
    if (tiles.side >= 5 * gap) break;
  }
  return tiles;
}

}  // namespace

void upload_thumbnails(Frame& f) {
  const auto& grid = f.snap.grid;
  if (!grid) return;
  UiState& ui = f.ui;
  if (grid != ui.grid || ui.grid_stack.n_maps() == 0) {
    ui.grid = grid;
    ui.grid_stack.set(grid->values.data(), grid->n_layers * grid->n_heads, grid->side_q,
                      grid->side_k, grid->n_ready);
  } else if (grid->n_ready > ui.grid_ready) {
    ui.grid_stack.more(grid->values.data(), grid->n_ready);
  }
  ui.grid_ready = grid->n_ready;
}

namespace {

// Placeholder for a thumbnail that is not ready, or whose layer is not kept.
void draw_blank(const Frame& f, ImVec2 min, float side) {
  ImGui::GetWindowDrawList()->AddRectFilled(min, {min.x + side, min.y + side},
                                            rgb(f.colors().field), 3);
}

// Layer and head names stay at the edges while the maps scroll beneath.
void draw_names(const Frame& f, ImVec2 origin, ImVec2 corner, float step, int n, bool rows) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImU32 faint = rgb(f.colors().faint), accent = rgb(f.colors().accent);
  const float least = rows ? ImGui::GetFontSize() : text_width("H00") + 4;
  const int every = every_so_many(step, least), chosen = rows ? f.shown.layer : f.shown.head;
  for (int i = 0; i < n; ++i) {
    const bool near_chosen = std::abs(i - chosen) * step < least;
    if (i != chosen && (i % every || near_chosen)) continue;
    const std::string text = (rows ? "L" : "H") + std::to_string(i);
    const float middle = (float(i) + .5f) * step - 1;
    const ImVec2 at = rows ? ImVec2(corner.x, origin.y + middle - ImGui::GetFontSize() / 2)
                           : ImVec2(origin.x + middle - text_width(text) / 2, corner.y);
    list->AddText(at, i == chosen ? accent : faint, text.c_str());
  }
}

}  // namespace

std::string not_kept(const Frame& f, int layer) {
  return f.t("The queries and keys of layer ", "第 ") + std::to_string(layer) +
         f.t(" did not fit in memory. Choose the layer to compute it",
             " 层的查询和键未能保留在内存中。选择该层即可重新计算");
}

float grid_panel_height(const Frame& f, float width) {
  if (!f.snap.grid) return 120;
  const HeadGrid& grid = *f.snap.grid;
  return kTop + float(grid.n_layers) * tiles_in(1, grid.n_heads, width - 24, 1e9f).step() + 78;
}

namespace {

// Every head as a cell, coloured by the chosen measure.
void draw_measured(Frame& f) {
  const Metric* metric = find_view("grid")->metric(f.shown);
  const auto made = f.snap.last_measure(metric, f.shown);
  if (!made || made->error) return draw_missing(f, made);
  ImGui::PushFont(nullptr, 14);
  ImGui::BeginChild("cells", {0, 0}, kTabPasses);
  draw_view(
      f, "##grid_view", f.ui.grid_view,
      {"grid", made, nullptr, nullptr, std::max(60.f, ImGui::GetContentRegionAvail().y - 12)});
  ImGui::EndChild();
  ImGui::PopFont();
}

}  // namespace

void draw_grid_panel(Frame& f) {
  upload_thumbnails(f);
  const HeadGrid* grid = f.ui.grid.get();
  heading(
      f, f.ui.touch
             ? f.t("All heads · hold to preview, tap to choose", "所有头 · 长按预览，点按选择")
             : f.t("All heads · hover to preview, click to choose", "所有头 · 悬停预览，单击选择"));
  if (f.trace) {
    const View& view = *find_view("grid");
    const Metric* chosen = f.state.measure.empty() ? nullptr : view.metric(f.shown);
    metric_menu(f, "measure", f.state.measure, view, f.t("Attention patterns", "注意力模式"),
                ImGui::GetContentRegionAvail().x);
    draw_target(f, ".grid", chosen);
    if (chosen) return draw_measured(f);
  }
  if (!grid || !f.is_of(*grid)) {
    f.trace ? heading(f, f.t("Computing…", "正在计算…")) : draw_no_trace(f);
    if (!grid || !f.trace) return;
  }
  const ImVec2 room = ImGui::GetContentRegionAvail();
  const Tiles tiles = tiles_in(grid->n_layers, grid->n_heads, room.x, room.y - kTop - 2);
  const float tile = tiles.side, step = tiles.step();
  const ImVec2 all = {step * float(grid->n_heads) - tiles.gap,
                      step * float(grid->n_layers) - tiles.gap};
  ImGui::PushFont(nullptr, kSmallText);
  const ImVec2 corner = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos({corner.x + kLeft, corner.y + kTop});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::BeginChild("maps", {0, 0}, kTabPasses, ImGuiWindowFlags_HorizontalScrollbar);
  ImGui::PopStyleVar();
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  const bool clicked = ImGui::InvisibleButton("##grid", all);
  const bool over = ImGui::IsItemHovered();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const platform::HeatMapStyle style = f.heat_style();
  platform::draw_heat_grid(list, f.ui.grid_stack, {origin.x, origin.y},
                           {origin.x + all.x, origin.y + all.y}, grid->n_heads, tiles.gap, style);

  const Attention* attention = f.is_of(*grid) ? &f.attention() : nullptr;
  for (int layer = 0; layer < grid->n_layers; ++layer)
    for (int head = 0; head < grid->n_heads; ++head)
      if (layer * grid->n_heads + head >= grid->n_ready ||
          (attention && !attention->is_kept(layer)))
        draw_blank(f, {origin.x + float(head) * step, origin.y + float(layer) * step}, tile);

  const ImVec2 clip_min = list->GetClipRectMin(), clip_max = list->GetClipRectMax();
  list->PushClipRect({clip_min.x - 3, clip_min.y - 3}, {clip_max.x + 3, clip_max.y + 3});
  const auto outline = [&](int layer, int head, uint32_t color, float width) {
    const ImVec2 min = {origin.x + float(head) * step, origin.y + float(layer) * step};
    list->AddRect({min.x - 1.5f, min.y - 1.5f}, {min.x + tile + 1.5f, min.y + tile + 1.5f},
                  rgb(color), 3, 0, width);
  };
  outline(f.shown.layer, f.shown.head, f.colors().accent, 2.5f);
  if (attention && is_previewing(f))  // wherever it is under the mouse
    outline(f.ui.hover_layer, f.ui.hover_head, f.colors().text, 1.5f);
  list->PopClipRect();
  for (int layer = 0; layer < grid->n_layers; ++layer)
    for (int head = 0; head < grid->n_heads; ++head) {
      const Vec2 min = {origin.x + float(head) * step, origin.y + float(layer) * step};
      const Vec2 max = {min.x + tile, min.y + tile};
      if (max.y > clip_min.y && min.y < clip_max.y && max.x > clip_min.x && min.x < clip_max.x)
        f.mark({"thumb." + std::to_string(layer) + "." + std::to_string(head),
                min,
                max,
                false,
                {},
                {}});
    }
  if (over) {
    const ImVec2 mouse = ImGui::GetMousePos();
    const int head = std::clamp(int((mouse.x - origin.x) / step), 0, grid->n_heads - 1);
    const int layer = std::clamp(int((mouse.y - origin.y) / step), 0, grid->n_layers - 1);
    f.ui.next_hover_layer = layer;
    f.ui.next_hover_head = head;
    tooltip(attention ? head_words(f, *grid, layer, head, nullptr) : head_name(layer, head));
    ImGui::SetMouseCursor(ImGuiMouseCursor_Hand);
    if (clicked) choose_head(f, layer, head);
  }
  const ImVec2 scroll_clip = {clip_max.x, clip_max.y};
  ImGui::EndChild();

  // Names of small maps stick out over the first.
  list = ImGui::GetWindowDrawList();
  list->PushClipRect({corner.x, corner.y + kTop - 8}, {corner.x + kLeft, scroll_clip.y}, true);
  draw_names(f, origin, corner, step, grid->n_layers, true);
  list->PopClipRect();
  list->PushClipRect({corner.x + kLeft - 10, corner.y - 2}, {scroll_clip.x, corner.y + kTop}, true);
  draw_names(f, origin, corner, step, grid->n_heads, false);
  // A bracket over the heads that share keys and values.
  const int group = attention ? attention->n_sharing() : 1;
  for (int head = 0; group > 1 && head < grid->n_heads; head += group) {
    const float y = corner.y + kTop - 2, left = origin.x + float(head) * step;
    list->AddLine({left, y}, {left + float(group) * step - tiles.gap - 1, y}, rgb(f.colors().faint),
                  2);
  }
  list->PopClipRect();
  ImGui::PopFont();
}

}  // namespace attn
