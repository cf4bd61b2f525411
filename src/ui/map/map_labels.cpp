// map_labels.cpp - token labels, numbers in cells, and the colour bar of the big map.
#include <algorithm>
#include <cmath>

#include "figure/figure_text.h"
#include "figure/heads_table.h"
#include "ui/map/map_view.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr float kLongestLabel = 500;
constexpr float kIndexGap = 5;  // between a token and its position

float small_width(const std::string& text, float size) {
  return ImGui::GetFont()->CalcTextSizeA(size, FLT_MAX, 0, text.c_str()).x;
}

struct AxisLabel {
  std::string text, index;
  float text_width, index_width;

  float width() const { return text_width + kIndexGap + index_width; }
};

// The token, cut to leave room for its position.
AxisLabel axis_label(const std::vector<Token>& tokens, int i, float room) {
  AxisLabel label;
  label.index = position_text(tokens, i);
  label.index_width = small_width(label.index, kLabelSize - 2);
  const float most = std::max(0.f, room - label.index_width - kIndexGap);
  label.text = size_t(i) < tokens.size() ? visible_token(tokens[size_t(i)].shown) : "";
  label.text = fit_text(label.text, most);
  label.text_width = text_width(label.text);
  return label;
}

// The smallest of 1, 2, 5, 10, 20, … that keeps labels `least` units apart.
int thinning(float cell, float least) {
  for (int decade = 1;; decade *= 10)
    for (int n : {1, 2, 5})
      if (float(n * decade) * cell >= least || decade > 1000000) return n * decade;
}

struct Emphasis {
  int chosen, hovered;
  bool on(int i) const { return i == chosen || i == hovered; }
};

ImU32 label_color(const Frame& f, const Emphasis& e, int i) {
  return rgb(e.on(i) ? f.colors().accent : f.colors().text);
}

void draw_label(const Frame& f, const AxisLabel& label, ImVec2 at, ImU32 color) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddText(at, color, label.text.c_str());
  list->AddText(nullptr, kLabelSize - 2, {at.x + label.text_width + kIndexGap, at.y + 1.5f},
                rgb(f.colors().faint), label.index.c_str());
}

// Reads from bottom to top: rotates what `draw_label` adds by -90° about `pivot`.
void draw_label_upright(const Frame& f, const AxisLabel& label, ImVec2 pivot, ImU32 color) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const int first = list->VtxBuffer.Size;
  // Dear ImGui clips glyphs before the rotation, hence the full clip rectangle.
  list->PushClipRectFullScreen();
  draw_label(f, label, {pivot.x, pivot.y - kLabelSize / 2 - 1}, color);
  list->PopClipRect();
  for (int i = first; i < list->VtxBuffer.Size; ++i) {
    ImVec2& p = list->VtxBuffer[i].pos;
    p = {pivot.x + (p.y - pivot.y), pivot.y - (p.x - pivot.x)};
  }
}

// Labels in view, thinned out where crowded; emphasized ones always.
template <class Draw>
void each_label(int from, int to, int every, const Emphasis& emphasis, Draw&& draw) {
  for (int i = (from + every - 1) / every * every; i < to; i += every) {
    bool crowded = false;  // makes way for an emphasized label
    for (int e : {emphasis.chosen, emphasis.hovered})
      crowded = crowded || (e >= 0 && std::abs(e - i) < every);
    if (!crowded) draw(i);
  }
  const auto in_view = [&](int i) { return i >= from && i < to; };
  if (in_view(emphasis.chosen)) draw(emphasis.chosen);
  if (in_view(emphasis.hovered) && emphasis.hovered != emphasis.chosen) draw(emphasis.hovered);
}

// On the colour bar of weights: says whether its scale is automatic, and switches it.
void draw_contrast_button(Frame& f, ImVec2 min, ImVec2 size, bool vertical) {
  const bool automatic = f.state.scale == Scale::automatic;
  const ImVec2 after = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos(min);
  if (ImGui::InvisibleButton("##contrast", size))
    f.state.scale = automatic ? Scale::linear : Scale::automatic;
  ImGui::SetCursorScreenPos(after);
  f.mark("button.contrast");
  item_tooltip(automatic
                   ? f.t("Automatic scale: the brightest colour stands for the weight at its end "
                         "and all larger ones. Click for a scale from 0 to 1",
                         "自动刻度：最亮的颜色表示末端的权重及更大的权重。单击改为 0 到 1 的刻度")
                   : f.t("Click for an automatic scale", "单击改为自动刻度"));
  if (!automatic) return;
  const char* text = f.t("auto", "自动");
  const float high = kLabelSize - 1;
  const ImVec2 at =
      vertical ? ImVec2(min.x, min.y - high - 5) : ImVec2(min.x + size.x + 6, min.y - 1);
  ImGui::GetWindowDrawList()->AddText(nullptr, high, at, rgb(f.colors().faint), text);
}

}  // namespace

