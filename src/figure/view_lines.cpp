// view_lines.cpp - queries on the left, keys on the right, joined by lines as strong as the weight
// (BertViz's head view). As in exBERT, only the strongest lines of each row are drawn, up to a
// share of its total.
#include <algorithm>
#include <cmath>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"

namespace attn {

std::vector<Peak> strongest(std::span<const float> row, float share) {
  double sum = 0;
  for (float v : row) sum += std::isfinite(v) ? std::max(0.f, v) : 0;
  std::vector<Peak> kept;
  double reached = 0;
  for (const Peak& p : top_keys(row, int(row.size()))) {
    // Float sums may fall slightly short of the total.
    if (!(p.weight > 0) || reached >= double(share) * sum - 1e-6) break;
    reached += double(p.weight);
    kept.push_back(p);
  }
  return kept;
}

Figure lines_figure(const ViewInput& input) {
  const State& s = input.state;
  const int n_query = input.measure.shape[0], n_key = input.measure.shape[1];
  const float line = input.line_height, share = float(s.mass) / 100;
  const int n = std::max(n_query, n_key);
  const float top = line * 1.4f;
  float step = input.height > 0 ? (input.height - top - 6) / float(n) : line + 3;
  step = std::clamp(step, line * .8f, line * 1.7f);
  const float column = std::clamp(input.width * .28f, 60.f, 220.f);
  const float left = column, right = input.width - column;
  const auto middle = [&](int i) { return top + (float(i) + .5f) * step; };
  Figure figure{{input.width, top + step * float(n) + 6}, {}, {}};
  figure.shapes.push_back(
      Label{{left - 8, 0}, tr(s.lang, "query", "查询"), Ink::faint, Align::right});
  figure.shapes.push_back(Label{{right + 8, 0}, tr(s.lang, "key", "键"), Ink::faint});
  figure.shapes.push_back(Label{{(left + right) / 2, 0},
                                percent_text(share, 0) + tr(s.lang, " of each row", "（每行）"),
                                Ink::faint,
                                Align::center,
                                right - left - 70});
  const std::vector<Token>&queries = input.pairs.query_tokens[size_t(s.sample)].items,
        &keys = input.pairs.key_tokens[size_t(s.sample)].items;
  std::vector<float> read(size_t(n_key), 0.f);
  // Draw the chosen query's lines last, on top.
  for (int turn = 0; turn <= n_query; ++turn) {
    const int q = turn < n_query ? turn : s.token;
    if (turn < n_query && q == s.token) continue;
    if (q >= n_query) continue;
    const std::span<const float> row(input.measure.values.data() + int64_t(q) * n_key,
                                     size_t(n_key));
    const std::vector<Peak> kept = strongest(row, share);
    const bool chosen = q == s.token;
    const float largest = kept.empty() ? 1 : std::max(1e-9f, kept[0].weight);
    std::string says = tr(s.lang, "query ", "查询 ") + position_text(queries, q) + " " +
                       quoted_token(s.lang, token_name(input.pairs.query_tokens, s.sample, q));
    for (size_t i = 0; i < kept.size(); ++i) {
      const Peak& p = kept[i];
      // Only weights and shares can be summed over queries.
      if (input.metric == nullptr || input.metric->high <= 1) read[size_t(p.key)] += p.weight;
      // Other measures are scaled by the largest value of the row.
      const float strength =
          input.metric && input.metric->high > 1 ? p.weight / largest : std::min(1.f, p.weight);
      figure.shapes.push_back(Line{{left, middle(q)},
                                   {right, middle(p.key)},
                                   chosen ? Ink::accent : Ink::text,
                                   (chosen ? 2.2f : 1.f) + 1.8f * strength,
                                   chosen ? .35f + .65f * strength : .04f + .42f * strength});
      if (i < 5)
        says += "\n→ " + position_text(keys, p.key) + " " +
                visible_token(token_name(input.pairs.key_tokens, s.sample, p.key)) + "  " +
                weight_text(p.weight);
    }
    if (kept.size() > 5)
      says += "\n" + std::string(tr(s.lang, "and ", "以及另外 ")) +
              std::to_string(kept.size() - 5) + tr(s.lang, " more", " 个");
    figure.areas.push_back({{0, middle(q) - step / 2}, {left, middle(q) + step / 2}, says, {}, q});
  }
  const int every = every_so_many(step, line * .8f);
  const float room = column - line * 2.2f;
  for (int i = 0; i < n; ++i) {
    const float y = middle(i) - line * .6f;
    if (!input.part.holds(y) || (i % every && i != s.token)) continue;
    if (i < n_query) {
      const Ink ink = i == s.token ? Ink::accent : Ink::text;
      figure.shapes.push_back(
          Label{{left - 8, y},
                visible_token(token_name(input.pairs.query_tokens, s.sample, i)),
                ink,
                Align::right,
                room});
      figure.shapes.push_back(
          Label{{0, y + line * .1f}, position_text(queries, i), Ink::faint, Align::left, 0, .8f});
    }
    if (i < n_key) {
      const Ink ink = i == s.locked_key ? Ink::accent : Ink::text;
      figure.shapes.push_back(Label{{right + 8, y},
                                    visible_token(token_name(input.pairs.key_tokens, s.sample, i)),
                                    ink,
                                    Align::left,
                                    room});
      figure.shapes.push_back(Label{{input.width - 1, y + line * .1f},
                                    position_text(keys, i),
                                    Ink::faint,
                                    Align::right,
                                    0,
                                    .8f});
    }
  }
  for (int k = 0; k < n_key; ++k)
    figure.areas.push_back(
        {{right, middle(k) - step / 2},
         {input.width, middle(k) + step / 2},
         tr(s.lang, "key ", "键 ") + position_text(keys, k) + " " +
             quoted_token(s.lang, token_name(input.pairs.key_tokens, s.sample, k)) +
             tr(s.lang, "\nlines to it sum to ", "\n指向它的连线合计 ") +
             weight_text(read[size_t(k)], 3) + tr(s.lang, " over ", "，共 ") +
             std::to_string(n_query) + tr(s.lang, " rows", " 行"),
         {},
         s.token,
         k});
  return figure;
}

}  // namespace attn
