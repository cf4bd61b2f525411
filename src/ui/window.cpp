// window.cpp - the layout of the window at every size.
#include "ui/window.h"

#include <imgui_internal.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/head_character.h"
#include "analysis/regroup.h"
#include "figure/contrast.h"
#include "figure/figure_text.h"
#include "platform/platform.h"
#include "state/query.h"
#include "ui/mirror.h"
#include "ui/ui_state.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr float kGap = 10;
constexpr double kLook_ms = 100;  // between updates of the progress
constexpr double kTyping_s = .7;  // of silence end a burst of typing, one step of the history

// A card as high as its content.
template <class F>
void fitting_card(Frame& f, const char* id, F&& fill) {
  ImGui::PushStyleColor(ImGuiCol_ChildBg, rgb(f.colors().panel));
  ImGui::BeginChild(
      id, {0, 0},
      ImGuiChildFlags_AlwaysUseWindowPadding | ImGuiChildFlags_AutoResizeY | kTabPasses);
  ImGui::PopStyleColor();
  fill();
  ImGui::EndChild();
}

template <class F>
void card(Frame& f, const char* id, ImVec2 size, bool scrolls, F&& fill) {
  if (begin_card(f, id, size, scrolls)) fill();
  end_card();
}

void draw_settings(Frame& f) {
  if (f.state.model == "scratch") fitting_card(f, "scratch", [&] { draw_scratch_controls(f); });
  fitting_card(f, "view", [&] { draw_view_controls(f); });
}

constexpr float kLeastFacts = 120;

// The grid takes what is left of the height; where it cannot use it all, the facts stand below it,
// and the right column has more room for rows.
void draw_left_column(Frame& f, float width, bool with_facts) {
  ImGui::BeginChild("left", {width, 0}, kTabPasses);
  draw_settings(f);
  const float room = ImGui::GetContentRegionAvail().y;
  const float wanted = grid_panel_height(f, ImGui::GetContentRegionAvail().x);
  f.ui.facts_left = with_facts && f.trace && room - wanted - kGap >= kLeastFacts;
  const float grid = f.ui.facts_left ? wanted : std::max(std::min(wanted, 150.f), room);
  card(f, "grid", {0, grid}, false, [&] { draw_grid_panel(f); });
  if (f.ui.facts_left) card(f, "facts", {0, 0}, true, [&] { draw_facts_panel(f); });
  ImGui::EndChild();
}

void draw_panel_tabs(Frame& f) {
  std::vector<std::string> titles;
  std::vector<const char*> helps;
  for (const Text& t : kPanelTitles) titles.emplace_back(t.in(f.lang));
  for (const Text& t : kPanelHelps) helps.push_back(t.in(f.lang));
  int chosen = int(f.state.panel);
  segmented(f, "panel", titles, chosen, ImGui::GetContentRegionAvail().x, helps);
  f.state.panel = Panel(chosen);
}

void draw_chosen_panel(Frame& f) {
  if (f.state.panel == Panel::head) return draw_head_panel(f);
  f.state.panel == Panel::list ? draw_list_panel(f) : draw_learn_panel(f);
}

void draw_right_column(Frame& f, float width) {
  ImGui::BeginChild("right", {width, 0}, kTabPasses);
  draw_panel_tabs(f);
  if (f.state.panel != Panel::token) {
    card(f, "panel", {0, 0}, false, [&] { draw_chosen_panel(f); });
    return ImGui::EndChild();
  }
  const bool has_facts = !f.ui.facts_left;
  const float room = ImGui::GetContentRegionAvail().y - (has_facts ? 2 : 1) * kGap;
  const float line = 21;
  // Each panel's preferred height; a shortage is taken from the larger ones.
  float bars = (f.ui.bars.figure.size.y > 0 ? f.ui.bars.figure.size.y : 6 * line) + 54;
  float heads = (f.ui.heads.figure.size.y > 0 ? f.ui.heads.figure.size.y : 6 * line) + 54;
  const float facts =
      has_facts ? std::min(f.ui.facts_height, std::max(room * .2f, room - bars - heads)) : 0;
  const float left = room - facts;
  if (bars + heads > left) {
    bars = std::min(bars, std::max(left * .55f, left - heads));
    heads = left - bars;
  }
  card(f, "row", {0, bars}, false, [&] { draw_bars_panel(f.reads()); });
  card(f, "compare", {0, heads}, false, [&] { draw_heads_panel(f.reads()); });
  if (has_facts) card(f, "facts", {0, facts}, true, [&] { draw_facts_panel(f); });
  ImGui::EndChild();
}

