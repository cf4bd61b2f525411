// report_token.cpp - one token's attention: rows, a table with bars, and a comparison of heads.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/utf8.h"
#include "figure/report.h"
#include "figure/report_text.h"

namespace attn {

namespace {

constexpr int kBlocks = 50;     // length of a bar at weight 1
constexpr int kMostRows = 64;   // rows of a token's table
constexpr int kMostInLine = 6;  // weights shown in one line

std::string bar(float weight) {
  std::string out;
  for (int i = 0; i < int(double(weight) * kBlocks); ++i) out += "█";
  return out;
}

// The `n` keys with the largest weights, sorted by position.
std::vector<int> largest_keys(std::span<const float> row, int n) {
  std::vector<int> keys;
  for (const Peak& peak : top_keys(row, n)) keys.push_back(peak.key);
  std::ranges::sort(keys);
  return keys;
}

std::string one_row(const Inputs& in) {
  const State& s = *in.state;
  const Lang lang = s.lang;
  const Tokens& keys = keys_of(in);
  const Measure row = find_metric("row")->compute(in);
  std::string where;
  for (const NamedAxis& axis : axes_of(in)) {
    if (axis.axis == Axis::sample)
      where += fill(tr(lang, "sample {0} · ", "样本 {0} · "), {std::to_string(s.sample)});
    if (axis.axis == Axis::layer)
      where += fill(tr(lang, "layer {0} · ", "层 {0} · "), {std::to_string(s.layer)});
  }
  std::string out = weights_at(in, std::to_string(s.head), std::to_string(s.token), ":") + "   " +
                    where +
                    fill(tr(lang, "head {0} · token {1}", "头 {0} · 词元 {1}"),
                         {std::to_string(s.head), quoted(queries_of(in), s.token, lang)}) +
                    "\n   ";
  for (int k : largest_keys(row.values, kMostInLine))
    out += " " + token_name(keys.items[size_t(k)]) + " " + fixed(row.values[size_t(k)], 4) + " ";
  if (int(row.values.size()) > kMostInLine)
    out += fill(tr(lang, " … and {0} smaller", " … 另有 {0} 个较小的"),
                {std::to_string(int(row.values.size()) - kMostInLine)});
  return out.substr(0, out.find_last_not_of(' ') + 1);
}

}  // namespace

TextBlocks token_weights_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Attention& a = in.attention();
  // The chosen row; then another head, another token, and another sample or layer.
  std::vector<State> looks{s};
  State other = s;
  other.head = (s.head + 1) % a.n_heads;
  looks.push_back(other);
  other.token = (s.token + a.n_query / 2) % a.n_query;
  looks.push_back(other);
  other.sample = (s.sample + 1) % a.n_samples;
  other.layer = (s.layer + 1) % a.n_layers;
  looks.push_back(other);

  std::string rows;
  for (size_t i = 0; i < looks.size(); ++i)
    if (std::find(looks.begin(), looks.begin() + int64_t(i), looks[i]) ==
        looks.begin() + int64_t(i))
      rows += (rows.empty() ? "" : "\n") + one_row(in.at(looks[i]));
  return {
      code_block(std::move(rows)),
      sentence_block(fill(tr(s.lang, "Three indices select a row: {0}, head and position.",
                             "三个索引即可选定一行：{0}、头与位置。"),
                          {in.model ? tr(s.lang, "layer", "层") : tr(s.lang, "sample", "样本")}))};
}

TextBlocks token_table_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Lang lang = s.lang;
  const Tokens& keys = keys_of(in);
  const Measure row = find_metric("row")->compute(in);
  TextTable weights("rlrrb", {tr(lang, "position", "位置"), tr(lang, "token", "词元"),
                              tr(lang, "weight", "权重"), tr(lang, "percent", "百分比"),
                              tr(lang, "bar, 50 blocks = 100%", "条形图，50 格 = 100%")});
  double shown = 0;
  const std::vector<int> positions = largest_keys(row.values, kMostRows);
  for (int k : positions) {
    const float w = row.values[size_t(k)];
    shown += w;
    weights.add(
        {std::to_string(k), token_name(keys.items[size_t(k)]), fixed(w, 4), percent(w), bar(w)},
        {.query = s.token, .key = k, .bar = w});
  }
  const double sum = std::accumulate(row.values.begin(), row.values.end(), 0.0);
  const bool one = std::abs(sum - 1) < 1e-4;
  TextBlocks out{
      sentence_block(fill(tr(lang, "Attention weights of token {0} ({1}):",
                             "词元 {0}对各词元的注意力权重（{1}）："),
                          {quoted(queries_of(in), s.token, lang),
                           weights_at(in, std::to_string(s.head), std::to_string(s.token), ":")})),
      table_block(std::move(weights))};
  if (positions.size() < row.values.size())
    out.push_back(sentence_block(fill(tr(lang, "The {0} largest of {1}; the others sum to {2}.",
                                         "共 {1} 个，列出最大的 {0} 个；其余之和为 {2}。"),
                                      {std::to_string(positions.size()),
                                       std::to_string(row.values.size()), fixed(sum - shown, 6)}),
                                 true));
  out.push_back(
      sentence_block(fill(tr(lang, "Sum of the weights: {0}  {1}", "权重之和：{0}  {1}"),
                          {fixed(sum, 6), one ? tr(lang, "✓ equals 1", "✓ 等于 1")
                                              : tr(lang, "✗ does not equal 1", "✗ 不等于 1")})));
  return out;
}

TextBlocks head_comparison_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Attention& a = in.attention();
  const Lang lang = s.lang;
  const Tokens& keys = keys_of(in);
  const Measure rows = find_metric("heads_row")->compute(in);
  TextTable heads("rlrl", {tr(lang, "head", "头"), tr(lang, "strongest key", "最关注"),
                           tr(lang, "weight", "权重"), tr(lang, "top 3", "前三名")});
  for (int h = 0; h < a.n_heads; ++h) {
    const auto row = std::span(rows.values).subspan(size_t(h) * size_t(a.n_key), size_t(a.n_key));
    std::string top;
    const std::vector<Peak> peaks = top_keys(row, 3);
    for (const Peak& p : peaks)
      top += (top.empty() ? "" : " · ") + placed(keys, p.key) + " " + fixed(p.weight, 4);
    heads.add({std::to_string(h), placed(keys, peaks[0].key), fixed(peaks[0].weight, 4), top},
              {.head = h});
  }
  return {sentence_block(
              fill(tr(lang, "Token {0} in every head ({1}):", "词元 {0}在各头中的注意力（{1}）："),
                   {quoted(queries_of(in), s.token, lang),
                    weights_at(in, ":", std::to_string(s.token), ":")})),
          table_block(std::move(heads))};
}

}  // namespace attn
