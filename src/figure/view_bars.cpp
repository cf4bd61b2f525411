// view_bars.cpp - the row of the chosen token as bars.
#include <algorithm>
#include <cmath>

#include "figure/figure_text.h"
#include "figure/figure_views.h"

namespace attn {
namespace {

// Right edges of the number columns, and both ends of the bar.
struct Columns {
  float position, token, token_width, weight, percent, bar_from, bar_to;
};

Columns columns(float width, float line_height) {
  const float unit = line_height / 18;  // the layout is designed for a line height of 18
  Columns c;
  c.position = 24 * unit;
  c.token = c.position + 8 * unit;
  const float bar = std::clamp(width * 0.22f, 36.f, 240.f);
  c.bar_to = width;
  c.bar_from = width - bar;
  c.percent = c.bar_from - 10 * unit;
  c.weight = c.percent - 76 * unit;
  c.token_width = std::max(20.f, c.weight - 56 * unit - c.token);
  return c;
}

}  // namespace

Figure bars_figure(const ViewInput& input) {
  const State& state = input.state;
  const Lang lang = state.lang;
  const float line = input.line_height, row_height = line + 4;
  const Columns c = columns(input.width, line);
  Figure figure;
  auto label = [&](float x, float y, std::string text, Ink ink, Align align, float max_width = 0) {
    figure.shapes.push_back(Label{{x, y}, std::move(text), ink, align, max_width});
  };

  label(c.position, 0, "#", Ink::faint, Align::right);
  label(c.token, 0, tr(lang, "Key", "键"), Ink::faint, Align::left, c.token_width);
  label(c.weight, 0, tr(lang, "Weight", "权重"), Ink::faint, Align::right);
  label(c.percent, 0, tr(lang, "Percent", "百分比"), Ink::faint, Align::right);
  figure.shapes.push_back(Line{{0, line + 3}, {input.width, line + 3}, Ink::line, 1});

  const auto& queries = input.pairs.query_tokens[size_t(state.sample)].items;
  const auto& keys = input.pairs.key_tokens[size_t(state.sample)].items;
  const auto name = [](const std::vector<Token>& tokens, int i) -> std::string_view {
    return size_t(i) < tokens.size() ? std::string_view(tokens[size_t(i)].shown) : "";
  };
  double sum = 0;
  float y = line + 8;
  for (int key = 0; key < int(input.measure.values.size()); ++key, y += row_height) {
    const float weight = input.measure.values[size_t(key)];
    sum += double(weight);
    if (!input.part.holds(y)) continue;
    const bool masked = !input.pairs.may_see(state.sample, state.token, key);
    const Ink ink = masked ? Ink::faint : Ink::text;
    if (key == state.locked_key)
      figure.shapes.push_back(Rect{{0, y - 1}, {3, y + line + 1}, Ink::accent});
    label(c.position, y, std::to_string(key), Ink::faint, Align::right);
    label(c.token, y, visible_token(name(keys, key)), ink, Align::left, c.token_width);
    if (masked && weight == 0) {
      label(c.percent, y, tr(lang, "masked", "已掩码"), Ink::faint, Align::right);
    } else {
      label(c.weight, y, weight_text(weight), ink, Align::right);
      label(c.percent, y, percent_text(weight), ink, Align::right);
    }
    const float middle = y + line / 2;
    figure.shapes.push_back(Rect{{c.bar_from, middle - 1}, {c.bar_to, middle + 1}, Ink::line});
    const float length = std::clamp(weight, 0.f, 1.f) * (c.bar_to - c.bar_from);
    if (length > 0)
      figure.shapes.push_back(Rect{
          {c.bar_from, middle - 5}, {c.bar_from + std::max(1.f, length), middle + 5}, Ink::accent});
    figure.areas.push_back({{0, y - 2},
                            {input.width, y + line + 2},
                            cell_sentence(lang, {state.token, key, name(queries, state.token),
                                                 name(keys, key), weight, masked && weight == 0}),
                            {},
                            state.token,
                            key});
  }

  figure.shapes.push_back(Line{{0, y + 1}, {input.width, y + 1}, Ink::line, 1});
  y += 5;
  // float32 rows with many keys sum to 1 only approximately.
  const bool whole = std::abs(sum - 1) < 1e-4;
  std::string text = tr(lang, "sum ", "合计 ") + weight_text(float(sum), 6);
  text += whole ? " ✓" : sum == 0 ? tr(lang, " (no visible keys)", "（没有可见的键）") : " ≠ 1";
  label(c.percent, y, text, whole ? Ink::text : Ink::warn, Align::right);
  figure.size = {input.width, y + line};
  return figure;
}

}  // namespace attn
