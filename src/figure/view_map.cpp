// view_map.cpp - queries downwards, keys to the right, each cell coloured by its value.
#include <algorithm>
#include <cmath>

#include "figure/caption.h"
#include "figure/contrast.h"
#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"

namespace attn {

Figure map_figure(const ViewInput& input) {
  const State& s = input.state;
  const Pairs& a = input.pairs;
  const int n_query = input.measure.shape[0], n_key = input.measure.shape[1];
  const float line = input.line_height, left = std::clamp(input.width * .18f, 50.f, 140.f);
  const float bar = line * 3.9f, side_most = std::max(40.f, input.width - left - bar);
  float cell = side_most / float(n_key);
  const float top = line * 4.4f;
  if (input.height > 0)
    cell = std::min(cell, std::max(40.f, input.height - top - line) / float(n_query));
  cell = std::min(cell, line * 4);
  const Vec2 min = {left, top}, max = {left + cell * float(n_key), top + cell * float(n_query)};
  ValueRange range = range_of(input.metric, input.measure.values);
  if (!input.metric && input.attention)
    range.high = weight_top(*input.attention, s.sample, s.layer, s.head, s.scale);
  Figure figure{{input.width, max.y + 8}, {}, {}};
  figure.shapes.push_back(
      Label{{left, 0}, figure_title(input.metric, s), Ink::text, Align::left, side_most});
  Cells cells{min, max, n_query, n_key, {}};
  cells.places.reserve(input.measure.values.size());
  for (int q = 0; q < n_query; ++q) {
    const float* row = input.measure.values.data() + int64_t(q) * n_key;
    const float most = most_of({row, size_t(n_key)});
    for (int k = 0; k < n_key; ++k) {
      const bool masked =
          !a.may_see(s.sample, s.layer, q, k) && (row[k] == 0 || !std::isfinite(row[k]));
      cells.places.push_back(masked         ? NAN
                             : input.metric ? range.colored(s.scale, row[k], most)
                                            : scale_position(s.scale, row[k], most, range.high));
    }
  }
  figure.shapes.push_back(std::move(cells));
  const int every = every_so_many(cell, line * .8f);
  for (int i = 0; i < n_query; i += every)
    figure.shapes.push_back(Label{{left - 6, top + (float(i) + .5f) * cell - line * .5f},
                                  visible_token(token_name(input.pairs.query_tokens, s.sample, i)),
                                  i == s.token ? Ink::accent : Ink::text,
                                  Align::right,
                                  left - 8,
                                  .85f});
  for (int i = 0; i < n_key; i += every)
    figure.shapes.push_back(Label{{left + (float(i) + .5f) * cell, top - 5},
                                  visible_token(token_name(input.pairs.key_tokens, s.sample, i)),
                                  Ink::text,
                                  Align::left,
                                  top - line * 1.5f,
                                  .85f,
                                  true});
  if (cell >= line * 2)
    for (int q = 0; q < n_query; ++q)
      for (int k = 0; k < n_key; ++k) {
        if (!a.may_see(s.sample, s.layer, q, k)) continue;
        const float value = input.measure.values[size_t(q) * size_t(n_key) + size_t(k)];
        const std::span<const float> row(input.measure.values.data() + int64_t(q) * n_key,
                                         size_t(n_key));
        const float place = input.metric ? range.colored(s.scale, value, most_of(row))
                                         : scale_position(s.scale, value, most_of(row), range.high);
        figure.shapes.push_back(
            Label{{left + (float(k) + .5f) * cell, top + (float(q) + .5f) * cell - line * .45f},
                  value_text(input.metric, value).substr(0, 5),
                  Ink::text,
                  Align::center,
                  0,
                  .75f,
                  false,
                  std::isfinite(place) ? place : 0});
      }
  add_color_bar(figure, input.metric, range, {max.x + 12, min.y},
                std::max(40.f, std::min(max.y - min.y, 260.f)), line, true, &s.scale);
  if (!input.metric && s.scale == Scale::automatic)
    figure.shapes.push_back(Label{{max.x + 12, min.y - line * 1.1f},
                                  tr(s.lang, "auto", "自动"),
                                  Ink::faint,
                                  Align::left,
                                  0,
                                  .85f});
  // One hover area per row: one per cell would be too many to be useful.
  for (int q = 0; q < n_query; ++q) {
    const std::span<const float> row(input.measure.values.data() + int64_t(q) * n_key,
                                     size_t(n_key));
    const Peak peak = top_keys(row, 1)[0];
    figure.areas.push_back(
        {{0, top + float(q) * cell},
         {max.x, top + float(q + 1) * cell},
         tr(s.lang, "query ", "查询 ") +
             position_text(input.pairs.query_tokens[size_t(s.sample)].items, q) + " " +
             quoted_token(s.lang, token_name(input.pairs.query_tokens, s.sample, q)) +
             tr(s.lang, "\nhighest at key ", "\n最高的键 ") +
             position_text(input.pairs.key_tokens[size_t(s.sample)].items, peak.key) + " " +
             quoted_token(s.lang, token_name(input.pairs.key_tokens, s.sample, peak.key)) + ": " +
             value_text(input.metric, peak.weight),
         {},
         q,
         peak.key});
  }
  return figure;
}

}  // namespace attn
