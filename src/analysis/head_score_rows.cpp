#include "analysis/head_score_rows.h"

#include <array>
#include <cassert>
#include <utility>

namespace attn {

namespace {

constexpr size_t kMostScores = 64;

Measure measure_of(const HeadTable& table) {
  return {{Axis::layer, Axis::head}, {table.n_layers, table.n_heads}, table.values(0)};
}
HeadQuestion question_of(const Inputs& in) {
  return {in.state->sample, in.period, in.state->offset};
}

// The score of all heads in the state's sample.
Study begin_score(size_t score, const Inputs& in) {
  const auto table =
      std::make_shared<HeadTable>(std::vector{&head_scores()[score]}, in.attention());
  const auto work =
      std::make_shared<HeadTableWork>(*table, in.model, in.attention(), question_of(in));
  return {work->n_steps(), [work] { return work->step(); }, [table] { return measure_of(*table); }};
}

// One instance per row of the table, so it is kept as short as possible.
template <size_t kScore>
Study begin(const Inputs& in) {
  return begin_score(kScore, in);
}

using Begin = Study (*)(const Inputs&);
constexpr auto kBegins = []<size_t... k>(std::index_sequence<k...>) {
  return std::array<Begin, kMostScores>{begin<k>...};
}(std::make_index_sequence<kMostScores>());

}  // namespace

std::span<const HeadScore> head_scores() {
  static const std::vector<HeadScore> kScores = [] {
    std::vector<HeadScore> all;
    for (const auto& some : {fact_scores(), pattern_scores(), stripe_scores()})
      all.insert(all.end(), some.begin(), some.end());
    assert(all.size() <= kMostScores);
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].metric.axes = {Axis::layer, Axis::head};
      all[i].metric.reads |= reads_sample;
      if (!all[i].across) all[i].metric.needs |= needs_self;
      all[i].metric.begin = kBegins[i];
    }
    return all;
  }();
  return kScores;
}

}  // namespace attn
