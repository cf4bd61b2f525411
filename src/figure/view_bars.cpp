// view_bars.cpp - the row of the chosen token as bars.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"

namespace attn {
namespace {

// Right edges of the number columns, and both ends of the bar.
struct Columns {
  float position, token, token_width, weight, percent, bar_from, bar_to;
};

// `digits`: the longest position. Values other than shares have no percentage.
Columns columns(float width, float line_height, size_t digits, bool shares) {
  const float unit = line_height / 18;  // the layout is designed for a line height of 18
  Columns c;
  c.position = (digits <= 3 ? 24.f : 8.f * float(digits)) * unit;
  c.token = c.position + 8 * unit;
  const float bar = std::clamp(width * 0.22f, 36.f, 240.f);
  c.bar_to = width;
  c.bar_from = width - bar;
  c.percent = c.bar_from - 10 * unit;
  c.weight = c.percent - (shares ? 76 * unit : 0);
  c.token_width = std::max(20.f, c.weight - 56 * unit - c.token);
  return c;
}

// Draws the figure from the top down; each part is drawn at `y` and advances it.
struct Bars {
  const ViewInput& input;
  const State& state;
  const Lang lang;
  const std::vector<Token>& keys;
  const bool shares;  // of a row that may sum to 1
  const float line, most;
  const Columns c;
  Figure figure = {};
  float y = 0;
  double sum = 0;

  static bool are_shares(const Metric* m) {
    return !m || (m->low >= 0 && m->high <= 1 && m->adds_up);
  }
  static size_t longest_position(const std::vector<Token>& keys) {
    size_t digits = 1;
    for (size_t k = 0; k < keys.size(); ++k)
      if (keys[k].first != keys[k].last || k + 1 == keys.size())
        digits = std::max(digits, position_text(keys, int(k)).size() -
                                      (keys[k].first != keys[k].last ? 2 : 0));  // – has 3 bytes
    return digits;
  }

  explicit Bars(const ViewInput& in)
      : input(in),
        state(in.state),
        lang(in.state.lang),
        keys(in.pairs.key_tokens[size_t(in.state.sample)].items),
        shares(are_shares(in.metric)),
        line(in.line_height),
        most(shares ? 1 : std::max(1e-20f, most_of(in.measure.values))),
        c(columns(in.width, in.line_height, longest_position(keys), shares)) {}

  void label(float x, std::string text, Ink ink, Align align, float max_width = 0) {
    figure.shapes.push_back(Label{{x, y}, std::move(text), ink, align, max_width});
  }

  std::string number(float value) const {
    return input.metric ? value_text(input.metric, value) : weight_text(value);
  }

  std::string sentence(int key, float value, bool masked) const {
    const CellText cell = cell_text(input.pairs, state, state.token, key, value);
    if (!input.metric || masked) return cell_sentence(lang, cell);
    return measured_sentence(
        lang, cell, std::string(input.metric->title.in(lang)) + " " + number(value), false);
  }

  void bar(float value, float middle) {
    figure.shapes.push_back(Rect{{c.bar_from, middle - 1}, {c.bar_to, middle + 1}, Ink::line});
    if (!std::isfinite(value)) return;
    const float length = std::clamp(std::abs(value) / most, 0.f, 1.f) * (c.bar_to - c.bar_from);
    if (length > 0)
      figure.shapes.push_back(Rect{{c.bar_from, middle - 5},
                                   {c.bar_from + std::max(1.f, length), middle + 5},
                                   value < 0 ? Ink::warn : Ink::accent});
  }

  void row(int key) {
    const float value = input.measure.values[size_t(key)];
    const bool unseen = !input.pairs.may_see(state.sample, state.layer, state.token, key);
    const bool masked = unseen && (value == 0 || !std::isfinite(value));
    const Ink ink = unseen ? Ink::faint : Ink::text;
    if (key == state.locked_key)
      figure.shapes.push_back(Rect{{0, y - 1}, {3, y + line + 1}, Ink::accent});
    label(c.position, position_text(keys, key), Ink::faint, Align::right);
    const std::string_view name =
        size_t(key) < keys.size() ? std::string_view(keys[size_t(key)].shown) : "";
    label(c.token, visible_token(name), ink, Align::left, c.token_width);
    if (masked) {
      label(c.percent, tr(lang, "masked", "已掩码"), Ink::faint, Align::right);
    } else {
      label(c.weight, number(value), ink, Align::right);
      if (shares) label(c.percent, percent_text(value), ink, Align::right);
    }
    bar(value, y + line / 2);
    const float reach = std::max(2.f, (input.least_row - line) / 2);
    figure.areas.push_back({{0, y - reach},
                            {input.width, y + line + reach},
                            sentence(key, masked ? 0 : value, masked),
                            {},
                            state.token,
                            key});
  }

  // What is left out of the rows above, and the sum with it; signed numbers and lengths have none.
  void foot() {
    figure.shapes.push_back(Line{{0, y + 1}, {input.width, y + 1}, Ink::line, 1});
    y += 5;
    if (!shares) return;
    if (input.hidden > 0) {
      label(c.percent, tr(lang, "hidden special tokens ", "隐藏的特殊词元 ") + number(input.hidden),
            Ink::faint, Align::right);
      y += line;
    }
    sum += double(input.hidden);
    // float32 rows with many keys sum to 1 only approximately.
    const bool whole = std::abs(sum - 1) < 1e-4;
    std::string text = tr(lang, "sum ", "合计 ") + weight_text(float(sum), 6);
    if (whole)
      text += " ✓";
    else if (!input.metric && !input.pairs.sinks.empty())
      text += tr(lang, " + learned sink ", " + 可学习的汇聚项 ") + weight_text(float(1 - sum), 6);
    else if (!input.metric)
      text += sum == 0 ? tr(lang, " (no visible keys)", "（没有可见的键）") : " ≠ 1";
    label(c.percent, text,
          whole || input.metric || !input.pairs.sinks.empty() ? Ink::text : Ink::warn,
          Align::right);
    y += line;
  }
};

}  // namespace

Figure bars_figure(const ViewInput& input) {
  Bars bars(input);
  const Columns& c = bars.c;
  const Lang lang = bars.lang;
  const float line = input.line_height;
  const char* number = input.metric ? tr(lang, "Value", "数值") : tr(lang, "Weight", "权重");
  bars.label(c.position, "#", Ink::faint, Align::right);
  bars.label(c.token, tr(lang, "Key", "键"), Ink::faint, Align::left, c.token_width);
  bars.label(c.weight, number, Ink::faint, Align::right);
  if (bars.shares) bars.label(c.percent, tr(lang, "Percent", "百分比"), Ink::faint, Align::right);
  bars.figure.shapes.push_back(Line{{0, line + 3}, {input.width, line + 3}, Ink::line, 1});
  const float lead = std::max(0.f, input.least_row - line - 4) / 2;
  bars.y = line + 8 + lead;
  for (int key = 0; key < int(input.measure.values.size()); ++key, bars.y += line + 4 + 2 * lead) {
    const float value = input.measure.values[size_t(key)];
    if (std::isfinite(value)) bars.sum += double(value);
    if (input.part.holds(bars.y)) bars.row(key);
  }
  bars.y -= lead;
  bars.foot();
  bars.figure.size = {input.width, bars.y + 2};
  return std::move(bars.figure);
}

}  // namespace attn
