// ui_state.h - what the interface keeps between frames, and the frame passed to every panel.
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
#include "figure/wall_layout.h"
#include "platform/heat_map.h"
#include "platform/tile_textures.h"
#include "state/history.h"
#include "state/state.h"
#include "text/find_text.h"
#include "ui/command_palette.h"
#include "ui/search_list.h"
#include "ui/theme.h"
#include "ui/window.h"

namespace attn {

// The part of the big map in view, in cells.
struct View2D {
  Vec2 cell_min, cell_max;
};

// A named area on screen, for scripts that click (see ask.cpp); for maps also the cells in view.
struct Area {
  std::string name;
  Vec2 min, max;
  bool is_map = false;
  Vec2 cell_min, cell_max;
};

// A figure, and the inputs it was made from.
struct FigureCache {
  std::weak_ptr<const void> drawn;
  std::shared_ptr<const MadeMeasure> made;  // whose row it is; null: of weights
  State state;
  ViewPart part;
  float width = 0, line_height = 0;
  bool touch = false;
  Figure figure;
};

// The picture on screen as a texture, which is made once; `tall` and `wide` are the parts of it
// that the picture covers.
struct PhotoTexture {
  std::weak_ptr<const Patches> of;
  ImTextureData* texture = nullptr;
  float wide = 0, tall = 0;
};

// A figure of measures, and the inputs it was made from.
struct ViewCache {
  std::weak_ptr<const void> drawn;
  std::string view;
  std::shared_ptr<const MadeMeasure> first, second;
  State state;
  ViewPart part;
  float width = 0, height = 0, line_height = 0;
  size_t n_columns = 0;
  const void* general = nullptr;  // HeadsTable::general, compared alone
  bool is_pattern = false, touch = false;
  Figure figure;
};

// Tokens that start with the text typed in a target menu.
struct TokenChoices {
  std::weak_ptr<const Model> model;
  std::string text;
  std::vector<int> tokens;
};

// The text about the rectangle on the map.
struct RectCache {
  MapKey map;
  CellRect rect;
  Lang lang = Lang::en;
  std::vector<std::string> lines;
};

// What the inspector says of a head in this text.
struct HereCache {
  MapKey map;
  int query = -1;
  Lang lang = Lang::en;
  std::string rows, token;
};

// The cells that enter a head's score; the same for all heads.
struct ScoreCells {
  std::string metric;
  std::weak_ptr<const void> drawn;
  int part = 0, sample = 0, offset = 0;
  std::vector<std::pair<int, int>> cells;  // query, key
};

// One row of a pattern, [n_key], or of groups.
struct RowCache {
  MapKey map;
  std::weak_ptr<const Reading> reading;
  int query = -1;
  std::vector<float> values;
  float hidden = 0;  // weight on hidden tokens
};

// Widths of a trace's token labels, so that not every frame measures them all.
struct LabelWidths {
  std::weak_ptr<const void> drawn;
  int part = 0, sample = -1;
  float queries = 0, keys = 0;  // of the longest, untruncated
};

// weight_top() of all heads of an attention, NaN until asked for.
struct TopCache {
  SampleKey of;
  Scale scale = Scale::automatic;
  Contrast contrast = Contrast::shared;
  std::vector<float> tops;  // [layer, head]
};

// The bar that finds words in the text.
struct FindBar {
  bool open = false;
  bool wants_focus = false;  // from the next frame on
  std::string words;
  std::weak_ptr<const Trace> trace;  // searched for `searched`
  int sample = -1;
  std::string searched;
  std::vector<FoundTokens> found;
  int at = 0;  // the chosen one of `found`
};

// Layout of the chips of the strip.
struct StripCache {
  std::weak_ptr<const void> drawn;
  int part = -1;
  int sample = -1;
  float room = 0, line = 0;
  std::vector<std::string> texts;
  std::vector<float> x, y, widths;
};

// The values that colour the chips, merged where chips are groups.
struct StripValues {
  std::shared_ptr<const MadeMeasure> of;
  const Reading* reading = nullptr;
  std::vector<float> values;
};

enum class Tab { map, heads_grid, row, heads, head, list, learn, settings, about };

struct UiState {
  bool dark = true;
  bool touch = false;           // the last pointer was a finger
  bool window_scrolls = false;  // too low for the panels
  bool pinches_at_end = false;  // two fingers came down where the zoom ends: the next view follows
  bool help_open = false, palette_open = false;
  ImGuiID pressed_item = 0;                   // its help waits until the mouse has left it
  bool hint_read = false, hint_open = false;  // the first hint, as it is stored
  SearchList search;                          // of the palette or the open menu
  std::vector<Choice> choices;                // of the palette: the rows of `search`
  std::string save_as;  // id of the exporter that the middle panel is to save with
  Tab tab = Tab::map;
  std::string link_error;    // why the link could not be opened
  std::string unknown_keys;  // of the link, which stay in it: "&key=value"
  std::string failed_model;  // the listed model that `link_error` is about, or ""
  // The error, the note and the model's warnings that were closed.
  std::string dismissed, dismissed_note, dismissed_warnings;
  std::string toast;  // confirmation of the last action, until toast_until
  double toast_until = 0;
  Snapshot read_snap;             // of reading_frame()
  double typed_at = -1;           // time of the last key; a burst of typing is one undo step
  float fetching = -1;            // download progress of a listed model, 0 to 1; -1: none
  bool wants_last_token = false;  // choose the last token of the next trace

