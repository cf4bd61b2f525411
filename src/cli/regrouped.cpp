#include "cli/regrouped.h"

#include <algorithm>
#include <cmath>

namespace attn {

namespace {

// For measures over keys: the share on hidden keys, averaged over rows.
double hidden_share(const Measure& m, const Groups& keys) {
  const size_t n = keys.of_token.size(), n_rows = m.values.size() / n;
  double sum = 0;
  for (size_t i = 0; i < m.values.size(); ++i)
    if (keys.of_token[i % n] < 0 && std::isfinite(m.values[i])) sum += double(m.values[i]);
  return n_rows > 0 ? sum / double(n_rows) : 0;
}

}  // namespace

Result<Regrouped> regroup(const Metric& metric, const Measure& measure, const Pairs& tokens,
                          const State& state) {
  const auto has = [&](Axis axis) {
    return std::ranges::find(measure.axes, axis) != measure.axes.end();
  };
  if (!has(Axis::query) && !has(Axis::key))
    return Error{std::string("measure ") + metric.id +
                 ": is not about tokens; remove --units, --spans and --special"};
  const Groups queries = groups_of(tokens.query_tokens[0], state, PairSide::query),
               keys = groups_of(tokens.key_tokens[0], state, PairSide::key);
  if (queries.size() == 0 || keys.size() == 0)
    return Error{
        "--special hidden: the text has only special tokens; pass a longer text to --text"};
  const Merge over_keys = metric.adds_up ? Merge::sum : Merge::mean;
  Regrouped out{{},
                pairs_of(queries, keys, tokens, 0, state.layer),
                state,
                regroup_words(state, metric.adds_up, state.lang)};
  const auto n_hidden = int(std::ranges::count(keys.of_token, -1));
  // The weight on hidden tokens is defined only for shares over keys.
  const bool holds =
      n_hidden > 0 && measure.axes.back() == Axis::key && metric.low == 0 && metric.high == 1;
  double mass = 0;
  if (measure.axes == std::vector<Axis>{Axis::query, Axis::key}) {
    // Maps are merged row by row, which also gives the hidden weight of each row.
    const size_t n = keys.of_token.size();
    RowMerger merger(queries, keys, over_keys, Merge::mean);
    for (size_t q = 0; q < queries.of_token.size(); ++q)
      merger.add(int(q), std::span(measure.values).subspan(q * n, n));
    out.measure = merger.take();
    for (const float x : merger.hidden()) mass += double(x) / double(merger.hidden().size());
  } else {
    out.measure = merged(measure, queries, keys, over_keys);
    if (holds) mass = hidden_share(measure, keys);
  }
  if (n_hidden > 0 && !holds)
    out.note += (out.note.empty() ? "" : "; ") + hidden_words(state, n_hidden, state.lang);
  if (holds)
    out.note += (out.note.empty() ? "" : "; ") + hidden_words(state, n_hidden, mass, state.lang);
  out.state.token = std::max(0, queries.nearest(state.token));
  return out;
}

}  // namespace attn
