#include "app/session.h"

#include <algorithm>
#include <new>
#include <tuple>

#include "analysis/regroup.h"
#include "app/scratch_settings.h"
#include "app/session_impl.h"
#include "base/memory.h"
#include "figure/views.h"
#include "model/dropped_id.h"
#include "pass/forward.h"

namespace attn {
namespace {

// Limits of the traces kept for going back; a larger trace on screen comes on top.
constexpr uint64_t kKeptBytes = 256'000'000;
constexpr size_t kKeptTraces = 8;

// Which layers are kept where not all fit in memory; "" when all are kept.
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
  return tr(lang, "Not all layers of this text fit in memory: layers ",
            "内存放不下这段文本的所有层：保留第 ") +
         from + tr(lang, " to ", " 至 ") + to +
         tr(lang, " are kept; choosing another runs the model again",
            " 层，选择其他层会重新运行模型");
}

bool is_shown(const Side& side, const TraceKey& key, const State& state) {
  if (side.key != key) return false;
  const State at = clamped(state, *side.shown.trace);
  return side.shown.trace->at(at).is_kept(at.layer);
}

}  // namespace

const char* memory_is_used_up(Lang lang) {
  return tr(lang,
            "The memory is used up; shorten the text, open a smaller model, or close other "
            "programs and pages",
            "内存已用尽；请缩短文本、打开较小的模型，或关闭其他程序和网页");
}

Session::Session(std::function<void()> finished)
    : impl_(std::make_shared<Impl>(std::move(finished))) {
  impl_->side_a.shown.tiles = impl_->tiles;
  ModelEntry scratch;
  scratch.id = "scratch";
  scratch.title_en = "Attention from scratch";
  scratch.title_zh = "从零实现的注意力";
  impl_->models.push_back(std::move(scratch));
}

const Snapshot& Session::snapshot() const { return impl_->snapshot; }
bool Session::makes_picture() const {
  return impl_->makes<WantedTrace>() || impl_->makes<WantedMap>();
}
const std::vector<ModelEntry>& Session::models() const { return impl_->models; }

std::optional<TraceKey> Session::Impl::trace_key(const State& state) {
  TraceKey key{state.model, state.text, state.pair, {}};
  if (state.model == "scratch") {
    key.text.clear();
    key.pair.clear();
    key.scratch = scratch_settings(state);
    return key;
  }
  const ModelEntry* listed = entry(state.model);
  if (!model(state.model)) {
    if (const Error* error = model_error(state.model)) {
      snapshot.error = *error;
      snapshot.can_retry = listed && !listed->files.empty();
    } else if ((!listed || listed->files.empty()) &&
               (index_known || read_dropped_id(state.model))) {
      snapshot.error = absent(state.model);
    } else if (listed && std::ranges::find(asked, state.model) == asked.end()) {
      to_fetch = state.model;
    }
    return {};
  }
  for (Loaded& l : loaded)
    if (l.id == state.model) l.used = ++n_uses;
  if (model(state.model)->config.reads_pictures()) {
    key.text.clear();
    key.pair.clear();
    key.picture = picture.bytes.size() > 0 ? n_pictures : 0;
    return key;
  }
  if (key.text.empty()) key.text = listed ? listed->default_text : "";
  key.cut = state.cut;
  if (state.repeat > 0) {
    key.text.clear();
    key.cut = Cut::none;
    key.pair.clear();
    key.repeat = state.repeat;
    key.repeat_seed = state.repeat_seed;
  }
  return key;
}

std::optional<Wish> Session::Impl::missing_trace(Side& side, const TraceKey& key,
                                                 const State& state) {
  if (is_shown(side, key, state)) return {};
  if (const TracePair* pair = kept.find(key, state)) {
    show(side, key, *pair);
    return {};
  }
  if (side.failed == key) {
    snapshot.error = side.error;
    snapshot.cuts = side.cuts;
    return {};
  }
  if (std::exchange(released, false)) return {};
  return Wish{WantedTrace{key, state.layer}, [this, &side, key, &state] {
                const auto done = [this, &side, key](MadeTrace made) {
                  take_trace(side, key, std::move(made));
                };
                if (key.model == "scratch")
                  return scratch_job(key.scratch, room(), state.lang, done);
                return forward_job(
                    {model(key.model), key.text, key.pair, state.layer, room(), kept.of(key.model),
                     key.repeat, uint32_t(key.repeat_seed), key.edits, key.cut, picture},
                    state.lang, done);
              }};
}

