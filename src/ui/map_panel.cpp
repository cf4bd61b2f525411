// map_panel.cpp - the big map of the chosen head: hover, lock, pan, zoom.
#include <imgui_internal.h>

#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/rectangle.h"
#include "platform/platform.h"
#include "ui/map_view.h"
#include "ui/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

// Products of a preview that may be made between two frames; beyond it the thumbnail is shown.
constexpr double kPreviewWork = 2e7;

bool is_previewing(const Frame& f) {
  return f.ui.hover_head >= 0 &&
         (f.ui.hover_head != f.shown.head || f.ui.hover_layer != f.shown.layer) &&
         f.ui.hover_head < f.attention().n_heads && f.ui.hover_layer < f.attention().n_layers;
}

// A thumbnail of the grid, for want of better.
MapSource thumbnail(Frame& f, int layer, int head) {
  UiState& ui = f.ui;
  if (!ui.grid || ui.grid->trace.get() != f.trace || ui.grid->sample != f.shown.sample) return {};
  const int index = layer * ui.grid->n_heads + head;
  if (index >= ui.grid_ready) return {};
  return {&ui.grid_stack, index, nullptr, layer, head, ui.grid->side_q, ui.grid->side_k, false, false};
}

MapSource chosen_source(Frame& f) {
  UiState& ui = f.ui;
  const auto& map = f.snap.map;
  if (map && map != ui.map) {
    ui.map = map;
    if (map->is_whole()) ui.map_stack.set(map->values.data(), 1, map->n_query, map->n_key);
  }
  if (!ui.map || ui.map->trace.get() != f.trace) return {};
  const PatternMap& m = *ui.map;
  const bool tiled = !m.is_whole();
  if (tiled && (m.layer != f.shown.layer || m.head != f.shown.head)) {
    const MapSource small = thumbnail(f, f.shown.layer, f.shown.head);
    if (!small.empty()) return small;
  }
  return {tiled ? nullptr : &ui.map_stack, 0, &m, m.layer, m.head, m.n_query, m.n_key, false, tiled};
}

// The same for words; of longer texts there are no previews.
MapSource preview_groups(Frame& f) {
  UiState& ui = f.ui;
  const Attention& a = f.base->attention();
  if (double(a.n_query) * a.n_key * (a.d_head + 16) > kPreviewWork) return {};
  PatternMap& p = ui.preview;
  if (p.trace.get() != f.trace || p.layer != ui.hover_layer || p.head != ui.hover_head || ui.preview_stack.n_maps() == 0) {
    const Measure whole{{Axis::query, Axis::key}, {a.n_query, a.n_key},
                        a.pattern(f.base->shown.sample, ui.hover_layer, ui.hover_head)};
    p = {f.snap.trace, 0, ui.hover_layer, ui.hover_head, f.attention().n_query, f.attention().n_key,
         merged(whole, f.reading->queries, f.reading->keys).values, {}};
    for (int q = 0; q < p.n_query; ++q) {
      const auto row = p.values.begin() + int64_t(q) * p.n_key;
      p.row_max.push_back(*std::max_element(row, row + p.n_key));
    }
    ui.preview_stack.set(p.values.data(), 1, p.n_query, p.n_key);
  }
  return {&ui.preview_stack, 0, &p, p.layer, p.head, p.n_query, p.n_key, true, false};
}

MapSource preview_source(Frame& f) {
  UiState& ui = f.ui;
  const Attention& a = f.attention();
  if (!(f.base ? f.base : &f)->attention().is_kept(ui.hover_layer)) return {};
  if (f.reading) return preview_groups(f);
  const double work = double(a.n_query) * a.n_key * (a.d_head + 16);
  if (work > kPreviewWork) {
    MapSource source = thumbnail(f, ui.hover_layer, ui.hover_head);
    source.preview = true;
    return source;
  }
  PatternMap& p = ui.preview;
  if (p.trace.get() != f.trace || p.sample != f.shown.sample || p.layer != ui.hover_layer ||
      p.head != ui.hover_head || ui.preview_stack.n_maps() == 0) {
    p = {f.snap.trace,
         f.shown.sample,
         ui.hover_layer,
         ui.hover_head,
         a.n_query,
         a.n_key,
         a.pattern(f.shown.sample, ui.hover_layer, ui.hover_head),
         {}};
    for (int q = 0; q < a.n_query; ++q) {
      const auto row = p.values.begin() + int64_t(q) * a.n_key;
      p.row_max.push_back(*std::max_element(row, row + a.n_key));
    }
    ui.preview_stack.set(p.values.data(), 1, a.n_query, a.n_key);
  }
  return {&ui.preview_stack, 0, &p, p.layer, p.head, p.n_query, p.n_key, true, false};
}

