// shown.h - what is on screen of one text: its trace, and the pictures and numbers made from it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/measures.h"
#include "app/reading.h"
#include "app/store.h"
#include "app/tiles.h"
#include "model/model.h"
#include "pass/scratch.h"
#include "state/state.h"
#include "trace/trace.h"

namespace attn {

// What maps, tiles and thumbnails together may take, in bytes: half of it tiles, a quarter each
// maps and thumbnails.
inline constexpr uint64_t kPictureRoom = 128'000'000;

// One pattern, [n_query, n_key]. Those of more than kWholeCells have no values here: see
// Shown::tiles.
inline constexpr int64_t kWholeCells = 512 * 512;
struct PatternMap : Site {
  std::shared_ptr<const Trace> trace;
  int sample = 0, n_query = 0, n_key = 0;
  std::vector<float> values;
  std::vector<float> row_max;                        // [n_query]
  Pool pool = Pool::largest;                         // of one in tiles
  std::shared_ptr<const Reading> reading = nullptr;  // whose groups are its rows and columns

  bool is_whole() const { return !values.empty(); }
  MapKey key() const { return {site(), trace, sample, pool}; }
};
uint64_t bytes_of(const std::shared_ptr<const PatternMap>& map);

// Thumbnails of all heads: [layer, head, side_q, side_k]; each cell the largest weight it covers.
// The first n_ready of them, counted through all layers, are there; those of layers that are not
// kept stay empty.
struct HeadGrid {
  std::shared_ptr<const Trace> trace;
  int part = 0, sample = 0, n_layers = 0, n_heads = 0, side_q = 0, side_k = 0, n_ready = 0;
  std::vector<float> values;

  SampleKey key() const { return {trace, part, sample}; }
  bool is_whole() const { return n_ready == n_layers * n_heads; }
};
uint64_t bytes_of(const std::shared_ptr<const HeadGrid>& grid);

// Those that were made, the newest first.
using Measures = Store<MeasureKey, std::shared_ptr<const MadeMeasure>>;
using ReadMaps = Store<ReadKey, std::shared_ptr<const ReadMap>>;

// Every pointer may be null until its job is done, and then stays until the next is ready, so that
// nothing flickers.
struct Shown {
  std::shared_ptr<const Model> model;         // null for the attention from scratch
  std::shared_ptr<const ScratchRun> scratch;  // null for a model
  std::shared_ptr<const Trace> trace;
  std::shared_ptr<const PatternMap> map;
  std::shared_ptr<const HeadGrid> grid;
  std::shared_ptr<const TileCache> tiles;  // of maps that are not whole
  // Of this trace, and of earlier ones until theirs are there.
  Measures measures{bytes_of};
  // Where tokens are not shown as the model reads them: how they are grouped, and maps of the
  // groups.
  std::shared_ptr<const Reading> reading;
  ReadMaps read_maps{bytes_of, kPictureRoom / 4};
  std::shared_ptr<const HeadRoles>
      roles;         // where the inspector is open; of an earlier trace until its own are there
  std::string text;  // that the trace was made of
  int period = 0;    // it is so many random tokens, said twice; 0: it is a text
  std::string note;  // what the memory did not allow, in a sentence; "" when all is there

  // That of this metric for this place, `at` being clamped; null while it is not there.
  std::shared_ptr<const MadeMeasure> measure(const Metric* metric, const State& at) const;
  // The same, or else the last of it that has as many layers and heads, so that a text that is
  // typed does not flicker.
  std::shared_ptr<const MadeMeasure> last_measure(const Metric* metric, const State& at) const;
  std::shared_ptr<const ReadMap> read_map(const Metric* metric, const State& at) const;
};

}  // namespace attn