const LabelWidths& label_widths(const Frame& f) {
  LabelWidths& w = f.ui.label_widths;
  if (w.part == f.shown.part && w.sample == f.shown.sample && w.drawn.lock() == f.drawn()) return w;
  w = {f.drawn(), f.shown.part, f.shown.sample, 0, 0};
  ImGui::PushFont(nullptr, kLabelSize);
  const auto longest = [](const std::vector<Token>& tokens) {
    float room = 20;
    for (size_t i = 0; i < tokens.size() && room < kLongestLabel; ++i)
      room = std::max(room, axis_label(tokens, int(i), kLongestLabel).width());
    return room;
  };
  w.queries = longest(f.queries());
  w.keys = longest(f.keys());
  ImGui::PopFont();
  return w;
}

void draw_query_labels(const Frame& f, const MapBox& box, float room) {
  ImGui::PushFont(nullptr, kLabelSize);
  const Emphasis emphasis{f.shown.token, f.ui.hover_query};
  const int from = std::max(0, int(box.view.cell_min.y));
  const int to = std::min(int(f.pairs().n_query), int(std::ceil(box.view.cell_max.y)));
  each_label(from, to, thinning(box.cell_height(), kLabelSize + 2), emphasis, [&](int i) {
    const float y = box.y_of(float(i) + .5f);
    if (y < box.min.y || y > box.max.y) return;
    const AxisLabel label = axis_label(f.queries(), i, room);
    if (i == f.shown.token)
      ImGui::GetWindowDrawList()->AddRectFilled({box.min.x - 6, y - 6}, {box.min.x - 3, y + 6},
                                                rgb(f.colors().accent), 2);
    draw_label(f, label,
               {std::round(box.min.x - 11 - label.width()), std::round(y - kLabelSize / 2 - 1)},
               label_color(f, emphasis, i));
  });
  ImGui::PopFont();
}

void draw_key_labels(const Frame& f, const MapBox& box, float room, bool flat) {
  ImGui::PushFont(nullptr, kLabelSize);
  const Emphasis emphasis{f.shown.locked_key, f.ui.hover_key};
  const int from = std::max(0, int(box.view.cell_min.x));
  const int to = std::min(int(f.pairs().n_key), int(std::ceil(box.view.cell_max.x)));
  const int every = flat ? 1 : thinning(box.cell_width(), kLabelSize + 2);
  each_label(from, to, every, emphasis, [&](int i) {
    const float x = box.x_of(float(i) + .5f);
    if (x < box.min.x || x > box.max.x) return;
    const AxisLabel label = axis_label(f.keys(), i, room);
    const ImU32 color = label_color(f, emphasis, i);
    if (flat)
      draw_label(f, label,
                 {std::round(x - label.width() / 2), std::round(box.min.y - kLabelSize - 7)},
                 color);
    else
      draw_label_upright(f, label, {std::round(x), std::round(box.min.y - 6)}, color);
  });
  ImGui::PopFont();
}

void draw_masked_cells(const Frame& f, const MapBox& box) {
  const Pairs& a = f.pairs();
  // The shader knows the causal mask and windows of tokens.
  const bool window = f.reading && f.reading->reach != INT_MAX;
  if (a.allowed.empty() || (f.is_causal() && !window)) return;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImU32 fill = rgb(f.ui.dark ? 0x1f2024 : 0xe9eaec),
              line = rgb(f.ui.dark ? 0x34353b : 0xd0d2d7);
  list->PushClipRect(box.min, box.max, true);
  const int q0 = std::max(0, int(box.view.cell_min.y)), q1 = int(std::ceil(box.view.cell_max.y));
  const int k0 = std::max(0, int(box.view.cell_min.x)), k1 = int(std::ceil(box.view.cell_max.x));
  // Where cells are far smaller than a pixel, one per pixel is enough.
  const int step_q = std::max(1, int(1 / box.cell_height())), last_q = std::min(q1, a.n_query);
  const int step_k = std::max(1, int(1 / box.cell_width())), last_k = std::min(k1, a.n_key);
  for (int q = q0; q < last_q; q += step_q)
    for (int k = k0; k < last_k; k += step_k) {
      if (a.may_see(f.shown.sample, f.shown.layer, q, k)) continue;
      int end = k + step_k;  // one rectangle for neighbours
      while (end < last_k && !a.may_see(f.shown.sample, f.shown.layer, q, end)) end += step_k;
      end = std::min(end, last_k);
      const ImVec2 min = {box.x_of(float(k)), box.y_of(float(q))};
      const ImVec2 max = {box.x_of(float(end)), box.y_of(float(std::min(q + step_q, last_q)))};
      list->AddRectFilled(min, max, fill);
      if (box.cell_height() > 8) list->AddRect(min, {max.x + 1, max.y + 1}, line);
      k += (end - k + step_k - 1) / step_k * step_k - step_k;
    }
  list->PopClipRect();
}

