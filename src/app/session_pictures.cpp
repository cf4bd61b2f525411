// session_pictures.cpp - makes missing maps, tiles, thumbnails and measures, and keeps those made.
#include <algorithm>
#include <chrono>

#include "app/session_impl.h"
#include "figure/views.h"
#include "pass/forward.h"

namespace attn {
namespace {

constexpr uint64_t kMeasureBytes = 32'000'000;
// Work below which a map is made within the frame that asks for it: about a millisecond.
constexpr double kAtOnce = 1e7;
// Thumbnails replace the old ones one by one only where all of them take longer.
constexpr double kPatience_s = 0.25;

double now_s() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

bool is_kept(const Shown& shown, const State& at) { return shown.trace->at(at).is_kept(at.layer); }

bool is_tiled(const Attention& a) { return int64_t(a.n_query) * a.n_key > kWholeCells; }

}  // namespace

void Session::Impl::measure_memory() {
  MemoryUse& m = snapshot.memory;
  m = {weight_bytes(), kept.bytes(), 0, limit};
  m.pictures = tiles->bytes() + maps.bytes() + grids.bytes() + sharp.bytes() +
               side_a.shown.read_maps.bytes() + side_a.shown.measures.bytes();
}

std::optional<Wish> Session::Impl::missing_map(Side& side, const State& at) {
  Shown& shown = side.shown;
  if (!is_kept(shown, at)) return {};
  const Attention& a = shown.trace->at(at);
  const bool tiled = is_tiled(a);
  const MapKey key{at.site(), shown.trace, at.sample, tiled ? at.pool : Pool::largest};
  // Groups are never shown in tiles.
  if (tiled) return regroups(at) ? std::nullopt : missing_large_map(side, key);
  if (shown.map && shown.map->key() == key) return {};
  if (const auto* map = maps.find(key)) {
    shown.map = *map;
    return {};
  }
  const bool at_once = pattern_work(a, a.n_query) <= kAtOnce;
  const auto job = [this, &shown, key, at_once] {
    return map_job(shown.trace, key, at_once ? 32 : 256, speaks,
                   [this, &shown, key](std::shared_ptr<const PatternMap> map) {
                     maps.put(key, map);
                     shown.map = std::move(map);
                   });
  };
  return Wish{WantedMap{key}, job, at_once};
}

// The thumbnails on screen where they are of an earlier text, and the tokens that both texts begin
// with: rows of causal patterns are the same.
EarlierGrid Session::Impl::earlier_grid(const Shown& shown) const {
  static const Keep kPlain;
  const Trace& now = *shown.trace;
  const bool plain = shown.model && now.parts.size() == 1 && now.own().edits.empty();
  if (!plain || !shown.grid || shown.grid->trace == shown.trace) return {};
  return {shown.grid,
          n_reusable(*shown.model, now.own().query_tokens[0], *shown.grid->trace, kPlain)};
}

EarlierStrip Session::Impl::earlier_strip(const Shown& shown, const MapKey& key,
                                          const TileStrip& strip) const {
  const EarlierGrid before = earlier_grid(shown);
  EarlierStrip out;
  for (int col = strip.col0; col < strip.col1 && before.n_rows > 0; ++col) {
    out.tiles.push_back(tiles->peek({key.site(), before.grid->trace, key.sample, key.pool},
                                    {strip.level, strip.row, col}));
    if (!out.tiles.back()) return {};
  }
  out.n_rows = before.n_rows;
  return out;
}

// The visible tiles of a level; the missing ones of one row of tiles are one job.
std::optional<Wish> Session::Impl::missing_tiles(Side& side, const MapKey& key, const MapLook& at,
                                                 int level) {
  const auto& trace = side.shown.trace;
  for (TileStrip strip : strips_in_view(at, trace->at(key), level)) {
    int first = strip.col1, last = strip.col0;
    for (int col = strip.col0; col < strip.col1; ++col) {
      if (tiles->get(key, {level, strip.row, col})) continue;
      first = std::min(first, col);
      last = col + 1;
    }
    if (first >= last) continue;
    return Wish{
        WantedTiles{key}, [this, &side, key, missing = TileStrip{level, strip.row, first, last}] {
          return tile_job(side.shown.trace, key, missing, earlier_strip(side.shown, key, missing),
                          speaks, [this, key](std::vector<std::shared_ptr<const Tile>> made) {
                            for (auto& tile : made) tiles->put(key, std::move(tile));
                          });
        }};
  }
  return {};
}

std::optional<Wish> Session::Impl::missing_large_map(Side& side, const MapKey& key) {
  Shown& shown = side.shown;
  const Attention& a = shown.trace->at(key);
  const int coarsest = overview_level(a.n_query, a.n_key);
  const auto show_it = [&] {
    auto map = std::make_shared<PatternMap>();
    *map = {key.site(), shown.trace, key.sample, a.n_query, a.n_key, {}, {}, key.pool};
    shown.map = std::move(map);
  };
  // Another head replaces the one on screen when its overview is complete.
  if (!shown.map || shown.map->trace != shown.trace) show_it();
  if (auto wish = missing_tiles(side, key, whole_map(a), coarsest)) return wish;
  if (!(shown.map->key() == key)) show_it();
  const MapLook& look = side.look;
  const int level = level_for(look, a.n_query, a.n_key);
  if (level >= coarsest || look.q1 > float(a.n_query) + 1 || look.k1 > float(a.n_key) + 1)
    return {};
  return missing_tiles(side, key, look, level);
}

std::optional<Wish> Session::Impl::missing_read_weights(Side& side, const State& at) {
  return missing_reading(side, nullptr, at);
}

std::optional<Wish> Session::Impl::missing_read_measure(Side& side, const State& at) {
  const View& view = middle_view(at);
  const Metric* metric = view.groups ? view.metric(at) : nullptr;
  return metric ? missing_reading(side, metric, at) : std::nullopt;
}

std::optional<Wish> Session::Impl::missing_reading(Side& side, const Metric* metric,
                                                   const State& at) {
  Shown& shown = side.shown;
  if (!regroups(at) || !is_kept(shown, at)) return {};
  if (!shown.reading || !shown.reading->is(shown.trace, at)) {
    shown.reading = make_reading(shown.trace, at);
    shown.read_maps.clear();
  }
  if (shown.read_map(metric, at)) return {};
  const auto from = metric ? shown.measure(metric, at) : nullptr;
  if (metric && !from) return {};
  const ReadKey key = read_key(shown.reading, metric, shown.trace, at);
  const Attention& a = shown.trace->at(at);
  const double work = metric ? 8. * a.n_query * a.n_key : pattern_work(a, a.n_query);
  const auto job = [this, &shown, key, from, at] {
    return read_job({shown.trace, key, from, at}, speaks,
                    [&shown, key](std::shared_ptr<const ReadMap> map) {
                      shown.read_maps.put(key, std::move(map));
                    });
  };
  return Wish{WantedReading{key}, job, work <= kAtOnce};
}

std::optional<Wish> Session::Impl::missing_measures(Side& side, const State& at) {
  Shown& shown = side.shown;
  WantedMeasures missing{{shown.trace, at.part, at.sample}, {}};
  const std::vector<const Metric*> wanted = wanted_metrics(at);
  for (const Metric* metric : wanted)
    if (!shown.measure(metric, at)) missing.keys.push_back(measure_key(*metric, shown.trace, at));
  side.n_to_measure = int(wanted.size());
  side.n_measured = side.n_to_measure - int(missing.keys.size());
  const auto& roles = shown.roles;
  missing.roles =
      at.panel == Panel::head && !(roles && roles->trace.lock() == shown.trace &&
                                   roles->part == at.part && roles->sample == at.sample);
  if (missing.keys.empty() && !missing.roles) return {};
  const auto job = [this, &side, missing, at] {
    const bool still = side.activations_of.lock() == side.shown.trace &&
                       side.activations_by == stack_of(side.shown.model, at.part);
    return measure_job(
        {side.shown.model, side.shown.trace, at, missing.keys, missing.roles,
         still ? side.activations : nullptr, room().room, side.shown.period, side.shown.scratch},
        speaks, [this, &side, by = stack_of(side.shown.model, at.part)](MadeMeasures made) {
          take_measures(side, std::move(made), by);
        });
  };
  return Wish{missing, job};
}

std::optional<Wish> Session::Impl::missing_chapter(Side& side, const State& at) {
  Shown& shown = side.shown;
  const Chapter* chapter = at.panel == Panel::learn ? find_chapter(at.learn) : nullptr;
  if (!chapter || !is_kept(shown, at)) return {};
  const ChapterKey key = chapter_key(*chapter, shown.trace, at);
  if (shown.chapter && shown.chapter->key == key) return {};
  const auto job = [&shown, chapter, at] {
    return chapter_job(
        *chapter, shown.model, shown.trace, at,
        [&shown](std::shared_ptr<const MadeChapter> made) { shown.chapter = std::move(made); });
  };
  const double work =
      chapter_work(*chapter, {stack_of(shown.model, at.part), shown.trace.get(), &at});
  return Wish{WantedChapter{key}, job, work <= kAtOnce};
}

void Session::Impl::take_measures(Side& side, MadeMeasures result, const Model* by) {
  Shown& shown = side.shown;
  if (result.roles) shown.roles = std::move(result.roles);
  if (result.activations) {
    side.activations = std::move(result.activations);
    side.activations_of = shown.trace;
    side.activations_by = by;
  }
  snapshot.n_measures += int(result.made.size());
  for (auto& made : result.made) shown.measures.put(made->key, made);
  shown.measures.trim(kMeasureBytes, result.made.size());
}

std::optional<Wish> Session::Impl::missing_grid(Side& side, const State& at) {
  Shown& shown = side.shown;
  const SampleKey key{shown.trace, at.part, at.sample};
  if (shown.grid && shown.grid->key() == key && shown.grid->is_whole()) return {};
  if (const auto* grid = grids.find(key)) {
    shown.grid = *grid;
    return {};
  }
  if (!side.making || !(side.making->key() == key)) {
    side.making = std::make_shared<HeadGrid>(empty_grid(shown.trace, at.part, at.sample));
    side.making_since = now_s();
    side.before = earlier_grid(shown);
  }
  const HeadGrid& making = *side.making;
  const int n = making.n_layers * making.n_heads, from = making.n_ready;
  const int to = std::min(n, from + heads_a_part(shown.trace->at(at)));
  return Wish{WantedGrid{key}, [this, &side, part = at.part, sample = at.sample, from, to] {
                return grid_job(grid_sizes(side.shown.trace, part, sample), from, to, side.before,
                                speaks,
                                [this, &side](GridPart made) { take_part(side, std::move(made)); });
              }};
}

std::optional<Wish> Session::Impl::missing_sharp(Side& side, const State& at) {
  Shown& shown = side.shown;
  const SampleKey of{shown.trace, at.part, at.sample};
  const Attention& a = shown.trace->at(at);
  std::vector<std::shared_ptr<const SharpMap>> ready;
  std::optional<SharpKey> missing;
  for (const int head : side.watched) {
    if (head >= a.n_layers * a.n_heads || !a.is_kept(head / a.n_heads)) continue;
    const SharpKey key{of, head, side.watched_side};
    if (const auto* made = sharp.find(key))
      ready.push_back(*made);
    else if (!missing)
      missing = key;
  }
  shown.sharp = std::move(ready);
  if (!missing) return {};
  return Wish{
      WantedSharp{*missing}, [this, &side, key = *missing] {
        const HeadGrid sizes = grid_sizes(side.shown.trace, key.of.part, key.of.sample, key.side);
        return grid_job(sizes, key.head, key.head + 1, {}, speaks,
                        [this, key, rows = sizes.side_q, cols = sizes.side_k](GridPart made) {
                          sharp.put(key, std::make_shared<const SharpMap>(
                                             SharpMap{key, rows, cols, std::move(made.values)}));
                        });
      }};
}

void Session::Impl::take_part(Side& side, GridPart part) {
  HeadGrid& making = *side.making;
  const size_t cells = size_t(making.side_q) * size_t(making.side_k);
  std::ranges::copy(part.values, making.values.begin() + int64_t(size_t(part.from) * cells));
  making.n_ready = part.to;
  if (making.is_whole()) {
    side.shown.grid = std::move(side.making);
    side.before = {};
    grids.put(side.shown.grid->key(), side.shown.grid);
  } else if (now_s() - side.making_since > kPatience_s) {
    side.shown.grid = side.making;
  }
}

std::optional<Wish> Session::Impl::missing_characters(Side& side) {
  Shown& shown = side.shown;
  const auto of = std::ranges::find_if(
      loaded, [&](const Loaded& l) { return l.model && l.model == shown.model; });
  if (of == loaded.end() || of->characters) return {};
  if (!of->probe) {
    // The texts of the probe are for models that read one text.
    if (of->model->encoder || ModelProbe::bytes_needed(of->model->config) > room().room) {
      shown.characters = of->characters = std::make_shared<const HeadCharacters>();
      return {};
    }
    of->probe = std::make_shared<ModelProbe>(of->model);
  }
  const auto job = [this, &shown, model = of->model, probe = of->probe] {
    return probe_job(probe, speaks,
                     [this, &shown, model](std::shared_ptr<const HeadCharacters> made) {
                       for (Loaded& l : loaded) {
                         if (l.model != model) continue;
                         l.characters = made;
                         l.probe.reset();
                       }
                       if (shown.model == model) shown.characters = std::move(made);
                     });
  };
  return Wish{WantedCharacters{of->model}, job};
}

}  // namespace attn
