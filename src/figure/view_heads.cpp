// view_heads.cpp - the strongest keys of the chosen token in every head of the layer.
#include <algorithm>

#include "figure/figure_text.h"
#include "figure/figure_views.h"

namespace attn {

Figure heads_figure(const ViewInput& input) {
  const State& state = input.state;
  const Lang lang = state.lang;
  const float line = input.line_height, left = 40 * line / 18, gap = 11;
  const float right = input.width - 4;
  const int n_heads = input.measure.shape[0], n_key = input.measure.shape[1];
  const auto& keys = input.pairs.key_tokens[size_t(state.sample)].items;
  const auto name = [](const std::vector<Token>& tokens, int i) -> std::string_view {
    return size_t(i) < tokens.size() ? std::string_view(tokens[size_t(i)].shown) : "";
  };

  Figure figure;
  float y = 4;
  for (int head = 0; head < n_heads; ++head) {
    const std::span<const float> row(input.measure.values.data() + size_t(head) * size_t(n_key),
                                     size_t(n_key));
    const std::vector<Peak> peaks = top_keys(row, 3);
    const float top = y;
    const bool chosen = head == state.head;
    if (chosen) figure.shapes.push_back(Rect{{0, top - 4}, {3, top + 2 * line + 14}, Ink::accent});
    figure.shapes.push_back(Label{
        {10, y}, "H" + std::to_string(head), chosen ? Ink::accent : Ink::faint, Align::left, left});

    std::string says = "L" + std::to_string(state.layer) + " H" + std::to_string(head);
    std::string rest;
    for (size_t i = 0; i < peaks.size(); ++i) {
      const std::string_view token = name(keys, peaks[i].key);
      const std::string at = position_text(keys, peaks[i].key);
      if (i == 0) {
        const std::string percent = percent_text(peaks[i].weight);
        figure.shapes.push_back(Label{{left, y},
                                      "→ " + at + " " + visible_token(token),
                                      Ink::text,
                                      Align::left,
                                      std::max(20.f, right - left - 64 * line / 18)});
        figure.shapes.push_back(Label{{right, y}, percent, Ink::text, Align::right});
        figure.shapes.push_back(Rect{{left, y + line + 3}, {right, y + line + 5}, Ink::line});
        const float length = std::clamp(peaks[i].weight, 0.f, 1.f) * (right - left);
        figure.shapes.push_back(
            Rect{{left, y + line + 2}, {left + std::max(1.f, length), y + line + 6}, Ink::accent});
      } else if (peaks[i].weight > 0) {
        if (!rest.empty()) rest += tr(lang, ", ", "，");
        rest += at + " " + visible_token(token) + " " + percent_text(peaks[i].weight);
      }
      says += "\n" + cell_sentence(lang, cell_text(input.pairs, state, state.token, peaks[i].key,
                                                   peaks[i].weight));
    }
    if (!rest.empty())
      figure.shapes.push_back(Label{{left, y + line + 9},
                                    tr(lang, "then ", "其次 ") + rest,
                                    Ink::faint,
                                    Align::left,
                                    right - left});
    y += 2 * line + 10;
    figure.areas.push_back(
        {{0, top - 4}, {input.width, y + 4}, std::move(says), Site{state.part, state.layer, head}});
    y += gap;
  }
  figure.size = {input.width, std::max(0.f, y - gap + 6)};
  return figure;
}

}  // namespace attn