void draw_tab(Frame& f, Tab tab) {
  switch (tab) {
    case Tab::map:
      draw_view_tabs(f);
      draw_parts(f);
      return card(f, "map", {0, 0}, false, [&] { draw_view_panel(f); });
    case Tab::head:
      return card(f, "panel", {0, 0}, false, [&] { draw_head_panel(f); });
    case Tab::list:
      return card(f, "panel", {0, 0}, false, [&] { draw_list_panel(f); });
    case Tab::learn:
      return card(f, "panel", {0, 0}, false, [&] { draw_learn_panel(f); });
    case Tab::heads_grid:
      return card(f, "grid", {0, 0}, false, [&] { draw_grid_panel(f); });
    case Tab::row:
      return card(f, "row", {0, 0}, false, [&] { draw_bars_panel(f.reads()); });
    case Tab::heads:
      return card(f, "compare", {0, 0}, false, [&] { draw_heads_panel(f.reads()); });
    case Tab::settings: {
      ImGui::BeginChild("settings", {0, 0}, kTabPasses);
      draw_settings(f);
      return ImGui::EndChild();
    }
    case Tab::about:
      return card(f, "facts", {0, 0}, true, [&] { draw_facts_panel(f); });
  }
}

struct TabRow {
  Text title, help;
};
// By Tab.
constexpr TabRow kTabs[] = {
    {{"View", "视图"}, {"The map, or another view of the chosen head", "热力图，或其他视图"}},
    {{"Grid", "网格"}, {"A small map of every head", "每个头一张小图"}},
    {{"Row", "权重行"},
     {"The weights of the chosen token in the chosen head", "所选词元在所选头中的各个权重"}},
    {{"Compare", "对比"},
     {"What the chosen token attends to in every head of the layer",
      "所选词元在该层每个头中关注什么"}},
    {kPanelTitles[size_t(Panel::head)], kPanelHelps[size_t(Panel::head)]},
    {kPanelTitles[size_t(Panel::list)], kPanelHelps[size_t(Panel::list)]},
    {kPanelTitles[size_t(Panel::learn)], kPanelHelps[size_t(Panel::learn)]},
    {{"Settings", "设置"},
     {"Layer, head, token, colours, and how tokens are grouped",
      "层、头、词元、配色以及词元的分组"}},
    {{"About", "说明"}, {"The model on screen and the memory in use", "当前模型与内存占用"}},
};

// One panel at a time, with its name above it.
void draw_tabs(Frame& f, std::initializer_list<Tab> tabs) {
  std::vector<std::string> titles;
  std::vector<const char*> helps;
  int chosen = 0;
  for (Tab tab : tabs) {
    if (tab == f.ui.tab) chosen = int(titles.size());
    titles.emplace_back(kTabs[size_t(tab)].title.in(f.lang));
    helps.push_back(kTabs[size_t(tab)].help.in(f.lang));
  }
  // In two rows if they do not fit in one.
  const float width = ImGui::GetContentRegionAvail().x;
  float needed = 0;
  for (const std::string& t : titles) needed += segment_width(f, t);
  const int first = needed <= width ? int(titles.size()) : int(titles.size() + 1) / 2;
  const int before = chosen;
  for (int row = 0; row * first < int(titles.size()); ++row) {
    const int from = row * first, to = std::min(int(titles.size()), from + first);
    int at = before >= from && before < to ? before - from : -1;
    const auto part = std::span(titles).subspan(size_t(from), size_t(to - from));
    const auto says = std::span(helps).subspan(size_t(from), size_t(to - from));
    ImGui::PushID(row);
    if (segmented(f, row == 0 ? "tab" : "tab2", part, at, width, says)) chosen = from + at;
    ImGui::PopID();
  }
  f.ui.tab = tabs.begin()[chosen];
  if (chosen != before) {
    if (f.ui.tab == Tab::head) f.state.panel = Panel::head;
    if (f.ui.tab == Tab::list) f.state.panel = Panel::list;
    if (f.ui.tab == Tab::learn) f.state.panel = Panel::learn;
    if (f.ui.tab == Tab::row || f.ui.tab == Tab::heads) f.state.panel = Panel::token;
  }
  draw_tab(f, f.ui.tab);
}

