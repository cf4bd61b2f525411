// map_panel.cpp - the big map of the chosen head: hover, lock, pan, zoom.
#include <imgui_internal.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "figure/caption.h"
#include "figure/figure_text.h"
#include "figure/views.h"
#include "platform/platform.h"
#include "state/look.h"
#include "ui/focus.h"
#include "ui/map/map_view.h"
#include "ui/panels/save_menu.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

// Keeps the view inside the map; while `fits` is set, the whole map is in view.
void settle_view(Frame& f) {
  View2D& v = f.ui.view;
  const float n_key = float(f.pairs().n_key), n_query = float(f.pairs().n_query);
  if (f.ui.fits || v.cell_max.x > n_key + .01f || v.cell_max.y > n_query + .01f) {
    f.ui.fits = true;
    v = {{0, 0}, {n_key, n_query}};
  }
}

// The part in view goes to the link, and comes from it once the map of the link is there.
void take_look(Frame& f) {
  UiState& ui = f.ui;
  if (f.state.look == ui.look || !f.snap.current) return;
  ui.look = f.state.look;
  const std::optional<CellsInView> look = read_look(ui.look);
  ui.fits = !look;
  if (look) ui.view = {{look->key_min, look->query_min}, {look->key_max, look->query_max}};
}

// Moves the part in view to a row that was chosen elsewhere, and to the keys that it sees.
void bring_row(Frame& f) {
  const int token = std::exchange(f.ui.bring_row, -1);
  if (token < 0 || f.ui.fits || token >= f.attention().n_query) return;
  const int row = f.reading ? f.reading->queries.of_token[size_t(token)] : token;
  if (row < 0) return;
  View2D& v = f.ui.view;
  const float at = float(row) + .5f;
  if (at < v.cell_min.y + .5f || at > v.cell_max.y - .5f)
    center_on(at, float(f.pairs().n_query), v.cell_min.y, v.cell_max.y);
  if (f.is_causal() && at < v.cell_min.x)
    center_on(at, float(f.pairs().n_key), v.cell_min.x, v.cell_max.x);
}

void keep_look(Frame& f) {
  UiState& ui = f.ui;
  const View2D& v = ui.view;
  const std::string look =
      ui.fits ? std::string()
              : write_look({v.cell_min.x, v.cell_min.y, v.cell_max.x, v.cell_max.y});
  if (look != std::exchange(ui.drawn_look, look)) return platform::wake();  // still moving
  if (f.state.look != ui.look || ImGui::IsAnyItemActive()) return;
  f.state.look = ui.look = look;
}

struct Layout {
  MapBox box;
  float left = 0, top = 0;
  bool flat = false, bar_below = false;
};

