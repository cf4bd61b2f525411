// heads_table.h - all measures of all heads: percentiles, filter, order.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/head_character.h"
#include "analysis/measure.h"
#include "base/result.h"

namespace attn {

struct HeadColumn {
  const Metric* metric = nullptr;  // axes {layer, head}
  std::vector<float> values;       // [layer, head]; NaN: undefined
};

struct HeadsTable {
  int n_layers = 0, n_heads = 0;
  std::vector<HeadColumn> columns;

  // What these heads do in general; null where it is unknown.
  std::shared_ptr<const HeadCharacters> general = nullptr;

  int size() const { return n_layers * n_heads; }
  const HeadColumn* find(std::string_view id) const;
};

// The metrics with one value per head, in the order of the table.
std::vector<const Metric*> head_metrics();
// "L3 H1"
std::string head_name(int layer, int head);
// A value as text: shares with 3 decimals, others with 3 or more digits; "–" if it is not finite.
std::string value_text(const Metric* metric, float value);

// Whether the values differ at all: where all heads have the same, none has a place.
bool has_places(const std::vector<float>& values);
// The share of the other values below this one; ties count half, NaN not at all. 0.5 if there are
// no others.
float percentile_of(const std::vector<float>& values, size_t at);
// 1 for the highest; ties share the better rank.
int rank_of(const std::vector<float>& values, size_t at);
float median_of(std::vector<float> values);

// A filter on heads: all conditions must hold.
struct HeadFilter {
  struct Condition {
    enum Kind { layer, head, measure, role } kind = measure;
    Role is = Role::nothing;         // of role: the main one in general, or the other
    int from = 0, to = 0;            // of layer and head
    const Metric* metric = nullptr;  // of measure
    enum Op { above, below, at_least, at_most, equal } op = above;
    float value = 0;
  };
  std::vector<Condition> conditions;
};
// Conditions separated by spaces: "L5", "L2-4", "H0", "L5H1", "induction > 0.5", "entropy<=2",
// "self > 50%", "role=sink". A measure is named by its id or its title in either language or a
// beginning that no other measure has, a role by its name in either language or the beginning of
// it; case, spaces and underscores do not matter. Roles are those in general
// (HeadsTable::general); without these no head passes.
// The error is one sentence that says how to correct it. A link may bring any text, which is read
// in every frame: longer ones are refused.
inline constexpr size_t kMostFilter = 1000;  // bytes
Result<HeadFilter> parse_filter(std::string_view text, Lang lang);
// "role=induction".
std::string role_filter(Role role);
// The first measure that the filter compares, where it is not the first of the filter before; null
// if there is none or a filter has an error. The list then shows and sorts by it.
const Metric* newly_filtered(std::string_view before, std::string_view after);
bool passes(const HeadFilter& filter, const HeadsTable& table, int layer, int head);

// Sorts heads by their values, NaN last; equal ones, and all by Order::place, stay as they stand.
void sort_heads(std::vector<int>& heads, std::span<const float> values, Order order);

// Indices (layer * n_heads + head) of the heads that pass, in this order, NaN last. Without a
// column, in order of layers.
std::vector<int> listed_heads(const HeadsTable& table, const HeadFilter& filter,
                              const HeadColumn* by, Order order);

}  // namespace attn
