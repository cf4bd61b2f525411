// ui_state.h - what the interface remembers between frames, and what every panel is handed.
#pragma once

#include <imgui.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/session.h"
#include "figure/figure.h"
#include "figure/figure_parts.h"
#include "figure/glossary.h"
#include "figure/heads_table.h"
#include "figure/rectangle.h"
#include "platform/heat_map.h"
#include "platform/tile_textures.h"
#include "state/history.h"
#include "state/state.h"
#include "ui/theme.h"
#include "ui/window.h"

namespace attn {

// The part of the big map in view, in cells.
struct View2D {
  Vec2 cell_min, cell_max;
};

// A named place on screen, for scripts that click (see ask.cpp); for maps also the cells in view.
struct Area {
  std::string name;
  Vec2 min, max;
  bool is_map = false;
  Vec2 cell_min, cell_max;
};

// A figure and what it was made of.
struct FigureCache {
  std::weak_ptr<const void> drawn;
  State state;
  ViewPart part;
  float width = 0, line_height = 0;
  Figure figure;
};

// A figure of measures, and what it was made of.
struct ViewCache {
  std::weak_ptr<const void> drawn;
  std::string view;
  std::shared_ptr<const MadeMeasure> first, second;
  State state;
  ViewPart part;
  float width = 0, height = 0, line_height = 0;
  size_t n_columns = 0;
  bool is_pattern = false;
  Figure figure;
};

// Tokens that begin with what is typed where a target is chosen.
struct TokenChoices {
  std::weak_ptr<const Model> model;
  std::string text;
  std::vector<int> tokens;
};

// What is said of the rectangle on the map.
struct RectCache {
  MapKey map;
  CellRect rect;
  Lang lang = Lang::en;
  std::vector<std::string> lines;
};

// The cells that a head's score is made of; the same for all heads.
struct ScoreCells {
  std::string metric;
  std::weak_ptr<const void> drawn;
  int sample = 0, offset = 0;
  std::vector<std::pair<int, int>> cells;  // query, key
};

// One row of a pattern, [n_key].
struct RowCache {
  MapKey map;
  int query = -1;
  std::vector<float> values;
};

// What the labels of a trace's tokens take, so that no frame measures them all.
struct LabelWidths {
  std::weak_ptr<const void> drawn;
  int sample = -1;
  float queries = 0, keys = 0;  // of the longest, uncut
};

// Where the chips of the strip lie.
struct StripCache {
  std::weak_ptr<const void> drawn;
  int sample = -1;
  float room = 0, line = 0;
  std::vector<std::string> texts;
  std::vector<float> x, y, widths;
};

// What colours the chips, put together where they are groups.
struct StripValues {
  std::shared_ptr<const MadeMeasure> of;
  const Reading* reading = nullptr;
  std::vector<float> values;
};

enum class Tab { map, heads_grid, row, heads, head, list, settings, about };

struct UiState {
  bool dark = true;
  bool help_open = false;
  Tab tab = Tab::map;
  std::string link_error;                 // why the address could not be followed
  std::string failed_model;               // the listed one that `link_error` is about, or ""
  std::string dismissed, dismissed_note;  // the error and the note that the person has read
  std::string spoken;                     // the errors on screen, as screen readers were last told
  std::string toast;                      // what was just done; gone after toast_until
  double toast_until = 0;
  Snapshot read_snap;    // of the frame of groups
  double typed_at = -1;  // typing is one step of the history, not one a key
  float fetching = -1;   // how much of a listed model is here, 0 to 1; -1: nothing is fetched
  bool wants_last_token = false;  // the next trace's last token is more telling than its first

  // The prompt box: what was typed for this state.
  std::string draft, draft_model, draft_text;

  // The big map. `fits`: all of it is in view, and stays so when it changes.
  View2D view;
  bool fits = true;
  std::shared_ptr<const PatternMap> map;  // what `map_stack` holds
  platform::HeatMapStack map_stack;
  std::shared_ptr<platform::TileTextures> map_tiles;  // of maps that are not whole
  RowCache row, hover_row;
  LabelWidths label_widths;
  StripCache strip;
  StripValues strip_values;
  PatternMap preview;  // of the head under the mouse
  platform::HeatMapStack preview_stack;
  int hover_query = -1, hover_key = -1;  // cell under the mouse, in the map
  bool dragged = false;
  std::string announced;

  // The grid. Hover of the frame before, and of this one.
  std::shared_ptr<const HeadGrid> grid;
  platform::HeatMapStack grid_stack;
  int grid_ready = 0;  // maps that it was given
  int hover_layer = -1, hover_head = -1, next_hover_layer = -1, next_hover_head = -1;

