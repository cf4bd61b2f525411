// view_grid.cpp - every head as a cell, coloured by a measure: layers downwards, heads to the
// right.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"

namespace attn {

std::string head_sentence(const Metric* metric, const std::vector<float>& values, int layer,
                          int head, int n_heads, Lang lang) {
  const size_t at = size_t(layer * n_heads + head);
  std::string says = head_name(layer, head) + "\n";
  if (metric) says += std::string(metric->title.in(lang)) + " ";
  says += value_text(metric, values[at]);
  if (!std::isfinite(values[at]) || !has_places(values)) return says;
  return says + tr(lang, " · above ", " · 高于 ") + percent_text(percentile_of(values, at), 0) +
         tr(lang, " of the other heads", " 的其他头");
}

void add_frame(Figure& figure, Vec2 min, Vec2 max, Ink ink, float width) {
  const float h = width / 2;
  figure.shapes.push_back(Line{{min.x - width, min.y - h}, {max.x + width, min.y - h}, ink, width});
  figure.shapes.push_back(Line{{min.x - width, max.y + h}, {max.x + width, max.y + h}, ink, width});
  figure.shapes.push_back(Line{{min.x - h, min.y}, {min.x - h, max.y}, ink, width});
  figure.shapes.push_back(Line{{max.x + h, min.y}, {max.x + h, max.y}, ink, width});
}

Figure grid_figure(const ViewInput& input) {
  const State& s = input.state;
  const std::vector<float>& values = input.measure.values;
  const int n_layers = input.measure.shape[0], n_heads = input.measure.shape[1];
  const float line = input.line_height, left = line * 1.7f, top = line * 1.1f, gap = 3;
  const float bar = line * 1.7f;
  const ValueRange range = range_of(input.metric, values);
  float wide = (input.width - left - 6) / float(n_heads) - gap;
  wide = std::clamp(wide, 2.f, 64.f);
  // Square cells, unless the available height asks for others.
  float high = wide;
  if (input.height > 0)
    high = std::clamp((input.height - top - bar - 8) / float(n_layers) - gap, 8.f, wide * 1.5f);
  const float step_x = wide + gap, step_y = high + gap;
  Figure figure;
  const float scale = .85f, small = line * .78f;
  for (int h = 0; h < n_heads; ++h)
    if (h % every_so_many(step_x, small * 1.9f) == 0 || h == s.head)
      figure.shapes.push_back(Label{{left + float(h) * step_x + wide / 2, 0},
                                    "H" + std::to_string(h),
                                    h == s.head ? Ink::accent : Ink::faint,
                                    Align::center,
                                    0,
                                    scale});
  for (int l = 0; l < n_layers; ++l) {
    const float y = top + float(l) * step_y;
    if (l % every_so_many(step_y, small) == 0 || l == s.layer)
      figure.shapes.push_back(Label{{0, y + high / 2 - small * .62f},
                                    "L" + std::to_string(l),
                                    l == s.layer ? Ink::accent : Ink::faint,
                                    Align::left,
                                    0,
                                    scale});
    for (int h = 0; h < n_heads; ++h) {
      const float value = values[size_t(l * n_heads + h)], x = left + float(h) * step_x;
      const Vec2 min = {x, y}, max = {x + wide, y + high};
      Rect cell{min, max, Ink::line};
      if (std::isfinite(value)) cell.weight = range.colored(Scale::linear, value, 0);
      figure.shapes.push_back(cell);
      figure.areas.push_back({min, max, head_sentence(input.metric, values, l, h, n_heads, s.lang),
                              Site{s.part, l, h}});
    }
  }
  add_frame(figure, {left + float(s.head) * step_x, top + float(s.layer) * step_y},
            {left + float(s.head) * step_x + wide, top + float(s.layer) * step_y + high},
            Ink::accent, 2.5f);
  const float bottom = top + float(n_layers) * step_y + 6;
  add_color_bar(figure, input.metric, range, {left, bottom},
                std::min(input.width - left - 6, std::max(150.f, step_x * float(n_heads) - gap)),
                line, false);
  figure.size = {input.width, bottom + bar};
  return figure;
}

}  // namespace attn
