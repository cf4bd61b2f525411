// report_python.cpp - lines of NumPy and PyTorch that run, with the numbers of the state.
#include <algorithm>
#include <cmath>

#include "figure/report.h"
#include "figure/report_text.h"

namespace attn {

namespace {

constexpr size_t kMostWritten = 256;      // numbers in the lines of all heads, or of one row
constexpr uint64_t kMostArray = 4 << 20;  // numbers of the array that the lines make
constexpr int kLargest = 64;              // of a longer row
constexpr int kInLine = 6;

// What differs between the two libraries.
struct Library {
  const char* import;
  const char* zeros;  // {0}: the sizes
  const char* array;  // {0}: the numbers
  const char* mean;
};
constexpr Library kLibraries[] = {
    {"import numpy as np", "np.zeros(({0}), np.float32)", "np.array({0}, np.float32)", "axis=0"},
    {"import torch", "torch.zeros({0})", "torch.tensor({0})", "dim=0"},
};

template <class T, class F>
std::string list_of(const std::vector<T>& items, F&& text) {
  std::string out = "[";
  for (size_t i = 0; i < items.size(); ++i)
    out += (i == 0 ? "" : i % kInLine == 0 ? ",\n    " : ", ") + text(items[i]);
  return out + "]";
}
std::string numbers(const std::vector<float>& values) {
  return list_of(values, [](float w) { return fixed(w, 6); });
}

// The array that the lines index: all weights, or where those are too many, the query's row in
// every head.
struct Array {
  std::string name, sizes, axes;
  std::string before;  // indices before the head: "0, "
  std::string query;   // index of the query after the head: ", 3"
};

Array array_of(const Inputs& in) {
  const Lang lang = in.state->lang;
  Array all{.name = "weights", .query = ", " + std::to_string(in.state->token)};
  uint64_t n = 1;
  for (const NamedAxis& a : axes_of(in)) {
    n *= uint64_t(a.size);
    all.sizes += (all.sizes.empty() ? "" : ", ") + std::to_string(a.size);
    all.axes += (all.axes.empty() ? "" : ", ") + axis_name(a.axis, lang);
    if (a.axis == Axis::sample) all.before += std::to_string(in.state->sample) + ", ";
    if (a.axis == Axis::layer) all.before += std::to_string(in.state->layer) + ", ";
  }
  if (n <= kMostArray) return all;
  const Attention& a = in.attention();
  return {"rows", std::to_string(a.n_heads) + ", " + std::to_string(a.n_key),
          axis_name(Axis::head, lang) + ", " + axis_name(Axis::key, lang), "", ""};
}

// Writes the lines of one library.
struct CodeLines {
  const Library& library;
  Array array;
  std::string out = {};

  std::string at(const std::string& head, const std::string& more = "") const {
    return array.name + "[" + array.before + head + array.query + more + "]";
  }
  void set(const std::string& place, const std::string& values) {
    out += place + " = " + fill(library.array, {values}) + "\n";
  }
  // The comment is what the line prints.
  void print(const std::string& what, const std::string& result) {
    out += "print(" + what + ")  # " + result + "\n";
  }
  void print_number(const std::string& what, double result) {
    print("f\"{" + what + ":.4f}\"", fixed(result, 4));
  }
};

using RowsByHead = std::vector<std::vector<float>>;  // [head][key]

// As they are written, since the comments say what these print.
RowsByHead rows_of(const Measure& heads_row) {
  const size_t n_key = size_t(heads_row.shape[1]);
  RowsByHead rows;
  for (size_t begin = 0; begin < heads_row.values.size(); begin += n_key) {
    const auto first = heads_row.values.begin() + int64_t(begin);
    rows.emplace_back(first, first + int64_t(n_key));
    for (float& w : rows.back()) w = float(std::round(double(w) * 1e6) / 1e6);
  }
  return rows;
}

bool writes_all(const RowsByHead& rows) { return rows.size() * rows[0].size() <= kMostWritten; }

// Sets the query's row in every head, or in the chosen one, or its largest weights; the sum of what
// is set of the chosen row.
double set_rows(CodeLines& lines, const RowsByHead& rows, int head) {
  const std::vector<float>& row = rows[size_t(head)];
  const std::string name = std::to_string(head);
  std::vector<float> written = row;
  if (writes_all(rows)) {
    for (size_t h = 0; h < rows.size(); ++h)
      lines.set(lines.at(std::to_string(h)), numbers(rows[h]));
  } else if (row.size() <= kMostWritten) {
    lines.set(lines.at(name), numbers(row));
  } else {
    std::vector<int> places;
    for (const Peak& peak : top_keys(row, kLargest)) places.push_back(peak.key);
    std::ranges::sort(places);
    written.clear();
    for (int k : places) written.push_back(row[size_t(k)]);
    const std::string keys = list_of(places, [](int k) { return std::to_string(k); });
    lines.set(lines.at(name, ", " + keys), numbers(written));
  }
  double sum = 0;
  for (float w : written) sum += w;
  return sum;
}

std::string lines_of(const Library& library, const Inputs& in, const RowsByHead& rows, int key) {
  CodeLines lines{library, array_of(in)};
  const Array& array = lines.array;
  const std::string head = std::to_string(in.state->head), j = ", " + std::to_string(key);
  const std::vector<float>& row = rows[size_t(in.state->head)];
  lines.out = std::string(library.import) + "\n" + array.name + " = " +
              fill(library.zeros, {array.sizes}) + "  # [" + array.axes + "]\n";
  const double sum = set_rows(lines, rows, in.state->head);
  lines.print("tuple(" + array.name + ".shape)", "(" + array.sizes + ")");
  lines.print_number(lines.at(head) + ".sum()", sum);
  lines.print_number(lines.at(head, j), row[size_t(key)]);
  lines.print("int(" + lines.at(head) + ".argmax())", std::to_string(top_keys(row, 1)[0].key));
  if (writes_all(rows)) {
    double mean = 0;
    for (const auto& one : rows) mean += double(one[size_t(key)]) / double(rows.size());
    lines.print_number(lines.at(":", j) + ".mean(" + library.mean + ")", mean);
  }
  lines.out.pop_back();
  return lines.out;
}

}  // namespace

TextBlocks python_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const RowsByHead rows = rows_of(find_metric("heads_row")->compute(in));
  const int key = spoken_key(in);
  TextBlocks out{sentence_block(
      tr(s.lang, "The same in NumPy and in PyTorch; each comment is what the line prints.",
         "用 NumPy 和 PyTorch 写出来如下；注释是该行打印的结果。"))};
  for (const Library& library : kLibraries) {
    out.push_back(code_block(lines_of(library, in, rows, key)));
    out.back().copies = true;
  }
  return out;
}

}  // namespace attn