// Another measure of the same cells in place of the weights; nothing while it is not there.
MapSource measured_source(Frame& f, const std::shared_ptr<const MadeMeasure>& made) {
  UiState& ui = f.ui;
  const Attention& a = f.attention();
  if (!made || made->error || made->measure.shape != std::vector<int>{a.n_query, a.n_key}) return {};
  if (made != ui.shown || ui.shown_scale != f.state.scale || ui.shown_stack.n_maps() == 0) {
    ui.shown = made;
    ui.shown_scale = f.state.scale;
    const std::span<const float> values = made->measure.values;
    ui.shown_range = range_of(made->key.metric, values);
    ui.shown_most.clear();
    std::vector<float> places;
    places.reserve(values.size());
    for (size_t q = 0; q < size_t(a.n_query); ++q) {
      const auto row = values.subspan(q * size_t(a.n_key), size_t(a.n_key));
      ui.shown_most.push_back(most_of(row));
      for (float v : row) {
        const float place = ui.shown_range.colored(f.state.scale, v, ui.shown_most.back());
        places.push_back(std::isnan(place) ? -2 : ui.shown_range.diverges() ? place - kDiverging : place);
      }
    }
    ui.shown_stack.set(places.data(), 1, a.n_query, a.n_key);
  }
  MapSource source{&ui.shown_stack, 0, nullptr, f.shown.layer, f.shown.head, a.n_query, a.n_key, false, false};
  source.measured = made.get();
  return source;
}

// The view's part of the map, kept whole while it fits and inside the map always.
void settle_view(Frame& f) {
  View2D& v = f.ui.view;
  const float n_key = float(f.attention().n_key), n_query = float(f.attention().n_query);
  if (f.ui.fits || v.cell_max.x > n_key + .01f || v.cell_max.y > n_query + .01f) {
    f.ui.fits = true;
    v = {{0, 0}, {n_key, n_query}};
  }
}

struct Layout {
  MapBox box;
  float left = 0, top = 0;
  bool flat = false, bar_below = false;
};

Layout lay_out(const Frame& f, ImVec2 origin, ImVec2 room) {
  Layout out;
  const Attention& a = f.attention();
  out.bar_below = room.x < 430;
  const float right = out.bar_below ? 8.f : 76.f, bottom = out.bar_below ? 40.f : 6.f;
  const LabelWidths& labels = label_widths(f);
  out.left = std::min({labels.queries, 150.f, room.x * .28f}) + 12;
  float width = 0, height = 0, top = kLabelSize + 10;
  // Flat labels leave more room, and more room may make them fit.
  for (bool flat : {true, false}) {
    out.flat = flat;
    out.top = flat ? top : std::min({labels.keys, 120.f, room.y * .28f}) + 10;
    width = std::max(40.f, room.x - out.left - right);
    height = std::max(40.f, room.y - out.top - bottom);
    const float most = 110;
    float cell_x = std::min(width / float(a.n_key), most);
    float cell_y = std::min(height / float(a.n_query), most);
    cell_x = std::min(cell_x, a.n_key == a.n_query ? cell_y : 4 * cell_y);
    cell_y = std::min(cell_y, a.n_key == a.n_query ? cell_x : 4 * cell_x);
    width = std::max(1.f, std::floor(cell_x * float(a.n_key)));
    height = std::max(1.f, std::floor(cell_y * float(a.n_query)));
    const float span = f.ui.view.cell_max.x - f.ui.view.cell_min.x;
    if (flat && std::max(24.f, labels.keys + 8) <= width / span) break;
  }
  const float spare = std::max(0.f, room.x - out.left - right - width) / 2;
  out.box.min = {std::floor(origin.x + out.left + spare), std::floor(origin.y + out.top)};
  out.box.max = {out.box.min.x + width, out.box.min.y + height};
  out.box.view = f.ui.view;
  return out;
}

