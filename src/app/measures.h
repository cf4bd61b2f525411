// measures.h - metrics computed for the current view: their cache keys, and the job that makes
// them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/head_role.h"
#include "analysis/measure.h"
#include "app/worker.h"
#include "base/result.h"

namespace attn {

// A metric, the part of the model, and those fields of the state that the metric reads
// (Metric::reads); other fields keep their default. Does not keep the trace alive.
struct MeasureKey : Site {
  const Metric* metric = nullptr;
  std::weak_ptr<const Trace> trace = {};
  int sample = -1, token = -1, offset = 0;
  std::string target = {}, foil = {};
  Lang lang = Lang::en;

  bool operator==(const MeasureKey& other) const;
};
// `at` must be clamped to the trace.
MeasureKey measure_key(const Metric& metric, const std::shared_ptr<const Trace>& trace,
                       const State& at);

struct MadeMeasure {
  MeasureKey key;
  Measure measure;             // empty where there is an error
  std::optional<Error> error;  // why the metric has no numbers here
};
uint64_t bytes_of(const std::shared_ptr<const MadeMeasure>& made);

// Computes the metric. Errors: more than kMostCells cells, a layer that is not kept, or what
// missing() reports.
inline constexpr int64_t kMostCells = 2048 * 2048;
Status cannot_compute(const Metric& metric, const Inputs& inputs);
Result<Measure> compute_checked(const Metric& metric, const Inputs& inputs);

// The metrics that the views of a state need, each once, in the order of the views.
std::vector<const Metric*> wanted_metrics(const State& state);
// The model's predictions after the chosen token.
const Metric* next_measure();

// Some of `keys`, from the first on: as many as fit in about 100 ms, at least one. Where a metric
// needs activations that neither the trace nor `activations` has, the model runs again to keep
// them; more than `room` bytes of them are an error. The activations kept are part of the result.
struct MadeMeasures {
  std::vector<std::shared_ptr<const MadeMeasure>> made;
  std::shared_ptr<const Activations> activations;
  std::shared_ptr<const struct HeadRoles>
      roles;  // null unless all the scores they need were made in one walk
};
struct MeasureWish {
  std::shared_ptr<const Model> model;  // that made the trace, or null
  std::shared_ptr<const Trace> trace;
  State at;
  std::vector<MeasureKey> keys;
  bool roles = false;                              // also of all heads, once the measures are made
  std::shared_ptr<const Activations> activations;  // of this trace's part, or null
  uint64_t room = 0;
  int period = 0;                                              // Inputs::period
  std::shared_ptr<const struct ScratchRun> scratch = nullptr;  // that made the trace, or null
};
Job measure_job(MeasureWish wish, Lang lang, std::function<void(MadeMeasures)> done);

// The role of every head, for one sample.
struct HeadRoles {
  std::weak_ptr<const Trace> trace;
  int part = 0, sample = 0, n_heads = 0;
  std::vector<HeadRole> roles;  // [layer, head]

  const HeadRole& at(int layer, int head) const { return roles[size_t(layer * n_heads + head)]; }
};

}  // namespace attn
