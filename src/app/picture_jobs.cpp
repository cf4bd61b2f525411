#include <algorithm>
#include <optional>

#include "app/jobs.h"
#include "tensor/parallel.h"
#include "trace/attention_block.h"

namespace attn {

namespace {

constexpr int kHeadsAPart = 32;  // per step of one thread

// One thumbnail, or some of its rows where the whole would take too long.
struct Piece {
  int head = 0;          // counted through all layers
  int from = 0, to = 0;  // rows of cells
};

const Attention& attention_of(const HeadGrid& g) { return g.trace->parts[size_t(g.part)]; }

std::vector<Piece> pieces(const HeadGrid& g, int from, int to) {
  const Attention& a = attention_of(g);
  const int n = pattern_work(a, a.n_query) <= kWorkAStep ? 1 : g.side_q;
  std::vector<Piece> out;
  for (int head = from; head < to; ++head) {
    if (!a.is_kept(head / g.n_heads)) continue;
    if (n == 1) out.push_back({head, 0, g.side_q});
    // Row by row: a block of rows would start at other queries than the whole does.
    for (int row = 0; row < n && n > 1; ++row) out.push_back({head, row, row + 1});
  }
  return out;
}

int edge(int row, int side, int n) { return int(int64_t(row) * n / side); }

void fill(const HeadGrid& g, const EarlierGrid& before, const Piece& p, float* thumbnail) {
  const Attention& a = attention_of(g);
  const int layer = p.head / g.n_heads, head = p.head % g.n_heads;
  const Mat to(thumbnail + int64_t(p.from) * g.side_k, p.to - p.from, g.side_k);
  if (g.cell == 0)
    return a.pooled(g.sample, layer, head, edge(p.from, g.side_q, a.n_query),
                    edge(p.to, g.side_q, a.n_query), 0, a.n_key, to);
  const HeadGrid* old = before.grid.get();
  const bool known = old && old->cell == g.cell && p.head < old->n_ready;
  for (int row = p.from; row < p.to; ++row) {
    const int q0 = row * g.cell, q1 = q0 + g.cell;
    const Mat cells = to.rows_of(row - p.from, row - p.from + 1);
    if (known && q1 <= before.n_rows) {
      // Cells that only one of them has are behind the causal diagonal, and 0.
      const float* from = &old->values[size_t(p.head * old->side_q + row) * size_t(old->side_k)];
      std::copy_n(from, std::min(old->side_k, g.side_k), cells.data);
    } else {
      block_pooled(a, g.sample, layer, head, {q0, std::min(q1, a.n_query), 1},
                   {0, g.side_k * g.cell, g.side_k}, 0, 1, cells, {});
    }
  }
}

}  // namespace

Job map_job(std::shared_ptr<const Trace> trace, MapKey key, int rows_a_step, Lang lang,
            std::function<void(std::shared_ptr<const PatternMap>)> done) {
  const Attention& attention = trace->at(key);
  auto map = std::make_shared<PatternMap>();
  map->trace = std::move(trace);
  map->sample = key.sample;
  static_cast<Site&>(*map) = key.site();
  map->n_query = attention.n_query;
  map->n_key = attention.n_key;
  auto next = std::make_shared<int>(0);
  return {tr(lang, "Drawing the pattern", "正在绘制热力图"),
          (attention.n_query + rows_a_step - 1) / rows_a_step,
          [map, next, rows_a_step] {
            if (*next == 0) {
              map->values.resize(size_t(map->n_query) * size_t(map->n_key));
              map->row_max.resize(size_t(map->n_query));
            }
            const int begin = *next, end = std::min(map->n_query, begin + rows_a_step);
            Mat rows(map->values.data() + int64_t(begin) * map->n_key, end - begin, map->n_key);
            map->trace->at(*map).pattern_rows(map->sample, map->layer, map->head, begin, end, rows);
            for (int r = begin; r < end; ++r) {
              const auto row = rows.row(r - begin);
              map->row_max[size_t(r)] = *std::max_element(row.begin(), row.end());
            }
            *next = end;
            return end < map->n_query;
          },
          [map, done] { done(map); }};
}

Job tile_job(std::shared_ptr<const Trace> trace, MapKey key, TileStrip strip, EarlierStrip before,
             Lang lang, std::function<void(std::vector<std::shared_ptr<const Tile>>)> done) {
  auto pass =
      std::make_shared<StripPass>(std::move(trace), std::move(key), strip, std::move(before));
  return {tr(lang, "Drawing the pattern", "正在绘制热力图"), pass->n_steps(),
          [pass] { return pass->step(); }, [pass, done] { done(pass->take()); }};
}

HeadGrid grid_sizes(std::shared_ptr<const Trace> trace, int part, int sample, int side) {
  const Attention& a = trace->parts[size_t(part)];
  HeadGrid grid;
  grid.part = part;
  grid.sample = sample;
  grid.n_layers = a.n_layers;
  grid.n_heads = a.n_heads;
  grid.side_q = std::min(a.n_query, side);
  grid.side_k = std::min(a.n_key, side);
  constexpr int kLong = 8;  // tokens a cell, so that most of the cells remain
  if (side == kGridSide && !a.is_given(0) && a.n_query == a.n_key && a.n_query >= kLong * side) {
    grid.cell = (a.n_query + side - 1) / side;
    grid.side_q = grid.side_k = (a.n_query + grid.cell - 1) / grid.cell;
  }
  grid.trace = std::move(trace);
  return grid;
}

HeadGrid empty_grid(std::shared_ptr<const Trace> trace, int part, int sample) {
  HeadGrid grid = grid_sizes(std::move(trace), part, sample);
  grid.values.assign(
      size_t(grid.n_layers) * size_t(grid.n_heads) * size_t(grid.side_q) * size_t(grid.side_k),
      0.0f);
  return grid;
}

int heads_a_part(const Attention& a) {
  const double a_head = pattern_work(a, a.n_query);
  return int(std::clamp(kHeadsAPart * n_threads() * kWorkAStep / a_head, 1.0, 4096.0));
}

Job grid_job(HeadGrid sizes, int from, int to, EarlierGrid before, Lang lang,
             std::function<void(GridPart)> done) {
  struct Work {
    HeadGrid grid;  // for its sizes
    EarlierGrid before;
    std::vector<Piece> pieces;
    size_t next = 0, a_step = 1;
    GridPart part;

    bool step() {
      const size_t cells = size_t(grid.side_q) * size_t(grid.side_k);
      part.values.resize(size_t(part.to - part.from) * cells);
      const size_t first = next;
      next = std::min(pieces.size(), next + a_step);
      parallel_for(int64_t(next - first), 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const Piece& piece = pieces[first + size_t(i)];
          fill(grid, before, piece, part.values.data() + size_t(piece.head - part.from) * cells);
        }
      });
      return next < pieces.size();
    }
  };
  auto work = std::make_shared<Work>();
  work->grid = std::move(sizes);
  work->before = std::move(before);
  work->part = {from, to, {}};
  work->pieces = pieces(work->grid, from, to);
  const Attention& a = attention_of(work->grid);
  if (!work->pieces.empty()) {
    const double a_piece = pattern_work(a, a.n_query) * (to - from) / double(work->pieces.size());
    work->a_step = size_t(std::max(1.0, kWorkAStep / a_piece)) * size_t(n_threads());
  }
  const int n_steps = int((work->pieces.size() + work->a_step - 1) / work->a_step);
  return {tr(lang, "Drawing all heads", "正在绘制所有注意力头"), std::max(1, n_steps),
          [work] { return work->step(); }, [work, done] { done(std::move(work->part)); }};
}

}  // namespace attn