// In a low window the panels keep this height, and the window scrolls.
float least_body(const Frame& f) { return f.ui.touch ? 560.f : 350.f; }

void draw_body(Frame& f) {
  const ImVec2 room = ImGui::GetContentRegionAvail();
  const float high = room.y - 22 + ImGui::GetScrollY();
  f.ui.window_scrolls = high < least_body(f);
  ImGui::BeginChild("body", {0, std::max(high, least_body(f))}, kTabPasses);
  if (room.x >= 980) {
    const bool reads = f.state.panel == Panel::learn;  // text needs wider lines
    const float left = 336, wide = reads ? std::clamp(room.x - left - 600, 320.f, 430.f) : 320.f,
                right = room.x >= 1180 ? wide : 290.f;
    draw_left_column(f, left, true);
    ImGui::SameLine();
    ImGui::BeginChild("center", {room.x - left - right - 2 * kGap, 0}, kTabPasses);
    draw_tab(f, Tab::map);
    ImGui::EndChild();
    ImGui::SameLine();
    draw_right_column(f, right);
  } else if (room.x >= 660) {
    draw_left_column(f, 290, false);
    ImGui::SameLine();
    ImGui::BeginChild("center", {0, 0}, kTabPasses);
    draw_tabs(f, {Tab::map, Tab::row, Tab::heads, Tab::head, Tab::list, Tab::learn, Tab::about});
    ImGui::EndChild();
  } else {
    draw_tabs(f, {Tab::map, Tab::heads_grid, Tab::row, Tab::heads, Tab::head, Tab::list, Tab::learn,
                  Tab::settings, Tab::about});
  }
  ImGui::EndChild();
}

Tab tab_of(Panel panel) {
  switch (panel) {
    case Panel::head:
      return Tab::head;
    case Panel::list:
      return Tab::list;
    case Panel::learn:
      return Tab::learn;
    case Panel::token:
      break;
  }
  return Tab::row;
}

void begin_frame(UiState& ui, const State& state) {
  const bool dark =
      state.theme == Theme::dark || (state.theme == Theme::system && platform::prefers_dark());
  ui.dark = dark;
  // What was used last; not during a press, whose target would move.
  const ImGuiIO& io = ImGui::GetIO();
  const bool by_touch = io.MouseSource == ImGuiMouseSource_TouchScreen;
  if (!ImGui::IsAnyMouseDown() && (by_touch || ImGui::IsMousePosValid())) ui.touch = by_touch;
  apply_theme(dark, ui.touch);
  platform::set_page(state.lang, dark);
  ui.next_areas.clear();
  ui.next_arrows_taken = false;
  ui.next_hover_layer = ui.next_hover_head = -1;
  ui.next_point_query = ui.next_point_key = -1;
  ui.focus_says.clear();
  // In a small window, follow a link, an undo or a button to the panel it chose.
  if (std::exchange(ui.panel, state.panel) != state.panel && state.panel != Panel::token)
    ui.tab = tab_of(state.panel);
}

// Drops pictures of traces that are no longer on screen: they would keep the trace alive.
void forget_lost(UiState& ui, const Snapshot& snap, const State& state) {
  const auto lost = [&](const auto& trace) { return trace && trace != snap.trace; };
  if (lost(ui.preview.trace) || (ui.preview.reading && ui.preview.reading != snap.reading))
    ui.preview = {};
  if (ui.map && lost(ui.map->trace) && ui.map != snap.map) ui.map.reset();
  if (ui.grid && lost(ui.grid->trace) && ui.grid != snap.grid) ui.grid.reset();
  if (ui.heads_table.n_heads > 0 && snap.trace &&
      ui.heads_table.n_heads != snap.trace->at(clamped(state, *snap.trace)).n_heads)
    ui.heads_table = {};
}

