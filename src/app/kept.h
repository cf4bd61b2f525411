// kept.h - traces that were made lately, so that going back computes nothing; and how much they
// hold.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/store.h"
#include "model/model.h"
#include "pass/scratch.h"
#include "trace/trace.h"

namespace attn {

// What a trace is made from. Equal keys, equal traces.
struct TraceKey {
  std::string model, text;
  ScratchSettings scratch;          // only for "scratch"
  int repeat = 0, repeat_seed = 0;  // State's; then there is no text
  Edits edits;                      // made while the model runs
  bool operator==(const TraceKey&) const = default;
};

struct TracePair {
  std::shared_ptr<const Trace> trace;
  std::shared_ptr<const ScratchRun> scratch;  // null for a model
  std::shared_ptr<const Model> model;         // null for the attention from scratch
  int period = 0;                             // so many tokens, said twice; 0: not so
};

// Memory that several traces share counts once.
uint64_t bytes_of(std::span<const Trace* const> traces);
uint64_t bytes_of(const Trace& trace);

// The newest first.
class KeptTraces {
 public:
  KeptTraces();
  // Null when it is not there or lacks the layer of this site (none: the last there is); becomes
  // the newest.
  const TracePair* find(const TraceKey& key, const Site& site);
  void put(const TraceKey& key, TracePair pair);
  void drop_model(const std::string& model);
  // Of this model, the newest first.
  std::vector<std::shared_ptr<const Trace>> of(const std::string& model) const;
  // The oldest go until at most so many, of so many bytes, are left; the newest always stays.
  void trim(size_t most, uint64_t most_bytes);
  bool holds(const std::shared_ptr<const Trace>& trace) const;
  uint64_t bytes() const;
  size_t size() const { return store_.size(); }

 private:
  Store<TraceKey, TracePair> store_;
};

}  // namespace attn