std::optional<Weight> weight_at(const Frame& f, const MapSource& source, int query, int key) {
  if (source.measured) {  // `share`: its place in the palette
    const float value =
        source.measured->measure.values[size_t(query) * size_t(source.n_key) + size_t(key)];
    return Weight{value,
                  f.ui.shown_range.colored(f.state.scale, value, f.ui.shown_most[size_t(query)])};
  }
  if (const PatternMap* map = source.exact; map && map->is_whole()) {
    const float weight = map->values[size_t(query) * size_t(map->n_key) + size_t(key)];
    const float most = map->row_max[size_t(query)];
    return Weight{weight, most > 0 ? weight / most : 0};
  }
  if (!source.tiled || !source.exact) return {};
  const auto tile =
      f.snap.tiles->peek(source.exact->key(), {0, query / kTileSide, key / kTileSide});
  if (!tile) return {};
  const float* pair = &tile->pairs[size_t(query % kTileSide * tile->cols + key % kTileSide) * 2];
  return Weight{pair[0], pair[1]};
}

void draw_cell_numbers(const Frame& f, const MapBox& box, const MapSource& source) {
  const float width = box.cell_width(), height = box.cell_height();
  if (width < 38 || height < 18) return;
  const int decimals = width >= 54 ? 3 : 2;
  const float size = width >= 72 ? 14.f : 12.5f;
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->PushClipRect(box.min, box.max, true);
  const int q1 = std::min(source.n_query, int(std::ceil(box.view.cell_max.y)));
  const int k1 = std::min(source.n_key, int(std::ceil(box.view.cell_max.x)));
  for (int q = std::max(0, int(box.view.cell_min.y)); q < q1; ++q)
    for (int k = std::max(0, int(box.view.cell_min.x)); k < k1; ++k) {
      if (!f.pairs().may_see(f.shown.sample, f.shown.layer, q, k)) continue;
      const auto there = weight_at(f, source, q, k);
      if (!there) continue;
      const float weight = there->weight;
      if (source.measured && !std::isfinite(weight)) continue;
      const std::string text =
          source.measured
              ? value_text(source.measured->key.metric, weight).substr(0, width >= 54 ? 6 : 5)
              : weight_text(weight, decimals);
      const float x = box.x_of(float(k) + .5f) - small_width(text, size) / 2;
      const float y = box.y_of(float(q) + .5f) - size / 2;
      list->AddText(
          nullptr, size, {std::round(x), std::round(y)},
          ink_on(source.measured ? f.palette_color(there->share)
                                 : f.color_of(weight, there->share > 0 ? weight / there->share : 0,
                                              f.map_top(source.layer, source.head))),
          text.c_str());
    }
  list->PopClipRect();
}

void draw_color_bar(Frame& f, ImVec2 min, float length, bool vertical, ValueRange range,
                    const Metric* metric) {
  const float breadth = 12;
  const float first = range.diverges() ? kDiverging : 0;
  const Scale scale = f.state.scale;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const int n = std::max(32, int(length / 2));
  for (int i = 0; i < n; ++i) {
    const float t0 = float(i) / float(n) * length, t1 = float(i + 1) / float(n) * length + .5f;
    const ImU32 color = rgb(f.palette_color(first + float(i) / float(n - 1)));
    if (vertical)
      list->AddRectFilled({min.x, min.y + length - std::min(t1, length)},
                          {min.x + breadth, min.y + length - t0}, color);
    else
      list->AddRectFilled({min.x + t0, min.y}, {min.x + std::min(t1, length), min.y + breadth},
                          color);
  }
  const ImU32 faint = rgb(f.colors().faint);
  const float size = kLabelSize - 1;
  std::string numbers[5];
  Tick ticks[5];
  for (int i = 0; i < 5; ++i) {
    const float t = float(i) / 4;
    numbers[i] = range.tick(metric, scale, t);
    ticks[i] = {t, numbers[i].c_str()};
  }
  const bool usual = !metric && range.high == 1;
  for (const Tick& tick : usual ? scale_ticks(scale) : std::span<const Tick>(ticks)) {
    const float at = tick.position * length;
    const float width = small_width(tick.label, size);
    if (vertical) {
      const float y = min.y + length - at;
      list->AddLine({min.x + breadth, y}, {min.x + breadth + 4, y}, faint);
      const float top = std::clamp(y - size / 2 - 1, min.y - 2, min.y + length - size);
      list->AddText(nullptr, size, {min.x + breadth + 7, std::round(top)}, faint, tick.label);
    } else {
      list->AddLine({min.x + at, min.y + breadth}, {min.x + at, min.y + breadth + 4}, faint);
      const float left = std::clamp(min.x + at - width / 2, min.x, min.x + length - width);
      list->AddText(nullptr, size, {std::round(left), min.y + breadth + 5}, faint, tick.label);
    }
  }
  if (!metric)
    draw_contrast_button(f, min, vertical ? ImVec2(breadth, length) : ImVec2(length, breadth),
                         vertical);
}

}  // namespace attn
