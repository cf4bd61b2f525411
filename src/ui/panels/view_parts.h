// view_parts.h - what the panels of measures share: figures kept between frames, menus of measures,
// explained words.
#pragma once

#include <utility>

#include "figure/heads_table.h"
#include "figure/views.h"
#include "ui/ui_state.h"

namespace attn {

// What a figure is made of beside the state.
struct FigureWish {
  const char* view;
  std::shared_ptr<const MadeMeasure> measure, second;
  const HeadsTable* heads = nullptr;
  float height = 0;
  bool is_pattern = false;  // weights: coloured by the scale
  float width = 0;          // 0: of the window
};
// Made anew when something of it is another than before; at the current width and font.
const Figure& view_figure(Frame& f, ViewCache& cache, const FigureWish& wish);
// Draws it in a window that scrolls; a click chooses head, token and key as its area says.
void draw_view(Frame& f, const char* id, ViewCache& cache, const FigureWish& wish);

// All heads with all measures that are there.
const HeadsTable& heads_table(Frame& f);

// A menu of the metrics that the view offers; `id` is the state's. `none` (unless null) is the
// entry for no metric. True when it was changed.
bool metric_menu(Frame& f, const char* name, std::string& id, const View& view, const char* none,
                 float width);

// For a metric that is about a target: two menus, of the token asked about and of the one it is
// compared with. `place` sets the names in the layout apart: "" in the middle.
void draw_target(Frame& f, const char* place, const Metric* metric);

// Wrapped, with the glossary's words underlined: resting on one explains it, a click opens the
// glossary there.
void explained(Frame& f, std::string_view text);
// The cells {query, key} of the chosen head that the measure opened in the inspector is made of;
// none where it is not made of cells.
const std::vector<std::pair<int, int>>& score_cells(const Frame& f);
// A sentence in place of a view: why it cannot be had, or that it is being computed.
void draw_missing(Frame& f, const std::shared_ptr<const MadeMeasure>& made);

}  // namespace attn
