// report_map.cpp - the heat map drawn with block characters, and the mean over heads.
#include <algorithm>

#include "base/utf8.h"
#include "figure/report.h"
#include "figure/report_text.h"

namespace attn {

namespace {

constexpr int kMostCells = 32;  // a side of the map
constexpr int kNameColumns = 6;
constexpr int kMostNumbers = 10;  // columns of the table of means

struct Window {
  int begin, end;
  bool holds_all(int n) const { return begin == 0 && end == n; }
};

// At most kMostCells positions including `at`, centred on it where possible.
Window around(int at, int n) {
  const int size = std::min(n, kMostCells);
  const int begin = std::clamp(at - size / 2, 0, n - size);
  return {begin, begin + size};
}

std::string parts_shown(Window q, Window k, const Attention& a, Lang lang) {
  if (q.holds_all(a.n_query) && k.holds_all(a.n_key)) return {};
  auto range = [](Window w) { return std::to_string(w.begin) + "–" + std::to_string(w.end - 1); };
  return "  " +
         fill(tr(lang, "Shown: queries {0} of {1}, keys {2} of {3}",
                 "显示范围：查询 {0}（共 {1} 个），键 {2}（共 {3} 个）"),
              {range(q), std::to_string(a.n_query), range(k), std::to_string(a.n_key)}) +
         "\n";
}

}  // namespace

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

std::string glyph_map(const Measure& weights, const Inputs& in) {
  const State& state = *in.state;
  const Attention& a = in.attention();
  const Tokens &queries = queries_of(in), &keys = keys_of(in);
  const Window q = around(state.token, a.n_query);
  const Window k = around(std::min(state.token, a.n_key - 1), a.n_key);

  // Token names above the columns only if they are short and few.
  int column = 2;
  for (int j = k.begin; j < k.end; ++j)
    column = std::max(column, display_width(token_name(keys.items[size_t(j)], 99)));
  const bool named = column <= kNameColumns && (k.end - k.begin) * (column + 2) <= 64;
  if (!named) column = int(std::to_string(k.end - 1).size()) > 2 ? 3 : 2;
  const int gap = named ? 2 : 1;

  std::vector<std::string> labels;
  const char* corner = tr(state.lang, "query \\ key", "查询 \\ 键");
  int label_columns = display_width(corner);
  for (int i = q.begin; i < q.end; ++i) {
    labels.push_back(pad_left(std::to_string(i), int(std::to_string(q.end - 1).size())) + " " +
                     token_name(queries.items[size_t(i)], 12));
    label_columns = std::max(label_columns, display_width(labels.back()));
  }
  auto line = [&](const std::string& label, auto&& cell) {
    std::string out = "  " + pad_right(label, label_columns);
    for (int j = k.begin; j < k.end; ++j)
      out += std::string(size_t(gap), ' ') + pad_right(cell(j), column);
    return out.substr(0, out.find_last_not_of(' ') + 1) + "\n";
  };

  std::string out = parts_shown(q, k, a, state.lang);
  out += line(corner, [](int j) { return std::to_string(j); });
  if (named) out += line("", [&](int j) { return token_name(keys.items[size_t(j)]); });
  for (int i = q.begin; i < q.end; ++i) {
    out += line(labels[size_t(i - q.begin)], [&](int j) -> std::string {
      const float w = weights.values[size_t(i) * size_t(a.n_key) + size_t(j)];
      return a.may_see(state.sample, i, j) || w > 0 ? shade(w) : "";
    });
  }
  return out + "\n  " + shade_legend(state.lang) + "\n";
}

std::string heat_map_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Lang lang = s.lang;
  std::string out = "  " + weights_at(in, std::to_string(s.head), "", "");
  out += tr(lang, "   row: the attending token (query) · column: the attended token (key)\n\n",
            "   行：发出注意力的词元（查询）· 列：被关注的词元（键）\n\n");
  return out + glyph_map(find_metric("pattern")->compute(in), in);
}

std::string head_mean_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Attention& a = in.attention();
  const Lang lang = s.lang;
  const Tokens &queries = queries_of(in), &keys = keys_of(in);
  const Measure mean = find_metric("head_mean")->compute(in);

  std::string out = "  " +
                    fill(tr(lang, "{0}.mean(0)   mean over the {1} heads of this layer: {2}",
                            "{0}.mean(0)   本层 {1} 个头的平均：{2}"),
                         {weights_at(in, ":", "", ""), std::to_string(a.n_heads),
                          "[" + std::to_string(a.n_query) + ", " + std::to_string(a.n_key) + "]"}) +
                    "\n\n";
  if (a.n_key <= kMostNumbers && a.n_query <= kMostCells) {
    std::vector<std::string> header{tr(lang, "query \\ key", "查询 \\ 键")};
    for (int k = 0; k < a.n_key; ++k) header.push_back(token_name(keys.items[size_t(k)], 6));
    TextTable table("l" + std::string(size_t(a.n_key), 'r'), header);
    for (int q = 0; q < a.n_query; ++q) {
      std::vector<std::string> row{placed(queries, q)};
      for (int k = 0; k < a.n_key; ++k)
        row.push_back(fixed(mean.values[size_t(q) * size_t(a.n_key) + size_t(k)], 4));
      table.add(std::move(row));
    }
    out += table.text();
  } else {
    out += glyph_map(mean, in);
  }
  const auto row =
      std::span(mean.values).subspan(size_t(s.token) * size_t(a.n_key), size_t(a.n_key));
  const Peak top = top_keys(row, 1)[0];
  return out + "\n  " +
         fill(tr(lang,
                 "On average, token {0} attends most to token {1}: {2} ({3}).\n"
                 "  The mean hides what individual heads do: compare them one by one.",
                 "平均来看，词元 {0}最关注词元 {1}：{2}（{3}）。\n  "
                 "平均会掩盖单个头的分工，请逐头对照。"),
              {quoted(queries, s.token, lang), quoted(keys, top.key, lang), fixed(top.weight, 4),
               percent(top.weight)}) +
         "\n";
}

}  // namespace attn