Layout lay_out(const Frame& f, ImVec2 origin, ImVec2 room) {
  Layout out;
  const Pairs& a = f.pairs();
  out.bar_below = room.x < 430;
  const float right = out.bar_below ? 8.f : 76.f, bottom = out.bar_below ? 40.f : 6.f;
  const LabelWidths& labels = label_widths(f);
  out.left = std::min({labels.queries, 150.f, room.x * .28f}) + 12;
  float width = 0, height = 0, top = kLabelSize + 10;
  // Horizontal labels are tried first: they leave more height, which may make them fit.
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

// The names of rows and columns: pointing at one shows its row or cell, a click chooses it.
void interact_with_names(Frame& f, const MapBox& box, ImVec2 origin) {
  const auto area = [&](const char* name, ImVec2 min, ImVec2 max) {
    ImGui::SetCursorScreenPos(min);
    const bool clicked =
        ImGui::InvisibleButton(name, {std::max(1.f, max.x - min.x), std::max(1.f, max.y - min.y)});
    f.mark(name);
    return clicked;
  };
  const auto among = [](float at, int n) { return std::clamp(int(at), 0, n - 1); };
  ImGui::PushItemFlag(ImGuiItemFlags_NoNav, true);
  const bool row_clicked = area("map.rows", {origin.x, box.min.y}, {box.min.x - 2, box.max.y});
  if (row_clicked || ImGui::IsItemHovered()) {
    const int query = among(box.cell_at(ImGui::GetMousePos()).y, f.pairs().n_query);
    point_at(f, query, -1);
    tooltip(f.t("query ", "查询 ") + position_text(f.queries(), query) + f.t(" ", "") +
            quoted_token(f.lang, f.queries()[size_t(query)].shown));
    if (row_clicked) choose_token(f, query);
  }
  const bool column_clicked =
      area("map.columns", {box.min.x, origin.y}, {box.max.x, box.min.y - 2});
  if (column_clicked || ImGui::IsItemHovered()) {
    const int key = among(box.cell_at(ImGui::GetMousePos()).x, f.pairs().n_key);
    point_at(f, f.shown.token, key);
    tooltip(f.t("key ", "键 ") + position_text(f.keys(), key) + f.t(" ", "") +
            quoted_token(f.lang, f.keys()[size_t(key)].shown));
    if (column_clicked) lock_cell(f, f.shown.token, key);
  }
  ImGui::PopItemFlag();
}

void pan(Frame& f, MapBox& box, Vec2 by) {
  View2D& v = f.ui.view;
  const auto shift = [](float cells, float n, float& low, float& high) {
    cells = std::clamp(cells, -low, n - high);
    low += cells;
    high += cells;
  };
  shift(-by.x / box.cell_width(), float(f.pairs().n_key), v.cell_min.x, v.cell_max.x);
  shift(-by.y / box.cell_height(), float(f.pairs().n_query), v.cell_min.y, v.cell_max.y);
  box.view = v;
}

// Two fingers zoom about their middle and pan; beyond the whole map are all maps.
void pinch(Frame& f, MapBox& box) {
  const platform::Gesture& g = platform::gesture();
  const Vec2 at = g.centre;
  if (!g.on || at.x < box.min.x || at.y < box.min.y || at.x > box.max.x || at.y > box.max.y) return;
  if (g.begins) f.ui.pinches_at_end = f.ui.fits;
  if (f.ui.pinches_at_end && f.ui.fits && g.total < .8f &&
      f.attention().n_layers * f.attention().n_heads > 1) {
    f.ui.pinches_at_end = false;
    return open_wall(f);
  }
  if (g.scale != 1) zoom_map(f, g.scale, box.cell_at({at.x - g.pan.x, at.y - g.pan.y}));
  settle_view(f);
  box.view = f.ui.view;
  pan(f, box, g.pan);
}

// Pan, zoom, hover and click, on the map as one item. Whether the mouse is on a cell.
bool interact(Frame& f, MapBox& box) {
  UiState& ui = f.ui;
  const Pairs& a = f.pairs();
  ImGui::SetCursorScreenPos(box.min);
  ImGui::PushItemFlag(ImGuiItemFlags_NoNav, true);
  ImGui::InvisibleButton("##map", {box.max.x - box.min.x, box.max.y - box.min.y});
  ImGui::PopItemFlag();
  const bool over = ImGui::IsItemHovered();
  ImGui::SetItemKeyOwner(ImGuiKey_MouseWheelY);
  const ImGuiIO& io = ImGui::GetIO();
  const State focus = focused(f);
  ui.hover_query = ui.point_query < 0 ? -1 : focus.token;
  ui.hover_key = ui.point_query < 0 ? -1 : focus.locked_key;

  pinch(f, box);
  if (ImGui::IsItemActive() && (!ui.fits || ui.draws_rectangle)) platform::keep_finger();
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
      const int q = std::clamp(int(to.y), 0, a.n_query - 1),
                k = std::clamp(int(to.x), 0, a.n_key - 1);
      f.choose_rectangle({std::min(q, ui.rect_query), std::max(q, ui.rect_query),
                          std::min(k, ui.rect_key), std::max(k, ui.rect_key)});
    }
  } else if (ImGui::IsItemActive() && ImGui::IsMouseDragging(0, 4)) {
    ui.dragged = true;
    pan(f, box, {io.MouseDelta.x, io.MouseDelta.y});
    if (!ui.fits) ImGui::SetMouseCursor(ImGuiMouseCursor_ResizeAll);
  }
  ui.map_mouse.reset();
  if (!over) return false;
  const Vec2 at = box.cell_at(io.MousePos);
  ui.map_mouse = at;
  if (io.MouseWheel < 0 && ui.fits && f.attention().n_layers * f.attention().n_heads > 1) {
    open_wall(f);  // beyond the whole map are all maps
    return false;
  }
  if (io.MouseWheel != 0) {
    zoom_map(f, std::pow(1.2f, std::clamp(io.MouseWheel, -4.f, 4.f)), at);
    settle_view(f);
    box.view = ui.view;
  }
  if (ImGui::IsMouseDoubleClicked(0)) fit_map(f);
  ui.hover_query = std::clamp(int(at.y), 0, a.n_query - 1);
  ui.hover_key = std::clamp(int(at.x), 0, a.n_key - 1);
  point_at(f, ui.hover_query, ui.hover_key);
  if (ImGui::IsItemDeactivated() && !ui.dragged) lock_cell(f, ui.hover_query, ui.hover_key);
  return true;
}

