// wall_panel.cpp - all heads of all layers as maps; zooming in ends in the map of one head.
#include <imgui_internal.h>

#include <algorithm>
#include <cmath>

#include "figure/contrast.h"
#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/head_words.h"
#include "figure/views.h"
#include "figure/wall_layout.h"
#include "platform/platform.h"
#include "ui/panels/save_menu.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr float kLeft = 32, kTop = 24;  // room for names of layers and heads
constexpr float kCaptionFrom = 46;      // width of a map that has room for its value
constexpr float kRoleFrom = 120;     // and for the name of its role, which is a dot on smaller ones
constexpr float kLabelled = 9;       // least side of a cell whose token is named in the preview
constexpr float kPreview = 210;      // side of the map under the mouse
constexpr int kMostSharpSide = 512;  // cells of an enlarged map

// One frame of the wall.
struct Wall {
  Frame& f;
  const HeadGrid& grid;
  const MadeMeasure* caption;  // of the heads; null: none
  ImVec2 corner;               // of the maps' part of the screen
  Vec2 room;
  WallLayout fit, at;              // whole, and at the zoom
  std::vector<int> order = {};     // [place] the head there
  std::vector<int> place_of = {};  // [head]
  ImDrawList* list = ImGui::GetWindowDrawList();

  int n() const { return grid.n_layers * grid.n_heads; }
  bool by_layer() const { return f.state.arrange == Arrange::layers || !caption; }
  // The head under a point of the wall, or -1.
  int head_at(Vec2 point) const {
    const int place = at.index_at(point);
    return place >= 0 && place < n() ? order[size_t(place)] : -1;
  }
  ImVec2 min_of(int head) const {
    const int place = place_of[size_t(head)];
    const Vec2 p = at.at(place / grid.n_heads, place % grid.n_heads);
    return {corner.x + p.x - f.ui.wall.from.x, corner.y + p.y - f.ui.wall.from.y};
  }
  ImVec2 max_of(int head) const {
    const ImVec2 min = min_of(head);
    return {min.x + at.map.x, min.y + at.map.y};
  }
  bool is_in_sight(int head) const {
    const ImVec2 min = min_of(head), max = max_of(head);
    return max.x > corner.x && max.y > corner.y && min.x < corner.x + room.x &&
           min.y < corner.y + room.y;
  }
  bool is_ready(int head) const {
    return head < grid.n_ready && f.attention().is_kept(head / grid.n_heads);
  }
  platform::HeatMapStyle style_of(int head) const {
    platform::HeatMapStyle style = f.heat_style();
    style.top = f.wall_top(head / grid.n_heads, head % grid.n_heads);
    return style;
  }
  int chosen() const { return f.shown.layer * grid.n_heads + f.shown.head; }
};

// Follows the zoom that comes from a map, and a head that was chosen elsewhere.
void follow(Wall& w) {
  UiState& ui = w.f.ui;
  const Site shape{0, w.grid.n_layers, w.grid.n_heads};
  if (!(shape == ui.wall_shape)) ui.wall = {};
  ui.wall_shape = shape;
  ui.wall = settled(ui.wall, w.fit, w.room);
  const Site& head = w.f.shown.site();
  const auto centre = [&](float scale) {
    const int place = w.place_of[size_t(w.chosen())];
    ui.wall = centred(w.fit, w.room, scale, place / w.grid.n_heads, place % w.grid.n_heads);
  };
  if (ui.wall_scale > 0) {
    const float scale = std::min(ui.wall_scale, full_scale(w.fit, w.room) / 1.3f);
    centre(std::max(1.f, scale));
    ui.wall_scale = 0;
  } else if (!(ui.wall_head == head)) {
    w.at = scaled(w.fit, ui.wall.scale);
    const ImVec2 min = w.min_of(w.chosen()), max = w.max_of(w.chosen());
    if (min.x < w.corner.x || min.y < w.corner.y || max.x > w.corner.x + w.room.x ||
        max.y > w.corner.y + w.room.y)
      centre(ui.wall.scale);
  }
  ui.wall_head = head;
  w.at = scaled(w.fit, ui.wall.scale);
}

