#include "cli/measure_table.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "figure/report_text.h"

namespace attn {

namespace {

constexpr int kMostAcross = 24;

struct Text2D {
  const Metric& metric;
  const Measure& m;
  const Pairs& pairs;
  const State& state;
  const std::string& note;

  std::string entry(size_t axis, int i) const {
    if (axis + 1 == m.axes.size() && !m.names.empty()) return m.names[size_t(i)];
    const bool query = m.axes[axis] == Axis::query, key = m.axes[axis] == Axis::key;
    if (!query && !key) return std::to_string(i);
    const Tokens& tokens = (query ? pairs.query_tokens : pairs.key_tokens)[size_t(state.sample)];
    return i < tokens.size() ? placed(tokens, i) : std::to_string(i);
  }
  std::vector<int> index_of(size_t at) const {
    std::vector<int> index(m.shape.size());
    for (size_t axis = m.shape.size(); axis-- > 0;) {
      index[axis] = int(at % size_t(m.shape[axis]));
      at /= size_t(m.shape[axis]);
    }
    return index;
  }
};

int widest_line(const std::string& text) {
  int widest = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    widest = std::max(widest, display_width(std::string_view(text).substr(begin, end - begin)));
    begin = end + 1;
  }
  return widest;
}

// The first `shown` columns.
std::string columns_table(const Text2D& t, int shown) {
  const Metric& metric = t.metric;
  const int across = t.m.shape.empty() ? 1 : t.m.shape.back();
  const size_t last = t.m.axes.size() - 1, n_rows = t.m.values.size() / size_t(std::max(1, across));
  std::string title;
  for (const Axis axis : t.m.axes)
    title += (title.empty() ? "" : " × ") + std::string(axis_id(axis));
  std::vector<std::string> header{title};
  for (int i = 0; i < shown; ++i) header.push_back(t.entry(last, i));
  TextTable table("l" + std::string(size_t(shown), 'r'), header);
  for (size_t r = 0; r < n_rows; ++r) {
    const std::vector<int> index = t.index_of(r * size_t(across));
    std::string name;
    for (size_t axis = 0; axis < last; ++axis)
      name += (name.empty() ? "" : ".") + t.entry(axis, index[axis]);
    std::vector<std::string> row{name};
    for (int i = 0; i < shown; ++i) {
      const float x = t.m.values[r * size_t(across) + size_t(i)];
      row.push_back(std::isnan(x) ? "" : fixed(x, metric.high == 1 && metric.low >= -1 ? 3 : 2));
    }
    table.add(std::move(row));
  }
  return table.text();
}

std::string as_table(const Text2D& t, int columns) {
  const Lang lang = t.state.lang;
  const Metric& metric = t.metric;
  std::string out = std::string(metric.title.in(lang)) + "\n" + metric.sentence.in(lang) + "\n" +
                    std::string(formula_of(metric, lang)) + "  (" + source_of(metric, lang) +
                    ")\n" + (t.note.empty() ? "" : t.note + "\n") + "\n";
  const int across = t.m.shape.empty() ? 1 : t.m.shape.back();
  // At least one column, and as many as fit.
  int shown = std::min(across, kMostAcross);
  std::string table = columns_table(t, shown);
  while (columns > 0 && shown > 1 && widest_line(table) > columns)
    table = columns_table(t, --shown);
  out += table;
  if (shown < across)
    out += fill(tr(lang, "Showing the first {0} of {1} columns; --format csv outputs all\n",
                   "只显示 {1} 列中的前 {0} 列；--format csv 输出全部\n"),
                {std::to_string(shown), std::to_string(across)});
  return out;
}

}  // namespace

std::string measure_table(const MeasureExport& what, int columns) {
  return as_table({what.metric, what.measure, what.pairs, what.state, what.note}, columns);
}

}  // namespace attn
