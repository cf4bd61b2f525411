// kept.h - a cache of recent traces, so that going back computes nothing, and its size.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/store.h"
#include "model/model.h"
#include "pass/scratch.h"
#include "state/state.h"
#include "trace/trace.h"

namespace attn {

// Everything a trace depends on: equal keys give equal traces.
struct TraceKey {
  std::string model, text, pair;    // `pair`: the second text
  ScratchSettings scratch;          // only for "scratch"
  int repeat = 0, repeat_seed = 0;  // as in State; `text` is empty then
  Edits edits;                      // made while the model runs
  Cut cut = Cut::none;              // of a text that is too long
  int picture = 0;                  // of models that read pictures: which; 0: the example
  bool operator==(const TraceKey&) const = default;
};

struct TracePair {
  std::shared_ptr<const Trace> trace;
  std::shared_ptr<const ScratchRun> scratch;  // null for a model
  std::shared_ptr<const Model> model;         // null for the attention from scratch
  int period = 0;  // length of the tokens that are repeated twice; 0: a text
};

// Memory that several traces share counts once.
uint64_t bytes_of(std::span<const Trace* const> traces);
uint64_t bytes_of(const Trace& trace);

// The newest first.
class KeptTraces {
 public:
  KeptTraces();
  // Null when there is none, or it lacks the layer of this site (clamped to the model). The trace
  // found becomes the newest.
  const TracePair* find(const TraceKey& key, const Site& site);
  void put(const TraceKey& key, TracePair pair);
  void drop_model(const std::string& model);
  void drop_all_but(const std::shared_ptr<const Trace>& trace);
  // Traces of this model, the newest first.
  std::vector<std::shared_ptr<const Trace>> of(const std::string& model) const;
  // Drops the oldest until at most `most` traces and `most_bytes` bytes are left; the newest stays.
  void trim(size_t most, uint64_t most_bytes);
  bool holds(const std::shared_ptr<const Trace>& trace) const;
  uint64_t bytes() const;
  size_t size() const { return store_.size(); }

 private:
  Store<TraceKey, TracePair> store_;
};

}  // namespace attn