// Asks for the maps in sight in more cells than thumbnails have, where they are drawn larger than
// those and their text is longer; takes what is ready.
void sharpen(Wall& w) {
  Frame& f = w.f;
  const Attention& a = f.attention();
  const ImVec2 pixels = ImGui::GetIO().DisplayFramebufferScale;
  const float side = std::max(w.at.map.x * pixels.x, w.at.map.y * pixels.y);
  std::vector<int> heads;
  int cells = kGridSide;
  if (side > 1.25f * float(kGridSide) && std::max(a.n_query, a.n_key) > kGridSide) {
    for (int head = 0; head < w.n(); ++head)
      if (w.is_in_sight(head) && w.is_ready(head)) heads.push_back(head);
    while (float(cells) < side && cells < kMostSharpSide) cells *= 2;
    while (heads.size() * size_t(cells) * size_t(cells) * sizeof(float) > kSharpRoom) cells /= 2;
  }
  if (cells <= kGridSide) heads.clear();
  if (f.session.watch(std::move(heads), cells)) platform::wake();
  auto& kept = f.ui.sharp;
  const auto& ready = f.snap.sharp;
  std::erase_if(kept,
                [&](const auto& k) { return std::ranges::find(ready, k.map) == ready.end(); });
  for (const auto& map : ready) {
    if (std::ranges::any_of(kept, [&](const auto& k) { return k.map == map; })) continue;
    kept.push_back({map, {}});
    kept.back().stack.set(map->values.data(), 1, map->rows, map->cols);
  }
}

void draw_sharp(const Wall& w) {
  for (auto& [map, stack] : w.f.ui.sharp) {
    if (!(map->key.of == w.grid.key()) || map->key.head >= w.n() || !w.is_in_sight(map->key.head))
      continue;
    const ImVec2 min = w.min_of(map->key.head), max = w.max_of(map->key.head);
    platform::draw_heat_map(w.list, stack, 0, {min.x, min.y}, {max.x, max.y}, {0, 0},
                            {float(map->cols), float(map->rows)}, w.style_of(map->key.head));
  }
}

// Two fingers zoom about their middle and pan; past the largest zoom is the map.
void pinch(Wall& w, Vec2 at) {
  Frame& f = w.f;
  const platform::Gesture& g = platform::gesture();
  if (!g.on || at.x < 0 || at.y < 0 || at.x >= w.room.x || at.y >= w.room.y) return;
  const bool full = f.ui.wall.scale >= full_scale(w.fit, w.room) * .999f;
  if (g.begins) f.ui.pinches_at_end = full;
  if (f.ui.pinches_at_end && full && g.total > 1.25f) {
    const int head = w.head_at({at.x + f.ui.wall.from.x, at.y + f.ui.wall.from.y});
    if (head >= 0) choose_head(f, head / w.grid.n_heads, head % w.grid.n_heads);
    f.ui.pinches_at_end = false;
    return open_map(f);
  }
  f.ui.wall = zoomed(f.ui.wall, w.fit, w.room, g.scale, {at.x - g.pan.x, at.y - g.pan.y});
  f.ui.wall.from = {f.ui.wall.from.x - g.pan.x, f.ui.wall.from.y - g.pan.y};
  f.ui.wall = settled(f.ui.wall, w.fit, w.room);
  w.at = scaled(w.fit, f.ui.wall.scale);
}