// True when something drawn depends on a hover found only in this frame.
bool end_frame(UiState& ui) {
  const bool hover_changed =
      ui.next_hover_layer != ui.hover_layer || ui.next_hover_head != ui.hover_head ||
      ui.next_point_query != ui.point_query || ui.next_point_key != ui.point_key;
  ui.hover_layer = ui.next_hover_layer;
  ui.hover_head = ui.next_hover_head;
  ui.point_query = ui.next_point_query;
  ui.point_key = ui.next_point_key;
  ui.arrows_taken = ui.next_arrows_taken;
  ui.areas.swap(ui.next_areas);
  return hover_changed;
}

}  // namespace

std::shared_ptr<UiState> create_ui() {
  auto ui = std::make_shared<UiState>();
  ui->touch = platform::prefers_touch();
  return ui;
}

void forget_caches(UiState& ui) {
  for (RowCache* row : {&ui.row, &ui.hover_row, &ui.focus_row}) row->query = -1;
  for (std::weak_ptr<const void>* drawn :
       {&ui.label_widths.drawn, &ui.strip.drawn, &ui.key_strip.drawn, &ui.bars.drawn,
        &ui.heads.drawn, &ui.list.drawn, &ui.canvas.drawn, &ui.grid_view.drawn,
        &ui.score_cells.drawn, &ui.at_hand_drawn})
    drawn->reset();
  ui.strip_values.of.reset();
  ui.target_choices.model.reset();
  ui.rectangle.map.trace.reset();
  ui.here.map.trace.reset();
  ui.heads_table.n_heads = 0;
  ui.preview = {};
  ui.map.reset();
  ui.grid.reset();
  ui.shown.reset();
  ui.sharp.clear();
}

void show_error(UiState& ui, std::string message, std::string failed_model) {
  ui.link_error = std::move(message);
  ui.failed_model = std::move(failed_model);
}

std::string link_of(const UiState& ui, const State& state) {
  State usual;
  usual.model.clear();
  std::string link = to_query(state, usual) + ui.unknown_keys;
  if (link.starts_with('&')) link.erase(0, 1);
  return link;
}

void open_panel(Frame& f, Panel panel) {
  f.state.panel = f.ui.panel = panel;
  f.ui.tab = tab_of(panel);
}

void keep_unknown(UiState& ui, std::string pairs) { ui.unknown_keys = std::move(pairs); }

void show_fetching(UiState& ui, float progress) { ui.fetching = progress; }

bool is_settled(const UiState& ui) {
  const bool typing = ui.typed_at >= 0 && ImGui::GetTime() - ui.typed_at < kTyping_s;
  return !ImGui::IsAnyItemActive() && !ui.wants_last_token && !typing;
}

std::span<const float> Frame::row_of(RowCache& cache, int layer, int head, int query) const {
  const Frame& tokens = base ? *base : *this;
  const MapKey key{{shown.part, layer, head}, tokens.snap.trace, tokens.shown.sample};
  if (cache.query == query && cache.map == key && cache.reading.lock().get() == reading)
    return cache.values;
  cache.map = key;
  cache.reading = base ? base->snap.reading : nullptr;
  cache.query = query;
  cache.values.clear();
  cache.hidden = 0;
  if (!attention().is_kept(layer)) return {};
  if (reading) {
    GroupRow row = group_row(attention(), *reading, layer, head, query);
    cache.values = std::move(row.values);
    cache.hidden = row.hidden;
    return cache.values;
  }
  cache.values.resize(size_t(attention().n_key));
  attention().pattern_rows(shown.sample, layer, head, query, query + 1,
                           {cache.values.data(), 1, attention().n_key});
  return cache.values;
}

std::span<const float> Frame::row() const {
  return row_of(ui.row, shown.layer, shown.head, shown.token);
}

uint32_t Frame::color_of(float weight, float row_max, float top) const {
  return palette_color(scale_position(state.scale, weight, row_max, top));
}

