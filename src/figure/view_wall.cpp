// view_wall.cpp - every head's pattern as a small map: layers downwards, heads to the right.
#include <algorithm>
#include <cmath>

#include "figure/contrast.h"
#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"
#include "figure/wall_layout.h"

namespace attn {

namespace {

constexpr int kMostSide = 64;        // cells of a map
constexpr int kMostCells = 150'000;  // of all maps together
constexpr float kCaptionFrom = 44;   // width of a map that has room for its caption
constexpr float kDimmed = .78f;      // of heads that the filter leaves out

// Cell r of `side` covers tokens begin .. end-1 of n; see Attention::pooled.
int cell_begin(int r, int side, int n) { return int(int64_t(r) * n / side); }

struct SmallMap {
  int rows = 0, cols = 0;
  std::vector<float> values;
};

SmallMap small_map(const ViewInput& input, int layer, int head, int side) {
  const Attention& a = *input.attention;
  if (input.maps) {
    const size_t size = size_t(input.maps->rows) * size_t(input.maps->cols);
    const auto from = input.maps->values.subspan(size_t(layer * a.n_heads + head) * size, size);
    return {input.maps->rows, input.maps->cols, {from.begin(), from.end()}};
  }
  SmallMap map{std::min(side, a.n_query), std::min(side, a.n_key), {}};
  map.values.resize(size_t(map.rows) * size_t(map.cols));
  a.pooled(input.state.sample, layer, head, 0, a.n_query, 0, a.n_key,
           {map.values.data(), map.rows, map.cols});
  return map;
}

// Whether the mask hides every weight that a cell covers. Of masks that are given as a list, only
// cells of one weight are looked up; a causal mask hides what lies above the diagonal, a window
// what is far from it.
bool is_hidden(const Attention& a, int sample, int layer, const SmallMap& map, int row, int col) {
  const int q = cell_begin(row, map.rows, a.n_query), k = cell_begin(col, map.cols, a.n_key);
  if (map.rows == a.n_query && map.cols == a.n_key) return !a.may_see(sample, layer, q, k);
  const int last_q = std::max(q, cell_begin(row + 1, map.rows, a.n_query) - 1);
  const int last_k = std::max(k, cell_begin(col + 1, map.cols, a.n_key) - 1),
            reach = a.reach(layer);
  return (a.mask == Mask::causal && k > last_q) || q - last_k > reach || k - last_q > reach;
}

Cells cells_of_map(const ViewInput& input, int layer, const SmallMap& map, float top, Vec2 min,
                   Vec2 max) {
  Cells cells{min, max, map.rows, map.cols, {}};
  cells.places.reserve(map.values.size());
  for (int r = 0; r < map.rows; ++r) {
    const std::span<const float> row(map.values.data() + int64_t(r) * map.cols, size_t(map.cols));
    const float most = most_of(row);
    for (int c = 0; c < map.cols; ++c) {
      const bool hidden =
          row[size_t(c)] == 0 && is_hidden(*input.attention, input.state.sample, layer, map, r, c);
      cells.places.push_back(hidden ? NAN
                                    : scale_position(input.state.scale, row[size_t(c)], most, top));
    }
  }
  return cells;
}

// The measure's value in the map's corner, on the colour of that value.
void add_caption(Figure& figure, const ViewInput& input, const std::string& name, float value,
                 float place, Vec2 min) {
  const std::string text = (name.empty() ? "" : name + " ") + value_text(input.metric, value);
  const float size = input.line_height * .7f;
  Rect back{min, {min.x + rough_width(text, size) + 6, min.y + size * 1.45f}, Ink::panel};
  back.weight = std::isfinite(place) ? place : -1;
  figure.shapes.push_back(back);
  figure.shapes.push_back(Label{{min.x + 3, min.y + 1},
                                text,
                                Ink::text,
                                Align::left,
                                0,
                                .7f,
                                false,
                                std::isfinite(place) ? place : -1});
}

// Names of layers and heads at the edges; `corner` is where the maps begin.
void add_names(Figure& figure, const State& s, const WallLayout& wall, Vec2 corner, float size) {
  const auto name = [&](const std::string& text, Vec2 at, Align align, bool chosen) {
    figure.shapes.push_back(
        Label{at, text, chosen ? Ink::accent : Ink::faint, align, 0, .7f, false, -1});
  };
  for (int h = 0; h < wall.n_columns; h += every_so_many(wall.step().x, size * 2.2f))
    name("H" + std::to_string(h), {corner.x + wall.at(0, h).x + wall.map.x / 2, 0}, Align::center,
         h == s.head);
  for (int l = 0; l < wall.n_rows; l += every_so_many(wall.step().y, size * 1.3f))
    name("L" + std::to_string(l), {0, corner.y + wall.at(l, 0).y + wall.map.y / 2 - size * .6f},
         Align::left, l == s.layer);
}

}  // namespace

Figure wall_figure(const ViewInput& input) {
  const State& s = input.state;
  const std::vector<float>& values = input.measure.values;
  const int n_layers = input.measure.shape[0], n_heads = input.measure.shape[1];
  const float line = input.line_height, left = line * 1.9f, top = line * 1.3f, bar = line * 2.4f;
  const float high = input.height > 0 ? std::max(60.f, input.height - top - bar) : 1e9f;
  const Attention* a = input.attention;
  const float aspect = a ? std::clamp(float(a->n_key) / float(a->n_query), .25f, 4.f) : 1;
  const WallLayout wall = fit_wall(n_layers, n_heads, aspect, {input.width - left - 6, high});
  const int side =
      std::clamp(std::min(int(std::min(wall.map.x, wall.map.y) / 2),
                          int(std::sqrt(float(kMostCells) / float(n_layers * n_heads)))),
                 1, kMostSide);
  const ValueRange range = range_of(input.metric, values);
  const Result<HeadFilter> filter = parse_filter(s.filter, s.lang);
  const std::vector<int> order =
      wall_order(n_layers * n_heads, input.metric ? std::span(values) : std::span<const float>(),
                 s.arrange, s.order);
  const bool by_layer = s.arrange == Arrange::layers || !input.metric;
  const bool own = has_own_contrast(s);
  float most = 0;  // the weight of the brightest colour
  for (int head = 0; a && head < n_layers * n_heads; ++head)
    most = std::max(most, weight_top(*a, s.sample, head / n_heads, head % n_heads, s.scale));
  Vec2 chosen = {left, top};
  Figure figure{{input.width, top + wall.size().y + bar + 6}, {}, {}};
  if (by_layer) add_names(figure, s, wall, {left, top}, line * .7f);
  for (int place = 0; place < n_layers * n_heads; ++place) {
    const int head = order[size_t(place)], l = head / n_heads, h = head % n_heads;
    const Vec2 at = wall.at(place / n_heads, place % n_heads);
    const Vec2 min = {left + at.x, top + at.y}, max = {min.x + wall.map.x, min.y + wall.map.y};
    if (a && a->is_kept(l))
      figure.shapes.push_back(cells_of_map(input, l, small_map(input, l, h, side),
                                           own ? head_top(*a, s.sample, l, h) : most, min, max));
    else
      figure.shapes.push_back(Rect{min, max, Ink::line});
    const float value = values[size_t(head)];
    if (input.metric && wall.map.x >= kCaptionFrom)
      add_caption(figure, input, by_layer ? "" : head_name(l, h), value,
                  range.colored(Scale::linear, value, 0), min);
    if (input.heads && filter && !passes(*filter, *input.heads, l, h)) {
      Rect dim{min, max, Ink::panel};
      dim.alpha = kDimmed;
      figure.shapes.push_back(dim);
    }
    figure.areas.push_back(
        {min, max, head_sentence(input.metric, values, l, h, n_heads, s.lang), Site{s.part, l, h}});
    if (l == s.layer && h == s.head) chosen = min;
  }
  add_frame(figure, chosen, {chosen.x + wall.map.x, chosen.y + wall.map.y}, Ink::accent,
            std::clamp(wall.gap * .7f, .5f, 2.5f));
  const float room = input.width - left - 6, share = s.scale == Scale::automatic ? .4f : 1;
  const float length = std::min(room * share, 260.f), bar_top = top + wall.size().y + 8;
  const Scale ticks = own ? Scale::row_max : s.scale;
  add_color_bar(figure, nullptr, {0, most > 0 ? most : 1}, {left, bar_top}, length, line, false,
                &ticks);
  if (s.scale == Scale::automatic)
    figure.shapes.push_back(Label{{left + length + 12, bar_top - 2},
                                  contrast_words(s.contrast, s.lang),
                                  Ink::faint,
                                  Align::left,
                                  std::max(1.f, input.width - left - length - 14),
                                  .85f});
  return figure;
}

}  // namespace attn
