// view_strip.cpp - the text, each token coloured by its weight or value.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"

namespace attn {

Figure strip_figure(const ViewInput& input) {
  const State& s = input.state;
  const float line = input.line_height, high = line * 1.5f, gap = 4;
  const std::vector<float>& values = input.measure.values;
  const ValueRange range = range_of(input.metric, values);
  const float most = most_of(values);
  const std::vector<Tokens>& tokens =
      input.measure.axes.back() == Axis::query ? input.pairs.query_tokens : input.pairs.key_tokens;
  Figure figure;
  float x = 0, y = 0;
  for (int k = 0; k < int(values.size()); ++k) {
    const float value = values[size_t(k)];
    const std::string text = visible_token(token_name(tokens, s.sample, k));
    const float wide =
        std::clamp(rough_width(text, line * .85f) + line * .8f, line * 1.4f, input.width);
    if (x > 0 && x + wide > input.width) {
      x = 0;
      y += high + gap;
    }
    // From neutral at 0 to the accent colour; the diverging palette if there are negative values.
    const float colored =
        input.metric ? range.colored(s.scale, value, most) : scale_position(s.scale, value, most);
    const bool diverges = colored >= kDiverging;
    const float place = !diverges && colored > 0 ? colored : 0;
    figure.shapes.push_back(Rect{{x, y}, {x + wide, y + high}, Ink::line, diverges ? colored : -1});
    if (!diverges)
      figure.shapes.push_back(Rect{{x, y}, {x + wide, y + high}, Ink::accent, -1, place});
    if (k == s.token)
      figure.shapes.push_back(Rect{{x + 3, y + high - 3}, {x + wide - 3, y + high - 1}, Ink::text});
    figure.shapes.push_back(Label{{x + wide / 2, y + line * .2f},
                                  text,
                                  place > .6f ? Ink::panel : Ink::text,
                                  Align::center,
                                  wide - 4,
                                  1,
                                  false,
                                  diverges ? colored : -1});
    figure.areas.push_back({{x, y},
                            {x + wide, y + high},
                            tr(s.lang, "token ", "词元 ") +
                                position_text(tokens[size_t(s.sample)].items, k) + " " +
                                quoted_token(s.lang, token_name(tokens, s.sample, k)) + "\n" +
                                value_text(input.metric, value),
                            {},
                            s.token,
                            k});
    x += wide + gap;
  }
  figure.size = {input.width, y + high};
  return figure;
}

}  // namespace attn