// Pan, zoom, hover and click, on the map as one item.
void interact(Frame& f, MapBox& box) {
  UiState& ui = f.ui;
  const Attention& a = f.attention();
  ImGui::SetCursorScreenPos(box.min);
  ImGui::PushItemFlag(ImGuiItemFlags_NoNav, true);
  ImGui::InvisibleButton("##map", {box.max.x - box.min.x, box.max.y - box.min.y});
  ImGui::PopItemFlag();
  const bool over = ImGui::IsItemHovered();
  ImGui::SetItemKeyOwner(ImGuiKey_MouseWheelY);
  const ImGuiIO& io = ImGui::GetIO();
  ui.hover_query = ui.hover_key = -1;

  if (ImGui::IsItemActivated()) {
    ui.dragged = false;
    const Vec2 from = box.cell_at(io.MousePos);
    const bool begins = io.KeyShift || ui.draws_rectangle;
    ui.rect_query = begins ? std::clamp(int(from.y), 0, a.n_query - 1) : -1;
    ui.rect_key = begins ? std::clamp(int(from.x), 0, a.n_key - 1) : -1;
  }
  if (ImGui::IsItemActive() && ui.rect_query >= 0) {
    if (ImGui::IsMouseDragging(0, 4)) {
      ui.dragged = true;
      const Vec2 to = box.cell_at(io.MousePos);
      const int q = std::clamp(int(to.y), 0, a.n_query - 1), k = std::clamp(int(to.x), 0, a.n_key - 1);
      f.choose_rectangle({std::min(q, ui.rect_query), std::max(q, ui.rect_query), std::min(k, ui.rect_key),
                          std::max(k, ui.rect_key)});
    }
  } else if (ImGui::IsItemActive() && ImGui::IsMouseDragging(0, 4)) {
    ui.dragged = true;
    View2D& v = ui.view;
    const auto shift = [](float by, float n, float& low, float& high) {
      by = std::clamp(by, -low, n - high);
      low += by;
      high += by;
    };
    shift(-io.MouseDelta.x / box.cell_width(), float(a.n_key), v.cell_min.x, v.cell_max.x);
    shift(-io.MouseDelta.y / box.cell_height(), float(a.n_query), v.cell_min.y, v.cell_max.y);
    if (!ui.fits) ImGui::SetMouseCursor(ImGuiMouseCursor_ResizeAll);
    box.view = v;
  }
  if (!over) return;
  const Vec2 at = box.cell_at(io.MousePos);
  if (io.MouseWheel != 0) {
    zoom_map(f, std::pow(1.2f, std::clamp(io.MouseWheel, -4.f, 4.f)), at);
    settle_view(f);
    box.view = ui.view;
  }
  if (ImGui::IsMouseDoubleClicked(0)) fit_map(f);
  ui.hover_query = std::clamp(int(at.y), 0, a.n_query - 1);
  ui.hover_key = std::clamp(int(at.x), 0, a.n_key - 1);
  if (ImGui::IsItemDeactivated() && !ui.dragged) lock_cell(f, ui.hover_query, ui.hover_key);
}

void frame_cell(const MapBox& box, int query, int key, ImU32 color, float width) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 min = {box.x_of(float(key)), box.y_of(float(query))};
  const ImVec2 max = {box.x_of(float(key + 1)), box.y_of(float(query + 1))};
  list->AddRect({min.x - width, min.y - width}, {max.x + width, max.y + width},
                IM_COL32(0, 0, 0, 170), 1, 0, width + 1.5f);
  list->AddRect({min.x - width / 2, min.y - width / 2}, {max.x + width / 2, max.y + width / 2},
                color, 1, 0, width);
}

// The cells that make up the score whose explanation is open in the inspector.
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
      list->AddRectFilled(min, {std::max(max.x, min.x + 1.5f), std::max(max.y, min.y + 1.5f)}, rgb(0xff5fa2, .55f));
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
      list->AddLine({x + 1, box.min.y}, {x + 1, box.max.y}, shade);
      list->AddLine({x, box.min.y}, {x, box.max.y}, line);
    }
    frame_cell(box, ui.hover_query, ui.hover_key, IM_COL32_WHITE, 1.5f);
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

// Of the cell under the mouse, else of the locked one; "" when there is neither.
std::string focused_sentence(const Frame& f, const MapSource& source) {
  const bool hovers = f.ui.hover_query >= 0;
  const int query = hovers ? f.ui.hover_query : f.shown.token;
  const int key = hovers ? f.ui.hover_key : f.shown.locked_key;
  if (key < 0) return "";
  const auto row = f.row_of(f.ui.hover_row, source.layer, source.head, query);
  const bool preview = f.reading && source.preview;  // its numbers are at hand
  if (!preview && size_t(key) >= row.size()) return "";
  const float weight = preview ? weight_at(f, source, query, key)->weight : row[size_t(key)];
  std::string says = cell_sentence(
      f.lang, {query, key, f.queries()[size_t(query)].shown, f.keys()[size_t(key)].shown, weight,
               !f.attention().may_see(f.shown.sample, query, key)});
  if (source.measured) {
    const Metric& m = *source.measured->key.metric;
    says += std::string(f.t(" · ", " · ")) + m.title.in(f.lang) + " " +
            value_text(&m, weight_at(f, source, query, key)->weight) + (*m.unit.en ? " " : "") + m.unit.in(f.lang);
  }
  return says;
}