  FigureCache bars, heads;
  ViewCache list, canvas, grid_view;
  HeadsTable heads_table;
  std::vector<std::shared_ptr<const MadeMeasure>> heads_from;  // what heads_table holds
  std::shared_ptr<const MadeMeasure> at_hand;                  // made within the frame, of this map
  MapKey at_hand_of;
  std::weak_ptr<const void> at_hand_drawn;
  std::string open_measure;  // the one whose explanation is open in the inspector
  RectCache rectangle;
  ScoreCells score_cells;
  int rect_query = -1, rect_key = -1;  // where a rectangle was begun
  bool draws_rectangle = false;        // dragging on the map makes one
  const Word* help_word = nullptr;     // that the help was opened for
  int help_scrolls = 0;                // frames until the help stays where the person scrolls it
  Panel panel = Panel::token;          // of the frame before
  // What the map shows in place of weights, and its colours' ends.
  std::shared_ptr<const MadeMeasure> shown;
  platform::HeatMapStack shown_stack;
  ValueRange shown_range;
  Scale shown_scale = Scale::linear;
  std::vector<float> shown_most;  // of each row, the largest size
  float facts_height = 120;
  int scrolled_to = -1;      // the token that the strip was last scrolled to
  std::string target_draft;  // what is typed to find a token
  TokenChoices target_choices;
  int lens_scrolled_to = -1;  // the token that the lens was last scrolled to
  bool arrows_taken = false, next_arrows_taken = false;  // by a slider that has the focus
  std::vector<Area> areas, next_areas;
};

// One frame, as the panels see it.
struct Frame {
  UiState& ui;
  Session& session;
  State& state;  // what the user chose; panels write here
  History& history;
  const Snapshot& snap;
  const Trace* trace;  // null before the first
  State shown;         // `state` clamped to the trace on screen; panels read here
  Lang lang;
  // Where tokens are grouped, the map, the lines and the text are drawn from another frame: its
  // pairs are those of the groups, `shown` counts them, and what is chosen is turned into tokens.
  const Reading* reading = nullptr;  // of such a frame; null for all others
  Frame* base = nullptr;             // of such a frame: the one of the tokens
  Frame* read = nullptr;             // of the one of the tokens

  Frame& reads() { return read ? *read : *this; }
  // What `show` names, in this frame's tokens or groups; null while it is not there.
  std::shared_ptr<const MadeMeasure> shown_made(const Metric* metric) const;
  // A token of a query or a key of this frame: the one that is chosen where it is among them, else
  // the first.
  int query_token(int query) const;
  int key_token(int key) const;
  std::optional<CellRect> rectangle() const;  // State::rectangle in this frame's cells
  void choose_rectangle(CellRect rect) const;

  const ThemeColors& colors() const { return theme_colors(ui.dark); }
  const char* t(const char* en, const char* zh) const { return tr(lang, en, zh); }
  // The one that the chosen site is in, whatever its tokens are shown as.
  const Attention& attention() const { return trace->at(shown); }
  // Its tokens, or the groups of them that this frame speaks of.
  const Pairs& pairs() const { return reading ? reading->pairs : attention(); }
  const std::vector<Token>& queries() const {
    return pairs().query_tokens[size_t(shown.sample)].items;
  }
  const std::vector<Token>& keys() const { return pairs().key_tokens[size_t(shown.sample)].items; }
  // What caches of this frame's tokens are of.
  std::shared_ptr<const void> drawn() const;
  // Whether a map is of this frame's trace and groups.
  bool is_of(const PatternMap& map) const {
    return map.trace.get() == trace && map.reading.get() == reading;
  }
  // A row of a head, [n_key], computed when it is another than before; empty where the layer is not
  // kept.
  std::span<const float> row_of(RowCache& cache, int layer, int head, int query) const;
  // That of the chosen token in the chosen head.
  std::span<const float> row() const;
  // The palette's colour for a weight, as the shader has it.
  uint32_t color_of(float weight, float row_max) const;
  // That of a place in it, 0 to 1.
  uint32_t palette_color(float place) const;
  // Whether keys after the query are masked, and no others.
  bool is_causal() const {
    return attention().mask == Mask::causal ||
           (snap.scratch && snap.scratch->settings.mask == ScratchMask::causal);
  }
  void mark(std::string name) const;  // the last item's rectangle, for `layout`
  void mark(Area area) const { ui.next_areas.push_back(std::move(area)); }
};

// The frame of groups that goes with one of tokens; none where tokens are not grouped.
std::optional<Frame> reading_frame(Frame& f);
// How groups are made, and what the hidden tokens hold, in a line or two above a picture of groups.
void draw_reading_words(const Frame& f, const Metric* metric);
// Why there is no map of these groups; "" when there is one, or will be.
std::string reading_error(const Frame& f);
// From the chosen token to this one, as one; where they are one already, apart again.
void mark_span(Frame& f, int query);

// The panels; each fills the room that is left in the current window.
void draw_top_bar(Frame& f);
void draw_prompt_row(Frame& f);
void draw_scratch_controls(Frame& f);
void draw_view_controls(Frame& f);
void draw_grid_panel(Frame& f);
// Why nothing of a layer can be shown, in a sentence.
std::string not_kept(const Frame& f, int layer);
float grid_panel_height(const Frame& f, float width);
void draw_map_panel(Frame& f);
void draw_view_tabs(Frame& f);
void draw_view_panel(Frame& f);
void draw_head_panel(Frame& f);
void draw_list_panel(Frame& f);
void draw_bars_panel(Frame& f);
void draw_heads_panel(Frame& f);
void draw_facts_panel(Frame& f);
void draw_errors(Frame& f);
void draw_status_line(Frame& f);
void draw_help(Frame& f);
void handle_keys(Frame& f);

// Choosing, with everything that goes with it.
void choose_model(Frame& f, const std::string& id);
// The listed model that failed: its files are asked for again.
bool can_retry(const Frame& f);
void retry(Frame& f);
void show_example(State& state, const Example& example);
void choose_head(Frame& f, int layer, int head);
void choose_token(Frame& f, int token);
void lock_cell(Frame& f, int query, int key);
void set_theme(Frame& f, Theme theme);
void set_language(Frame& f, Lang lang);
void pick_model(Frame& f, bool folder);
void go_back(Frame& f);
void go_forward(Frame& f);
void copy_link(Frame& f);
void zoom_map(Frame& f, float factor, Vec2 at_cell);
void fit_map(Frame& f);
void toast(Frame& f, std::string text);

}  // namespace attn
