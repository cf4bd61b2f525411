// report_map.cpp - the heat map drawn with block characters, and the mean over heads.
#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "figure/report.h"
#include "figure/report_text.h"

namespace attn {

namespace {

constexpr int kNameColumns = 6;
constexpr int kMostNumbers = 10;  // columns of the table of means

// At most kMapSide positions including `at`, centred on it where possible.
MapWindow around(int at, int n) {
  const int size = std::min(n, kMapSide);
  const int begin = std::clamp(at - size / 2, 0, n - size);
  return {begin, begin + size};
}

std::string parts_shown(MapWindow q, MapWindow k, const Attention& a, Lang lang) {
  auto range = [](MapWindow w) {
    return std::to_string(w.begin) + "–" + std::to_string(w.end - 1);
  };
  return fill(tr(lang, "Shown: queries {0} of {1}, keys {2} of {3}",
                 "显示范围：查询 {0}（共 {1} 个），键 {2}（共 {3} 个）"),
              {range(q), std::to_string(a.n_query), range(k), std::to_string(a.n_key)});
}

// Softmax of a row that is one already: what the mean must not be put through.
float second_softmax(std::span<const float> row, int key) {
  double sum = 0;
  for (float w : row) sum += std::exp(double(w));
  return float(std::exp(double(row[size_t(key)])) / sum);
}

}  // namespace

MapWindow queries_shown(const Inputs& in) {
  return around(in.state->token, in.attention().n_query);
}
MapWindow keys_shown(const Inputs& in) {
  const Attention& a = in.attention();
  return around(std::min(in.state->token, a.n_key - 1), a.n_key);
}

const char* shade(float weight) {
  if (weight > 0.5f) return "██";
  if (weight > 0.3f) return "▓▓";
  if (weight > 0.1f) return "▒▒";
  if (weight > 0.05f) return "░░";
  return "··";
}

std::string shade_legend(Lang lang) {
  return std::string("██ > 0.5   ▓▓ > 0.3   ▒▒ > 0.1   ░░ > 0.05   ·· ≤ 0.05") +
         tr(lang, "   blank: masked", "   空白：被掩码遮住");
}

TextBlocks glyph_map(std::span<const float> weights, const Inputs& in) {
  const State& state = *in.state;
  const Attention& a = in.attention();
  const Tokens &queries = queries_of(in), &keys = keys_of(in);
  const MapWindow q = queries_shown(in), k = keys_shown(in);

  // Token names above the columns only if they are short and few.
  int column = 2;
  for (int j = k.begin; j < k.end; ++j)
    column = std::max(column, display_width(token_name(keys.items[size_t(j)], 99)));
  const bool named = column <= kNameColumns && k.size() * (column + 2) <= 64;

  std::vector<std::string> head{tr(state.lang, "query \\ key", "查询 \\ 键")}, names{""};
  for (int j = k.begin; j < k.end; ++j) {
    head.push_back(std::to_string(j));
    names.push_back(token_name(keys.items[size_t(j)]));
  }
  TextTable cells("l" + std::string(size_t(k.size()), 'l'), head);
  if (named) cells.add(names);
  for (int i = q.begin; i < q.end; ++i) {
    std::vector<std::string> row{
        pad_left(std::to_string(i), int(std::to_string(q.end - 1).size())) + " " +
        token_name(queries.items[size_t(i)], 12)};
    for (int j = k.begin; j < k.end; ++j) {
      const float w = weights[size_t(i - q.begin) * size_t(a.n_key) + size_t(j)];
      row.emplace_back(a.may_see(state.sample, state.layer, i, j) || w > 0 ? shade(w) : "");
    }
    cells.add(std::move(row), {.query = i});
  }

  TextBlocks out;
  const bool whole = q.holds_all(a.n_query) && k.holds_all(a.n_key);
  if (!whole) out.push_back(sentence_block(parts_shown(q, k, a, state.lang)));
  out.push_back(map_block(std::move(cells), named ? 2 : 1));
  out.back().follows = !whole;
  out.back().copies = true;
  out.push_back(sentence_block(shade_legend(state.lang)));
  return out;
}

TextBlocks heat_map_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Attention& a = in.attention();
  const MapWindow q = queries_shown(in);
  std::vector<float> rows(size_t(q.size()) * size_t(a.n_key));
  a.pattern_rows(s.sample, s.layer, s.head, q.begin, q.end, {rows.data(), q.size(), a.n_key});
  TextBlocks out{sentence_block(
      weights_at(in, std::to_string(s.head), "", "") +
      tr(s.lang, "   row: the attending token (query) · column: the attended token (key)",
         "   行：发出注意力的词元（查询）· 列：被关注的词元（键）"))};
  for (TextBlock& block : glyph_map(rows, in)) out.push_back(std::move(block));
  return out;
}

