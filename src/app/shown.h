// shown.h - what is on screen for one text: its trace, and the pictures and numbers made from it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "analysis/head_character.h"
#include "app/learn.h"
#include "app/measures.h"
#include "app/reading.h"
#include "app/store.h"
#include "app/tiles.h"
#include "model/model.h"
#include "pass/scratch.h"
#include "state/state.h"
#include "trace/trace.h"

namespace attn {

// Bytes for maps, tiles and thumbnails together: half for tiles, a quarter for maps, an eighth each
// for thumbnails and for the wall's sharp maps.
inline constexpr uint64_t kPictureRoom = 128'000'000;

// One pattern, [n_query, n_key]. Patterns of more than kWholeCells have no values: see
// Shown::tiles.
inline constexpr int64_t kWholeCells = 512 * 512;
struct PatternMap : Site {
  std::shared_ptr<const Trace> trace;
  int sample = 0, n_query = 0, n_key = 0;
  std::vector<float> values;
  std::vector<float> row_max;                        // [n_query]
  Pool pool = Pool::largest;                         // of a map in tiles
  std::shared_ptr<const Reading> reading = nullptr;  // whose groups are its rows and columns

  bool is_whole() const { return !values.empty(); }
  MapKey key() const { return {site(), trace, sample, pool}; }
};
uint64_t bytes_of(const std::shared_ptr<const PatternMap>& map);

// Thumbnails of all heads: [layer, head, side_q, side_k]; each cell is the largest weight it
// covers. The first n_ready, counted through all layers, are ready; those of layers that are not
// kept stay empty.
inline constexpr int kGridSide = 64;
struct HeadGrid {
  std::shared_ptr<const Trace> trace;
  int part = 0, sample = 0, n_layers = 0, n_heads = 0, side_q = 0, side_k = 0, n_ready = 0;
  // Tokens a cell where a text is long, so that typing on leaves the cells where they are; the last
  // covers less. 0: the cells cover the text evenly.
  int cell = 0;
  std::vector<float> values;

  SampleKey key() const { return {trace, part, sample}; }
  bool is_whole() const { return n_ready == n_layers * n_heads; }
  // How many of `side` cells the text covers.
  float covered(int side) const {
    return cell > 0 ? float(trace->parts[size_t(part)].n_query) / float(cell) : float(side);
  }
};
uint64_t bytes_of(const std::shared_ptr<const HeadGrid>& grid);

// One head as the wall shows it enlarged: as in HeadGrid, with at most `side` cells a side.
struct SharpKey {
  SampleKey of;
  int head = 0;  // counted through all layers
  int side = 0;

  bool operator==(const SharpKey&) const = default;
};
struct SharpMap {
  SharpKey key;
  int rows = 0, cols = 0;
  std::vector<float> values;  // [rows, cols]
};
uint64_t bytes_of(const std::shared_ptr<const SharpMap>& map);
inline constexpr uint64_t kSharpRoom = kPictureRoom / 8;

// Measures made so far, the newest first.
using Measures = Store<MeasureKey, std::shared_ptr<const MadeMeasure>>;
using ReadMaps = Store<ReadKey, std::shared_ptr<const ReadMap>>;

// How many tokens a model can read of the beginning and of the end of a text; 0: none.
struct Cuts {
  int first = 0, last = 0;
};

// Pointers are null until their job is done, then keep the old result until the next is ready, so
// that nothing flickers.
struct Shown {
  std::shared_ptr<const Model> model;         // null for the attention from scratch
  std::shared_ptr<const ScratchRun> scratch;  // null for a model
  std::shared_ptr<const Trace> trace;
  std::shared_ptr<const PatternMap> map;
  std::shared_ptr<const HeadGrid> grid;
  std::shared_ptr<const TileCache> tiles;  // of maps that are not whole
  // Those of Session::watch that are ready, in the same order.
  std::vector<std::shared_ptr<const SharpMap>> sharp;
  // Of this trace, and of earlier traces until its own are made.
  Measures measures{bytes_of};
  // Where tokens are merged or hidden: the groups, and maps of the groups.
  std::shared_ptr<const Reading> reading;
  ReadMaps read_maps{bytes_of, kPictureRoom / 4};
  std::shared_ptr<const HeadRoles>
      roles;  // while the inspector is open; of an earlier trace until its own are made
  // The open chapter; of an earlier state until its own is made. Null before the first.
  std::shared_ptr<const MadeChapter> chapter;
  // Of the model, whatever the text; null where there is none, or until they are made.
  std::shared_ptr<const HeadCharacters> characters;
  std::string text;  // of the trace
  int period = 0;    // number of random tokens, repeated twice; 0: a text
  std::string note;  // which layers did not fit in memory; "" when all are kept

  // This metric at this place; `at` must be clamped. Null until made.
  std::shared_ptr<const MadeMeasure> measure(const Metric* metric, const State& at) const;
  // The same, else the latest with as many layers and heads, so that typing does not flicker.
  std::shared_ptr<const MadeMeasure> last_measure(const Metric* metric, const State& at) const;
  std::shared_ptr<const ReadMap> read_map(const Metric* metric, const State& at) const;
};

}  // namespace attn