// The head under the mouse, or -1. Zooms, pans, chooses; past the largest zoom is the map.
int interact(Wall& w) {
  Frame& f = w.f;
  ImGui::SetCursorScreenPos(w.corner);
  ImGui::PushItemFlag(ImGuiItemFlags_NoNav, true);
  ImGui::InvisibleButton("##wall", {w.room.x, w.room.y});
  ImGui::PopItemFlag();
  ImGui::SetItemKeyOwner(ImGuiKey_MouseWheelY);
  f.mark("wall");
  const ImGuiIO& io = ImGui::GetIO();
  const Vec2 mouse = {io.MousePos.x - w.corner.x, io.MousePos.y - w.corner.y};
  const Vec2 middle = platform::gesture().centre;
  pinch(w, {middle.x - w.corner.x, middle.y - w.corner.y});
  if (ImGui::IsItemActivated()) f.ui.wall_dragged = false;
  if (ImGui::IsItemActive() && f.ui.wall.scale > 1) platform::keep_finger();
  if (ImGui::IsItemActive() && ImGui::IsMouseDragging(0, 4)) {
    f.ui.wall_dragged = true;
    f.ui.wall.from = {f.ui.wall.from.x - io.MouseDelta.x, f.ui.wall.from.y - io.MouseDelta.y};
    f.ui.wall = settled(f.ui.wall, w.fit, w.room);
    if (f.ui.wall.scale > 1) ImGui::SetMouseCursor(ImGuiMouseCursor_ResizeAll);
  }
  if (!ImGui::IsItemHovered()) return -1;
  const auto under = [&] {
    return w.head_at({mouse.x + f.ui.wall.from.x, mouse.y + f.ui.wall.from.y});
  };
  if (io.MouseWheel != 0) {
    const int head = under();
    if (io.MouseWheel > 0 && head >= 0 && f.ui.wall.scale >= full_scale(w.fit, w.room) * .999f) {
      choose_head(f, head / w.grid.n_heads, head % w.grid.n_heads);
      open_map(f);
      return head;
    }
    f.ui.wall = zoomed(f.ui.wall, w.fit, w.room,
                       std::pow(1.2f, std::clamp(io.MouseWheel, -4.f, 4.f)), mouse);
    w.at = scaled(w.fit, f.ui.wall.scale);
  }
  const int head = under();
  if (head < 0) return -1;
  ImGui::SetMouseCursor(ImGuiMouseCursor_Hand);
  if (ImGui::IsItemDeactivated() && !f.ui.wall_dragged) {
    choose_head(f, head / w.grid.n_heads, head % w.grid.n_heads);
    f.ui.wall_head = {f.shown.part, head / w.grid.n_heads, head % w.grid.n_heads};
  }
  if (ImGui::IsMouseDoubleClicked(0)) open_map(f);
  return head;
}

// In a corner of each map: the measure's value on its colour, or what the head does in general. The
// right corner of a causal map is masked, and so free.
void draw_caption(const Wall& w, int head, const std::string& text, float place) {
  const ImVec2 from = w.min_of(head), to = w.max_of(head);
  if (text.empty()) return;
  const float wide = text_width(text) + 8;
  const ImVec2 min = {w.f.is_causal() ? to.x - wide : from.x, from.y};
  const bool known = std::isfinite(place);
  const uint32_t back = known ? w.f.palette_color(place) : w.f.colors().panel;
  w.list->AddRectFilled(min, {min.x + wide, min.y + ImGui::GetFontSize() + 3}, rgb(back), 2);
  w.list->AddText({min.x + 4, min.y + 1}, known ? ink_on(back) : rgb(w.f.colors().faint),
                  text.c_str());
}

// The name of what the head does in general, or its dot.
void draw_role_of(const Wall& w, int head, const HeadCharacter& does) {
  const float wide = w.at.map.x;
  if (wide >= kRoleFrom)
    return draw_caption(w, head, fit_text(short_role(does, w.f.lang), wide - 8), NAN);
  const float radius = std::clamp(wide * .1f, 1.5f, 4.f);
  const ImVec2 from = w.min_of(head), to = w.max_of(head);
  const ImVec2 at = {w.f.is_causal() ? to.x - radius - 2 : from.x + radius + 2,
                     from.y + radius + 2};
  draw_role_dot(w.f, w.list, at, radius, does.main.role);
}

void draw_captions(const Wall& w) {
  const Metric* metric = w.caption ? w.caption->key.metric : nullptr;
  if (metric && w.at.map.x < kCaptionFrom) return;
  const std::span<const float> values =
      w.caption ? std::span(w.caption->measure.values) : std::span<const float>();
  const ValueRange range = metric ? range_of(metric, values) : ValueRange{};
  const auto roles = metric ? nullptr : general(w.f);
  const float room = w.at.map.x - 8;
  for (int head = 0; head < w.n(); ++head) {
    if (!w.is_in_sight(head)) continue;
    if (roles && size_t(head) < roles->heads.size()) {
      draw_role_of(w, head, roles->heads[size_t(head)]);
    } else if (metric) {
      const float value = values[size_t(head)];
      // Sorted, the name matters more than the value.
      const std::string name = head_name(head / w.grid.n_heads, head % w.grid.n_heads);
      const std::string number = value_text(metric, value);
      const std::string both = w.by_layer() ? number : name + " " + number;
      draw_caption(w, head,
                   text_width(both) <= room ? both
                   : w.by_layer()           ? number
                                            : name,
                   range.colored(Scale::linear, value, 0));
    }
  }
}