namespace {

TextTable table_of_means(std::span<const float> mean, const Inputs& in) {
  const Attention& a = in.attention();
  const Tokens &queries = queries_of(in), &keys = keys_of(in);
  std::vector<std::string> header{tr(in.state->lang, "query \\ key", "查询 \\ 键")};
  for (int k = 0; k < a.n_key; ++k) header.push_back(token_name(keys.items[size_t(k)], 6));
  TextTable numbers("l" + std::string(size_t(a.n_key), 'r'), header);
  for (int q = 0; q < a.n_query; ++q) {
    std::vector<std::string> row{placed(queries, q)};
    for (int k = 0; k < a.n_key; ++k)
      row.push_back(fixed(mean[size_t(q) * size_t(a.n_key) + size_t(k)], 4));
    numbers.add(std::move(row), {.query = q});
  }
  return numbers;
}

}  // namespace

bool MeanOfHeads::step() {
  const State& s = *in.state;
  const Attention& a = in.attention();
  const MapWindow q = queries_shown(in);
  std::vector<float> one(size_t(q.size()) * size_t(a.n_key));
  rows.resize(one.size());
  a.pattern_rows(s.sample, s.layer, head, q.begin, q.end, {one.data(), q.size(), a.n_key});
  for (size_t i = 0; i < one.size(); ++i) rows[i] += one[i] / float(a.n_heads);
  return ++head < a.n_heads;
}

TextBlocks head_mean_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  MeanOfHeads mean{asked.at(s)};
  while (mean.step()) {
  }
  return head_mean_report(mean);
}

TextBlocks head_mean_report(const MeanOfHeads& of) {
  const Inputs& in = of.in;
  const State& s = *in.state;
  const Attention& a = in.attention();
  const Lang lang = s.lang;
  const std::vector<float>& mean = of.rows;
  TextBlocks out{sentence_block(
      fill(tr(lang, "{0}.mean(0)   mean over the {1} heads of this layer: {2}",
              "{0}.mean(0)   本层 {1} 个头的平均：{2}"),
           {weights_at(in, ":", "", ""), std::to_string(a.n_heads),
            "[" + std::to_string(a.n_query) + ", " + std::to_string(a.n_key) + "]"}))};
  if (a.n_key <= kMostNumbers && a.n_query <= kMapSide) {
    out.push_back(table_block(table_of_means(mean, in)));
  } else {
    for (TextBlock& block : glyph_map(mean, in)) out.push_back(std::move(block));
  }
  const auto row = std::span<const float>(mean).subspan(
      size_t(s.token - queries_shown(in).begin) * size_t(a.n_key), size_t(a.n_key));
  const Peak top = top_keys(row, 1)[0];
  out.push_back(sentence_block(
      fill(tr(lang,
              "On average, token {0} attends most to token {1}: {2} ({3}).\n"
              "  The mean hides what individual heads do: compare them one by one.",
              "平均来看，词元 {0}最关注词元 {1}：{2}（{3}）。\n  "
              "平均会掩盖单个头的分工，请逐头对照。"),
           {quoted(queries_of(in), s.token, lang), quoted(keys_of(in), top.key, lang),
            fixed(top.weight, 4), percent(top.weight)})));
  if (!in.attention().sinks.empty()) return out;
  out.push_back(sentence_block(
      fill(tr(lang,
              "Each row of the mean already sums to 1, so never put it through a softmax again:\n"
              "  that would turn {0} into {1}.",
              "平均之后每一行的和仍为 1，不要再做一次 softmax：\n  否则 {0} 会变成 {1}。"),
           {fixed(top.weight, 4), fixed(second_softmax(row, top.key), 4)}),
      true));
  return out;
}

}  // namespace attn
