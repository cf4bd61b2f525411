#include "app/session.h"

#include <algorithm>

#include "analysis/measure.h"
#include "app/scratch_settings.h"
#include "app/session_impl.h"
#include "figure/views.h"
#include "pass/forward.h"

namespace attn {
namespace {

// Of what is kept for going back; the picture on screen comes on top where it is larger.
constexpr uint64_t kKeptBytes = 256'000'000;
constexpr size_t kKeptTraces = 8;

// What the memory did not allow, in a sentence; "" when all layers are there.
std::string note_of(const Trace& trace, const Site& at, Lang lang) {
  const Attention& a = trace.at(at);
  int first = -1, last = -1;
  for (int l = 0; l < a.n_layers; ++l) {
    if (!a.is_kept(l)) continue;
    if (first < 0) first = l;
    last = l;
  }
  if (last - first + 1 == a.n_layers) return "";
  const std::string from = std::to_string(first), to = std::to_string(last);
  return tr(lang, "The memory has no room for all layers of this text: it keeps layers ",
            "内存放不下这段文本的所有层：保留第 ") +
         from + tr(lang, " to ", " 至 ") + to +
         tr(lang, ", and choosing another runs the model again", " 层，选择其他层会重新运行模型");
}

bool is_kept(const Trace& trace, const State& state) {
  const State s = clamped(state, trace);
  return trace.at(s).is_kept(s.layer);
}

}  // namespace

Session::Session(std::function<void()> finished)
    : impl_(std::make_shared<Impl>(std::move(finished))) {
  impl_->snapshot.tiles = impl_->tiles;
  ModelEntry scratch;
  scratch.id = "scratch";
  scratch.title_en = "Attention from scratch";
  scratch.title_zh = "从零实现的注意力";
  impl_->models.push_back(std::move(scratch));
}

const Snapshot& Session::snapshot() const { return impl_->snapshot; }
bool Session::makes_picture() const {
  return impl_->posted == Impl::Posted::trace || impl_->posted == Impl::Posted::map;
}
const std::vector<ModelEntry>& Session::models() const { return impl_->models; }

// True when the trace on screen is the one asked for.
bool Session::Impl::want_trace(const State& state) {
  TraceKey key{state.model, state.text, {}};
  std::shared_ptr<const Model> runs;
  if (state.model == "scratch") {
    key.text.clear();
    key.scratch = scratch_settings(state);
  } else {
    const ModelEntry* listed = entry(state.model);
    runs = model(state.model);
    if (!runs) {
      if (const Error* error = model_error(state.model)) {
        snapshot.error = *error;
        snapshot.can_retry = true;
      } else if (!listed && index_known)
        snapshot.error = Error{"The model \"" + state.model +
                               "\" is not in the list; drop its files here or choose another"};
      else if (listed && std::find(asked.begin(), asked.end(), state.model) == asked.end())
        to_fetch = state.model;
      return false;
    }
    if (key.text.empty()) key.text = listed ? listed->default_text : "";
    if (state.repeat > 0) {
      key.text.clear();
      key.repeat = state.repeat;
      key.repeat_seed = state.repeat_seed;
    }
  }
  const bool in_hand = posted == Posted::trace;
  if (trace_key == key && is_kept(*snapshot.trace, state)) {
    if (in_hand) cancel();  // typed, and taken back before it was done
    return true;
  }
  if (const TracePair* pair = kept.find(key, state)) {
    if (posted != Posted::none) cancel();
    show(key, *pair);
    return true;
  }
  if (failed_trace == key) {
    snapshot.error = trace_error;
    return false;
  }
  if (in_hand && posted_trace == key && posted_layer == state.layer) return false;
  if (std::exchange(released, false)) return false;

  posted_trace = key;
  posted_layer = state.layer;
  auto done = [this, key, layer = state.layer](MadeTrace made) {
    take_trace(key, layer, std::move(made));
  };
  post(Posted::trace, runs ? forward_job({runs, key.text, state.layer, room(), kept.of(key.model),
                                          key.repeat, uint32_t(key.repeat_seed)},
                                         state.lang, done)
                           : scratch_job(key.scratch, room(), state.lang, done));
  return false;
}

void Session::Impl::take_trace(const TraceKey& key, int, MadeTrace made) {
  posted = Posted::none;
  if (made.release_first) return release();
  if (!made.result) {
    failed_trace = key;
    trace_error = made.result.error();
    return;
  }
  ++snapshot.n_traces;
  failed_trace.reset();
  kept.put(key, *made.result);
  show(key, *made.result);
  kept.trim(kKeptTraces, std::min(kKeptBytes, limit / 8));
  forget_pictures_of_lost_traces();
}

void Session::Impl::show(const TraceKey& key, const TracePair& pair) {
  trace_key = key;
  snapshot.trace = pair.trace;
  snapshot.model = pair.model;
  snapshot.scratch = pair.scratch;
  snapshot.text = key.text;
  snapshot.period = pair.period;
}

void Session::Impl::forget_pictures_of_lost_traces() {
  const auto lost = [&](const auto& picture) { return !kept.holds(picture->trace); };
  std::erase_if(kept_maps, lost);
  std::erase_if(kept_grids, lost);
  std::erase_if(snapshot.read_maps,
                [&](const auto& m) { return !kept.holds(m->key.trace.lock()); });
  if (activations && !kept.holds(activations_of.lock())) activations.reset();
}

// All but the weights. The interface forgets the rest when it sees that there is no trace.
void Session::Impl::release() {
  kept = {};
  activations.reset();
  snapshot.measures.clear();
  snapshot.read_maps.clear();
  snapshot.reading.reset();
  snapshot.roles.reset();
  forget_pictures_of_lost_traces();
  making.reset();
  trace_key.reset();
  snapshot.trace.reset();
  snapshot.model.reset();
  snapshot.scratch.reset();
  snapshot.map.reset();
  snapshot.grid.reset();
  released = true;
}

Room Session::Impl::room() const {
  uint64_t weights = 0;
  for (const Loaded& l : loaded) weights += l.model->weight_bytes;
  const auto left = [&](uint64_t bytes) { return limit > bytes ? limit - bytes : 0; };
  const uint64_t taken = weights + kPictureRoom;
  return {left(taken + kept.bytes()), left(taken)};
}

void Session::want(const State& state) {
  Impl& s = *impl_;
  s.speaks = state.lang;
  s.snapshot.error.reset();
  s.snapshot.can_retry = false;
  if (std::exchange(s.wanted_model, state.model) != state.model) retry(state.model);
  s.to_fetch.reset();
  s.snapshot.current = false;
  if (!s.loading) {
    const bool trace_is_right = s.want_trace(state);
    if (s.snapshot.trace && s.posted != Impl::Posted::trace) {
      const State at = clamped(state, *s.snapshot.trace);
      const bool kept = s.snapshot.trace->at(at).is_kept(at.layer);
      if (!regroups(at)) s.snapshot.reading.reset();
      const View& view = middle_view(at);
      const Metric* shown = view.groups ? view.metric(at) : nullptr;
      const Attention& a = s.snapshot.trace->at(at);
      const bool tiled = int64_t(a.n_query) * a.n_key > kWholeCells;
      const MapKey map{at.site(), s.snapshot.trace, at.sample, tiled ? at.pool : Pool::largest};
      const bool busy = (kept && s.want_map(map, regroups(at))) ||
                        (kept && s.want_reading(nullptr, at)) || s.want_measures(at) ||
                        (kept && shown && s.want_reading(shown, at)) || s.want_grid(at);
      s.snapshot.current = trace_is_right && !busy && !s.worker.busy();
    }
  }
  s.tiles->drop_lost();
  s.snapshot.note = s.snapshot.trace
                        ? note_of(*s.snapshot.trace, clamped(state, *s.snapshot.trace), state.lang)
                        : "";
  s.measure_memory();
  s.snapshot.busy = s.worker.title();
  s.snapshot.progress = s.worker.progress();
  if (s.posted == Impl::Posted::measures && !s.posted_measures.empty())
    s.snapshot.progress =
        (float(s.n_measured) + s.snapshot.progress * float(s.posted_measures.size())) /
        float(s.n_to_measure);
  s.snapshot.busy_seconds = s.worker.seconds();
  s.snapshot.longest_step = s.worker.longest_step();
}

bool Session::look(const MapLook& look) {
  const bool moved = !(impl_->look == look);
  impl_->look = look;
  return moved;
}

void Session::limit_memory(uint64_t bytes) { impl_->limit = bytes; }

bool Session::pump(double budget_ms) { return impl_->worker.poll(budget_ms); }

void Session::dismiss_error() { impl_->snapshot.file_error.reset(); }

}  // namespace attn
