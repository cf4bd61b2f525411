#include "figure/heads_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace attn {

const HeadColumn* HeadsTable::find(std::string_view id) const {
  for (const HeadColumn& column : columns)
    if (id == column.metric->id) return &column;
  return nullptr;
}

std::vector<const Metric*> head_metrics() {
  std::vector<const Metric*> found;
  for (const Metric& metric : metrics())
    if (metric.axes == std::vector<Axis>{Axis::layer, Axis::head}) found.push_back(&metric);
  return found;
}

std::string head_name(int layer, int head) {
  return "L" + std::to_string(layer) + " H" + std::to_string(head);
}

std::string value_text(const Metric* metric, float value) {
  if (!std::isfinite(value)) return "–";
  char text[32];
  const bool share = !metric || (metric->low >= -1 && metric->high <= 1);
  const float size = std::abs(value);
  const int decimals = share || size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0;
  std::snprintf(text, sizeof text, "%.*f", decimals, double(value));
  if (std::string_view(text) == "-0.000") return "0.000";
  return text;
}

bool has_places(const std::vector<float>& values) {
  const auto known = [](float v) { return std::isfinite(v); };
  const auto first = std::ranges::find_if(values, known);
  return std::any_of(first, values.end(),
                     [&](float v) { return known(v) && std::abs(v - *first) > 1e-6f; });
}

float percentile_of(const std::vector<float>& values, size_t at) {
  const float value = values[at];
  if (!std::isfinite(value)) return NAN;
  int below = 0, equal = 0, n = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i == at || !std::isfinite(values[i])) continue;
    ++n;
    below += values[i] < value;
    equal += values[i] == value;
  }
  return n == 0 ? .5f : (float(below) + .5f * float(equal)) / float(n);
}

int rank_of(const std::vector<float>& values, size_t at) {
  return 1 + int(std::ranges::count_if(values, [&](float v) { return v > values[at]; }));
}

float median_of(std::vector<float> values) {
  std::erase_if(values, [](float v) { return !std::isfinite(v); });
  if (values.empty()) return NAN;
  std::ranges::sort(values);
  const size_t n = values.size();
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

bool passes(const HeadFilter& filter, const HeadsTable& table, int layer, int head) {
  using Condition = HeadFilter::Condition;
  return std::ranges::all_of(filter.conditions, [&](const Condition& c) {
    if (c.kind == Condition::layer) return layer >= c.from && layer <= c.to;
    if (c.kind == Condition::head) return head >= c.from && head <= c.to;
    if (c.kind == Condition::role) {
      const HeadCharacter* is = table.general ? table.general->find(layer, head) : nullptr;
      return is && (is->main.role == c.is || (c.is != Role::nothing && is->other.role == c.is));
    }
    const HeadColumn* column = table.find(c.metric->id);
    if (!column) return false;
    const float value = column->values[size_t(layer * table.n_heads + head)];
    switch (c.op) {
      case Condition::above:
        return value > c.value;
      case Condition::below:
        return value < c.value;
      case Condition::at_least:
        return value >= c.value;
      case Condition::at_most:
        return value <= c.value;
      case Condition::equal:
        // Equal to the precision that is shown.
        return std::abs(value - c.value) <= 5e-4f * std::max(1.f, std::abs(c.value));
    }
    return false;
  });
}

void sort_heads(std::vector<int>& heads, std::span<const float> values, Order order) {
  if (order == Order::place) return;
  std::ranges::stable_sort(heads, [&](int a, int b) {
    const float x = values[size_t(a)], y = values[size_t(b)];
    if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
    return order == Order::highest ? x > y : x < y;
  });
}

std::vector<int> listed_heads(const HeadsTable& table, const HeadFilter& filter,
                              const HeadColumn* by, Order order) {
  std::vector<int> heads;
  for (int i = 0; i < table.size(); ++i)
    if (passes(filter, table, i / table.n_heads, i % table.n_heads)) heads.push_back(i);
  if (by) sort_heads(heads, by->values, order);
  return heads;
}

}  // namespace attn
