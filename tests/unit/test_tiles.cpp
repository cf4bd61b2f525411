#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "app/jobs.h"
#include "app/tiles.h"
#include "tensor/parallel.h"

using namespace attn;

namespace {

std::vector<float> noise(size_t n, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> out(n);
  for (float& x : out) x = normal(engine);
  return out;
}

std::shared_ptr<const Trace> random_trace(int n_query, int n_key, Mask mask, int n_layers = 1,
                                          int n_heads = 2) {
  Attention a;
  a.n_layers = n_layers;
  a.n_heads = a.n_kv_heads = n_heads;
  a.d_head = 8;
  a.n_query = n_query;
  a.n_key = n_key;
  a.scale = 0.35f;
  a.mask = mask;
  for (int l = 0; l < n_layers; ++l) {
    const auto make = [&](int n, unsigned seed) {
      return HeadRows(n_heads, n, 8, noise(size_t(n_heads) * size_t(n) * 8, seed));
    };
    a.layers.push_back(
        QK{make(n_query, unsigned(2 * l + 1)), make(n_key, unsigned(2 * l + 2)), make(n_key, 99)});
  }
  auto trace = std::make_shared<Trace>();
  trace->parts.push_back(std::move(a));
  trace->parts[0].query_tokens.resize(1);
  trace->parts[0].key_tokens.resize(1);
  return trace;
}

// What a cell stands for, looked up in the whole pattern.
struct Cell {
  float weight = -1, share = -1;
};
Cell slow_cell(const std::vector<float>& pattern, const std::vector<float>& largest_of_rows,
               int n_key, int level, int row, int col) {
  const int n_query = int(largest_of_rows.size());
  Cell cell;
  for (int q = row << level; q < std::min(n_query, (row + 1) << level); ++q) {
    const float* line = &pattern[size_t(q) * size_t(n_key)];
    const float most = largest_of_rows[size_t(q)];
    for (int k = col << level; k < std::min(n_key, (col + 1) << level); ++k) {
      cell.weight = std::max(cell.weight, line[k]);
      cell.share = std::max(cell.share, most > 0 ? line[k] / most : 0);
    }
  }
  return cell;
}

std::vector<std::shared_ptr<const Tile>> run(const std::shared_ptr<const Trace>& trace, int head,
                                             TileStrip strip, int* n_steps = nullptr) {
  StripPass pass(trace, {{0, 0, head}, trace}, strip);
  int n = 1;
  while (pass.step()) ++n;
  CHECK(n == pass.n_steps());
  if (n_steps) *n_steps = n;
  return pass.take();
}

std::shared_ptr<const Tile> blank_tile(TilePlace place) {
  auto tile = std::make_shared<Tile>();
  tile->place = place;
  tile->rows = tile->cols = 16;
  tile->pairs.resize(16 * 16 * 2);
  return tile;
}

}  // namespace

TEST_CASE("tiles hold the pattern's own weights at level 0, and the largest of each cell above") {
  for (const Mask mask : {Mask::causal, Mask::none}) {
    for (const auto& [n_query, n_key] : {std::pair{700, 700}, {301, 517}, {513, 257}}) {
      if (mask == Mask::causal && n_query != n_key) continue;
      const auto trace = random_trace(n_query, n_key, mask);
      const std::vector<float> pattern = trace->parts[0].pattern(0, 0, 1);
      std::vector<float> largest_of_rows;
      for (auto line = pattern.begin(); line != pattern.end(); line += n_key)
        largest_of_rows.push_back(*std::max_element(line, line + n_key));
      for (int level : {0, 1, 3}) {
        CAPTURE(level);
        for (int row = 0; row < tiles_along(n_query, level); ++row) {
          const auto tiles = run(trace, 1, {level, row, 0, tiles_along(n_key, level)});
          int wrong = 0;
          for (size_t t = 0; t < tiles.size(); ++t) {
            const Tile& tile = *tiles[t];
            CHECK(tile.place == TilePlace{level, row, int(t)});
            for (int y = 0; y < tile.rows; ++y)
              for (int x = 0; x < tile.cols; ++x) {
                const Cell right = slow_cell(pattern, largest_of_rows, n_key, level,
                                             row * kTileSide + y, int(t) * kTileSide + x);
                const float* seen = &tile.pairs[size_t(y * tile.cols + x) * 2];
                // Rows that are computed alone may differ in their last bits.
                wrong += std::abs(seen[0] - right.weight) > 1e-6f ||
                         std::abs(seen[1] - right.share) > 1e-6f;
              }
          }
          CHECK(wrong == 0);
        }
      }
    }
  }
}