// Heads that the filter leaves out.
void draw_dimmed(const Wall& w) {
  if (w.f.state.filter.empty()) return;
  const auto filter = parse_filter(w.f.state.filter, w.f.lang);
  if (!filter) return;
  const HeadsTable& table = heads_table(w.f);
  if (table.size() != w.n()) return;
  for (const auto& condition : filter->conditions)  // its measure is being computed
    if (condition.metric && !table.find(condition.metric->id)) return;
  for (int head = 0; head < w.n(); ++head)
    if (w.is_in_sight(head) &&
        !passes(*filter, table, head / w.grid.n_heads, head % w.grid.n_heads))
      w.list->AddRectFilled(w.min_of(head), w.max_of(head), rgb(w.f.colors().panel, .8f));
}

void draw_maps(Wall& w, int hovered) {
  Frame& f = w.f;
  const ImVec2 end = {w.corner.x + w.room.x, w.corner.y + w.room.y};
  w.list->PushClipRect(w.corner, end, true);
  const Vec2 size = w.at.size();
  const ImVec2 min = {w.corner.x - f.ui.wall.from.x, w.corner.y - f.ui.wall.from.y};
  const bool alike = w.by_layer() && !has_own_contrast(f.state);
  if (alike)
    platform::draw_heat_grid(w.list, f.ui.grid_stack, {min.x, min.y},
                             {min.x + size.x, min.y + size.y}, w.grid.n_heads, w.at.gap,
                             w.style_of(0));
  for (int head = 0; head < w.n() && !alike; ++head) {
    if (!w.is_in_sight(head) || !w.is_ready(head)) continue;
    const ImVec2 from = w.min_of(head), to = w.max_of(head);
    platform::draw_heat_map(w.list, f.ui.grid_stack, head, {from.x, from.y}, {to.x, to.y}, {0, 0},
                            {w.grid.covered(w.grid.side_k), w.grid.covered(w.grid.side_q)},
                            w.style_of(head));
  }
  draw_sharp(w);
  for (int head = 0; head < w.n(); ++head) {
    if (!w.is_in_sight(head)) continue;
    const ImVec2 from = w.min_of(head), to = w.max_of(head);
    if (!w.is_ready(head)) w.list->AddRectFilled(from, to, rgb(f.colors().field), 2);
    f.mark({"wall." + std::to_string(head / w.grid.n_heads) + "." +
                std::to_string(head % w.grid.n_heads),
            {std::max(from.x, w.corner.x), std::max(from.y, w.corner.y)},
            {std::min(to.x, end.x), std::min(to.y, end.y)},
            false,
            {},
            {}});
  }
  draw_captions(w);
  draw_dimmed(w);
  w.list->PopClipRect();
  w.list->PushClipRect({w.corner.x - 3, w.corner.y - 3}, {end.x + 3, end.y + 3});  // whole outlines
  const auto outline = [&](int head, uint32_t color, float width) {
    const ImVec2 from = w.min_of(head), to = w.max_of(head);
    w.list->AddRect({from.x - width / 2, from.y - width / 2}, {to.x + width / 2, to.y + width / 2},
                    rgb(color), 2, 0, width);
  };
  outline(w.chosen(), f.colors().accent, std::clamp(w.at.gap, 1.5f, 3.f));
  if (hovered >= 0) outline(hovered, f.colors().text, 1.5f);
  w.list->PopClipRect();
}