void Session::Impl::take_trace(Side& side, const TraceKey& key, MadeTrace made) {
  if (made.release_first && release()) return;
  if (!made.result) {
    std::tie(side.failed, side.error) = std::pair(std::optional(key), made.result.error());
    side.cuts = made.cuts;
    return;
  }
  ++snapshot.n_traces;
  side.failed.reset();
  kept.put(key, *made.result);
  show(side, key, *made.result);
  kept.trim(kKeptTraces, std::min(kKeptBytes, limit / 8));
  forget_pictures_of_lost_traces();
}

void Session::Impl::show(Side& side, const TraceKey& key, const TracePair& pair) {
  // All or nothing, should there be no memory for the copies.
  TraceKey made_of = key;
  side.shown.text = key.pair.empty() ? key.text : key.text + " | " + key.pair;
  side.key = std::move(made_of);
  side.shown.trace = pair.trace;
  side.shown.model = pair.model;
  side.shown.scratch = pair.scratch;
  side.shown.period = pair.period;
  side.shown.characters = characters_of(pair.model);
}

void Session::Impl::forget_pictures_of_lost_traces() {
  const auto lost = [&](const auto& e) { return !kept.holds(e.value->trace); };
  maps.erase_if(lost);
  grids.erase_if(lost);
  sharp.erase_if([&](const auto& e) { return !kept.holds(e.key.of.trace.lock()); });
  side_a.shown.read_maps.erase_if(
      [&](const auto& e) { return !kept.holds(e.key.of.trace.lock()); });
  if (side_a.activations && !kept.holds(side_a.activations_of.lock())) side_a.activations.reset();
}

// The interface drops its own copies once there is no trace.
bool Session::Impl::release() {
  if (kept.bytes() == 0 && !side_a.shown.trace) return let_go_of_oldest();
  kept = {};
  forget_pictures_of_lost_traces();
  side_a.shown = {};
  side_a.shown.tiles = tiles;
  side_a.key.reset();
  side_a.making.reset();
  side_a.before = {};
  side_a.activations.reset();
  released = true;
  return true;
}

uint64_t Session::Impl::weight_bytes() const {
  uint64_t bytes = 0;
  for (const Loaded& l : loaded) bytes += l.model->weight_bytes;
  for (const Waiting& w : waiting) bytes += size_of(w.wish.files);
  return bytes;
}

Room Session::Impl::room() const {
  const auto wanted = model(wanted_model);
  const uint64_t all = weight_bytes(), own = wanted ? wanted->weight_bytes : 0;
  const auto left = [&](uint64_t bytes) {
    const uint64_t taken = bytes + kPictureRoom;
    return limit > taken ? limit - taken : 0;
  };
  return {left(all + kept.bytes()), left(own), own, limit};
}

std::optional<Wish> Session::Impl::first_missing(Side& side, const State& state) {
  const std::optional<TraceKey> key = trace_key(state);
  if (key)
    if (auto wish = missing_trace(side, *key, state)) return wish;
  snapshot.stale = side.shown.trace && side.key != key;
  snapshot.model_id = side.key ? side.key->model : "";
  if (!side.shown.trace) return {};
  const State at = visible(state, *side.shown.trace);
  if (!regroups(at)) side.shown.reading.reset();
  for (const auto missing :
       {&Impl::missing_map, &Impl::missing_read_weights, &Impl::missing_measures,
        &Impl::missing_chapter, &Impl::missing_read_measure, &Impl::missing_grid,
        &Impl::missing_sharp}) {
    std::optional<Wish> wish = (this->*missing)(side, at);
    if (!wish) continue;
    if (!wish->at_once) return wish;
    Job job = wish->job();
    while (job.step()) {
    }
    job.deliver();
  }
  snapshot.current = key && is_shown(side, *key, state);
  return missing_characters(side);
}

void Session::Impl::follow(std::optional<Wish> wish) {
  Wanted wanted = wish ? wish->wanted : Wanted{};
  if (wish && wanted == out_of_room) {
    snapshot.error = Error{memory_is_used_up(speaks)};
    return;
  }
  if (wanted == in_hand) return;
  if (!wish) {
    in_hand = {};
    out_of_room = {};
    return worker.cancel();
  }
  Job job = wish->job();
  job.out_of_memory = [this, wanted]() mutable { run_out_of_memory(std::move(wanted)); };
  job.deliver = [this, deliver = std::move(job.deliver)] {
    in_hand = {};
    deliver();
    n_undelivered = 0;
    without_room_once = {};
  };
  worker.post(std::move(job));
  in_hand = std::move(wanted);  // only now: what throws above leaves the job before it in hand
  out_of_room = {};
}

