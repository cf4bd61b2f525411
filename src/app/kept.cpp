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

KeptTraces::KeptTraces() : store_([](const TracePair& pair) { return bytes_of(*pair.trace); }) {}

const TracePair* KeptTraces::find(const TraceKey& key, const Site& site) {
  return store_.find_if(
      [&](const auto& e) { return e.key == key && has_layer(*e.value.trace, site); });
}

void KeptTraces::put(const TraceKey& key, TracePair pair) { store_.put(key, std::move(pair)); }

void KeptTraces::drop_model(const std::string& model) {
  store_.erase_if([&](const auto& e) { return e.key.model == model; });
}

void KeptTraces::drop_all_but(const std::shared_ptr<const Trace>& trace) {
  store_.erase_if([&](const auto& e) { return e.value.trace != trace; });
}

std::vector<std::shared_ptr<const Trace>> KeptTraces::of(const std::string& model) const {
  std::vector<std::shared_ptr<const Trace>> out;
  for (const auto& e : store_.entries())
    if (e.key.model == model) out.push_back(e.value.trace);
  return out;
}

void KeptTraces::trim(size_t most, uint64_t most_bytes) {
  while (size() > 1 && (size() > most || bytes() > most_bytes)) store_.drop_oldest();
}

bool KeptTraces::holds(const std::shared_ptr<const Trace>& trace) const {
  return std::ranges::any_of(store_.entries(),
                             [&](const auto& e) { return e.value.trace == trace; });
}

uint64_t KeptTraces::bytes() const {
  std::vector<const Trace*> traces;
  for (const auto& e : store_.entries()) traces.push_back(e.value.trace.get());
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
          for (const HeadRows* rows : {&qk->q, &qk->k, &qk->v, &qk->place_k, &qk->place_q})
            count(*rows);
        } else {
          count(std::get<Given>(layer).pattern);
        }
      }
      for (const HeadRows& rows : a.facts) count(rows);
      bytes += a.allowed.size() + a.bias.size() * sizeof(float);
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