// Names at the edges stay while the maps move; a bar joins heads that share keys and values. Sorted
// maps have their names in their captions.
void draw_edges(const Wall& w) {
  if (!w.by_layer()) return;
  const Frame& f = w.f;
  const Attention& a = f.attention();
  const float size = ImGui::GetFontSize();
  const auto name = [&](bool row, int i) {
    const std::string text = (row ? "L" : "H") + std::to_string(i);
    const ImVec2 from = w.min_of(row ? i * w.grid.n_heads : i);
    const float left = std::max(w.corner.x, w.min_of(0).x) - kLeft;
    const ImVec2 at = row ? ImVec2(left, from.y + (w.at.map.y - size) / 2)
                          : ImVec2(from.x + (w.at.map.x - text_width(text)) / 2, w.corner.y - kTop);
    const bool chosen = i == (row ? f.shown.layer : f.shown.head);
    w.list->AddText(at, rgb(chosen ? f.colors().accent : f.colors().faint), text.c_str());
  };
  w.list->PushClipRect({w.corner.x - kLeft, w.corner.y},
                       {std::max(w.corner.x, w.min_of(0).x), w.corner.y + w.room.y}, true);
  const int rows = every_so_many(w.at.step().y, size + 2);
  for (int l = 0; l < w.grid.n_layers; ++l)
    if (l % rows == 0) name(true, l);
  w.list->PopClipRect();
  w.list->PushClipRect({w.corner.x, w.corner.y - kTop}, {w.corner.x + w.room.x, w.corner.y}, true);
  const int columns = every_so_many(w.at.step().x, text_width("H00") + 6);
  for (int h = 0; h < w.grid.n_heads; ++h)
    if (h % columns == 0) name(false, h);
  const int group = a.n_sharing();
  for (int g = 0; group > 1 && g < a.n_kv_heads; ++g)
    w.list->AddLine({w.min_of(g * group).x, w.corner.y - 4},
                    {w.max_of((g + 1) * group - 1).x, w.corner.y - 4}, rgb(f.colors().accent, .6f),
                    2);
  w.list->PopClipRect();
}

// Room for the tokens beside the preview; 0 where its cells are too small for them.
float preview_labels_side(const Wall& w, Vec2 size) {
  const Attention& a = w.f.attention();
  const float cell = std::min(size.y / float(a.n_query), size.x / float(a.n_key));
  if (cell < kLabelled || w.grid.side_q != a.n_query || w.grid.side_k != a.n_key) return 0;
  float longest = 0;
  for (const std::vector<Tokens>* samples : {&a.query_tokens, &a.key_tokens})
    for (const Token& token : (*samples)[size_t(w.f.shown.sample)].items)
      longest = std::max(longest, text_width(visible_token(token.shown)));
  return std::min(longest + 4, kPreview / 3);
}

// Queries at the left, keys above, reading upwards.
void draw_preview_labels(const Wall& w, ImVec2 corner, Vec2 size, float room) {
  const Attention& a = w.f.attention();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float font = ImGui::GetFontSize();
  const auto name = [&](const std::vector<Token>& tokens, int i, bool row) {
    const std::string text = fit_text(visible_token(tokens[size_t(i)].shown), room - 4);
    const float cell = row ? size.y / float(a.n_query) : size.x / float(a.n_key);
    const float middle = (float(i) + .5f) * cell - font / 2;
    const int first = list->VtxBuffer.Size;
    const ImVec2 at = row ? ImVec2(corner.x - 4 - text_width(text), corner.y + middle)
                          : ImVec2(corner.x, corner.y - 4);
    list->AddText(at, rgb(w.f.colors().text), text.c_str());
    for (int v = first; !row && v < list->VtxBuffer.Size; ++v) {
      ImVec2& p = list->VtxBuffer[v].pos;
      p = {corner.x + middle + (p.y - at.y), at.y - (p.x - at.x)};
    }
  };
  list->PushClipRectFullScreen();
  const int every =
      every_so_many(std::min(size.y / float(a.n_query), size.x / float(a.n_key)), font - 3);
  for (int q = 0; q < a.n_query; q += every)
    name(a.query_tokens[size_t(w.f.shown.sample)].items, q, true);
  for (int k = 0; k < a.n_key; k += every)
    name(a.key_tokens[size_t(w.f.shown.sample)].items, k, false);
  list->PopClipRect();
}

