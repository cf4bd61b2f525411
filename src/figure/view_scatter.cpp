// view_scatter.cpp - every head as a dot, one measure against another, coloured by layer.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_views.h"
#include "figure/head_words.h"
#include "figure/heads_table.h"

namespace attn {

Figure scatter_figure(const ViewInput& input) {
  const State& s = input.state;
  const Measure& second = input.second ? *input.second : input.measure;
  const Metric* second_metric = input.second ? input.second_metric : input.metric;
  const std::vector<float>&xs = input.measure.values, &ys = second.values;
  const int n_layers = input.measure.shape[0], n_heads = input.measure.shape[1];
  const float line = input.line_height, radius = line * .24f;
  const ValueRange rx = range_of(input.metric, xs), ry = range_of(second_metric, ys);
  const Vec2 size = {input.width, input.height > 0 ? input.height : input.width * .75f};
  const Vec2 min = {line * 2.6f, line * 1.7f}, max = {size.x - line * 1.2f, size.y - line * 2.9f};
  Figure figure{size, {}, {}};
  const auto title = [&](const Metric* m) { return std::string(m ? m->title.in(s.lang) : ""); };
  const auto x_of = [&](float v) {
    return min.x + std::clamp(rx.place(v), 0.f, 1.f) * (max.x - min.x);
  };
  const auto y_of = [&](float v) {
    return max.y - std::clamp(ry.place(v), 0.f, 1.f) * (max.y - min.y);
  };
  for (int i = 0; i <= 4; ++i) {
    const float t = float(i) / 4, x = min.x + t * (max.x - min.x), y = max.y - t * (max.y - min.y);
    figure.shapes.push_back(Line{{x, min.y}, {x, max.y}});
    figure.shapes.push_back(Line{{min.x, y}, {max.x, y}});
    figure.shapes.push_back(Label{{x, max.y + 4},
                                  value_text(input.metric, rx.low + t * (rx.high - rx.low)),
                                  Ink::faint,
                                  Align::center,
                                  0,
                                  .85f});
    figure.shapes.push_back(Label{{min.x - 5, y - line * .42f},
                                  value_text(second_metric, ry.low + t * (ry.high - ry.low)),
                                  Ink::faint,
                                  Align::right,
                                  0,
                                  .85f});
  }
  figure.shapes.push_back(Label{{max.x, max.y + line * 1.1f},
                                title(input.metric) + " →",
                                Ink::text,
                                Align::right,
                                max.x - min.x});
  figure.shapes.push_back(
      Label{{2, 0}, "↑ " + title(second_metric), Ink::text, Align::left, size.x * .6f});
  figure.shapes.push_back(Label{{size.x - 4, 0},
                                tr(s.lang, "colour: layer", "颜色：层"),
                                Ink::faint,
                                Align::right,
                                size.x * .35f,
                                .85f});
  // Draw the chosen head last, on top.
  const int chosen = s.layer * n_heads + s.head, n = n_layers * n_heads;
  for (int turn = 0; turn <= n; ++turn) {
    const int i = turn < n ? turn : chosen;
    if (turn < n && i == chosen) continue;
    const float x = xs[size_t(i)], y = ys[size_t(i)];
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    const Vec2 at = {x_of(x), y_of(y)};
    const int layer = i / n_heads, head = i % n_heads;
    const auto dot = [&](float r, Ink ink, float weight) {
      figure.shapes.push_back(Rect{{at.x - r, at.y - r}, {at.x + r, at.y + r}, ink, weight});
    };
    if (i == chosen) dot(radius + 3.5f, Ink::accent, -1);
    dot(radius + 1, Ink::faint, -1);
    dot(radius, Ink::text, n_layers > 1 ? float(layer) / float(n_layers - 1) : .6f);
    if (i == chosen) {
      const bool right = at.x < size.x * .7f;
      figure.shapes.push_back(Label{{at.x + (right ? 1.f : -1.f) * (radius + 7), at.y - line * .5f},
                                    head_name(layer, head),
                                    Ink::accent,
                                    right ? Align::left : Align::right});
    }
    const float reach = radius + 3;
    const std::string role =
        general_line(input.heads ? input.heads->general.get() : nullptr, layer, head, s.lang);
    figure.areas.push_back({{at.x - reach, at.y - reach},
                            {at.x + reach, at.y + reach},
                            head_name(layer, head) + "\n" + title(input.metric) + " " +
                                value_text(input.metric, x) + "\n" + title(second_metric) + " " +
                                value_text(second_metric, y) + (role.empty() ? "" : "\n" + role),
                            Site{input.state.part, layer, head}});
  }
  return figure;
}

}  // namespace attn