TEST_CASE("tiles of means hold the mean of each cell, masked weights being 0") {
  for (const Mask mask : {Mask::causal, Mask::none}) {
    const int n = 517;
    const auto trace = random_trace(n, n, mask);
    const std::vector<float> pattern = trace->parts[0].pattern(0, 0, 1);
    for (int level : {1, 3}) {
      StripPass pass(trace, {{0, 0, 1}, trace, 0, Pool::mean},
                     {level, 0, 0, tiles_along(n, level)});
      while (pass.step()) {
      }
      double worst = 0;
      for (const auto& tile : pass.take())
        for (int y = 0; y < tile->rows; ++y)
          for (int x = 0; x < tile->cols; ++x) {
            double weight = 0, share = 0;
            int count = 0;
            const int col = tile->place.col * kTileSide + x;
            for (int q = y << level; q < std::min(n, (y + 1) << level); ++q) {
              const float* row = &pattern[size_t(q) * size_t(n)];
              const float most = *std::max_element(row, row + n);
              for (int k = col << level; k < std::min(n, (col + 1) << level); ++k, ++count) {
                weight += double(row[k]);
                share += double(row[k]) / double(most);
              }
            }
            const float* seen = &tile->pairs[size_t(y * tile->cols + x) * 2];
            worst = std::max({worst, std::abs(weight / count - double(seen[0])),
                              std::abs(share / count - double(seen[1]))});
          }
      CHECK(worst < 1e-6);
    }
  }
  const auto trace = random_trace(8, 8, Mask::none);
  CHECK(!(MapKey{{}, trace, 0, Pool::mean} == MapKey{{}, trace}));
}

TEST_CASE("tiles together cover every cell of odd sizes once, and a strip may begin anywhere") {
  for (int n : {1, 255, 256, 257, 1000, 8192})
    for (int level = 0; level <= overview_level(n, n); ++level) {
      const auto trace = random_trace(1, n, Mask::none);
      int cells = 0;
      for (int col = 0; col < tiles_along(n, level); ++col)
        cells += run(trace, 0, {level, 0, col, col + 1})[0]->cols;
      CHECK(cells == (n + (1 << level) - 1) >> level);
    }
}

TEST_CASE("steps of a strip are short, however long the text") {
  const auto trace = random_trace(8192, 8192, Mask::causal);
  const Attention& a = trace->parts[0];
  int n_steps = 0;
  run(trace, 0, {3, 0, 0, 1}, &n_steps);
  // Products of 2048 rows, over what a step may take.
  CHECK(n_steps >= int(pattern_work(a, 2048) / (kWorkAStep * n_threads() * 1.5)));
}

TEST_CASE(
    "the level follows the zoom, the overview is small, and no view asks for too many tiles") {
  CHECK(overview_level(300, 300) == 0);
  CHECK(overview_level(1024, 1024) == 0);
  CHECK(overview_level(1025, 4) == 1);
  CHECK(overview_level(8192, 8192) == 3);
  CHECK(level_for({0, 8192, 0, 8192, 14}, 8192, 8192) == 3);
  CHECK(level_for({0, 1000, 0, 1000, 1.9f}, 8192, 8192) == 0);
  CHECK(level_for({0, 2000, 0, 2000, 2.1f}, 8192, 8192) == 1);
  CHECK(level_for({0, 10, 0, 10, .01f}, 8192, 8192) == 0);
  for (float pixels : {300.f, 1000.f, 4000.f, 9000.f})
    for (float span = 2; span <= 8192; span *= 1.3f) {
      const auto trace = random_trace(1, 1, Mask::none);
      Attention a = trace->parts[0];
      a.n_query = a.n_key = 8192;
      const MapLook look{100.5f, std::min(8192.f, 100.5f + span), 0, span, span / pixels};
      const int level = level_for(look, 8192, 8192);
      int n = 0;
      for (const TileStrip& s : strips_in_view(look, a, level)) n += s.col1 - s.col0;
      CHECK(n <= kMostTilesInView);
      CHECK(n >= 1);
    }
}