void draw_header(Frame& f, const MapSource& source) {
  const float height = ImGui::GetFrameHeight();
  const float all = ImGui::GetContentRegionAvail().x;
  const float menu = std::clamp(all * .32f, 96.f, 210.f);
  const float buttons = 4 * height + 12 + menu + 4;
  const float room = all - buttons - 8;
  std::string title = room < 130 ? head_name(source.layer, source.head) : f.t("Layer ", "第 ") + std::to_string(source.layer) +
                      f.t(" · Head ", " 层 · 第 ") + std::to_string(source.head) + f.t("", " 头");
  if (source.preview) title += f.t("  (preview)", "（预览）");
  ImGui::AlignTextToFramePadding();
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(source.preview ? f.colors().accent : f.colors().text));
  ImGui::TextUnformatted(fit_text(title, room).c_str());
  ImGui::PopStyleColor();
  ImGui::SameLine(ImGui::GetWindowWidth() - ImGui::GetStyle().WindowPadding.x - buttons);
  metric_menu(f, "show", f.state.show, shown_measure(f.shown), {Axis::query, Axis::key}, f.t("Weights", "权重"), menu);
  ImGui::SameLine(0, 4);
  const bool draws = f.ui.draws_rectangle;
  if (draws) ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
  if (icon_button(f, "rectangle", Icon::rectangle,
                  f.t("Drag a rectangle on the map (or Shift+drag): its mass, entropy, distance",
                      "在大图上拖出矩形（或 Shift+拖动）：其质量、熵与距离")))
    f.ui.draws_rectangle = !draws;
  if (draws) ImGui::PopStyleColor();
  ImGui::SameLine(0, 4);
  const Vec2 middle = {(f.ui.view.cell_min.x + f.ui.view.cell_max.x) / 2,
                       (f.ui.view.cell_min.y + f.ui.view.cell_max.y) / 2};
  if (icon_button(f, "zoom_out", Icon::minus, f.t("Zoom out (−)", "缩小 (−)"), !f.ui.fits))
    zoom_map(f, 1 / 1.5f, middle);
  ImGui::SameLine(0, 4);
  if (icon_button(f, "zoom_in", Icon::plus, f.t("Zoom in (+), or the wheel", "放大 (+)，或用滚轮")))
    zoom_map(f, 1.5f, middle);
  ImGui::SameLine(0, 4);
  if (icon_button(f, "fit", Icon::fit, f.t("Show all of it (F)", "显示全部 (F)"))) fit_map(f);
  if (!source.preview) draw_target(f, "", shown_measure(f.shown));
}

float cells_per_pixel(const MapBox& box) {
  return 1 / (std::max(box.cell_width(), box.cell_height()) * platform::size().scale);
}

MapLook look_of(const MapBox& box) {
  const View2D& v = box.view;
  return {v.cell_min.y, v.cell_max.y, v.cell_min.x, v.cell_max.x, cells_per_pixel(box)};
}

// What the session makes tiles for, from the next frame on.
void look(Frame& f, const MapBox& box) {
  if (f.session.look(look_of(box))) platform::wake();
}

void draw_stack(const Frame& f, const MapBox& box, const MapSource& source,
                const platform::HeatMapStyle& style) {
  // A thumbnail has fewer cells than the map it stands for.
  const Vec2 by = {float(source.n_key) / float(f.attention().n_key),
                   float(source.n_query) / float(f.attention().n_query)};
  const View2D& v = box.view;
  platform::draw_heat_map(ImGui::GetWindowDrawList(), *source.stack, source.index,
                          {box.min.x, box.min.y}, {box.max.x, box.max.y},
                          {v.cell_min.x * by.x, v.cell_min.y * by.y},
                          {v.cell_max.x * by.x, v.cell_max.y * by.y}, style);
}