  // The prompt box: the text typed, and the model and text it belongs to.
  std::string draft, draft_model, draft_text;
  bool pair_open = false, pair_opened = false;  // the box of the second text; just now

  bool emptied = false;  // the box: nothing is shown until there is a text

  // After another model was chosen: until its heads are known, the head that makes way for one
  // worth seeing.
  std::optional<Site> leaves_head;

  // The big map. `fits`: the whole map is in view, and stays so when it changes.
  View2D view;
  bool fits = true;
  std::string look, drawn_look;           // State::look as it was last read, and as last drawn
  std::shared_ptr<const PatternMap> map;  // what `map_stack` holds
  platform::HeatMapStack map_stack;
  std::shared_ptr<platform::TileTextures> map_tiles;  // of maps drawn in tiles
  RowCache row, hover_row, focus_row;
  LabelWidths label_widths;
  TopCache map_tops, wall_tops;
  StripCache strip, key_strip;  // the latter of cross-attention
  StripValues strip_values;
  PhotoTexture photo;
  PatternMap preview;  // of the head under the mouse
  platform::HeatMapStack preview_stack;
  int hover_query = -1, hover_key = -1;  // the hovered cell as the map marks it
  std::optional<Vec2> map_mouse;         // in cells, while the mouse is over the map
  int bring_row = -1;                    // the token whose row is to be brought into view
  bool dragged = false;
  std::string announced;
  const char* last_action = "";  // id of the last action, for scripts

  // The wall: what is in view of how many layers and heads, the map under the mouse, and the head
  // that was last brought into view.
  WallView wall;
  Site wall_shape, wall_head;
  bool wall_dragged = false;
  float wall_scale = 0;  // > 0: show the chosen head at this zoom, from the next frame on
  float wall_full = 0;   // the zoom at which one map fills the view
  // Snapshot::sharp on the GPU.
  struct SharpStack {
    std::shared_ptr<const SharpMap> map;
    platform::HeatMapStack stack;
  };
  std::vector<SharpStack> sharp;

  // The grid, and the hovered head of the last frame and of this one.
  std::shared_ptr<const HeadGrid> grid;
  platform::HeatMapStack grid_stack;
  int grid_ready = 0;  // thumbnails uploaded
  int hover_layer = -1, hover_head = -1, next_hover_layer = -1, next_hover_head = -1;
  // The hovered cell of the last frame and of this one, wherever the mouse is (focus.h): tokens.
  int point_query = -1, point_key = -1, next_point_query = -1, next_point_key = -1;

