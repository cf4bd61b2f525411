// view_next.cpp - the likeliest of a vocabulary as bars: what may come next.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"

namespace attn {

Figure next_figure(const ViewInput& input) {
  constexpr int kMost = 12;
  const float line = input.line_height;
  const std::vector<Peak> peaks = top_keys(input.measure.values, kMost);
  const ValueRange range = range_of(input.metric, input.measure.values);
  const float name_to = std::clamp(input.width * .36f, 70.f, 200.f), to = input.width - line * 3;
  Figure figure;
  float y = 0;
  for (const Peak& p : peaks) {
    std::string name = "#" + std::to_string(p.key);
    if (input.trace.model && input.trace.model->tokenizer)
      name = visible_token(input.trace.model->tokenizer->shown(p.key));
    figure.shapes.push_back(Label{{2, y}, name, Ink::text, Align::left, name_to - 6});
    const float from = name_to, end = from + std::clamp(range.place(p.weight), 0.f, 1.f) * (to - from);
    figure.shapes.push_back(Rect{{from, y + line / 2 - 1}, {to, y + line / 2 + 1}, Ink::line});
    figure.shapes.push_back(Rect{{from, y + line / 2 - 5}, {std::max(from + 1, end), y + line / 2 + 5}, Ink::accent});
    figure.shapes.push_back(
        Label{{input.width - 2, y}, value_text(input.metric, p.weight), Ink::text, Align::right});
    figure.areas.push_back({{0, y - 2}, {input.width, y + line + 2},
                            name + "  " + value_text(input.metric, p.weight), -1, -1, -1, -1});
    y += line + 5;
  }
  figure.size = {input.width, y};
  return figure;
}

}  // namespace attn
