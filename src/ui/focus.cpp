#include "ui/focus.h"

#include <algorithm>

#include "figure/views.h"

namespace attn {
namespace {

// What the map shows, where the middle shows queries and keys; null: weights.
const Metric* metric_of_map(const State& s) {
  const View& view = middle_view(s);
  return view.axes == find_view("map")->axes ? view.metric(s) : nullptr;
}

}  // namespace

bool is_previewing(const Frame& f) {
  const UiState& ui = f.ui;
  return ui.hover_head >= 0 && ui.hover_layer >= 0 &&
         (ui.hover_head != f.shown.head || ui.hover_layer != f.shown.layer) &&
         ui.hover_head < f.attention().n_heads && ui.hover_layer < f.attention().n_layers;
}

State focused(const Frame& f) {
  State s = f.shown;
  if (!f.trace) return s;
  if (is_previewing(f) && f.attention().is_kept(f.ui.hover_layer)) {
    s.layer = f.ui.hover_layer;
    s.head = f.ui.hover_head;
  }
  int query = f.ui.point_query, key = f.ui.point_key;
  const Attention& a = f.attention();
  if (query < 0 || query >= a.n_query || key >= a.n_key) return s;
  if (f.reading) {
    query = f.reading->queries.of_token[size_t(query)];
    if (key >= 0) key = f.reading->keys.of_token[size_t(key)];
    if (query < 0) return s;
  }
  s.token = query;
  s.locked_key = key;
  return s;
}

void point_at(const Frame& f, int query, int key) {
  f.ui.next_point_query = f.query_token(query);
  f.ui.next_point_key = f.key_token(key);
}

FocusRow focus_row(const Frame& f, const State& at) {
  FocusRow row;
  row.metric = is_previewing(f) ? nullptr : metric_of_map(f.shown);
  if (!row.metric) {
    row.values = f.row_of(f.ui.focus_row, at.layer, at.head, at.token);
    row.hidden = f.ui.focus_row.hidden;
    return row;
  }
  row.made = f.shown_made(row.metric);
  const size_t n_key = size_t(f.pairs().n_key);
  if (!row.made || row.made->error ||
      row.made->measure.values.size() != n_key * size_t(f.pairs().n_query))
    return row;
  row.values = std::span(row.made->measure.values).subspan(size_t(at.token) * n_key, n_key);
  if (f.base)
    if (const auto map = f.base->snap.read_map(row.metric, f.base->shown);
        map && size_t(at.token) < map->hidden.size())
      row.hidden = map->hidden[size_t(at.token)];
  return row;
}

void draw_head_preview(const Frame& f, int layer, int head) {
  const UiState& ui = f.ui;
  if (!ui.grid || !f.is_of(*ui.grid)) return;
  const int index = layer * ui.grid->n_heads + head;
  if (index >= ui.grid_ready || !ImGui::BeginTooltip()) return;
  platform::HeatMapStyle style = f.heat_style();
  style.top = f.map_top(layer, head);
  const float side = 132, longest = float(std::max(ui.grid->side_q, ui.grid->side_k));
  const ImVec2 size = {side * float(ui.grid->side_k) / longest,
                       side * float(ui.grid->side_q) / longest};
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImGui::Dummy(size);
  platform::draw_heat_map(ImGui::GetWindowDrawList(), f.ui.grid_stack, index, {at.x, at.y},
                          {at.x + size.x, at.y + size.y}, {0, 0},
                          {ui.grid->covered(ui.grid->side_k), ui.grid->covered(ui.grid->side_q)},
                          style);
  ImGui::EndTooltip();
}

}  // namespace attn
