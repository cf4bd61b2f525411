#include "app/kept.h"

#include <algorithm>
#include <set>

namespace attn {

namespace {

// A clamped layer: states may name one that this model does not have.
bool has_layer(const Trace& trace, const Site& site) {
  const size_t part = std::min(size_t(std::max(site.part, 0)), trace.parts.size() - 1);
  const Attention& a = trace.parts[part];
  return a.is_kept(std::clamp(site.layer, 0, a.n_layers - 1));
}

}  // namespace

const TracePair* KeptTraces::find(const TraceKey& key, const Site& site) {
  const auto it = std::ranges::find_if(
      entries_, [&](const Entry& e) { return e.key == key && has_layer(*e.pair.trace, site); });
  if (it == entries_.end()) return nullptr;
  std::rotate(entries_.begin(), it, it + 1);
  return &entries_.front().pair;
}

void KeptTraces::put(const TraceKey& key, TracePair pair) {
  std::erase_if(entries_, [&](const Entry& e) { return e.key == key; });
  entries_.insert(entries_.begin(), {key, std::move(pair)});
}

void KeptTraces::drop_model(const std::string& model) {
  std::erase_if(entries_, [&](const Entry& e) { return e.key.model == model; });
}

std::vector<std::shared_ptr<const Trace>> KeptTraces::of(const std::string& model) const {
  std::vector<std::shared_ptr<const Trace>> out;
  for (const Entry& e : entries_)
    if (e.key.model == model) out.push_back(e.pair.trace);
  return out;
}

void KeptTraces::trim(size_t most, uint64_t most_bytes) {
  while (entries_.size() > 1 && (entries_.size() > most || bytes() > most_bytes))
    entries_.pop_back();
}

bool KeptTraces::holds(const std::shared_ptr<const Trace>& trace) const {
  return std::ranges::any_of(entries_, [&](const Entry& e) { return e.pair.trace == trace; });
}

uint64_t KeptTraces::bytes() const {
  std::vector<const Trace*> traces;
  for (const Entry& e : entries_) traces.push_back(e.pair.trace.get());
  return bytes_of(traces);
}

uint64_t bytes_of(std::span<const Trace* const> traces) {
  std::set<const float*> seen;
  uint64_t bytes = 0;
  const auto count = [&](const HeadRows& rows) {
    if (!rows.empty() && rows.n_heads() > 0 && seen.insert(rows.head(0).data).second)
      bytes += rows.bytes();
  };
  for (const Trace* trace : traces) {
    for (const Attention& a : trace->parts) {
      for (const auto& layer : a.layers) {
        if (const QK* qk = std::get_if<QK>(&layer)) {
          for (const HeadRows* rows : {&qk->q, &qk->k, &qk->v}) count(*rows);
        } else {
          count(std::get<Given>(layer).pattern);
        }
      }
      for (const HeadRows& rows : a.facts) count(rows);
      bytes += a.allowed.size();
    }
    count(trace->resid_final);
    bytes += trace->logits.size() * sizeof(float);
  }
  return bytes;
}

uint64_t bytes_of(const Trace& trace) {
  const Trace* one = &trace;
  return bytes_of({&one, 1});
}

}  // namespace attn
