// map_view.h - the big map: its source, its place on screen, labels and marks.
#pragma once

#include <algorithm>
#include <optional>

#include "ui/ui_state.h"

namespace attn {

// The pattern that is drawn: the chosen head's, or that of the head under the mouse.
struct MapSource {
  platform::HeatMapStack* stack = nullptr;
  int index = 0;                      // in the stack
  const PatternMap* exact = nullptr;  // null for a thumbnail: no numbers
  int layer = 0, head = 0, n_query = 0, n_key = 0;
  bool preview = false;
  bool tiled = false;                     // drawn from the session's tiles; no stack
  const MadeMeasure* measured = nullptr;  // shown instead of weights, coloured by f.ui.shown_range
  int cell = 0;                           // of a thumbnail: HeadGrid::cell

  bool empty() const { return !stack && !tiled; }
};

MapSource chosen_source(Frame& f);
// The head under the mouse; empty when there is none.
MapSource preview_source(Frame& f);
// Another measure of the same cells instead of weights; empty until computed.
MapSource measured_source(Frame& f, const std::shared_ptr<const MadeMeasure>& made);

// A weight, and its ratio to the largest of its row.
struct Weight {
  float weight = 0, share = 0;
};
// None until its tile is loaded.
std::optional<Weight> weight_at(const Frame& f, const MapSource& source, int query, int key);

// The rectangle of cells, and the part of the map that it shows.
struct MapBox {
  ImVec2 min, max;
  View2D view;

  float cell_width() const { return (max.x - min.x) / (view.cell_max.x - view.cell_min.x); }
  float cell_height() const { return (max.y - min.y) / (view.cell_max.y - view.cell_min.y); }
  float x_of(float key) const { return min.x + (key - view.cell_min.x) * cell_width(); }
  float y_of(float query) const { return min.y + (query - view.cell_min.y) * cell_height(); }
  Vec2 cell_at(ImVec2 p) const {
    return {view.cell_min.x + (p.x - min.x) / cell_width(),
            view.cell_min.y + (p.y - min.y) / cell_height()};
  }
};

constexpr float kLabelSize = 13;

// Moves what is in view of `n` cells so that `at` is in the middle, as far as there are cells.
inline void center_on(float at, float n, float& low, float& high) {
  const float span = high - low;
  low = std::clamp(at - span / 2, 0.f, std::max(0.f, n - span));
  high = low + span;
}
// Tells the session what is in view; it makes tiles from the next frame on.
void look_at(Frame& f, const MapBox& box);
void draw_weights(Frame& f, const MapBox& box, const MapSource& source,
                  const platform::HeatMapStyle& style);
// Where a cell covers many weights: a button at the right end of the line that chooses the pooling.
// Returns its width, or 0.
float draw_pool(Frame& f, const MapBox& box, ImVec2 line, float width);
// The cells of the score whose details are open in the inspector.
void draw_score_cells(const Frame& f, const MapBox& box);
void draw_marks(const Frame& f, const MapBox& box);
// What the rectangle holds, beside it.
void draw_rectangle_note(Frame& f, const MapBox& box, const MapSource& source);

// Width of the longest label of each axis.
const LabelWidths& label_widths(const Frame& f);
void draw_query_labels(const Frame& f, const MapBox& box, float room);
void draw_key_labels(const Frame& f, const MapBox& box, float room, bool flat);
void draw_cell_numbers(const Frame& f, const MapBox& box, const MapSource& source);
// Cells hidden by a mask other than the causal one, which the shader draws.
void draw_masked_cells(const Frame& f, const MapBox& box);
// Beside or below the map; `metric` is null for weights.
void draw_color_bar(Frame& f, ImVec2 min, float length, bool vertical, ValueRange range,
                    const Metric* metric);
// A small picture of the whole map that shows which part is in view; a click or drag moves it.
void draw_overview(Frame& f, const MapBox& box, const MapSource& source,
                   const platform::HeatMapStyle& style, ImVec2 min, float side);

}  // namespace attn