namespace {

std::vector<float>& tops_of(const Frame& f, TopCache& c) {
  const Attention& a = f.attention();
  const SampleKey of{f.snap.trace, f.shown.part, f.shown.sample};
  if (!(c.of == of) || c.scale != f.state.scale || c.contrast != f.state.contrast)
    c = {of, f.state.scale, f.state.contrast,
         std::vector<float>(size_t(a.n_layers) * size_t(a.n_heads), NAN)};
  return c.tops;
}

}  // namespace

float Frame::map_top(int layer, int head) const {
  const Frame& f = base ? *base : *this;
  float& top = tops_of(f, ui.map_tops)[size_t(layer * f.attention().n_heads + head)];
  if (std::isnan(top)) top = weight_top(f.attention(), f.shown.sample, layer, head, f.state.scale);
  return top;
}

float Frame::wall_top(int layer, int head) const {
  const Attention& a = attention();
  std::vector<float>& tops = tops_of(*this, ui.wall_tops);
  float& top = tops[size_t(layer * a.n_heads + head)];
  if (!std::isnan(top)) return top;
  if (has_own_contrast(state)) return top = head_top(a, shown.sample, layer, head);
  float most = 0;
  for (int i = 0; i < int(tops.size()); ++i)
    most = std::max(most, map_top(i / a.n_heads, i % a.n_heads));
  tops.assign(tops.size(), most);
  return most;
}

uint32_t Frame::palette_color(float place) const {
  return packed(place_color(state.palette, ui.dark, place));
}

platform::HeatMapStyle Frame::heat_style() const {
  platform::HeatMapStyle style;
  style.palette = state.palette;
  style.scale = state.scale;
  style.causal = trace && is_causal();
  style.dark = ui.dark;
  return style;
}

void Frame::mark(std::string name) const {
  // Clipped to the visible part. (A menu's list is another window than its button and is not
  // clipped by it.)
  const ImDrawList& list = *ImGui::GetWindowDrawList();
  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  const auto marked_in = [&](ImVec2 low, ImVec2 high) {
    low = {std::max(min.x, low.x), std::max(min.y, low.y)};
    high = {std::min(max.x, high.x), std::min(max.y, high.y)};
    if (high.x - low.x < 1 || high.y - low.y < 1) return false;
    ui.next_areas.push_back({name, {low.x, low.y}, {high.x, high.y}, false, {}, {}});
    return true;
  };
  if (!marked_in(list.GetClipRectMin(), list.GetClipRectMax()))
    marked_in({0, 0}, ImGui::GetIO().DisplaySize);
}

namespace {

// Once the heads of another model are known, shows one of them that does something, unless another
// was chosen meanwhile.
void choose_worthy_head(Frame& f) {
  if (!f.ui.leaves_head) return;
  if (f.state.site() != *f.ui.leaves_head) return f.ui.leaves_head.reset();
  const auto& all = f.snap.characters;
  if (!f.trace || !f.snap.current || f.snap.model_id != f.state.model || !all) return;
  f.ui.leaves_head.reset();
  const Site site = worth_seeing(*all);
  choose_head(f, site.layer, site.head);
  f.shown = visible(f.state, *f.trace);
}

// While the picture is that of another model or text, for more than a moment: dims it, and says
// whose it is.
void draw_stale(const Frame& f, ImVec2 min, ImVec2 max) {
  const Snapshot& snap = f.snap;
  const bool waits = f.ui.fetching >= 0 || snap.busy_seconds > .5;
  if (!f.trace || !snap.stale || (!snap.error && !waits)) return;
  const bool demonstrates = f.state.model == "scratch" && snap.model_id == "scratch";
  if (demonstrates && !snap.error) return;  // until the first model is there
  if (ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup) || f.ui.help_open) return;
  std::string says = f.t("Still shown: ", "仍显示：");
  says += snap.model ? snap.model->name : f.t("Attention from scratch", "从零实现的注意力");
  if (snap.model && !snap.text.empty()) says += " · " + quoted_token(f.lang, snap.text);
  says = fit_text(says, max.x - min.x - 60);
  ImDrawList* list = ImGui::GetForegroundDrawList();
  list->AddRectFilled(min, max, rgb(f.colors().page, .6f));
  const float wide = text_width(says) + 28, middle = (min.x + max.x) / 2;
  const ImVec2 low = {middle - wide / 2, min.y + 8}, high = {middle + wide / 2, min.y + 38};
  list->AddRectFilled(low, high, rgb(f.colors().warn_panel), 8);
  list->AddText({low.x + 14, low.y + 7}, rgb(f.colors().warn), says.c_str());
  f.mark({"stale", {low.x, low.y}, {high.x, high.y}, false, {}, {}});
}

}  // namespace