TEST_CASE("strips leave out what lies in a causal mask's future") {
  const auto trace = random_trace(1000, 1000, Mask::causal);
  const auto strips = strips_in_view(whole_map(trace->parts[0]), trace->parts[0], 0);
  REQUIRE(strips.size() == 4);
  for (int row = 0; row < 4; ++row) {
    CHECK(strips[size_t(row)].col0 == 0);
    CHECK(strips[size_t(row)].col1 == row + 1);
  }
  CHECK(strips_in_view({0, 100, 600, 700, 1}, trace->parts[0], 0).empty());
}

TEST_CASE("the cache keeps within its bytes and drops what was not asked for the longest") {
  const auto trace = random_trace(4, 4, Mask::none), other = random_trace(4, 4, Mask::none);
  const MapKey map{{}, trace}, next{{0, 0, 1}, trace}, elsewhere{{}, other};
  const uint64_t one = blank_tile({})->bytes();
  TileCache cache(3 * one + one / 2);
  cache.put(map, blank_tile({0, 0, 0}));
  cache.put(map, blank_tile({0, 0, 1}));
  cache.put(next, blank_tile({0, 0, 1}));
  CHECK(cache.bytes() == 3 * one);
  CHECK(cache.get(map, {0, 0, 0}));
  CHECK(cache.peek(map, {0, 0, 1}));  // looking is not asking
  cache.put(elsewhere, blank_tile({0, 0, 0}));
  CHECK(cache.bytes() == 3 * one);
  CHECK(!cache.peek(map, {0, 0, 1}));
  CHECK(cache.peek(map, {0, 0, 0}));
  CHECK(cache.peek(next, {0, 0, 1}));
  CHECK(cache.peek(elsewhere, {0, 0, 0}));
  CHECK(!cache.peek(map, {1, 0, 0}));
  cache.put(map, blank_tile({0, 0, 0}));  // again: in its own place
  CHECK(cache.bytes() == 3 * one);
}

TEST_CASE("tiles go with their trace, and a new trace at the same address is another") {
  auto trace = random_trace(4, 4, Mask::none);
  TileCache cache(1'000'000);
  const MapKey old{{}, trace};
  cache.put(old, blank_tile({0, 0, 0}));
  cache.drop_lost();
  CHECK(cache.bytes() > 0);
  trace = random_trace(4, 4, Mask::none);
  CHECK(!cache.peek({{}, trace}, {0, 0, 0}));
  cache.drop_lost();
  CHECK(cache.bytes() == 0);
}

TEST_CASE("thumbnails come part by part, each exact, in steps as short as those of a map") {
  for (const auto& [n, most_side] :
       {std::pair(40, kGridSide), std::pair(200, kGridSide), std::pair(1500, kGridSide),
        std::pair(200, 128), std::pair(600, 512)}) {
    CAPTURE(n);
    CAPTURE(most_side);
    const auto trace = random_trace(n, n, Mask::causal, 2, 3);
    const Attention& a = trace->parts[0];
    const HeadGrid sizes = grid_sizes(trace, 0, 0, most_side);
    const size_t cells = size_t(sizes.side_q) * size_t(sizes.side_k);
    for (int from : {0, 2, 5}) {
      GridPart part;
      Job job =
          grid_job(sizes, from, from + 1, {}, Lang::en, [&](GridPart p) { part = std::move(p); });
      int n_steps = 1;
      while (job.step()) ++n_steps;
      CHECK(n_steps == job.n_steps);
      job.deliver();
      REQUIRE(part.values.size() == cells);
      std::vector<float> right(cells), pattern = a.pattern(0, from / 3, from % 3);
      // The last cell that begins at i or before.
      const auto cell_of = [whole = sizes.cell](int i, int side, int all) {
        int cell = 0;
        if (whole > 0) return i / whole;
        while (cell + 1 < side && int64_t(cell + 1) * all / side <= i) ++cell;
        return cell;
      };
      for (int q = 0; q < n; ++q)
        for (int k = 0; k < n; ++k) {
          float& cell = right[size_t(cell_of(q, sizes.side_q, n) * sizes.side_k +
                                     cell_of(k, sizes.side_k, n))];
          cell = std::max(cell, pattern[size_t(q) * size_t(n) + size_t(k)]);
        }
      float most = 0;
      for (size_t i = 0; i < cells; ++i) most = std::max(most, std::abs(right[i] - part.values[i]));
      CHECK(most < 1e-6f);
    }
  }
  const auto large = random_trace(8192, 8192, Mask::causal, 1, 1);
  const Job job = grid_job(grid_sizes(large, 0, 0), 0, 1, {}, Lang::en, [](GridPart) {});
  CHECK(job.n_steps >= 64 / n_threads());
}