// Describes the cell under the mouse, else the locked one; "" when there is neither.
std::string focused_sentence(const Frame& f, const MapSource& source) {
  const bool hovers = f.ui.hover_query >= 0;
  const int query = hovers ? f.ui.hover_query : f.shown.token;
  const int key = hovers ? f.ui.hover_key : f.shown.locked_key;
  if (key < 0) return "";
  const auto row = f.row_of(f.ui.hover_row, source.layer, source.head, query);
  if (size_t(key) >= row.size()) return "";
  const CellText cell = cell_text(f.pairs(), f.shown, query, key, row[size_t(key)]);
  if (!source.measured) return cell_sentence(f.lang, cell);
  const Metric& m = *source.measured->key.metric;
  const std::string value = std::string(m.title.in(f.lang)) + " " +
                            value_text(&m, weight_at(f, source, query, key)->weight) +
                            (*m.unit.en ? " " : "") + m.unit.in(f.lang);
  return measured_sentence(f.lang, cell, value, (m.reads & reads_head) != 0);
}

// The colour bar, and beside it, while a part of the map is in view, the whole map.
void draw_legend(Frame& f, const Layout& at, const MapSource& source,
                 const platform::HeatMapStyle& style) {
  const Metric* metric = source.measured ? source.measured->key.metric : nullptr;
  const ValueRange range = metric ? f.ui.shown_range : ValueRange{0, style.top};
  const ImVec2 min = at.box.min, max = at.box.max;
  const float overview = f.ui.fits ? 0 : at.bar_below ? 34.f : 58.f;
  const float rest = overview > 0 ? overview + 14 : 0;
  if (at.bar_below) {
    draw_color_bar(f, {min.x, max.y + 10}, std::max(40.f, max.x - min.x - rest - 34), false, range,
                   metric);
    if (overview > 0)
      draw_overview(f, at.box, source, style, {max.x - overview, max.y + 4}, overview);
    return;
  }
  const float length = std::clamp(max.y - min.y - rest, 40.f, 300.f);
  draw_color_bar(f, {max.x + 16, min.y}, length, true, range, metric);
  if (overview > 0)
    draw_overview(f, at.box, source, style, {max.x + 12, min.y + length + 14}, overview);
}