void draw_preview(const Wall& w, int head) {
  if (ImGui::IsMouseDown(0)) return;
  const std::string says =
      head_words(w.f, w.grid, head / w.grid.n_heads, head % w.grid.n_heads, w.caption);
  if (w.at.map.x >= kPreview || !w.is_ready(head)) return tooltip(says);
  if (!ImGui::BeginTooltip()) return;
  for (size_t from = 0; from < says.size();) {
    const size_t to = std::min(says.find('\n', from), says.size());
    ImGui::TextUnformatted(fit_text(says.substr(from, to - from), 2 * kPreview).c_str());
    from = to + 1;
  }
  const float aspect = w.at.map.x / w.at.map.y;
  const Vec2 size = {kPreview * std::min(1.f, aspect), kPreview * std::min(1.f, 1 / aspect)};
  const float side = preview_labels_side(w, size);
  const ImVec2 from = ImGui::GetCursorScreenPos(), min = {from.x + side, from.y + side};
  ImGui::Dummy({size.x + side, size.y + side});
  if (side > 0) draw_preview_labels(w, min, size, side);
  platform::draw_heat_map(ImGui::GetWindowDrawList(), w.f.ui.grid_stack, head, {min.x, min.y},
                          {min.x + size.x, min.y + size.y}, {0, 0},
                          {w.grid.covered(w.grid.side_k), w.grid.covered(w.grid.side_q)},
                          w.style_of(head));
  ImGui::EndTooltip();
}

// What is saved has captions, of the view's usual measure unless one is chosen.
Result<SavedView> saved_wall(Frame& f, Vec2 size) {
  const auto made = f.snap.measure(find_view("wall")->metric(f.shown), f.shown);
  if (!made || !f.snap.grid || !f.snap.grid->is_whole())
    return Error{f.t("Nothing to save yet", "尚无可保存的内容")};
  if (made->error) return *made->error;
  const HeadsTable* heads = f.state.filter.empty() ? nullptr : &heads_table(f);
  return SavedView{
      .view = "wall", .first = made, .width = size.x, .height = size.y, .heads = heads};
}

void draw_header(Frame& f, Vec2 size) {
  const View& view = *find_view("wall");
  const float high = ImGui::GetFrameHeight(), all = ImGui::GetContentRegionAvail().x;
  const float menu = std::clamp(all * .4f, 96.f, 260.f);
  metric_menu(f, "wall", f.state.measure, view, f.t("Roles in general", "一般角色"), menu);
  if (!f.state.measure.empty()) {
    const bool sorted = f.state.arrange == Arrange::measure;
    ImGui::SameLine(0, 4);
    if (icon_button(f, "sort", Icon::sort,
                    sorted ? f.t("Arrange by layers and heads", "按层与头排列")
                           : f.t("Sort the maps by this measure", "按此度量排序")))
      f.state.arrange = sorted ? Arrange::layers : Arrange::measure;
  }
  const bool zooms = !f.ui.touch;  // fingers do
  ImGui::SameLine(ImGui::GetWindowWidth() - ImGui::GetStyle().WindowPadding.x -
                  (zooms ? 4 * high + 12 : 2 * high + 4));
  const bool whole = f.ui.wall.scale <= 1;
  if (zooms && icon_button(f, "zoom_out", Icon::minus, f.t("Zoom out (−)", "缩小 (−)"), !whole))
    zoom_wall(f, 1 / 1.5f);
  if (zooms) ImGui::SameLine(0, 4);
  if (zooms &&
      icon_button(f, "zoom_in", Icon::plus, f.t("Zoom in (+ or mouse wheel)", "放大 (+ 或滚轮)")))
    zoom_wall(f, 1.5f);
  if (zooms) ImGui::SameLine(0, 4);
  if (icon_button(f, "fit", Icon::fit, f.t("Show all heads (F)", "显示所有头 (F)"))) fit_map(f);
  ImGui::SameLine(0, 4);
  if (icon_button(f, "save", Icon::save, f.t("Save the figure or its data", "保存图片或数据")))
    ImGui::OpenPopup("save");
  draw_save_menu(f, [&] { return saved_wall(f, size); });
  draw_target(f, "", f.state.measure.empty() ? nullptr : view.metric(f.shown));
}

// How many heads the filter lets through; "" without a filter or while its measures are computed.
std::string filter_words(Frame& f, const HeadGrid& grid) {
  const auto filter = parse_filter(f.state.filter, f.lang);
  if (f.state.filter.empty()) return "";
  if (!filter) return filter.error().message;
  const HeadsTable& table = heads_table(f);
  for (const auto& condition : filter->conditions)
    if (condition.metric && !table.find(condition.metric->id)) return "";
  int n = 0;
  for (int head = 0; head < table.size(); ++head)
    n += passes(*filter, table, head / grid.n_heads, head % grid.n_heads);
  return std::to_string(n) + f.t(" of ", " / ") + std::to_string(table.size()) +
         f.t(" heads pass the filter ", " 个头符合筛选条件 ") + f.state.filter;
}