double draw_window(UiState& ui, Session& session, State& state, History& history) {
  begin_frame(ui, state);
  const Snapshot& snap = session.snapshot();
  const State before = state;
  Frame f{ui, session, state, history, snap, snap.trace.get(), state, state.lang};
  if (f.trace) f.shown = visible(state, *f.trace);
  ui.emptied = state.model != "scratch" && state.text.empty() && state.repeat == 0 &&
               !session.reads_pictures(state.model) && ui.draft.empty() &&
               ui.draft_model == state.model;
  if (ui.emptied) {
    f.trace = nullptr;
    f.shown = state;
  }
  choose_worthy_head(f);
  forget_lost(ui, snap, state);
  if (ui.wants_last_token && snap.current && snap.model) {
    state.token = f.of_picture() ? 0 : f.attention().n_query - 1;  // [CLS]
    ui.wants_last_token = false;
    f.shown = visible(state, *f.trace);
  }

  if (snap.error || state.model == "scratch") ui.wants_last_token = false;

  const ImVec2 size = ImGui::GetMainViewport()->Size;
  ImGui::SetNextWindowPos({0, 0});
  ImGui::SetNextWindowSize(size);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {size.x < 620 ? 10.f : 14.f, 8});
  // No background: the frame is already cleared to its colour, and painting it again takes 8 ms
  // where the CPU draws.
  ImGui::Begin(
      "attnscope", nullptr,
      ImGuiWindowFlags_NoBackground | ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize |
          ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
          ImGuiWindowFlags_NoBringToFrontOnFocus |
          (ui.window_scrolls ? 0
                             : ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse));
  ImGui::PopStyleVar(2);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {kGap, 8});
  std::optional<Frame> groups = reading_frame(f);
  if (groups) f.read = &*groups;
  ImGui::GetIO().UserData = &f;
  ImGui::GetCurrentContext()->TestEngineHookItems = true;
  for (const std::string& what : std::exchange(ui.acts, {})) act(f, what);
  handle_keys(f.reads());
  draw_top_bar(f);
  draw_prompt_row(f);
  draw_find_bar(f);
  draw_errors(f);
  draw_first_hint(f);
  const ImVec2 body = ImGui::GetCursorScreenPos();
  draw_body(f);
  draw_stale(f, body, {size.x - body.x, ImGui::GetCursorScreenPos().y});
  draw_status_line(f);
  ImGui::PopStyleVar();
  draw_help(f);
  draw_command_palette(f);
  ImGui::End();
  speak(f);
  ImGui::GetIO().UserData = nullptr;

  const bool moved = end_frame(ui) || !(state == before);
  // Without threads the frames do the work. With threads the finished job wakes the page, and
  // frames only show its progress: more of them would take CPU time from it where the CPU draws.
  if (moved || (!snap.busy.empty() && !platform::has_threads())) return 0;
  double more_ms = 1e300;
  const auto at_latest = [&](double time) {
    more_ms = std::min(more_ms, (time - ImGui::GetTime()) * 1000);
  };
  if (!snap.busy.empty() || ImGui::IsAnyItemActive()) more_ms = kLook_ms;
  if (ui.typed_at >= 0 && !is_settled(ui)) at_latest(ui.typed_at + kTyping_s);
  if (ui.chain_next >= 0) at_latest(ui.chain_next);
  if (ImGui::GetTime() < ui.toast_until + .1) at_latest(ui.toast_until + .1);
  return std::max(more_ms, 1.);
}

}  // namespace attn
