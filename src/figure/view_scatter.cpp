// view_scatter.cpp - every head as a dot, one measure against another, coloured by layer or role.
#include <algorithm>
#include <cmath>
#include <vector>

#include "figure/figure_parts.h"
#include "figure/figure_views.h"
#include "figure/head_words.h"
#include "figure/heads_table.h"

namespace attn {

namespace {

struct Axes {
  Vec2 min, max;  // of the area for dots
  ValueRange x, y;

  Vec2 at(float vx, float vy) const {
    return {min.x + std::clamp(x.place(vx), 0.f, 1.f) * (max.x - min.x),
            max.y - std::clamp(y.place(vy), 0.f, 1.f) * (max.y - min.y)};
  }
};

const Metric* metric_of_y(const ViewInput& input) {
  return input.second ? input.second_metric : input.metric;
}

std::string title_of(const Metric* metric, Lang lang) {
  return metric ? metric->title.in(lang) : "";
}

// Grid, ticks and the titles of both axes.
void add_axes(Figure& figure, const ViewInput& input, const Axes& axes) {
  const float line = input.line_height;
  const Metric* second = metric_of_y(input);
  const auto [min, max, rx, ry] = axes;
  const auto tick = [&](Vec2 at, const Metric* metric, const ValueRange& range, float t, Align to) {
    figure.shapes.push_back(Label{at, value_text(metric, range.low + t * (range.high - range.low)),
                                  Ink::faint, to, 0, .85f});
  };
  for (int i = 0; i <= 4; ++i) {
    const float t = float(i) / 4, x = min.x + t * (max.x - min.x), y = max.y - t * (max.y - min.y);
    figure.shapes.push_back(Line{{x, min.y}, {x, max.y}});
    figure.shapes.push_back(Line{{min.x, y}, {max.x, y}});
    tick({x, max.y + 4}, input.metric, rx, t, Align::center);
    tick({min.x - 5, y - line * .42f}, second, ry, t, Align::right);
  }
  figure.shapes.push_back(Label{{max.x, max.y + line * 1.1f},
                                title_of(input.metric, input.state.lang) + " →",
                                Ink::text,
                                Align::right,
                                max.x - min.x});
  figure.shapes.push_back(Label{{2, 0},
                                "↑ " + title_of(second, input.state.lang),
                                Ink::text,
                                Align::left,
                                figure.size.x * .6f});
}

// The colours of dots: by layer, or by role where the roles are known.
struct DotColors {
  const HeadCharacters* roles = nullptr;  // null: by layer
  std::vector<Role> found = {};           // main roles of these heads, each once, in their order
  int n_layers = 0;

