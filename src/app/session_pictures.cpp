// session_pictures.cpp - maps, tiles, thumbnails and measures: what is missing is made, what was
// made is kept.
#include <algorithm>
#include <chrono>

#include "analysis/measure.h"
#include "app/session_impl.h"

namespace attn {
namespace {

constexpr uint64_t kMeasureBytes = 32'000'000;
constexpr uint64_t kPictureBytes = kPictureRoom / 4;  // of maps, and of thumbnails
// A map that takes no longer than about a millisecond is made within the frame that asks for it.
constexpr double kAtOnce = 1e7;
// Thumbnails take the old ones' place one by one only where all of them take longer.
constexpr double kPatience_s = 0.25;

double now_s() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

uint64_t bytes_of(const PatternMap& m) {
  return (m.values.size() + m.row_max.size()) * sizeof(float);
}
uint64_t bytes_of(const HeadGrid& g) { return g.values.size() * sizeof(float); }

uint64_t bytes_of(const ReadMap& m) {
  return (m.hidden.size() + (m.map ? m.map->values.size() : 0) +
          (m.made ? m.made->measure.values.size() : 0)) *
         sizeof(float);
}

// The newest first; of kPictureBytes in all, but always one.
template <class T>
void keep(std::vector<std::shared_ptr<const T>>& kept, std::shared_ptr<const T> picture) {
  kept.insert(kept.begin(), std::move(picture));
  uint64_t bytes = 0;
  size_t n = 0;
  while (n < kept.size() && (n == 0 || bytes + bytes_of(*kept[n]) <= kPictureBytes))
    bytes += bytes_of(*kept[n++]);
  kept.resize(n);
}

}  // namespace

std::shared_ptr<const MadeMeasure> Snapshot::measure(const Metric* metric, const State& at) const {
  if (!metric || !trace) return nullptr;
  const MeasureKey key = measure_key(*metric, trace, at);
  for (const auto& made : measures)
    if (made->key == key) return made;
  return nullptr;
}

std::shared_ptr<const MadeMeasure> Snapshot::last_measure(const Metric* metric,
                                                          const State& at) const {
  if (auto made = measure(metric, at)) return made;
  if (!trace) return nullptr;
  const Attention& a = trace->at(clamped(at, *trace));
  const std::vector<int> sizes = {a.n_layers, a.n_heads};
  for (const auto& made : measures)
    if (made->key.metric == metric && made->measure.shape == sizes) return made;
  return nullptr;
}

void Session::Impl::measure_memory() {
  MemoryUse& m = snapshot.memory;
  m = {0, kept.bytes(), tiles->bytes(), limit};
  for (const Loaded& l : loaded) m.weights += l.model->weight_bytes;
  for (const auto& map : kept_maps) m.pictures += bytes_of(*map);
  for (const auto& grid : kept_grids) m.pictures += bytes_of(*grid);
  for (const auto& map : snapshot.read_maps) m.pictures += bytes_of(*map);
  for (const auto& made : snapshot.measures)
    m.pictures += made->measure.values.size() * sizeof(float);
}

bool Session::Impl::want_map(const MapKey& key, bool only_whole) {
  const Attention& a = snapshot.trace->at(key);
  if (int64_t(a.n_query) * a.n_key > kWholeCells) return !only_whole && want_large_map(key);
  if (posted == Posted::map && !(posted_map == key)) cancel();
  if (snapshot.map && snapshot.map->key() == key) return false;
  const auto it = std::ranges::find_if(kept_maps, [&](const auto& m) { return m->key() == key; });
  if (it != kept_maps.end()) {
    std::rotate(kept_maps.begin(), it, it + 1);
    snapshot.map = kept_maps.front();
    return false;
  }
  if (posted == Posted::map && posted_map == key) return true;
  const auto done = [this](std::shared_ptr<const PatternMap> map) {
    if (posted == Posted::map) posted = Posted::none;
    keep(kept_maps, map);
    snapshot.map = std::move(map);
  };
  if (pattern_work(a, a.n_query) <= kAtOnce) {
    Job job = map_job(snapshot.trace, key, 32, Lang::en, done);
    while (job.step()) {
    }
    job.deliver();
    return false;
  }
  posted_map = key;
  post(Posted::map, map_job(snapshot.trace, key, 256, speaks, done));
  return true;
}

// All tiles of a level that are seen; the missing ones of a row of them are one job.
bool Session::Impl::want_tiles(const MapKey& key, const MapLook& at, int level) {
  std::optional<TileStrip> missing;
  for (TileStrip strip : strips_in_view(at, snapshot.trace->at(key), level)) {
    int first = strip.col1, last = strip.col0;
    for (int col = strip.col0; col < strip.col1; ++col) {
      if (tiles->get(key, {level, strip.row, col})) continue;
      first = std::min(first, col);
      last = col + 1;
    }
    if (first < last && !missing) missing = TileStrip{level, strip.row, first, last};
  }
  if (!missing) return false;
  if (posted == Posted::tiles && posted_map == key) return true;
  posted_map = key;
  post(Posted::tiles, tile_job(snapshot.trace, key, *missing, speaks,
                               [this, key](std::vector<std::shared_ptr<const Tile>> made) {
                                 posted = Posted::none;
                                 for (auto& tile : made) tiles->put(key, std::move(tile));
                               }));
  return true;
}

bool Session::Impl::want_large_map(const MapKey& key) {
  const Attention& a = snapshot.trace->at(key);
  const int coarsest = overview_level(a.n_query, a.n_key);
  const auto show_it = [&] {
    auto map = std::make_shared<PatternMap>();
    *map = {key.site(), snapshot.trace, key.sample, a.n_query, a.n_key, {}, {}, key.pool};
    snapshot.map = std::move(map);
  };
  // Another head takes the place of the one on screen when its overview is whole.
  if (!snapshot.map || snapshot.map->trace != snapshot.trace) show_it();
  if (want_tiles(key, whole_map(a), coarsest)) return true;
  if (!(snapshot.map->key() == key)) show_it();
  const int level = level_for(look, a.n_query, a.n_key);
  return level < coarsest && look.q1 <= float(a.n_query) + 1 && look.k1 <= float(a.n_key) + 1 &&
         want_tiles(key, look, level);
}

bool Session::Impl::want_grid(const State& at) {
  const auto right = [&](const auto& g) {
    return g && g->trace == snapshot.trace && g->part == at.part && g->sample == at.sample;
  };
  const auto whole = [](const HeadGrid& g) { return g.n_ready == g.n_layers * g.n_heads; };
  if (posted == Posted::grid && !right(making)) cancel();
  if (right(snapshot.grid) && whole(*snapshot.grid)) return false;
  const auto it = std::ranges::find_if(kept_grids, right);
  if (it != kept_grids.end()) {
    std::rotate(kept_grids.begin(), it, it + 1);
    snapshot.grid = kept_grids.front();
    return false;
  }
  if (!right(making)) {
    making = std::make_shared<HeadGrid>(empty_grid(snapshot.trace, at.part, at.sample));
    making_since = now_s();
  }
  if (posted == Posted::grid) return true;
  const int n = making->n_layers * making->n_heads, from = making->n_ready;
  const int to = std::min(n, from + heads_a_part(snapshot.trace->at(at)));
  post(Posted::grid, grid_job(snapshot.trace, at.part, at.sample, from, to, speaks,
                              [this](GridPart part) { take_part(std::move(part)); }));
  return true;
}

bool Session::Impl::want_measures(const State& at) {
  std::vector<MeasureKey> missing;
  const std::vector<const Metric*> wanted = wanted_metrics(at);
  for (const Metric* metric : wanted)
    if (!snapshot.measure(metric, at)) missing.push_back(measure_key(*metric, snapshot.trace, at));
  n_to_measure = int(wanted.size());
  n_measured = n_to_measure - int(missing.size());
  const auto& roles = snapshot.roles;
  const bool no_roles =
      at.panel == Panel::head && (!roles || roles->trace.lock() != snapshot.trace ||
                                  roles->part != at.part || roles->sample != at.sample);
  if (posted == Posted::measures) {
    if (missing == posted_measures && (!missing.empty() || no_roles)) return true;
    cancel();
  }
  if (missing.empty() && no_roles) {
    posted_measures.clear();
    post(Posted::measures,
         role_job({snapshot.model, snapshot.trace, at.part, at.sample, snapshot.period}, speaks,
                  [this](std::shared_ptr<const HeadRoles> made) {
                    posted = Posted::none;
                    snapshot.roles = std::move(made);
                  }));
    return true;
  }
  if (missing.empty()) return false;
  posted_measures = missing;
  const bool still = activations_of.lock() == snapshot.trace;
  post(Posted::measures,
       measure_job({snapshot.model, snapshot.trace, at, std::move(missing),
                    still ? activations : nullptr, room().room, snapshot.period},
                   speaks, [this](MadeMeasures made) { take_measures(std::move(made)); }));
  return true;
}

std::shared_ptr<const ReadMap> Snapshot::read_map(const Metric* metric, const State& at) const {
  if (!trace || !reading) return nullptr;
  const MeasureKey key = read_key(metric, trace, at);
  for (const auto& made : read_maps)
    if (made->reading == reading && made->key == key) return made;
  return nullptr;
}

bool Session::Impl::want_reading(const Metric* metric, const State& at) {
  if (!regroups(at)) return false;
  auto& reading = snapshot.reading;
  if (!reading || !reading->is(snapshot.trace, at)) {
    reading = make_reading(snapshot.trace, at);
    snapshot.read_maps.clear();
  }
  if (snapshot.read_map(metric, at)) return false;
  const auto from = metric ? snapshot.measure(metric, at) : nullptr;
  if (metric && !from) return false;
  ReadWish wish{snapshot.trace, reading, read_key(metric, snapshot.trace, at), from, at};
  if (posted == Posted::reading && posted_reading == wish.key && posted_reading_of == reading)
    return true;
  if (posted == Posted::reading) cancel();
  const auto done = [this](std::shared_ptr<const ReadMap> map) {
    if (posted == Posted::reading) posted = Posted::none;
    keep(snapshot.read_maps, std::move(map));
  };
  const Attention& a = snapshot.trace->at(at);
  if ((metric ? 8. * a.n_query * a.n_key : pattern_work(a, a.n_query)) <= kAtOnce) {
    Job job = read_job(std::move(wish), speaks, done);
    while (job.step()) {
    }
    job.deliver();
    return false;
  }
  posted_reading = wish.key;
  posted_reading_of = reading;
  post(Posted::reading, read_job(std::move(wish), speaks, done));
  return true;
}

void Session::Impl::take_measures(MadeMeasures result) {
  posted = Posted::none;
  auto& all = snapshot.measures;
  const auto& made = result.made;
  if (result.roles) snapshot.roles = std::move(result.roles);
  if (result.activations) {
    activations = std::move(result.activations);
    activations_of = snapshot.trace;
  }
  all.insert(all.begin(), made.begin(), made.end());
  uint64_t bytes = 0;
  size_t n = 0;
  const auto bytes_of = [](const MadeMeasure& m) {
    return 256 + m.measure.values.size() * sizeof(float);
  };
  while (n < all.size() && (n < made.size() || bytes + bytes_of(*all[n]) <= kMeasureBytes))
    bytes += bytes_of(*all[n++]);
  all.resize(n);
}

void Session::Impl::take_part(GridPart part) {
  posted = Posted::none;
  const size_t cells = size_t(making->side_q) * size_t(making->side_k);
  std::ranges::copy(part.values, making->values.begin() + int64_t(size_t(part.from) * cells));
  making->n_ready = part.to;
  if (part.to == making->n_layers * making->n_heads) {
    snapshot.grid = std::move(making);
    keep(kept_grids, snapshot.grid);
  } else if (now_s() - making_since > kPatience_s) {
    snapshot.grid = making;
  }
}

}  // namespace attn