  FigureCache bars, heads;
  ViewCache list, canvas, grid_view;
  HeadsTable heads_table;
  std::vector<std::shared_ptr<const MadeMeasure>> heads_from;  // the columns of heads_table
  std::shared_ptr<const MadeMeasure> at_hand;                  // see at_hand() in view_panel.cpp
  MapKey at_hand_of;
  std::weak_ptr<const void> at_hand_drawn;
  std::string open_measure;  // id of the measure whose details are open in the inspector
  RectCache rectangle;
  HereCache here;
  ScoreCells score_cells;
  int rect_query = -1, rect_key = -1;  // where a drag of a rectangle began
  bool draws_rectangle = false;        // dragging on the map makes a rectangle
  const Word* help_word = nullptr;     // the word the help was opened for
  int help_scrolls = 0;                // frames left that scroll the help to help_word
  Panel panel = Panel::token;          // of the last frame
  // The measure the map shows instead of weights, and its colour range.
  std::shared_ptr<const MadeMeasure> shown;
  platform::HeatMapStack shown_stack;
  ValueRange shown_range;
  Scale shown_scale = Scale::linear;
  std::vector<float> shown_most;  // of each row, the largest magnitude
  float facts_height = 120;
  bool facts_left = false;   // the facts stand below the grid
  std::string learn_drawn;   // State::learn as last drawn, to scroll to the top of another
  std::string learn_answer;  // the lesson's step whose answer is open
  int d_model_before = 0, d_model_noted = 0;  // what the number of heads has changed; 0: nothing
  int scrolled_to = -1;                       // the token that the strip was last scrolled to
  bool opens_target = false;                  // the menu of the target, in the next frame
  std::string target_draft;                   // typed to find a token
  TokenChoices target_choices;
  bool completes_filter = false;  // the filter is being typed
  int filter_chosen = 0;          // of the ways to complete it
  FindBar find;
  int lens_scrolled_to = -1;  // the token that the lens was last scrolled to
  // The chain's walk: the step that is shown, -1: all; when the next one comes while it plays, else
  // -1; the step that was scrolled into view.
  int chain_step = -1, n_chain_steps = 0, chain_scrolled_to = -1;
  double chain_next = -1;
  bool arrows_taken = false, next_arrows_taken = false;  // by the focused slider
  // For screen readers: the control that has the keyboard's focus, as found in this frame and as
  // last said; the cell last said; and what was done in the mirror (mirror.h) since the last frame.
  std::string focus_says, focus_said;
  State choice_said;
  std::vector<std::string> acts;
  std::vector<Area> areas, next_areas;
};

// One frame, as passed to the panels.
struct Frame {
  UiState& ui;
  Session& session;
  State& state;  // what the user chose; panels write here
  History& history;
  const Snapshot& snap;
  const Trace* trace;  // null before the first
  State shown;         // `state` clamped to the trace on screen; panels read here
  Lang lang;
  // Where tokens are grouped, the map, the lines and the text are drawn from a second frame: its
  // pairs and `shown` are in groups, and choices made in it are converted to tokens.
  const Reading* reading = nullptr;  // of the second frame; null in the first
  Frame* base = nullptr;             // of the second frame: the first
  Frame* read = nullptr;             // of the first frame: the second, or null

  Frame& reads() { return read ? *read : *this; }
  // The layers that the shown part is of; null without a model.
  const Model* stack() const { return stack_of(snap.model, shown.part); }
  // The measure State::show, in this frame's tokens or groups; null until computed.
  std::shared_ptr<const MadeMeasure> shown_made(const Metric* metric) const;
  // The token of a query or key of this frame: the chosen token if it is in that group, else the
  // group's first.
  int query_token(int query) const;
  int key_token(int key) const;
  std::optional<CellRect> rectangle() const;  // State::rectangle in this frame's cells
  void choose_rectangle(CellRect rect) const;