  explicit DotColors(const ViewInput& input) : n_layers(input.measure.shape[0]) {
    const HeadCharacters* all = input.heads ? input.heads->general.get() : nullptr;
    if (input.state.dots != Dots::role || !all) return;
    if (all->n_layers != n_layers || all->n_heads != input.measure.shape[1]) return;
    roles = all;
    for (const HeadCharacter& head : all->heads)
      if (head.has_role()) found.push_back(head.main.role);
    std::ranges::sort(found);
    found.erase(std::ranges::unique(found).begin(), found.end());
  }
  // In the palette; -1: no role.
  float of(Role role) const {
    const auto at = std::ranges::find(found, role);
    if (at == found.end()) return -1;
    return found.size() > 1 ? float(at - found.begin()) / float(found.size() - 1) : .6f;
  }
  float of(int layer, int head) const {
    if (roles) return of(roles->at(layer, head).main.role);
    return n_layers > 1 ? float(layer) / float(n_layers - 1) : .6f;
  }
};

// A ring, filled with the colour at a place of the palette, or hollow without one.
void add_dot(Figure& figure, Vec2 at, float radius, float place) {
  const auto dot = [&](float r, Ink ink, float weight) {
    figure.shapes.push_back(Rect{{at.x - r, at.y - r}, {at.x + r, at.y + r}, ink, weight});
  };
  dot(radius + 1, Ink::faint, -1);
  dot(radius, Ink::panel, place);
}

// One entry per role, from `top` downwards; returns the height. Adds nothing without a figure.
float add_legend(Figure* figure, const ViewInput& input, const DotColors& colors, float top) {
  if (!colors.roles) return 0;
  const float line = input.line_height, radius = line * .24f, size = line * .85f;
  float x = line * .5f, y = top;
  std::vector<Role> entries = colors.found;
  if (std::ranges::any_of(colors.roles->heads, [](auto& head) { return !head.has_role(); }))
    entries.push_back(Role::nothing);
  for (const Role role : entries) {
    const std::string name = role_noun(role, input.state.lang);
    const float wide = line + rough_width(name, size) + line * .6f;
    if (x + wide > input.width && x > line) x = line * .5f, y += line * 1.2f;
    if (figure) {
      add_dot(*figure, {x + radius, y + line / 2}, radius, colors.of(role));
      figure->shapes.push_back(
          Label{{x + line * .8f, y + 1}, name, Ink::text, Align::left, 0, .85f});
    }
    x += wide;
  }
  return y + line * 1.3f - top;
}

std::string colour_words(const ViewInput& input, const DotColors& colors) {
  const Lang lang = input.state.lang;
  if (colors.roles) return tr(lang, "colour: role in general", "颜色：一般而言的角色");
  if (input.state.dots == Dots::role)
    return tr(lang, "colour: layer (roles unknown)", "颜色：层（角色未知）");
  return tr(lang, "colour: layer", "颜色：层");
}

void add_head(Figure& figure, const ViewInput& input, const Axes& axes, const DotColors& colors,
              int i) {
  const State& s = input.state;
  const int n_heads = input.measure.shape[1], layer = i / n_heads, head = i % n_heads;
  const float x = input.measure.values[size_t(i)],
              y = (input.second ? input.second : &input.measure)->values[size_t(i)];
  if (!std::isfinite(x) || !std::isfinite(y)) return;
  const float line = input.line_height, radius = line * .24f, reach = radius + 3;
  const Vec2 at = axes.at(x, y);
  const bool is_chosen = layer == s.layer && head == s.head;
  if (is_chosen) {
    const float r = radius + 3.5f;
    figure.shapes.push_back(Rect{{at.x - r, at.y - r}, {at.x + r, at.y + r}, Ink::accent, -1});
  }
  add_dot(figure, at, radius, colors.of(layer, head));
  if (is_chosen) {
    const bool right = at.x < figure.size.x * .7f;
    figure.shapes.push_back(Label{{at.x + (right ? 1.f : -1.f) * (radius + 7), at.y - line * .5f},
                                  head_name(layer, head),
                                  Ink::accent,
                                  right ? Align::left : Align::right});
  }
  const std::string role =
      general_line(input.heads ? input.heads->general.get() : nullptr, layer, head, s.lang);
  const Metric* second = metric_of_y(input);
  figure.areas.push_back({{at.x - reach, at.y - reach},
                          {at.x + reach, at.y + reach},
                          head_name(layer, head) + "\n" + title_of(input.metric, s.lang) + " " +
                              value_text(input.metric, x) + "\n" + title_of(second, s.lang) + " " +
                              value_text(second, y) + (role.empty() ? "" : "\n" + role),
                          Site{s.part, layer, head}});
}

}  // namespace

Figure scatter_figure(const ViewInput& input) {
  const State& s = input.state;
  const float line = input.line_height;
  const DotColors colors(input);
  const float legend = add_legend(nullptr, input, colors, 0);
  const Vec2 size = {input.width, input.height > 0 ? input.height : input.width * .75f + legend};
  const Axes axes = {
      {line * 2.6f, line * 1.7f},
      {size.x - line * 1.2f, std::max(line * 4, size.y - line * 2.9f - legend)},
      range_of(input.metric, input.measure.values),
      range_of(metric_of_y(input), (input.second ? input.second : &input.measure)->values)};
  Figure figure{size, {}, {}};
  add_axes(figure, input, axes);
  figure.shapes.push_back(Label{
      {size.x - 4, 0}, colour_words(input, colors), Ink::faint, Align::right, size.x * .35f, .85f});
  add_legend(&figure, input, colors, axes.max.y + line * 2.3f);
  // Draw the chosen head last, on top.
  const int n_heads = input.measure.shape[1], n = input.measure.shape[0] * n_heads;
  const int chosen = s.layer * n_heads + s.head;
  for (int i = 0; i < n; ++i)
    if (i != chosen) add_head(figure, input, axes, colors, i);
  if (chosen < n) add_head(figure, input, axes, colors, chosen);
  return figure;
}

}  // namespace attn
