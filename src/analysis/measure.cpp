// measure.cpp - what a choice means in a given trace, and the largest weights of a row.
#include "analysis/measure.h"

#include <algorithm>
#include <numeric>

namespace attn {

State clamped(const State& state, const Trace& trace) {
  const Attention& a = trace.attention();
  auto within = [](int i, int n) { return std::clamp(i, 0, std::max(n - 1, 0)); };
  State s = state;
  s.sample = within(s.sample, a.n_samples);
  s.layer = within(s.layer, a.n_layers);
  s.head = within(s.head, a.n_heads);
  s.token = within(s.token, a.n_query);
  s.locked_key = s.locked_key < 0 ? -1 : within(s.locked_key, a.n_key);
  return s;
}

std::vector<Peak> top_keys(std::span<const float> row, int n) {
  std::vector<int> order(row.size());
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + std::clamp<int64_t>(n, 0, int64_t(row.size()));
  std::partial_sort(order.begin(), end, order.end(), [&](int a, int b) {
    return row[size_t(a)] != row[size_t(b)] ? row[size_t(a)] > row[size_t(b)] : a < b;
  });
  std::vector<Peak> peaks;
  for (auto it = order.begin(); it != end; ++it) peaks.push_back({*it, row[size_t(*it)]});
  return peaks;
}

}  // namespace attn
