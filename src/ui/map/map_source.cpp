// map_source.cpp - which pattern the big map draws: the chosen head's, a preview of another, or a
// measure.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "ui/focus.h"
#include "ui/map/map_view.h"
#include "ui/panels/view_parts.h"

namespace attn {
namespace {

// Multiplications that a preview may take between two frames; beyond that a thumbnail is shown.
constexpr double kPreviewWork = 2e7;

// The grid's thumbnail, where the exact pattern is missing.
MapSource thumbnail(Frame& f, int layer, int head) {
  UiState& ui = f.ui;
  if (!ui.grid || f.reading || !f.is_of(*ui.grid)) return {};
  const int index = layer * ui.grid->n_heads + head;
  if (index >= ui.grid_ready) return {};
  return {&ui.grid_stack,  index, nullptr, layer,   head,         ui.grid->side_q,
          ui.grid->side_k, false, false,   nullptr, ui.grid->cell};
}

// Preview of merged tokens; none for long texts.
MapSource preview_groups(Frame& f) {
  UiState& ui = f.ui;
  const Attention& a = f.base->attention();
  if (double(a.n_query) * a.n_key * (a.d_head + 16) > kPreviewWork) return {};
  PatternMap& p = ui.preview;
  if (!f.is_of(p) || p.part != f.shown.part || p.layer != ui.hover_layer ||
      p.head != ui.hover_head || ui.preview_stack.n_maps() == 0) {
    const Measure whole{{Axis::query, Axis::key},
                        {a.n_query, a.n_key},
                        a.pattern(f.base->shown.sample, ui.hover_layer, ui.hover_head)};
    p = {{f.shown.part, ui.hover_layer, ui.hover_head},
         f.base->snap.trace,
         0,
         f.pairs().n_query,
         f.pairs().n_key,
         merged(whole, f.reading->queries, f.reading->keys).values,
         {},
         Pool::largest,
         f.base->snap.reading};
    for (int q = 0; q < p.n_query; ++q) {
      const auto row = p.values.begin() + int64_t(q) * p.n_key;
      p.row_max.push_back(*std::max_element(row, row + p.n_key));
    }
    ui.preview_stack.set(p.values.data(), 1, p.n_query, p.n_key);
  }
  return {&ui.preview_stack, 0, &p, p.layer, p.head, p.n_query, p.n_key, true, false};
}

}  // namespace

MapSource chosen_source(Frame& f) {
  UiState& ui = f.ui;
  const auto& map = f.snap.map;
  if (map && map != ui.map) {
    ui.map = map;
    if (map->is_whole()) ui.map_stack.set(map->values.data(), 1, map->n_query, map->n_key);
  }
  if (!ui.map || !f.is_of(*ui.map)) return {};
  const PatternMap& m = *ui.map;
  const bool tiled = !m.is_whole();
  if (tiled && (m.layer != f.shown.layer || m.head != f.shown.head)) {
    const MapSource small = thumbnail(f, f.shown.layer, f.shown.head);
    if (!small.empty()) return small;
  }
  return {
      tiled ? nullptr : &ui.map_stack, 0, &m, m.layer, m.head, m.n_query, m.n_key, false, tiled};
}

MapSource preview_source(Frame& f) {
  if (!is_previewing(f)) return {};
  UiState& ui = f.ui;
  const Attention& a = f.attention();
  if (!f.attention().is_kept(ui.hover_layer)) return {};
  if (f.reading) return preview_groups(f);
  const double work = double(a.n_query) * a.n_key * (a.d_head + 16);
  if (work > kPreviewWork) {
    MapSource source = thumbnail(f, ui.hover_layer, ui.hover_head);
    source.preview = true;
    return source;
  }
  PatternMap& p = ui.preview;
  if (!f.is_of(p) || p.sample != f.shown.sample || p.part != f.shown.part ||
      p.layer != ui.hover_layer || p.head != ui.hover_head || ui.preview_stack.n_maps() == 0) {
    p = {{f.shown.part, ui.hover_layer, ui.hover_head},
         f.snap.trace,
         f.shown.sample,
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

MapSource measured_source(Frame& f, const std::shared_ptr<const MadeMeasure>& made) {
  UiState& ui = f.ui;
  const Pairs& a = f.pairs();
  if (!made || made->error || made->measure.shape != std::vector<int>{a.n_query, a.n_key})
    return {};
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
        places.push_back(std::isnan(place)           ? -2
                         : ui.shown_range.diverges() ? place - kDiverging
                                                     : place);
      }
    }
    ui.shown_stack.set(places.data(), 1, a.n_query, a.n_key);
  }
  MapSource source{&ui.shown_stack, 0,       nullptr, f.shown.layer, f.shown.head,
                   a.n_query,       a.n_key, false,   false};
  source.measured = made.get();
  return source;
}

}  // namespace attn