// The map to save: all of it, without hover and zoom.
Result<SavedView> saved_map(const Frame& f, Vec2 size) {
  const Metric* metric = find_view("map")->metric(f.shown);
  SavedView saved{.view = "map", .is_pattern = !metric, .width = size.x, .height = size.y};
  const Error not_yet{f.t("Nothing to save yet", "尚无可保存的内容")};
  if (metric) {
    saved.first = f.shown_made(metric);
    if (!saved.first) return not_yet;
    if (saved.first->error) return *saved.first->error;
    return saved;
  }
  auto made = std::make_shared<MadeMeasure>();
  const auto& map = f.snap.map;
  if (map && f.is_of(*map) && map->site() == f.shown.site() && map->sample == f.shown.sample &&
      map->is_whole()) {
    made->measure = {find_view("map")->axes, {map->n_query, map->n_key}, map->values};
  } else {
    if (f.reading) return not_yet;
    Result<Measure> whole =
        compute_checked(*find_view("map")->usual_metric(), {f.stack(), f.trace, &f.shown});
    if (!whole) return whole.error();
    made->measure = std::move(*whole);
  }
  saved.first = std::move(made);
  return saved;
}

void draw_header(Frame& f, const MapSource& source, Vec2 size) {
  const float height = ImGui::GetFrameHeight();
  const float all = ImGui::GetContentRegionAvail().x;
  const float menu = std::clamp(all * .32f, 96.f, 210.f);
  const bool zooms = !f.ui.touch;  // fingers do
  const float buttons = float(zooms ? 5 : 3) * (height + 4) + menu;
  const float room = all - buttons - 8;
  const Metric* metric = source.preview ? nullptr : find_view("map")->metric(f.shown);
  State at = f.shown;
  at.layer = source.layer;
  at.head = source.head;
  std::string title = room < 130 ? site_name(metric, at) : site_words(metric, at);
  if (title.empty()) title = measure_title(metric, f.lang);  // a metric of all layers has no site
  if (source.preview) title += f.t("  (preview)", "（预览）");
  ImGui::AlignTextToFramePadding();
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(source.preview ? f.colors().accent : f.colors().text));
  ImGui::TextUnformatted(fit_text(title, room).c_str());
  ImGui::PopStyleColor();
  ImGui::SameLine(ImGui::GetWindowWidth() - ImGui::GetStyle().WindowPadding.x - buttons);
  const View& view = *find_view("map");
  metric_menu(f, "show", f.state.show, view, f.t("Weights", "权重"), menu);
  ImGui::SameLine(0, 4);
  const bool draws = f.ui.draws_rectangle;
  if (draws) ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
  if (icon_button(
          f, "rectangle", Icon::rectangle,
          f.t("Select a rectangle by dragging (or Shift+drag): its weight, entropy, distance",
              "在热力图上拖出矩形（或按住 Shift 拖动）：其权重之和、熵与距离")))
    f.ui.draws_rectangle = !draws;
  if (draws) ImGui::PopStyleColor();
  ImGui::SameLine(0, 4);
  const Vec2 middle = zoom_center(f);
  if (zooms && icon_button(f, "zoom_out", Icon::minus, f.t("Zoom out (−)", "缩小 (−)"), !f.ui.fits))
    zoom_map(f, 1 / 1.5f, middle);
  if (zooms) ImGui::SameLine(0, 4);
  if (zooms &&
      icon_button(f, "zoom_in", Icon::plus, f.t("Zoom in (+ or mouse wheel)", "放大 (+ 或滚轮)")))
    zoom_map(f, 1.5f, middle);
  if (zooms) ImGui::SameLine(0, 4);
  if (icon_button(f, "fit", Icon::fit, f.t("Show the whole map (F)", "显示整张热力图 (F)")))
    fit_map(f);
  ImGui::SameLine(0, 4);
  if (icon_button(f, "save", Icon::save, f.t("Save the figure or its data", "保存图片或数据")))
    ImGui::OpenPopup("save");
  draw_save_menu(f, [&] { return saved_map(f, size); });
  if (!source.preview) draw_target(f, "", view.metric(f.shown));
}

}  // namespace

