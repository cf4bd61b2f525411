// view_attribution.cpp - signed contributions to a target, as bars: components, heads or tokens.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"

namespace attn {

namespace {

struct Bar {
  std::string name;
  double value = 0;
  int layer = -1, head = -1, query = -1;
};

std::vector<Bar> bars_of(const ViewInput& input) {
  const Measure& m = input.measure;
  std::vector<Bar> bars;
  if (m.axes.size() == 1) {
    for (size_t i = 0; i < m.values.size(); ++i)
      bars.push_back({i < m.names.size() ? m.names[i] : std::to_string(i), double(m.values[i])});
    return bars;
  }
  const int n_layers = m.shape[0], n = m.shape[1];
  // Heads, largest contributions first.
  if (m.axes.back() == Axis::head) {
    for (int l = 0; l < n_layers; ++l)
      for (int h = 0; h < n; ++h)
        bars.push_back(
            {head_name(l, h), double(m.values[size_t(l) * size_t(n) + size_t(h)]), l, h, -1});
    std::ranges::stable_sort(
        bars, [](const Bar& a, const Bar& b) { return std::abs(a.value) > std::abs(b.value); });
    return bars;
  }
  // Tokens, summed over layers.
  for (int k = 0; k < n; ++k) {
    Bar part{std::to_string(k) + " " +
                 visible_token(token_name(input.pairs.key_tokens, input.state.sample, k)),
             0, -1, -1, k};
    for (int l = 0; l < n_layers; ++l) {
      const float value = m.values[size_t(l) * size_t(n) + size_t(k)];
      if (std::isfinite(value)) part.value += double(value);
    }
    bars.push_back(std::move(part));
  }
  return bars;
}

// With an explicit plus sign, unless the value rounds to 0.
std::string signed_text(const Metric* metric, double value) {
  const std::string text = value_text(metric, float(value));
  return value > 0 && text != "0.000" ? "+" + text : text;
}

}  // namespace

std::string target_words(const State& s) {
  const auto quoted = [&](const std::string& t) { return quoted_token(s.lang, t); };
  std::string says = s.target.empty()
                         ? tr(s.lang, "the model's top prediction", "模型概率最高的预测")
                         : quoted(s.target);
  if (!s.foil.empty()) says += tr(s.lang, " minus ", " 减去 ") + quoted(s.foil);
  return says;
}

Figure parts_figure(const ViewInput& input) {
  const State& s = input.state;
  const float line = input.line_height, row = line + 5;
  const std::vector<Bar> bars = bars_of(input);
  double low = 0, high = 0, sum = 0;
  size_t longest = 4;
  for (const Bar& p : bars) {
    if (!std::isfinite(p.value)) continue;
    low = std::min(low, p.value);
    high = std::max(high, p.value);
    sum += p.value;
    longest = std::max(longest, size_t(rough_width(p.name, line)));
  }
  if (high <= low) high = low + 1;
  const float from = std::min(float(longest) + 12, std::max(60.f, input.width * .32f)),
              to = input.width - line * 3.6f;
  const auto x_of = [&](double value) {
    return from + float((value - low) / (high - low)) * (to - from);
  };
  Figure figure;
  figure.shapes.push_back(Label{{2, 0},
                                (input.metric ? std::string(input.metric->title.in(s.lang)) : "") +
                                    tr(s.lang, ": ", "：") + target_words(s),
                                Ink::faint,
                                Align::left,
                                input.width - 4});
  float y = line * 1.5f;
  const float first = y;
  for (const Bar& p : bars) {
    if (input.part.holds(y)) {
      const bool chosen = (p.head >= 0 && p.layer == s.layer && p.head == s.head) ||
                          (p.query >= 0 && p.query == s.token);
      figure.shapes.push_back(
          Label{{2, y}, p.name, chosen ? Ink::accent : Ink::text, Align::left, from - 8});
      const float zero = x_of(0), end = std::isfinite(p.value) ? x_of(p.value) : zero;
      figure.shapes.push_back(
          Rect{{std::min(zero, end), y + line / 2 - 5},
               {std::max(std::max(zero, end), std::min(zero, end) + 1), y + line / 2 + 5},
               p.value < 0 ? Ink::warn : Ink::accent});
      figure.shapes.push_back(
          Label{{input.width - 2, y}, signed_text(input.metric, p.value), Ink::text, Align::right});
      const std::string says = p.name + "  " + signed_text(input.metric, p.value) +
                               (p.value < 0 ? tr(s.lang, "\nopposes ", "\n不利于 ")
                                            : tr(s.lang, "\nsupports ", "\n有利于 ")) +
                               target_words(s);
      figure.areas.push_back(
          {{0, y - 2},
           {input.width, y + line + 3},
           says,
           p.head >= 0 ? std::optional(Site{s.part, p.layer, p.head}) : std::nullopt,
           p.query});
    }
    y += row;
  }
  figure.shapes.push_back(Line{{x_of(0), first - 2}, {x_of(0), y}, Ink::faint, 1});
  figure.shapes.push_back(Line{{0, y + 1}, {input.width, y + 1}, Ink::line, 1});
  figure.shapes.push_back(
      Label{{2, y + 6}, tr(s.lang, "total", "合计"), Ink::faint, Align::left, from - 8});
  figure.shapes.push_back(
      Label{{input.width - 2, y + 6}, signed_text(input.metric, sum), Ink::text, Align::right});
  figure.size = {input.width, y + 6 + line};
  return figure;
}

}  // namespace attn
