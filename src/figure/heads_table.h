// heads_table.h - every head with every measure: percentiles, a filter, an order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"
#include "base/result.h"

namespace attn {

struct HeadColumn {
  const Metric* metric = nullptr;  // axes {layer, head}
  std::vector<float> values;       // [layer, head]; NaN: not known
};

struct HeadsTable {
  int n_layers = 0, n_heads = 0;
  std::vector<HeadColumn> columns;

  int size() const { return n_layers * n_heads; }
  const HeadColumn* find(std::string_view id) const;
};

// The metrics that give each head a number, in the table's order.
std::vector<const Metric*> head_metrics();
// "L3 H1"
std::string head_name(int layer, int head);
// A value as people read it: shares with 3 decimals, others with 3 digits; "–" when it is not
// known.
std::string value_text(const Metric* metric, float value);

// Where a value stands: the share of the others that lie below it, equal ones counting half; NaN
// are not counted. 0.5 when there are no others.
float percentile_of(const std::vector<float>& values, size_t at);
// 1 for the highest; equal values share the better rank.
int rank_of(const std::vector<float>& values, size_t at);
float median_of(std::vector<float> values);

// What a list of heads is cut down to: all conditions must hold.
struct HeadFilter {
  struct Condition {
    enum Kind { layer, head, measure } kind = measure;
    int from = 0, to = 0;            // of layer and head
    const Metric* metric = nullptr;  // of measure
    enum Op { above, below, at_least, at_most, equal } op = above;
    float value = 0;
  };
  std::vector<Condition> conditions;
};
// Conditions joined by blanks: "L5", "L2-4", "H0", "L5H1", "induction > 0.5", "entropy<=2", "self >
// 50%". A measure is named by its id or by its title without blanks, in either case. A fault is one
// sentence with its mend.
Result<HeadFilter> parse_filter(std::string_view text, Lang lang);
bool passes(const HeadFilter& filter, const HeadsTable& table, int layer, int head);

// Places (layer * n_heads + head) of the heads that pass, in the order asked for; what is not known
// last. Without a column, by layer.
std::vector<int> listed_heads(const HeadsTable& table, const HeadFilter& filter,
                              const HeadColumn* by, Order order);

}  // namespace attn
