#include "app/shown.h"

#include "analysis/measure.h"

namespace attn {

uint64_t bytes_of(const std::shared_ptr<const PatternMap>& map) {
  return (map->values.size() + map->row_max.size()) * sizeof(float);
}

uint64_t bytes_of(const std::shared_ptr<const HeadGrid>& grid) {
  return grid->values.size() * sizeof(float);
}

uint64_t bytes_of(const std::shared_ptr<const SharpMap>& map) {
  return map->values.size() * sizeof(float);
}

std::shared_ptr<const MadeMeasure> Shown::measure(const Metric* metric, const State& at) const {
  if (!metric || !trace) return nullptr;
  const auto* made = measures.peek(measure_key(*metric, trace, at));
  return made ? *made : nullptr;
}

std::shared_ptr<const MadeMeasure> Shown::last_measure(const Metric* metric,
                                                       const State& at) const {
  if (auto made = measure(metric, at)) return made;
  if (!trace) return nullptr;
  const State here = clamped(at, *trace);
  const Attention& a = trace->at(here);
  const std::vector<int> sizes = {a.n_layers, a.n_heads};
  for (const auto& [key, made] : measures.entries())
    if (key.metric == metric && key.part == here.part && made->measure.shape == sizes) return made;
  return nullptr;
}

std::shared_ptr<const ReadMap> Shown::read_map(const Metric* metric, const State& at) const {
  if (!trace || !reading) return nullptr;
  const auto* made = read_maps.peek(read_key(reading, metric, trace, at));
  return made ? *made : nullptr;
}

}  // namespace attn
