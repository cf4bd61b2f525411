// view_lens.cpp - layers upwards, tokens to the right: each cell shows a token, coloured by its
// value.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"
#include "model/label_head.h"

namespace attn {

namespace {

std::string shown(const ViewInput& input, int token) {
  return input.model ? output_name(*input.model, token) : "#" + std::to_string(token);
}

// The tooltip: place, value, and all predictions.
std::string cell_words(const ViewInput& input, int layer, int query) {
  const State& s = input.state;
  const Measure& m = input.measure;
  const size_t i = size_t(layer) * size_t(m.shape[1]) + size_t(query);
  const size_t n = size_t(m.n_guesses());
  std::string says = tr(s.lang, "After layer ", "第 ") + std::to_string(layer) +
                     tr(s.lang, ", token ", " 层之后，词元 ") + std::to_string(query) + " " +
                     quoted_token(s.lang, token_name(input.pairs.query_tokens, s.sample, query));
  if (n == 0)
    says += "\n" + std::string(input.metric ? input.metric->title.in(s.lang) : "") + " " +
            value_text(input.metric, m.values[i]);
  for (size_t g = i * n; g < (i + 1) * n; ++g)
    says += "\n" + quoted_token(s.lang, shown(input, m.guesses[g].token)) + " " +
            percent_text(m.guesses[g].probability, 1);
  return says;
}

}  // namespace

LensLayout lens_layout(const ViewInput& input) {
  const float line = input.line_height;
  const int n_layers = input.measure.shape[0], n_query = input.measure.shape[1];
  const float least = line * (input.measure.n_guesses() > 0 ? 4.2f : 2.8f), bar = line * 2.2f;
  LensLayout at;
  at.left = line * 2.2f;
  at.top = line * 1.5f;
  at.wide = std::clamp((input.width - at.left - 4) / float(n_query), least, line * 9);
  at.high = line * 1.5f;
  if (input.height > 0)
    at.high =
        std::clamp((input.height - at.top - bar - 8) / float(n_layers), line * 1.35f, line * 6);
  at.size = {std::max(input.width, at.left + at.wide * float(n_query) + 4),
             at.top + at.high * float(n_layers) + 6 + bar};
  return at;
}

Figure lens_figure(const ViewInput& input) {
  const State& s = input.state;
  const Measure& m = input.measure;
  const int n_layers = m.shape[0], n_query = m.shape[1];
  const float line = input.line_height;
  const LensLayout at = lens_layout(input);
  const ValueRange range = m.n_guesses() > 0 ? ValueRange{0, 1} : range_of(input.metric, m.values);
  const auto x_of = [&](int query) { return at.left + float(query) * at.wide; };
  Figure figure;
  figure.size = at.size;
  for (int q = 0; q < n_query; ++q)
    if (input.part.holds_x(x_of(q)))
      figure.shapes.push_back(
          Label{{x_of(q) + at.wide / 2, 0},
                visible_token(token_name(input.pairs.query_tokens, s.sample, q)),
                q == s.token ? Ink::accent : Ink::text,
                Align::center,
                at.wide - 6,
                .9f});
  for (int row = 0; row < n_layers; ++row) {
    const int layer = n_layers - 1 - row;  // the last layer, which gives the prediction, on top
    const float y = at.top + float(row) * at.high;
    figure.shapes.push_back(Label{{at.left - 6, y + at.high / 2 - line * .5f},
                                  "L" + std::to_string(layer),
                                  layer == s.layer ? Ink::accent : Ink::faint,
                                  Align::right,
                                  0,
                                  .9f});
    for (int q = 0; q < n_query; ++q) {
      if (!input.part.holds_x(x_of(q)) || !input.part.holds(y)) continue;
      const size_t i = size_t(layer) * size_t(n_query) + size_t(q);
      const float value = m.values[i], place = range.colored(Scale::linear, value, 0);
      const Vec2 min = {x_of(q) + 1, y + 1}, max = {min.x + at.wide - 2, y + at.high - 1};
      Rect cell{min, max, Ink::line};
      if (std::isfinite(value)) cell.weight = place;
      figure.shapes.push_back(cell);
      const std::string text =
          m.n_guesses() > 0
              ? visible_token(shown(input, m.guesses[i * size_t(m.n_guesses())].token))
              : value_text(input.metric, value);
      // Where there is room, how likely it is below it.
      const bool tells = m.n_guesses() > 0 && std::isfinite(value) && at.high >= line * 2.6f;
      const float top = y + at.high / 2 - line * (tells ? .95f : .47f);
      if (tells)
        figure.shapes.push_back(Label{{(min.x + max.x) / 2, top + line},
                                      percent_text(value, 0),
                                      Ink::text,
                                      Align::center,
                                      at.wide - 6,
                                      .75f,
                                      false,
                                      place});
      figure.shapes.push_back(Label{{(min.x + max.x) / 2, top},
                                    text,
                                    Ink::text,
                                    Align::center,
                                    at.wide - 6,
                                    .85f,
                                    false,
                                    std::isfinite(value) ? place : -1});
      figure.areas.push_back(
          {min, max, cell_words(input, layer, q), Site{s.part, layer, s.head}, q});
    }
  }
  add_color_bar(figure, input.metric, range, {at.left, at.size.y - line * 2.2f},
                std::max(60.f, std::min(260.f, input.width - at.left - 10)), line, false);
  return figure;
}

}  // namespace attn