// Why there are no captions, or how to use the wall.
std::string hint_of(Frame& f, const HeadGrid& grid,
                    const std::shared_ptr<const MadeMeasure>& made) {
  if (!f.state.measure.empty() && !made) return f.t("Computing…", "正在计算…");
  if (made && made->error) return made->error->message;
  if (const std::string words = filter_words(f, grid); !words.empty()) return words;
  const char* how =
      f.ui.touch
          ? f.t("; two fingers zoom, tap twice to open the map", "；双指缩放，双击打开热力图")
          : f.t("; wheel zooms, Enter opens the map", "；滚轮缩放，回车打开热力图");
  if (!made || f.state.arrange != Arrange::measure)
    return f.t("layers ↓, heads →", "层 ↓，头 →") + std::string(how);
  return (f.state.order == Order::lowest ? f.t("sorted, the lowest first", "从低到高排列")
                                         : f.t("sorted, the highest first", "从高到低排列")) +
         std::string(how);
}

// The colours of the maps at the right end of a line, as a button that chooses between one scale
// for all heads and one each. Returns its width.
float draw_wall_legend(Frame& f, ImVec2 line, float width) {
  const bool own = has_own_contrast(f.state), automatic = f.state.scale == Scale::automatic;
  const float size = ImGui::GetFontSize(), bar = 44;
  const float top = own ? 1 : f.wall_top(0, 0);
  const Scale scale = own ? Scale::row_max : f.state.scale;
  const std::string left = automatic ? "0" : ValueRange{}.tick(nullptr, scale, 0);
  const std::string right =
      automatic && !own ? top_text(top) : ValueRange{}.tick(nullptr, scale, 1);
  const std::string words = own ? f.t("each head", "各头") : automatic ? f.t("auto", "自动") : "";
  const float gap = 5, before = text_width(left) + gap,
              after = text_width(right) + (words.empty() ? 0 : text_width(words) + gap);
  const float wide = before + bar + gap + after + 12;
  const ImVec2 back = ImGui::GetCursorScreenPos(), at = {line.x + width - wide, line.y - 1};
  ImGui::SetCursorScreenPos(at);
  ImGui::BeginDisabled(!automatic);
  if (ImGui::Button("##contrast", {wide, size + 3}))
    f.state.contrast = own ? Contrast::shared : Contrast::own;
  ImGui::EndDisabled();
  f.mark("button.contrast");
  item_tooltip(std::string(f.t("Colours: ", "颜色：")) + contrast_words(f.state.contrast, f.lang) +
               (own ? f.t(". Click for one scale for all heads", "。单击改为所有头共用一个刻度")
                    : f.t(". Click for a scale of its own for each head",
                          "。单击改为每个头各用自己的刻度")));
  ImDrawList* list = ImGui::GetWindowDrawList();
  const auto write = [&](float x, const std::string& text) {
    list->AddText({at.x + x, line.y}, rgb(f.colors().faint), text.c_str());
  };
  write(6, left);
  for (int i = 0; i < int(bar); ++i) {
    const float x = at.x + 6 + before + float(i);
    list->AddRectFilled({x, line.y + 3}, {x + 1, line.y + size - 2},
                        rgb(f.palette_color(float(i) / (bar - 1))));
  }
  write(6 + before + bar + gap, right);
  write(6 + before + bar + 2 * gap + text_width(right), words);
  ImGui::SetCursorScreenPos(back);
  return wide + 8;
}

}  // namespace

