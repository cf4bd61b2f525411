// tiles.h - patterns too large to hold whole, as square tiles at several levels of detail.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "app/store.h"
#include "state/state.h"
#include "trace/trace.h"

namespace attn {

// One head's pattern for one sample. Does not keep the trace alive.
struct MapKey : Site {
  std::weak_ptr<const Trace> trace;
  int sample = 0;
  Pool pool = Pool::largest;  // of tiles

  bool operator==(const MapKey& other) const;
};
// All heads of an attention for one sample. Does not keep the trace alive.
struct SampleKey {
  std::weak_ptr<const Trace> trace;
  int part = 0, sample = 0;

  bool operator==(const SampleKey& other) const;
};

// A cell of level l covers 2^l x 2^l weights, aligned to the pattern's first weight; cells at the
// end cover what is left. A tile is kTileSide x kTileSide cells, or what is left.
inline constexpr int kTileSide = 256;
struct TilePlace {
  int level = 0, row = 0, col = 0;
  bool operator==(const TilePlace&) const = default;
};

struct Tile {
  TilePlace place;
  int rows = 0, cols = 0;
  // [rows, cols, 2]: the largest (or mean) weight of each cell, and the largest (or mean) over its
  // own row's maximum; masked weights count as 0. -1: all are NaN.
  std::vector<float> pairs;

  uint64_t bytes() const { return sizeof(Tile) + pairs.size() * sizeof(float); }
};

// A cache of tiles of several maps. Drops the least recently used to stay within `most_bytes` (a
// single larger tile excepted).
class TileCache {
 public:
  explicit TileCache(uint64_t most_bytes);

  void put(const MapKey& map, std::shared_ptr<const Tile> tile);
  // Null when missing; `get` counts as use, `peek` does not.
  std::shared_ptr<const Tile> get(const MapKey& map, TilePlace place);
  std::shared_ptr<const Tile> peek(const MapKey& map, TilePlace place) const;
  void drop_lost();  // tiles whose trace is gone
  void drop_all_but(const MapKey& map);
  uint64_t bytes() const { return store_.bytes(); }
  uint64_t most_bytes() const { return store_.most_bytes(); }
  uint64_t version() const { return version_; }  // changes with every put and drop

 private:
  struct Key {
    MapKey map;
    TilePlace place;
    bool operator==(const Key& other) const { return place == other.place && map == other.map; }
  };
  Store<Key, std::shared_ptr<const Tile>> store_;
  uint64_t version_ = 0;
};

// The part of a map in view, in cells of level 0, and how many of them a pixel covers.
struct MapLook {
  float q0 = 0, q1 = 0, k0 = 0, k1 = 0;
  float cells_per_pixel = 1e9f;

  bool operator==(const MapLook&) const = default;
};

// Number of tiles of a level along n cells of level 0.
int tiles_along(int n, int level);
// The finest level at which the whole map has at most kOverviewSide cells a side. It is always
// loaded, so that there is something to show wherever one pans.
inline constexpr int kOverviewSide = 1024;
int overview_level(int n_query, int n_key);
// The coarsest level whose cells are no larger than a pixel, coarser where more than
// kMostTilesInView tiles would be in view; at most the overview's.
inline constexpr int kMostTilesInView = 96;
int level_for(const MapLook& look, int n_query, int n_key);
// Adjacent tiles of one row, col0 to col1 - 1.
struct TileStrip {
  int level = 0, row = 0, col0 = 0, col1 = 0;
};
// The tiles of a level in view, without those that a causal mask hides entirely. A look beyond the
// map is clipped.
std::vector<TileStrip> strips_in_view(const MapLook& look, const Pairs& pairs, int level);
MapLook whole_map(const Pairs& pairs);

// The tiles of a strip for an earlier trace, of whose causal pattern the first n_rows are the same.
struct EarlierStrip {
  std::vector<std::shared_ptr<const Tile>> tiles;
  int n_rows = 0;
};

// Fills the tiles of a strip in steps of a few milliseconds, pooling exact weights of pattern_rows.
// Each row needs its whole softmax whatever the columns, so adjacent tiles are made together. Rows
// of cells that `before` has are copied.
class StripPass {
 public:
  StripPass(std::shared_ptr<const Trace> trace, MapKey map, TileStrip strip,
            EarlierStrip before = {});
  int n_steps() const;
  bool step();  // false: that was the last
  std::vector<std::shared_ptr<const Tile>> take();

 private:
  void begin();
  void fill(int64_t q0, int64_t q1);

  std::shared_ptr<const Trace> trace_;
  MapKey map_;
  TileStrip strip_;
  EarlierStrip before_;
  std::vector<std::shared_ptr<Tile>> tiles_;
  int n_copied_ = 0;                        // rows of cells
  int64_t first_ = 0, next_ = 0, end_ = 0;  // queries
  int64_t block_ = 0;                       // queries per thread and turn, whole cells
  int64_t blocks_a_step_ = 0;
};

// Cost of `rows` rows of a pattern, in multiplications; and the budget of a step: about 4 ms of a
// page with one thread.
double pattern_work(const Attention& a, double rows);
inline constexpr double kWorkAStep = 1.2e7;

}  // namespace attn
