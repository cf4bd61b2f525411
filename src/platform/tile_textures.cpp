#include "platform/tile_textures.h"

#include <algorithm>

#include "platform/gl.h"
#include "platform/heat_map_textures.h"
#include "platform/program.h"

namespace attn::platform {
namespace {

constexpr int kTableSide = 256;

}  // namespace

void TileTextures::want(const MapKey& key, int n_queries, int n_keys,
                        std::vector<std::shared_ptr<const Tile>> tiles) {
  ++frame_;
  if (tiles.size() > size_t(kLayers)) tiles.resize(size_t(kLayers));
  wanted_ = std::move(tiles);
  if (map == key && n_query == n_queries && n_key == n_keys) return;
  std::vector<Level> made;
  int first = 0;
  for (int level = 0; level <= overview_level(n_queries, n_keys); ++level) {
    made.push_back({first, tiles_along(n_keys, level), tiles_along(n_queries, level)});
    first += made.back().tiles_x * made.back().tiles_y;
  }
  levels = std::move(made);
  map = key;
  n_query = n_queries;
  n_key = n_keys;
  table_is_old_ = true;
}

void TileTextures::make() {
  layers_.assign(size_t(kLayers), {});
  context_ = program().n_contexts;
  table_is_old_ = true;
  glGenTextures(1, &array);
  glBindTexture(GL_TEXTURE_2D_ARRAY, array);
  glTexImage3D(GL_TEXTURE_2D_ARRAY, 0, GL_RG32F, kTileSide, kTileSide, kLayers, 0, GL_RG, GL_FLOAT,
               nullptr);
  glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MAX_LEVEL, 0);
  glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
  glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
  glGenTextures(1, &table);
}

TileTextures::Layer* TileTextures::find(const Tile& tile) {
  const auto it = std::ranges::find_if(
      layers_, [&](const Layer& l) { return l.place == tile.place && l.map == map; });
  return it == layers_.end() ? nullptr : &*it;
}

void TileTextures::send(const Tile& tile, Layer& to) {
  to.map = map;
  to.place = tile.place;
  glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
  glTexSubImage3D(GL_TEXTURE_2D_ARRAY, 0, 0, 0, int(&to - layers_.data()), tile.cols, tile.rows, 1,
                  GL_RG, GL_FLOAT, tile.pairs.data());
  table_is_old_ = true;
}

void TileTextures::send_table() {
  const Level& last = levels.back();
  const int n = last.first + last.tiles_x * last.tiles_y;
  const int rows = (n + kTableSide - 1) / kTableSide;
  std::vector<int16_t> numbers(size_t(rows) * kTableSide, -1);
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    if (layer.place.level < 0 || !(layer.map == map)) continue;
    const Level& level = levels[size_t(layer.place.level)];
    numbers[size_t(level.first + layer.place.row * level.tiles_x + layer.place.col)] = int16_t(i);
  }
  glBindTexture(GL_TEXTURE_2D, table);
  glPixelStorei(GL_UNPACK_ALIGNMENT, 2);
  glTexImage2D(GL_TEXTURE_2D, 0, GL_R16I, kTableSide, rows, 0, GL_RED_INTEGER, GL_SHORT,
               numbers.data());
  glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
  glBindTexture(GL_TEXTURE_2D, 0);
  table_is_old_ = false;
}

bool TileTextures::upload() {
  if (context_ != program().n_contexts) make();
  glBindTexture(GL_TEXTURE_2D_ARRAY, array);
  bool all = true;
  for (const auto& tile : wanted_)
    if (Layer* layer = find(*tile)) layer->wanted_at = frame_;
  size_t left = kUploadBytes;
  for (const auto& tile : wanted_) {
    if (find(*tile)) continue;
    if (left < tile->bytes()) {
      all = false;
      break;
    }
    Layer& oldest = *std::ranges::min_element(layers_, {}, &Layer::wanted_at);
    if (oldest.wanted_at == frame_) break;  // all layers are in use by this frame
    left -= tile->bytes();
    send(*tile, oldest);
    oldest.wanted_at = frame_;
  }
  if (table_is_old_) send_table();
  return all;
}

TileTextures::~TileTextures() {
  if (!program().window || context_ != program().n_contexts) return;
  glDeleteTextures(1, &array);
  glDeleteTextures(1, &table);
}

}  // namespace attn::platform
