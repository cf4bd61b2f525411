// map_picture.cpp - the cells of the big map, from a stack of whole maps or from tiles.
#include <algorithm>

#include "platform/platform.h"
#include "ui/map/map_view.h"
#include "ui/widgets.h"

namespace attn {
namespace {

float cells_per_pixel(const MapBox& box) {
  return 1 / (std::max(box.cell_width(), box.cell_height()) * platform::size().scale);
}

MapLook look_of(const MapBox& box) {
  const View2D& v = box.view;
  return {v.cell_min.y, v.cell_max.y, v.cell_min.x, v.cell_max.x, cells_per_pixel(box)};
}

void draw_stack(const Frame& f, const MapBox& box, const MapSource& source,
                const platform::HeatMapStyle& style) {
  // A thumbnail has fewer cells than the map it replaces.
  const float cell = float(source.cell);
  const Vec2 by = {cell > 0 ? 1 / cell : float(source.n_key) / float(f.pairs().n_key),
                   cell > 0 ? 1 / cell : float(source.n_query) / float(f.pairs().n_query)};
  const View2D& v = box.view;
  platform::draw_heat_map(ImGui::GetWindowDrawList(), *source.stack, source.index,
                          {box.min.x, box.min.y}, {box.max.x, box.max.y},
                          {v.cell_min.x * by.x, v.cell_min.y * by.y},
                          {v.cell_max.x * by.x, v.cell_max.y * by.y}, style);
}

// The overview, and on top of it the tiles in view at the current level.
void draw_tiles(Frame& f, const MapBox& box, const MapSource& source,
                const platform::HeatMapStyle& style) {
  const Pairs& a = f.pairs();
  const MapKey key = source.exact->key();
  const int coarsest = overview_level(a.n_query, a.n_key);
  const int level = level_for(look_of(box), a.n_query, a.n_key);
  std::vector<std::shared_ptr<const Tile>> tiles;
  const auto take = [&](const MapLook& at, int l) {
    for (const TileStrip& strip : strips_in_view(at, a, l))
      for (int col = strip.col0; col < strip.col1; ++col)
        if (auto tile = f.snap.tiles->peek(key, {l, strip.row, col})) tiles.push_back(tile);
  };
  take(whole_map(a), coarsest);
  if (level < coarsest) take(look_of(box), level);
  auto& textures = f.ui.map_tiles;
  if (!textures) textures = std::make_shared<platform::TileTextures>();
  textures->want(key, a.n_query, a.n_key, std::move(tiles));
  const View2D& v = box.view;
  platform::draw_tile_map(ImGui::GetWindowDrawList(), textures, level, {box.min.x, box.min.y},
                          {box.max.x, box.max.y}, v.cell_min, v.cell_max, style);
}

}  // namespace

void look_at(Frame& f, const MapBox& box) {
  if (f.session.look(look_of(box))) platform::wake();
}

void draw_weights(Frame& f, const MapBox& box, const MapSource& source,
                  const platform::HeatMapStyle& style) {
  if (source.tiled)
    draw_tiles(f, box, source, style);
  else
    draw_stack(f, box, source, style);
}

void draw_overview(Frame& f, const MapBox& box, const MapSource& source,
                   const platform::HeatMapStyle& style, ImVec2 min, float side) {
  const Vec2 all = {float(f.pairs().n_key), float(f.pairs().n_query)};
  const float scale = side / std::max(all.x, all.y);
  const ImVec2 max = {min.x + all.x * scale, min.y + all.y * scale};
  const MapBox whole{min, max, {{0, 0}, all}};
  if (!source.tiled)
    draw_stack(f, whole, source, style);
  else if (f.ui.map_tiles)
    platform::draw_tile_map(ImGui::GetWindowDrawList(), f.ui.map_tiles,
                            overview_level(f.pairs().n_query, f.pairs().n_key), {min.x, min.y},
                            {max.x, max.y}, {0, 0}, all, style);
  View2D& v = f.ui.view;
  const ImVec2 after = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos(min);
  ImGui::PushItemFlag(ImGuiItemFlags_NoNav, true);
  ImGui::InvisibleButton("##overview",
                         {std::max(1.f, max.x - min.x), std::max(1.f, max.y - min.y)});
  ImGui::PopItemFlag();
  f.mark("overview");
  item_tooltip(f.t("The part of the map in view; click or drag to move it",
                   "热力图的可见部分；单击或拖动可移动"));
  if (ImGui::IsItemActive()) {
    const Vec2 to = whole.cell_at(ImGui::GetMousePos());
    center_on(to.x, all.x, v.cell_min.x, v.cell_max.x);
    center_on(to.y, all.y, v.cell_min.y, v.cell_max.y);
  }
  ImGui::SetCursorScreenPos(after);
  const View2D& seen = box.view;
  ImVec2 from = {whole.x_of(seen.cell_min.x), whole.y_of(seen.cell_min.y)},
         to = {whole.x_of(seen.cell_max.x), whole.y_of(seen.cell_max.y)};
  to = {std::max(to.x, from.x + 3), std::max(to.y, from.y + 3)};
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRect(min, max, rgb(f.colors().line));
  list->AddRect({from.x - 1, from.y - 1}, {to.x + 1, to.y + 1}, IM_COL32(0, 0, 0, 170), 1, 0, 3.5f);
  list->AddRect(from, to, rgb(f.colors().accent), 1, 0, 2);
}

float draw_pool(Frame& f, const MapBox& box, ImVec2 line, float width) {
  const int level = level_for(look_of(box), f.pairs().n_query, f.pairs().n_key);
  if (level == 0) return 0;
  const std::string n = std::to_string(1 << level);
  const bool mean = f.state.pool == Pool::mean;
  const std::string text =
      std::string(mean ? f.t("mean of ", "平均值 ") : f.t("largest of ", "最大值 ")) + n + " × " +
      n;
  const float wide = text_width(text) + 14;
  const ImVec2 after = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos({line.x + width - wide, line.y - 1});
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {7, 1});
  if (ImGui::Button((text + "###pool").c_str(), {wide, ImGui::GetFontSize() + 3}))
    f.state.pool = mean ? Pool::largest : Pool::mean;
  ImGui::PopStyleVar();
  f.mark("button.pool");
  item_tooltip(
      f.t("Each cell covers many weights here. Press to switch between their largest value and "
          "their mean (masked weights count as 0)",
          "此处每个单元格覆盖多个权重。点按可在最大值与平均值之间切换（被掩码的权重按 0 计）"));
  ImGui::SetCursorScreenPos(after);
  return wide + 8;
}

}  // namespace attn