// Once more with what can be let go; then it is said, and not tried again. What is on screen goes
// only for a step: where a result could not be delivered, which takes next to nothing, it would not
// help.
void Session::Impl::run_out_of_memory(Wanted wanted) {
  const bool delivers = std::holds_alternative<std::monostate>(in_hand);
  in_hand = {};
  // A step that was cut short cannot be repeated.
  if (const auto* characters = std::get_if<WantedCharacters>(&wanted))
    for (Loaded& l : loaded)
      if (l.model == characters->model) l.probe.reset();
  if (release_unseen()) return;
  if (delivers ? n_undelivered++ == 0 : release()) return;
  // Where there was nothing to let go, others may have let go meanwhile.
  if (!delivers && wanted != without_room_once) {
    without_room_once = std::move(wanted);
    return;
  }
  out_of_room = std::move(wanted);
}

bool Session::Impl::release_unseen() {
  const Shown& on = side_a.shown;
  const auto held = [&] {
    return std::pair(kept.size() + maps.size() + grids.size() + sharp.size(), tiles->version());
  };
  const auto before = held();
  kept.drop_all_but(on.trace);
  forget_pictures_of_lost_traces();
  maps.erase_if([&](const auto& e) { return e.value != on.map; });
  grids.erase_if([&](const auto& e) { return e.value != on.grid; });
  sharp.erase_if(
      [&](const auto& e) { return std::ranges::find(on.sharp, e.value) == on.sharp.end(); });
  tiles->drop_all_but(on.map ? on.map->key() : MapKey{});
  const bool activations = std::exchange(side_a.activations, nullptr) != nullptr;
  return activations || held() != before;
}

// Once more without the pictures that are not on screen; then it is said, and the next frame tries
// again.
void Session::want(const State& state) {
  Impl& s = *impl_;
  for (bool again : {true, false}) {
    try {
      return s.want(state);
    } catch (const std::bad_alloc&) {
      let_go_unseen(!again);
    }
  }
  s.snapshot.current = false;
  s.snapshot.busy = s.worker.busy() ? "…" : "";
  s.say_memory_is_used_up(s.snapshot.error);
}

void Session::let_go_unseen(bool models) {
  // Without memory for its name, a model stays in the list.
  (void)has_memory([&] {
    if (!impl_->release_unseen() && models) impl_->let_go_of_oldest();
  });
}

// Not even memory for the sentence: another frame says it.
void Session::Impl::say_memory_is_used_up(std::optional<Error>& where) {
  (void)has_memory([&] { where = Error{memory_is_used_up(speaks)}; });
}

void Session::Impl::want(const State& state) {
  Impl& s = *this;
  s.speaks = state.lang;
  s.snapshot.error.reset();
  s.snapshot.cuts = {};
  s.snapshot.can_retry = false;
  if (s.wanted_model != state.model) {
    s.wanted_model = state.model;
    s.retry(state.model);
  }
  s.to_fetch.reset();
  s.snapshot.current = false;
  if (!s.makes<WantedModel>()) s.open_waiting(state.model);
  if (!s.makes<WantedModel>()) s.follow(s.first_missing(s.side_a, state));
  s.tiles->drop_lost();
  Shown& shown = s.side_a.shown;
  shown.note = shown.trace ? note_of(*shown.trace, clamped(state, *shown.trace), state.lang) : "";
  s.measure_memory();
  s.snapshot.busy = s.worker.title();
  s.snapshot.progress = s.worker.progress();
  const auto* measures = std::get_if<WantedMeasures>(&s.in_hand);
  if (measures && !measures->keys.empty())
    s.snapshot.progress =
        (float(s.side_a.n_measured) + s.snapshot.progress * float(measures->keys.size())) /
        float(s.side_a.n_to_measure);
  s.snapshot.busy_seconds = s.worker.seconds();
  s.snapshot.longest_step = s.worker.longest_step();
}

bool Session::look(const MapLook& look) {
  const bool moved = !(impl_->side_a.look == look);
  impl_->side_a.look = look;
  return moved;
}

bool Session::watch(std::vector<int> heads, int side) {
  Side& s = impl_->side_a;
  const bool changed = s.watched != heads || s.watched_side != side;
  s.watched = std::move(heads);
  s.watched_side = side;
  return changed;
}

void Session::limit_memory(uint64_t bytes) { impl_->limit = bytes; }

// What is delivered, and the calls where memory ran out, may run out of it, too.
bool Session::pump(double budget_ms) try {
  return impl_->worker.poll(budget_ms);
} catch (const std::bad_alloc&) {
  impl_->release_unseen();
  return true;
}

void Session::dismiss_error() {
  impl_->snapshot.file_error.reset();
  impl_->snapshot.can_ignore = false;
  impl_->refused.clear();
}

}  // namespace attn