void draw_map_panel(Frame& f) {
  if (!f.trace) return draw_no_trace(f, true);
  MapSource source = preview_source(f);
  // Size of a saved map.
  const Vec2 size = {std::floor(ImGui::GetContentRegionAvail().x),
                     std::floor(ImGui::GetContentRegionAvail().y)};
  if (source.empty() && !f.attention().is_kept(f.shown.layer))
    return wrapped(not_kept(f, f.shown.layer));
  if (const std::string no = reading_error(f); !no.empty()) return wrapped(no);
  if (source.empty()) source = chosen_source(f);
  if (source.empty()) return heading(f, f.t("Computing…", "正在计算…"));
  if (const Metric* metric = find_view("map")->metric(f.shown); metric && !source.preview) {
    const auto made = f.shown_made(metric);
    const MapSource measured = measured_source(f, made);
    if (measured.empty()) {
      draw_header(f, source, size);
      return draw_missing(f, made);
    }
    source = measured;
  }
  draw_header(f, source, size);
  draw_reading_words(f, source.measured ? source.measured->key.metric : nullptr);
  take_look(f);
  bring_row(f);
  settle_view(f);

  // One reserved line: the cell in focus, else how to read the map.
  const ImVec2 line = ImGui::GetCursorScreenPos();
  const float line_width = ImGui::GetContentRegionAvail().x;
  ImGui::Dummy({1, ImGui::GetFontSize() + 2});
  const ImVec2 origin = ImGui::GetCursorScreenPos(), room = ImGui::GetContentRegionAvail();
  Layout at = lay_out(f, origin, room);
  const float pool_width =
      source.tiled && !source.measured ? draw_pool(f, at.box, line, line_width) : 0;
  interact_with_names(f, at.box, {at.box.min.x - at.left, at.box.min.y - at.top});
  const bool over = interact(f, at.box);

  platform::HeatMapStyle style = f.heat_style();
  if (const int reach = f.pairs().reach(f.shown.layer);
      reach != INT_MAX && source.n_key == f.pairs().n_key)
    style.reach = reach;
  style.cell_lines = .35f;
  style.mean = source.tiled && f.state.pool == Pool::mean;
  if (!source.measured) style.top = f.map_top(source.layer, source.head);
  if (source.measured) {
    style.scale = Scale::linear;  // the places have it
    style.diverging = f.ui.shown_range.diverges();
  }
  ImDrawList* list = ImGui::GetWindowDrawList();
  const View2D& v = at.box.view;
  if (!f.reading) look_at(f, at.box);
  draw_weights(f, at.box, source, style);
  draw_masked_cells(f, at.box);
  draw_cell_numbers(f, at.box, source);
  draw_score_cells(f, at.box);
  draw_marks(f, at.box);
  draw_rectangle_note(f, at.box, source);
  draw_query_labels(f, at.box, at.left - 12);
  draw_key_labels(f, at.box, at.flat ? at.box.cell_width() : at.top - 10, at.flat);
  draw_legend(f, at, source, style);
  f.mark({"map",
          {at.box.min.x, at.box.min.y},
          {at.box.max.x, at.box.max.y},
          true,
          v.cell_min,
          v.cell_max});

  keep_look(f);
  f.mark({"picture", {}, size, false, {}, {}});

  const std::string says = focused_sentence(f, source);
  if (over && !ImGui::IsMouseDown(0)) tooltip(says);
  const std::string hint =
      says.empty() ? f.t("rows ↓ queries, columns → keys", "行 ↓ 查询，列 → 键") : says;
  const std::string cut = fit_text(hint, line_width - pool_width);
  list->AddText(line, rgb(says.empty() ? f.colors().faint : f.colors().text), cut.c_str());
  if (says != f.ui.announced) {
    f.ui.announced = says;
    platform::announce(says);
  }
}

}  // namespace attn
