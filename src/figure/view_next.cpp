// view_next.cpp - the most likely tokens of the vocabulary as bars.
#include <algorithm>
#include <cmath>
#include <utility>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/heads_table.h"
#include "model/label_head.h"

namespace attn {

namespace {

// What the bars are about.
std::string next_title(const ViewInput& input) {
  const State& s = input.state;
  const std::string token =
      std::to_string(s.token) + " " +
      quoted_token(s.lang, token_name(input.pairs.query_tokens, s.sample, s.token));
  const Model* model = input.model;
  if (model && !model->config.labels.names.empty()) {
    if (model->config.reads_pictures()) return tr(s.lang, "The picture", "图片");
    if (model->config.labels.at != ReadAt::token) return tr(s.lang, "The text", "整段文本");
    return model->config.labels.scale == LabelScale::over_tokens
               ? tr(s.lang, "The answer’s start or end at token ", "答案的起点或终点在词元 ") +
                     token
               : tr(s.lang, "Token ", "词元 ") + token;
  }
  // Bidirectional models predict the token at a position, not the next one.
  if (model && model->config.fills_masks)
    return tr(s.lang, "In place of token ", "在词元 ") + token + tr(s.lang, "", " 处");
  return tr(s.lang, "After token ", "词元 ") + token + tr(s.lang, "", " 之后");
}

}  // namespace

Figure next_figure(const ViewInput& input) {
  constexpr int kFewest = 12, kMost = 40;
  const State& s = input.state;
  const float line = input.line_height, row = std::max(line + 5, input.least_row),
              top = line * 1.5f;
  const int n = std::clamp(int((input.height - top) / row), kFewest, kMost);
  const std::vector<Peak> peaks = top_keys(input.measure.values, n);
  const bool chance = input.metric && input.metric->low == 0 && input.metric->high == 1 &&
                      !(input.model && input.model->config.labels.scale == LabelScale::plain);
  // The most likely token fills the width; the numbers show the probabilities.
  const ValueRange range = range_of(input.metric, input.measure.values);
  const auto text_of = [&](float value) {
    return chance ? percent_text(value) : value_text(input.metric, value);
  };
  const float from = std::clamp(input.width * .3f, 70.f, 200.f), to = input.width - line * 4;
  const Model* model = input.model;
  const bool has_labels = model && !model->config.labels.names.empty();
  const bool is_last = s.token == input.pairs.n_query - 1;
  Figure figure;
  figure.shapes.push_back(
      Label{{2, 0}, next_title(input), Ink::faint, Align::left, input.width - 4});
  const float lead = (row - line - 5) / 2;
  float y = top + lead;
  for (const Peak& p : peaks) {
    const bool known = model && model->tokenizer;
    const std::string token = model ? output_name(*model, p.key) : "#" + std::to_string(p.key);
    figure.shapes.push_back(Label{{2, y}, visible_token(token), Ink::text, Align::left, from - 8});
    const float end = from + std::clamp(range.place(p.weight), 0.f, 1.f) * (to - from);
    figure.shapes.push_back(
        Rect{{from, y + line / 2 - 5}, {std::max(from + 1, end), y + line / 2 + 5}, Ink::accent});
    figure.shapes.push_back(
        Label{{input.width - 2, y}, text_of(p.weight), Ink::text, Align::right});
    HitArea area{{0, y - 2 - lead},
                 {input.width, y + line + 3 + lead},
                 quoted_token(s.lang, token) + tr(s.lang, ", id ", "，编号 ") +
                     std::to_string(p.key) + "  " + text_of(p.weight)};
    if (known && !has_labels && !model->config.fills_masks) {
      area.says += is_last ? tr(s.lang, "\nClick to add it to the text", "\n单击将其加到文本末尾")
                           : tr(s.lang, "\nTo add tokens, choose the last one of the text",
                                "\n要添加词元，请先选择文本的最后一个词元");
      area.token = is_last ? p.key : -1;
    }
    figure.areas.push_back(std::move(area));
    y += row;
  }
  figure.size = {input.width, y - lead};
  return figure;
}

}  // namespace attn
