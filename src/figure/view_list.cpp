// view_list.cpp - heads listed by a measure: name, bar, value and percentile.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/head_words.h"
#include "figure/heads_table.h"

namespace attn {

Figure list_figure(const ViewInput& input) {
  const State& s = input.state;
  const float line = input.line_height, row = line + 6;
  HeadsTable alone;
  const HeadsTable* table = input.heads;
  HeadColumn own{input.metric, input.measure.values};
  if (!table) {
    alone = {input.measure.shape[0], input.measure.shape[1], {}};
    table = &alone;
  }
  Result<HeadFilter> filter = input.heads ? parse_filter(s.filter, s.lang) : HeadFilter{};
  const std::vector<int> heads =
      listed_heads(*table, filter ? *filter : HeadFilter{}, &own, s.order);
  const ValueRange range = range_of(input.metric, own.values);
  const float name_to = line * 3.6f, value_to = input.width - line * 3.3f;
  const float from = name_to + 6, to = std::max(from + 20, value_to - line * 3.1f);
  Figure figure;
  const float zero = from + std::clamp(range.place(0), 0.f, 1.f) * (to - from);
  figure.shapes.push_back(Label{{10, 0}, tr(s.lang, "Head", "头"), Ink::faint});
  figure.shapes.push_back(Label{{from, 0},
                                input.metric ? input.metric->title.in(s.lang) : "",
                                Ink::faint,
                                Align::left,
                                std::max(20.f, to - from)});
  figure.shapes.push_back(
      Label{{value_to, 0}, tr(s.lang, "Value", "值"), Ink::faint, Align::right});
  figure.shapes.push_back(
      Label{{input.width - 2, 0}, tr(s.lang, "above", "高于"), Ink::faint, Align::right});
  figure.shapes.push_back(Line{{0, line + 3}, {input.width, line + 3}});
  float y = line + 8;
  const bool places = has_places(own.values);
  for (int at : heads) {
    const int layer = at / table->n_heads, head = at % table->n_heads;
    const float value = own.values[size_t(at)];
    const bool chosen = layer == s.layer && head == s.head;
    // The role, on a line of its own: it does not depend on the text, as the values do.
    const std::string role = general_line(table->general.get(), layer, head, s.lang);
    const float high = role.empty() ? line : line * 1.8f;
    const float lead = std::max(0.f, input.least_row - row - high + line) / 2;
    y += lead;
    if (input.part.holds(y)) {
      if (chosen) figure.shapes.push_back(Rect{{0, y - 1}, {3, y + high + 1}, Ink::accent});
      figure.shapes.push_back(
          Label{{10, y}, head_name(layer, head), chosen ? Ink::accent : Ink::text});
      const float middle = y + line / 2;
      figure.shapes.push_back(Rect{{from, middle - 1}, {to, middle + 1}, Ink::line});
      if (std::isfinite(value)) {
        const float end = from + std::clamp(range.place(value), 0.f, 1.f) * (to - from);
        figure.shapes.push_back(
            Rect{{std::min(zero, end), middle - 5},
                 {std::max(std::min(zero, end) + 1, std::max(zero, end)), middle + 5},
                 Ink::accent});
        if (places)
          figure.shapes.push_back(Label{{input.width - 2, y},
                                        percent_text(percentile_of(own.values, size_t(at)), 0),
                                        Ink::faint,
                                        Align::right});
      }
      figure.shapes.push_back(
          Label{{value_to, y}, value_text(input.metric, value), Ink::text, Align::right});
      if (!role.empty())
        figure.shapes.push_back(
            Label{{10, y + line * .95f}, role, Ink::faint, Align::left, input.width - 14, .85f});
      figure.areas.push_back(
          {{0, y - 3 - lead},
           {input.width, y + high + 3 + lead},
           head_sentence(input.metric, own.values, layer, head, table->n_heads, s.lang) +
               (role.empty() ? "" : "\n" + role),
           Site{input.state.part, layer, head}});
    }
    y += row + high - line + lead;
  }
  if (heads.empty()) {
    figure.shapes.push_back(Label{{10, y},
                                  tr(s.lang, "No head matches the filter", "没有符合筛选条件的头"),
                                  Ink::faint,
                                  Align::left,
                                  input.width - 12});
    y += row;
  }
  figure.size = {input.width, y};
  return figure;
}

}  // namespace attn
