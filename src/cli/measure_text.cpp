#include "cli/measure_text.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "analysis/regroup.h"
#include "base/json.h"
#include "cli/json_text.h"
#include "figure/report_text.h"

namespace attn {

namespace {

constexpr int kMostAcross = 24;

const char* name_of(Axis axis) {
  switch (axis) {
    case Axis::sample:
      return "sample";
    case Axis::layer:
      return "layer";
    case Axis::head:
      return "head";
    case Axis::query:
      return "query";
    case Axis::key:
      return "key";
    case Axis::dim:
      return "dim";
    case Axis::vocab:
      return "vocab";
    case Axis::component:
      return "component";
  }
  return "";
}

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

std::string as_csv(const Text2D& t) {
  std::string out;
  for (const Axis axis : t.m.axes) out += std::string(name_of(axis)) + ",";
  out += "value";
  for (size_t i = 0; i < t.m.values.size(); ++i) {
    out += "\n";
    const std::vector<int> index = t.index_of(i);
    for (size_t axis = 0; axis < index.size(); ++axis)
      out +=
          (axis + 1 == index.size() && !t.m.names.empty() ? json_quote(t.entry(axis, index[axis]))
                                                          : std::to_string(index[axis])) +
          ",";
    if (!std::isnan(t.m.values[i])) out += json_number(t.m.values[i]);
  }
  return out + "\n";
}

std::string as_json(const Text2D& t) {
  const Lang lang = t.state.lang;
  std::string out = "{\n\"measure\": " + json_quote(t.metric.id) +
                    ",\n\"title\": " + json_quote(t.metric.title.in(lang)) +
                    ",\n\"meaning\": " + json_quote(t.metric.sentence.in(lang)) +
                    ",\n\"formula\": " + json_quote(t.metric.formula.en) +
                    ",\n\"source\": " + json_quote(t.metric.source.en) +
                    ",\n\"unit\": " + json_quote(t.metric.unit.in(lang)) + ",\n\"axes\": [";
  for (size_t i = 0; i < t.m.axes.size(); ++i)
    out += std::string(i ? ", \"" : "\"") + name_of(t.m.axes[i]) + "\"";
  out += "],\n";
  if (regroups(t.state))
    out += std::string("\"units\": \"") + kUnitNames[int(t.state.units)] + "\",\n\"special\": \"" +
           kSpecialNames[int(t.state.specials)] + "\",\n\"regrouped\": " + json_quote(t.note) +
           ",\n";
  out += "\"tokens\": [";
  const Tokens& tokens = t.pairs.key_tokens[size_t(t.state.sample)];
  for (int i = 0; i < tokens.size(); ++i)
    out += (i ? ", " : "") + json_quote(tokens.items[size_t(i)].shown);
  out += "],\n";
  if (!t.m.names.empty()) {
    out += "\"names\": [";
    for (size_t i = 0; i < t.m.names.size(); ++i) out += (i ? ", " : "") + json_quote(t.m.names[i]);
    out += "],\n";
  }
  return out + "\"values\": " + json_array(t.m.values, t.m.shape) + "\n}\n";
}

std::string as_table(const Text2D& t) {
  const Lang lang = t.state.lang;
  const Metric& metric = t.metric;
  std::string out = std::string(metric.title.in(lang)) + "\n" + metric.sentence.in(lang) + "\n" +
                    std::string(formula_of(metric, lang)) + "  (" + source_of(metric, lang) +
                    ")\n" + (t.note.empty() ? "" : t.note + "\n") + "\n";
  const int across = t.m.shape.empty() ? 1 : t.m.shape.back(),
            shown = std::min(across, kMostAcross);
  const size_t last = t.m.axes.size() - 1, n_rows = t.m.values.size() / size_t(std::max(1, across));
  std::string title;
  for (const Axis axis : t.m.axes)
    title += (title.empty() ? "" : " × ") + std::string(name_of(axis));
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
  out += table.text();
  if (shown < across)
    out += fill(tr(lang, "The first {0} of {1} columns; --format csv has all\n",
                   "只显示 {1} 列中的前 {0} 列；--format csv 输出全部\n"),
                {std::to_string(shown), std::to_string(across)});
  return out;
}

}  // namespace

std::string npy_of(std::span<const float> values, std::span<const int> shape) {
  std::string says = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (const int n : shape) says += std::to_string(n) + ",";
  says += "), }";
  // Magic, version 1.0, two bytes of length; together a multiple of 64, the last of it a line
  // break.
  while ((10 + says.size() + 1) % 64 != 0) says += ' ';
  says += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += char(says.size() & 0xFF);
  out += char(says.size() >> 8);
  out += says;
  for (const float x : values) {
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    for (int i = 0; i < 4; ++i) out += char(bits >> (8 * i) & 0xFF);
  }
  return out;
}

std::string measure_text(const Metric& metric, const Measure& measure, const Pairs& pairs,
                         const State& state, MeasureFormat format, const std::string& note) {
  const Text2D text{metric, measure, pairs, state, note};
  switch (format) {
    case MeasureFormat::table:
      return as_table(text);
    case MeasureFormat::csv:
      return as_csv(text);
    case MeasureFormat::json:
      return as_json(text);
    case MeasureFormat::npy:
      return npy_of(measure.values, measure.shape);
  }
  return "";
}

}  // namespace attn
