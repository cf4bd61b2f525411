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

// `lines` print what their comments say.
std::string lines_of(const Library& library, const Inputs& in, const Measure& rows, int key) {
  const State& s = *in.state;
  const Attention& a = in.attention();
  const Array array = array_of(in);
  const auto at = [&](const std::string& head, const std::string& more) {
    return array.name + "[" + array.before + head + array.query + more + "]";
  };
  const std::string head = std::to_string(s.head), j = std::to_string(key);
  std::vector<std::vector<float>> heads;
  for (int h = 0; h < a.n_heads; ++h) {
    const auto begin = rows.values.begin() + int64_t(h) * a.n_key;
    heads.emplace_back(begin, begin + a.n_key);
    // As they are written: the comments say what these print.
    for (float& w : heads.back()) w = float(std::round(double(w) * 1e6) / 1e6);
  }
  const std::vector<float>& row = heads[size_t(s.head)];

  std::string out = std::string(library.import) + "\n" + array.name + " = " +
                    fill(library.zeros, {array.sizes}) + "  # [" + array.axes + "]\n";
  const auto set = [&](const std::string& place, const std::string& values) {
    out += place + " = " + fill(library.array, {values}) + "\n";
  };
  const auto print = [&](const std::string& what, const std::string& result) {
    out += "print(" + what + ")  # " + result + "\n";
  };
  const auto print_number = [&](const std::string& what, double result) {
    print("f\"{" + what + ":.4f}\"", fixed(result, 4));
  };

  double sum = 0, written_sum = 0, mean = 0;
  for (float w : row) sum += w;
  for (const auto& one : heads) mean += double(one[size_t(key)]) / a.n_heads;
  const bool all_heads = rows.values.size() <= kMostWritten;
  if (all_heads) {
    for (int h = 0; h < a.n_heads; ++h) set(at(std::to_string(h), ""), numbers(heads[size_t(h)]));
  } else if (row.size() <= kMostWritten) {
    set(at(head, ""), numbers(row));
  } else {
    std::vector<int> places;
    for (const Peak& peak : top_keys(row, kLargest)) places.push_back(peak.key);
    std::ranges::sort(places);
    std::vector<float> largest;
    for (int k : places) largest.push_back(row[size_t(k)]);
    for (float w : largest) written_sum += w;
    set(at(head, ", " + list_of(places, [](int k) { return std::to_string(k); })),
        numbers(largest));
    sum = written_sum;
  }
  print("tuple(" + array.name + ".shape)", "(" + array.sizes + ")");
  print_number(at(head, "") + ".sum()", sum);
  print_number(at(head, ", " + j), row[size_t(key)]);
  print("int(" + at(head, "") + ".argmax())", std::to_string(top_keys(row, 1)[0].key));
  if (all_heads) print_number(at(":", ", " + j) + ".mean(" + library.mean + ")", mean);
  out.pop_back();
  return out;
}

}  // namespace

TextBlocks python_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Measure rows = find_metric("heads_row")->compute(in);
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
