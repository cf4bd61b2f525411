#include "app/tiles.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tensor/parallel.h"

namespace attn {

namespace {

constexpr int kRows = 32;  // of a pattern that a thread holds at a time
constexpr float kNotANumber = -1;

bool same_trace(const std::weak_ptr<const Trace>& a, const std::weak_ptr<const Trace>& b) {
  return !a.owner_before(b) && !b.owner_before(a);
}

int cells_along(int n, int level) { return int((int64_t(n) + (1ll << level) - 1) >> level); }

bool is_causal(const Pairs& a) { return a.mask == Mask::causal && a.masked_score == 0; }

}  // namespace

bool MapKey::operator==(const MapKey& o) const {
  return site() == o.site() && sample == o.sample && pool == o.pool && same_trace(trace, o.trace);
}

bool SampleKey::operator==(const SampleKey& o) const {
  return part == o.part && sample == o.sample && same_trace(trace, o.trace);
}

TileCache::TileCache(uint64_t most_bytes)
    : store_([](const std::shared_ptr<const Tile>& tile) { return tile->bytes(); }, most_bytes) {}

void TileCache::put(const MapKey& map, std::shared_ptr<const Tile> tile) {
  const TilePlace place = tile->place;
  store_.put({map, place}, std::move(tile));
  ++version_;
}

std::shared_ptr<const Tile> TileCache::get(const MapKey& map, TilePlace place) {
  const auto* tile = store_.find({map, place});
  return tile ? *tile : nullptr;
}

std::shared_ptr<const Tile> TileCache::peek(const MapKey& map, TilePlace place) const {
  const auto* tile = store_.peek({map, place});
  return tile ? *tile : nullptr;
}

void TileCache::drop_lost() {
  const size_t n = store_.size();
  store_.erase_if([](const auto& e) { return e.key.map.trace.expired(); });
  if (store_.size() != n) ++version_;
}

void TileCache::drop_all_but(const MapKey& map) {
  const size_t n = store_.size();
  store_.erase_if([&](const auto& e) { return !(e.key.map == map); });
  if (store_.size() != n) ++version_;
}

int tiles_along(int n, int level) { return (cells_along(n, level) + kTileSide - 1) / kTileSide; }

int overview_level(int n_query, int n_key) {
  int level = 0;
  while (cells_along(std::max(n_query, n_key), level) > kOverviewSide) ++level;
  return level;
}

MapLook whole_map(const Pairs& a) { return {0, float(a.n_query), 0, float(a.n_key), 1e9f}; }

int level_for(const MapLook& look, int n_query, int n_key) {
  const int coarsest = overview_level(n_query, n_key);
  const float fine = std::floor(std::log2(std::max(1.f, look.cells_per_pixel)));
  int level = std::clamp(int(fine), 0, coarsest);
  const auto tiles = [&](float cells) { return double(cells) / double(kTileSide << level) + 1; };
  while (level < coarsest && tiles(look.q1 - look.q0) * tiles(look.k1 - look.k0) > kMostTilesInView)
    ++level;
  return level;
}

std::vector<TileStrip> strips_in_view(const MapLook& look, const Pairs& a, int level) {
  const int64_t side = int64_t(kTileSide) << level;
  const auto first = [&](float at) { return std::max(0, int(std::floor(at / float(side)))); };
  const auto last = [&](float at, int n) {
    return std::min(int(std::ceil(at / float(side))), tiles_along(n, level));
  };
  std::vector<TileStrip> strips;
  const int col0 = first(look.k0), col1 = last(look.k1, a.n_key);
  for (int row = first(look.q0); row < last(look.q1, a.n_query); ++row) {
    TileStrip strip{level, row, col0, col1};
    if (is_causal(a)) strip.col1 = std::min(col1, row + 1);
    if (strip.col0 < strip.col1) strips.push_back(strip);
  }
  return strips;
}

double pattern_work(const Attention& a, double rows) { return rows * a.n_key * (a.d_head + 16); }

StripPass::StripPass(std::shared_ptr<const Trace> trace, MapKey map, TileStrip strip,
                     EarlierStrip before)
    : trace_(std::move(trace)), map_(std::move(map)), strip_(strip), before_(std::move(before)) {
  const Attention& a = trace_->at(map_);
  const int64_t side = int64_t(kTileSide) << strip.level;
  n_copied_ = std::clamp((before_.n_rows >> strip.level) - strip.row * kTileSide, 0, kTileSide);
  first_ = next_ = strip.row * side + (int64_t(n_copied_) << strip.level);
  end_ = std::min<int64_t>(a.n_query, (strip.row + 1) * side);
  block_ = std::max<int64_t>(kRows, 1ll << strip.level);
  const double blocks = kWorkAStep / pattern_work(a, double(block_));
  blocks_a_step_ = std::max<int64_t>(1, int64_t(blocks)) * n_threads();
  for (int col = strip.col0; col < strip.col1; ++col) {
    auto tile = std::make_shared<Tile>();
    tile->place = {strip.level, strip.row, col};
    tile->rows = std::min(kTileSide, cells_along(a.n_query, strip.level) - strip.row * kTileSide);
    tile->cols = std::min(kTileSide, cells_along(a.n_key, strip.level) - col * kTileSide);
    tiles_.push_back(std::move(tile));
  }
}

int StripPass::n_steps() const {
  const int64_t a_step = block_ * blocks_a_step_;
  return int(std::max<int64_t>(1, (end_ - first_ + a_step - 1) / a_step));
}

// Cells that are new on the right of a row that is not are behind the causal diagonal: 0.
void StripPass::begin() {
  for (size_t t = 0; t < tiles_.size(); ++t) {
    Tile& tile = *tiles_[t];
    tile.pairs.resize(size_t(tile.rows) * size_t(tile.cols) * 2);
    for (int y = 0; y < n_copied_; ++y) {
      const Tile& from = *before_.tiles[t];
      std::copy_n(from.pairs.data() + int64_t(y) * from.cols * 2,
                  2 * std::min(from.cols, tile.cols),
                  tile.pairs.data() + int64_t(y) * tile.cols * 2);
    }
  }
}

// Whole rows of cells (or the last, which is smaller), at most kRows weights' rows at a time.
void StripPass::fill(int64_t q0, int64_t q1) {
  const Attention& a = trace_->at(map_);
  const int level = strip_.level;
  const int64_t n_key = a.n_key, side = int64_t(kTileSide) << level, cell = 1ll << level;
  const int64_t k0 = strip_.col0 * side, k1 = std::min(n_key, strip_.col1 * side);
  const bool mean = map_.pool == Pool::mean && level > 0;
  std::vector<float> rows(size_t(std::min<int64_t>(kRows, q1 - q0) * n_key));
  std::vector<float> weight(size_t(k1 - k0)), share(size_t(k1 - k0));

  // The largest of a cell's rows for each key, then of its keys.
  const auto write = [&](int64_t q) {
    const int64_t y = (q >> level) - int64_t(strip_.row) * kTileSide;
    for (size_t t = 0; t < tiles_.size(); ++t) {
      Tile& tile = *tiles_[t];
      float* to = tile.pairs.data() + y * tile.cols * 2;
      for (int x = 0; x < tile.cols; ++x, to += 2) {
        const int64_t from = int64_t(t) * side + x * cell, end = std::min(from + cell, k1 - k0);
        float w = kNotANumber, s = kNotANumber;
        if (mean) w = s = 0;
        for (int64_t k = from; k < end; ++k) {
          w = mean ? w + weight[size_t(k)] : std::max(w, weight[size_t(k)]);
          s = mean ? s + share[size_t(k)] : std::max(s, share[size_t(k)]);
        }
        if (mean) {
          const auto n = float((end - from) * (q % cell + 1));
          w = std::isnan(w) ? kNotANumber : w / n;
          s = std::isnan(s) ? kNotANumber : s / n;
        }
        to[0] = w;
        to[1] = s;
      }
    }
  };
  for (int64_t from = q0; from < q1; from += kRows) {
    const int64_t to = std::min(q1, from + kRows);
    const Mat block(rows.data(), to - from, n_key);
    a.pattern_rows(map_.sample, map_.layer, map_.head, int(from), int(to), block);
    for (int64_t q = from; q < to; ++q) {
      const float* row = block.row(q - from).data();
      const int64_t seen = is_causal(a) ? std::min(q + 1, n_key) : n_key;
      const float largest = *std::max_element(row, row + seen);
      const float by = largest > 0 ? 1 / largest : 0;
      if (q % cell == 0) {
        std::fill(weight.begin(), weight.end(), mean ? 0 : kNotANumber);
        std::fill(share.begin(), share.end(), mean ? 0 : kNotANumber);
      }
      for (int64_t k = k0; k < k1; ++k) {
        const float w = row[k];
        if (mean) {
          weight[size_t(k - k0)] += w;
          share[size_t(k - k0)] += w * by;
          continue;
        }
        weight[size_t(k - k0)] = w > weight[size_t(k - k0)] ? w : weight[size_t(k - k0)];
        share[size_t(k - k0)] = w * by > share[size_t(k - k0)] ? w * by : share[size_t(k - k0)];
      }
      if ((q + 1) % cell == 0 || q + 1 == a.n_query) write(q);
    }
  }
}

bool StripPass::step() {
  if (next_ == first_) begin();
  const int64_t to = std::min(end_, next_ + block_ * blocks_a_step_);
  const int64_t n = (to - next_ + block_ - 1) / block_;
  parallel_for(n, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      fill(next_ + i * block_, std::min(to, next_ + (i + 1) * block_));
  });
  next_ = to;
  return next_ < end_;
}

std::vector<std::shared_ptr<const Tile>> StripPass::take() {
  return {tiles_.begin(), tiles_.end()};
}

}  // namespace attn
