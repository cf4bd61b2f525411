// view_parts.h - shared by panels of measures: cached figures, menus of measures, glossary links.
#pragma once

#include <memory>
#include <utility>

#include "figure/heads_table.h"
#include "figure/text_blocks.h"
#include "figure/views.h"
#include "ui/ui_state.h"

namespace attn {

// Inputs of a figure besides the state.
struct FigureWish {
  const char* view;
  std::shared_ptr<const MadeMeasure> measure, second;
  const HeadsTable* heads = nullptr;
  float height = 0;
  bool is_pattern = false;    // weights: coloured by the scale
  float width = 0;            // 0: of the window
  const State* at = nullptr;  // what is chosen in it; null: Frame::shown
};
// Rebuilt when an input changed; uses the current width and font.
const Figure& view_figure(Frame& f, ViewCache& cache, const FigureWish& wish);
// Draws it in a scrolling window; a click chooses the head, token and key of the area hit.
void draw_view(Frame& f, const char* id, ViewCache& cache, const FigureWish& wish);

// What the heads on screen do in general; null where it is unknown, or not known yet.
std::shared_ptr<const HeadCharacters> general(const Frame& f);
// What the chosen head does in this text, and at the chosen token; its layer must be kept.
const HereCache& here_words(const Frame& f);
// All heads, with the measures computed so far.
const HeadsTable& heads_table(Frame& f);

// A menu of the metrics the view offers; `id` is a member of the state. `none`, unless null, is the
// entry for no metric. True when `id` changed.
bool metric_menu(Frame& f, const char* name, std::string& id, const View& view, const char* none,
                 float width);

// The box of the filter of heads, with a list that completes what is typed.
void draw_filter_box(Frame& f, float width);

// For metrics of a target: menus of the target token and of the token it is compared with. `place`
// distinguishes names in the layout; "" in the middle panel.
void draw_target(Frame& f, const char* place, const Metric* metric);

// The blocks of a chapter, in the width of the window; a click on a row chooses its head or token.
void draw_blocks(Frame& f, const TextBlocks& blocks);
// Wrapped text with glossary words underlined: hovering explains one, a click opens the glossary.
void explained(Frame& f, std::string_view text);
// Cells {query, key} of the chosen head that enter the measure open in the inspector; may be empty.
const std::vector<std::pair<int, int>>& score_cells(const Frame& f);
// A head's tooltip: its name, the measure, which heads share its keys, and its largest weight where
// each cell of the thumbnail is one weight.
std::string head_words(const Frame& f, const HeadGrid& grid, int layer, int head,
                       const MadeMeasure* caption);
// What a head does in general, as a dot; nothing for Role::nothing.
void draw_role_dot(const Frame& f, ImDrawList* list, ImVec2 at, float radius, Role role);
// The colours of these dots, with how many heads have each role; nothing where none has one. A
// click filters by the role.
void draw_role_legend(Frame& f, const HeadCharacters& all);
// What the rectangle on the map holds, in the tokens of `f`; empty where there is none.
const std::vector<std::string>& rectangle_lines(Frame& f);
// Text instead of a view: its error, or that it is being computed.
void draw_missing(Frame& f, const std::shared_ptr<const MadeMeasure>& made);

}  // namespace attn