std::string head_words(const Frame& f, const HeadGrid& grid, int layer, int head,
                       const MadeMeasure* caption) {
  std::string says = head_name(layer, head);
  const Attention& a = f.attention();
  if (!a.is_kept(layer)) return says + "\n" + not_kept(f, layer);
  if (caption)
    says = head_sentence(caption->key.metric, caption->measure.values, layer, head, grid.n_heads,
                         f.lang);
  if (const std::string role = general_line(general(f).get(), layer, head, f.lang); !role.empty())
    says += "\n" + role;
  const int group = a.n_sharing(), first = head / group * group;
  if (group > 1)
    says += std::string("\n") + f.t("keys and values shared by H", "共用键和值的头：H") +
            std::to_string(first) + "–H" + std::to_string(first + group - 1);
  const int at = layer * grid.n_heads + head;
  if (at >= grid.n_ready || grid.side_q != a.n_query || grid.side_k != a.n_key) return says;
  const size_t cells = size_t(grid.side_q) * size_t(grid.side_k);
  const std::span<const float> values(grid.values.data() + size_t(at) * cells, cells);
  // The first token of a causal text can attend to nothing but itself.
  const size_t skipped = a.mask == Mask::causal && a.n_query > 1 ? size_t(grid.side_k) : 0;
  const auto best = size_t(std::ranges::max_element(values.subspan(skipped)) - values.begin());
  const auto name = [&](const std::vector<Tokens>& samples, size_t i) {
    return quoted_token(f.lang, samples[size_t(f.shown.sample)].items[i].shown);
  };
  return says + "\n" + f.t("largest weight: ", "最大权重：") +
         name(a.query_tokens, best / size_t(grid.side_k)) + " → " +
         name(a.key_tokens, best % size_t(grid.side_k)) + " " + weight_text(values[best], 3);
}

void zoom_wall(Frame& f, float factor) {
  // About the chosen head; the room is that of the last frame.
  if (!f.trace) return;
  const float before = f.ui.wall.scale;
  if (factor > 1 && f.ui.wall_full > 0 && before >= f.ui.wall_full * .999f) return open_map(f);
  f.ui.wall_scale = std::max(1.f, before * factor);
}

void draw_wall_panel(Frame& f) {
  upload_thumbnails(f);
  const HeadGrid* grid = f.ui.grid.get();
  const Vec2 size = {std::floor(ImGui::GetContentRegionAvail().x),
                     std::floor(ImGui::GetContentRegionAvail().y)};
  draw_header(f, size);
  if (!f.trace) return draw_no_trace(f, true);
  if (!grid || !f.is_of(*grid)) return heading(f, f.t("Computing…", "正在计算…"));
  const auto made = f.state.measure.empty()
                        ? nullptr
                        : f.snap.last_measure(find_view("wall")->metric(f.shown), f.shown);
  ImGui::PushFont(nullptr, kSmallText);
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  const float line = ImGui::GetContentRegionAvail().x;
  const float legend = draw_wall_legend(f, ImGui::GetCursorScreenPos(), line);
  ImGui::TextUnformatted(fit_text(hint_of(f, *grid, made), line - legend).c_str());
  ImGui::PopStyleColor();
  if (const auto roles = f.state.measure.empty() ? general(f) : nullptr)
    draw_role_legend(f, *roles);
  const ImVec2 from = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
  const Vec2 room = {std::max(20.f, avail.x - kLeft), std::max(20.f, avail.y - kTop)};
  const float aspect =
      std::clamp(float(f.attention().n_key) / float(f.attention().n_query), .25f, 4.f);
  const bool captioned =
      made && !made->error && made->measure.values.size() == size_t(grid->n_layers * grid->n_heads);
  Wall w{f,
         *grid,
         captioned ? made.get() : nullptr,
         {from.x + kLeft, from.y + kTop},
         room,
         fit_wall(grid->n_layers, grid->n_heads, aspect, room),
         {}};
  w.order =
      wall_order(w.n(), captioned ? std::span(made->measure.values) : std::span<const float>(),
                 f.state.arrange, f.state.order);
  w.place_of.resize(w.order.size());
  for (size_t place = 0; place < w.order.size(); ++place)
    w.place_of[size_t(w.order[place])] = int(place);
  f.ui.wall_full = full_scale(w.fit, room);
  follow(w);
  const int hovered = interact(w);
  w.at = scaled(w.fit, f.ui.wall.scale);
  sharpen(w);
  draw_maps(w, hovered);
  draw_edges(w);
  if (hovered >= 0) {
    f.ui.next_hover_layer = hovered / grid->n_heads;
    f.ui.next_hover_head = hovered % grid->n_heads;
    draw_preview(w, hovered);
  }
  ImGui::PopFont();
}

}  // namespace attn