// The overview, and what is in view at the level that the session makes.
void draw_tiles(Frame& f, const MapBox& box, const MapSource& source,
                const platform::HeatMapStyle& style) {
  const Attention& a = f.attention();
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

// Where a cell on screen stands for many weights: which of them it shows, at the right end of the line. Its width.
float draw_pool(Frame& f, const MapBox& box, ImVec2 line, float width) {
  const int level = level_for(look_of(box), f.attention().n_query, f.attention().n_key);
  if (level == 0) return 0;
  const std::string n = std::to_string(1 << level);
  const bool mean = f.state.pool == Pool::mean;
  const std::string text = std::string(mean ? f.t("mean of ", "平均 ") : f.t("largest of ", "最大 ")) + n + " × " + n;
  const float wide = text_width(text) + 14;
  const ImVec2 after = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos({line.x + width - wide, line.y - 1});
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {7, 1});
  if (ImGui::Button((text + "###pool").c_str(), {wide, ImGui::GetFontSize() + 3}))
    f.state.pool = mean ? Pool::largest : Pool::mean;
  ImGui::PopStyleVar();
  f.mark("button.pool");
  item_tooltip(f.t("A cell here stands for many weights: show the largest of them, or their mean (masked ones count as 0)",
                   "此处一个单元格代表许多权重：显示其最大值，或其平均值（被掩蔽的按 0 计）"));
  ImGui::SetCursorScreenPos(after);
  return wide + 8;
}

}  // namespace

void draw_map_panel(Frame& f) {
  if (!f.trace) return heading(f, f.t("Computing…", "正在计算…"));
  MapSource source = is_previewing(f) ? preview_source(f) : MapSource{};
  if (source.empty() && !(f.base ? f.base : &f)->attention().is_kept(f.shown.layer))
    return wrapped(not_kept(f, f.shown.layer));
  if (const std::string no = reading_error(f); !no.empty()) return wrapped(no);
  if (source.empty()) source = chosen_source(f);
  if (source.empty()) return heading(f, f.t("Computing…", "正在计算…"));
  if (const Metric* metric = shown_measure(f.shown); metric && !source.preview) {
    const auto made = f.shown_made(metric);
    const MapSource measured = measured_source(f, made);
    if (measured.empty()) {
      draw_header(f, source);
      return draw_missing(f, made);
    }
    source = measured;
  }
  draw_header(f, source);
  draw_reading_words(f, source.measured ? source.measured->key.metric : nullptr);
  settle_view(f);

  // A line that always has its place: what is focused, else how to read the map.
  const ImVec2 line = ImGui::GetCursorScreenPos();
  const float line_width = ImGui::GetContentRegionAvail().x;
  ImGui::Dummy({1, ImGui::GetFontSize() + 2});
  const ImVec2 origin = ImGui::GetCursorScreenPos(), room = ImGui::GetContentRegionAvail();
  Layout at = lay_out(f, origin, room);
  const float pool_width = source.tiled && !source.measured ? draw_pool(f, at.box, line, line_width) : 0;
  interact(f, at.box);

  platform::HeatMapStyle style;
  style.palette = f.state.palette;
  style.scale = f.state.scale;
  style.causal = f.is_causal();
  style.dark = f.ui.dark;
  style.cell_lines = .35f;
  style.mean = source.tiled && f.state.pool == Pool::mean;
  if (source.measured) {
    style.scale = Scale::linear;  // the places have it
    style.diverging = f.ui.shown_range.diverges();
  }
  ImDrawList* list = ImGui::GetWindowDrawList();
  const View2D& v = at.box.view;
  if (!f.reading) look(f, at.box);
  if (source.tiled)
    draw_tiles(f, at.box, source, style);
  else
    draw_stack(f, at.box, source, style);
  draw_masked_cells(f, at.box);
  draw_cell_numbers(f, at.box, source);
  draw_score_cells(f, at.box);
  draw_marks(f, at.box);
  draw_query_labels(f, at.box, at.left - 12);
  draw_key_labels(f, at.box, at.flat ? at.box.cell_width() : at.top - 10, at.flat);
  if (at.bar_below)
    draw_color_bar(f, {at.box.min.x, at.box.max.y + 10}, at.box.max.x - at.box.min.x, false,
                   source.measured);
  else
    draw_color_bar(f, {at.box.max.x + 16, at.box.min.y},
                   std::min(at.box.max.y - at.box.min.y, 300.f), true, source.measured);
  f.mark({"map",
          {at.box.min.x, at.box.min.y},
          {at.box.max.x, at.box.max.y},
          true,
          v.cell_min,
          v.cell_max});

  const std::string says = focused_sentence(f, source);
  if (f.ui.hover_query >= 0 && !ImGui::IsMouseDown(0)) tooltip(says);
  const std::string hint = says.empty() ? f.t("query ↓ looks at → key", "查询 ↓ 关注 → 键") : says;
  const std::string cut = fit_text(hint, line_width - pool_width);
  list->AddText(line, rgb(says.empty() ? f.colors().faint : f.colors().text), cut.c_str());
  if (says != f.ui.announced) {
    f.ui.announced = says;
    platform::announce(says);
  }
}

}  // namespace attn