  const ThemeColors& colors() const { return theme_colors(ui.dark); }
  const char* t(const char* en, const char* zh) const { return tr(lang, en, zh); }
  // The attention of the chosen site, in tokens.
  const Attention& attention() const { return trace->at(shown); }
  bool of_picture() const {
    return trace && !attention().key_tokens.empty() && attention().key_tokens[0].patches;
  }
  // Its tokens, or this frame's groups of them.
  const Pairs& pairs() const { return reading ? reading->pairs : attention(); }
  const std::vector<Token>& queries() const {
    return pairs().query_tokens[size_t(shown.sample)].items;
  }
  const std::vector<Token>& keys() const { return pairs().key_tokens[size_t(shown.sample)].items; }
  // Identity for caches of this frame's tokens or groups.
  std::shared_ptr<const void> drawn() const;
  // Whether a map is of this frame's trace and groups.
  bool is_of(const PatternMap& map) const {
    return map.trace.get() == trace && map.reading.get() == reading;
  }
  // Whether thumbnails are of what is shown: parts of one trace differ in layers, heads and tokens.
  bool is_of(const HeadGrid& grid) const {
    return grid.trace.get() == trace && grid.part == shown.part && grid.sample == shown.sample;
  }
  // A row of a head, [n_key], computed when it changes; empty where the layer is not kept. In
  // groups, `cache` also holds the row's weight on hidden tokens.
  std::span<const float> row_of(RowCache& cache, int layer, int head, int query) const;
  // The row of the chosen token in the chosen head.
  std::span<const float> row() const;
  // The palette's colour for a weight; equals the shader's.
  uint32_t color_of(float weight, float row_max, float top) const;
  // The weight that the brightest colour stands for on the map of a head, and among all heads.
  float map_top(int layer, int head) const;
  float wall_top(int layer, int head) const;
  // The colour at a position of the palette, 0 to 1.
  uint32_t palette_color(float place) const;
  // Whether the mask hides exactly the keys after the query.
  bool is_causal() const {
    return attention().mask == Mask::causal ||
           (snap.scratch && snap.scratch->settings.mask == ScratchMask::causal);
  }
  // Of weights, as the settings have it.
  platform::HeatMapStyle heat_style() const;
  void mark(std::string name) const;  // names the last item's rectangle in `layout`
  void mark(Area area) const { ui.next_areas.push_back(std::move(area)); }
};

// The second frame, in groups; none where tokens are not grouped.
std::optional<Frame> reading_frame(Frame& f);
// A line or two above a picture of groups: how they were merged, and the weight of hidden tokens.
void draw_reading_words(const Frame& f, const Metric* metric);
// Why these groups have no map; "" when they have one, or soon will.
std::string reading_error(const Frame& f);
// Merges the tokens from the chosen one to this one; splits them if they are merged already.
void mark_span(Frame& f, int query);

// The panels; each fills the rest of the current window.
void draw_top_bar(Frame& f);
void draw_prompt_row(Frame& f);
void draw_first_hint(Frame& f);
void draw_find_bar(Frame& f);
void open_find(Frame& f);
void draw_scratch_controls(Frame& f);
void draw_view_controls(Frame& f);
void draw_grid_panel(Frame& f);
// Puts the thumbnails of all heads, as far as they are ready, on the GPU.
void upload_thumbnails(Frame& f);
// In place of a panel before the first trace: that it is computed, or (`why`) why there is none and
// what to do.
void draw_no_trace(Frame& f, bool why = false);
// Message for a layer that did not fit in memory.
std::string not_kept(const Frame& f, int layer);
float grid_panel_height(const Frame& f, float width);
void draw_map_panel(Frame& f);
void draw_wall_panel(Frame& f);
void draw_view_tabs(Frame& f);
void draw_parts(Frame& f);  // the choice of encoder, decoder, cross-attention or pooling, if any,
                            // and of the two models of dropped files
void draw_view_panel(Frame& f);
void draw_head_panel(Frame& f);
void draw_list_panel(Frame& f);
void draw_learn_panel(Frame& f);
void draw_bars_panel(Frame& f);
void draw_heads_panel(Frame& f);
void draw_facts_panel(Frame& f);
void draw_errors(Frame& f);
void draw_status_line(Frame& f);
void draw_help(Frame& f);
void draw_command_palette(Frame& f);
void handle_keys(Frame& f);

// Actions of menus, keys and clicks, with their side effects.
void choose_model(Frame& f, const std::string& id);
// Downloads the listed model that failed again.
bool can_retry(const Frame& f);
void retry(Frame& f);
void show_example(State& state, const Example& example);
// Adds a token of the vocabulary to the end of the text, or says why it cannot be.
void append_token(Frame& f, int id);
void choose_head(Frame& f, int layer, int head);
// The other model of the files that the chosen one was dropped with; the text stays.
void choose_twin(Frame& f, const ModelEntry& entry);
// The line of the chosen model in the menu; null where there is none.
const ModelEntry* chosen_model(const Frame& f);
// The encoder's attention, the decoder's or cross-attention; the head stays as near as there is.
void choose_part(Frame& f, int part);
// To the next (1) or previous (-1).
void step_head(Frame& f, int by);
void step_layer(Frame& f, int by);
void choose_token(Frame& f, int token);
void lock_cell(Frame& f, int query, int key);
void set_theme(Frame& f, Theme theme);
void set_language(Frame& f, Lang lang);
void pick_model(Frame& f, bool folder);
void go_back(Frame& f);
void go_forward(Frame& f);
void copy_link(Frame& f);
// Where zooming without the wheel leads: the cell under the mouse, else the locked one, else the
// middle.
Vec2 zoom_center(const Frame& f);
void zoom_map(Frame& f, float factor, Vec2 at_cell);
void fit_map(Frame& f);
// From the map of one head to all heads, and back; zooming does both.
void open_wall(Frame& f);
void open_panel(Frame& f, Panel panel);  // in a small window, as the tab in view
void open_map(Frame& f);
void zoom_wall(Frame& f, float factor);
// Shows the next (1) or previous (-1) step of the chain, alone; past the ends: all of them.
void step_chain(Frame& f, int by);
// Opens a chapter or a lesson's step (State::learn) in the Learn panel, a lesson with its state; or
// the next (1) or previous (-1) of all.
void open_place(Frame& f, const std::string& learn);
void step_place(Frame& f, int by);
void toast(Frame& f, std::string text);

}  // namespace attn
