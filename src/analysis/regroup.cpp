#include "analysis/regroup.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "model/token_sets.h"

namespace attn {

namespace {

// The measure with axis `at` turned from its entries into groups; an entry of group -1 is left out.
Measure regrouped(const Measure& m, size_t at, const std::vector<int>& group_of, int n_groups, Merge merge) {
  const auto product = [](auto begin, auto end) {
    return std::accumulate(begin, end, size_t(1), [](size_t a, int b) { return a * size_t(b); });
  };
  const size_t outer = product(m.shape.begin(), m.shape.begin() + int(at));
  const size_t inner = product(m.shape.begin() + int(at) + 1, m.shape.end());
  const size_t n = size_t(m.shape[at]), n_out = size_t(n_groups);
  Measure out = m;
  out.shape[at] = n_groups;
  out.values.assign(outer * n_out * inner, 0);
  if (at + 1 == m.axes.size()) out.names.clear();
  std::vector<double> sums(n_out);
  std::vector<int> counts(n_out);
  for (size_t o = 0; o < outer; ++o) {
    for (size_t i = 0; i < inner; ++i) {
      std::ranges::fill(sums, merge == Merge::largest ? -std::numeric_limits<double>::infinity() : 0);
      std::ranges::fill(counts, 0);
      for (size_t j = 0; j < n; ++j) {
        const int group = group_of[j];
        const double x = m.values[(o * n + j) * inner + i];
        if (group < 0 || std::isnan(x)) continue;
        double& sum = sums[size_t(group)];
        sum = merge == Merge::largest ? std::max(sum, x) : sum + x;
        ++counts[size_t(group)];
      }
      for (size_t g = 0; g < n_out; ++g) {
        const double x = counts[g] == 0         ? std::numeric_limits<double>::quiet_NaN()
                         : merge == Merge::mean ? sums[g] / counts[g]
                                                : sums[g];
        out.values[(o * n_out + g) * inner + i] = float(x);
      }
    }
  }
  return out;
}

Groups grouped(const Tokens& tokens, const std::vector<char>& begins) {
  Groups groups;
  for (int i = 0; i < tokens.size(); ++i) {
    if (i == 0 || begins[size_t(i)]) groups.names.emplace_back();
    groups.of_token.push_back(groups.size() - 1);
    groups.names.back() += tokens.items[size_t(i)].shown;
  }
  return groups;
}

// Where flags are set, -1; the others count up.
std::vector<int> places(const std::vector<char>& flags, int n, int* n_left) {
  std::vector<int> out;
  *n_left = 0;
  for (int i = 0; i < n; ++i) out.push_back(i < int(flags.size()) && flags[size_t(i)] ? -1 : (*n_left)++);
  return out;
}

bool ends_sentence(const Token& token) {
  if (token.special) return true;
  for (const char* mark : {".", "!", "?", "。", "！", "？"})
    if (token.shown.ends_with(mark)) return true;
  return false;
}

}  // namespace

Groups words_of(const Tokens& tokens) {
  const std::vector<int> first = word_begins(tokens);
  std::vector<char> begins;
  for (int i = 0; i < tokens.size(); ++i) begins.push_back(first[size_t(i)] == i);
  return grouped(tokens, begins);
}

Groups sentences_of(const Tokens& tokens) {
  std::vector<char> begins;
  for (int i = 0; i < tokens.size(); ++i)
    begins.push_back(i == 0 || tokens.items[size_t(i)].special || ends_sentence(tokens.items[size_t(i) - 1]));
  return grouped(tokens, begins);
}

Groups spans_of(const Tokens& tokens, std::vector<TokenSpan> spans) {
  std::ranges::sort(spans, {}, &TokenSpan::begin);
  std::vector<char> begins(size_t(tokens.size()), 1);
  int free = 0;  // the first token that no span has
  for (const TokenSpan& span : spans) {
    if (span.begin < free || span.end > tokens.size() || span.begin >= span.end) continue;
    for (int i = span.begin + 1; i < span.end; ++i) begins[size_t(i)] = 0;
    free = span.end;
  }
  return grouped(tokens, begins);
}

Measure merged(const Measure& m, const Groups& queries, const Groups& keys, Merge over_keys,
               Merge over_queries) {
  Measure out = m;
  for (size_t at = 0; at < m.axes.size(); ++at) {
    if (m.axes[at] == Axis::key) out = regrouped(out, at, keys.of_token, keys.size(), over_keys);
    if (m.axes[at] == Axis::query) out = regrouped(out, at, queries.of_token, queries.size(), over_queries);
  }
  return out;
}

Measure hidden(const Measure& m, const std::vector<char>& queries, const std::vector<char>& keys) {
  Measure out = m;
  for (size_t at = 0; at < m.axes.size(); ++at) {
    if (m.axes[at] != Axis::key && m.axes[at] != Axis::query) continue;
    int n = 0;
    const std::vector<int> to = places(m.axes[at] == Axis::key ? keys : queries, m.shape[at], &n);
    out = regrouped(out, at, to, n, Merge::sum);
  }
  return out;
}

std::vector<char> special_flags(const Tokens& tokens) {
  std::vector<char> out;
  for (const Token& token : tokens.items) out.push_back(token.special);
  return out;
}

Measure mean_over(const Measure& m, Axis axis) {
  const auto it = std::ranges::find(m.axes, axis);
  if (it == m.axes.end()) return m;
  const auto at = it - m.axes.begin();
  Measure out = regrouped(m, size_t(at), std::vector<int>(size_t(m.shape[size_t(at)]), 0), 1, Merge::mean);
  out.axes.erase(out.axes.begin() + at);
  out.shape.erase(out.shape.begin() + at);
  return out;
}

}  // namespace attn
