// tile_textures.h - tiles of large maps on the GPU: one texture array, and a table of tile places.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "app/tiles.h"

namespace attn::platform {

// A cache: the least recently used layers are replaced first. Tiles are identified by map and
// place; their maker keeps the cells.
struct TileTextures {
  static constexpr int kLayers = 128;  // 64 MB
  struct Level {
    int first = 0, tiles_x = 0, tiles_y = 0;  // offset in the table
  };
  struct Layer {
    MapKey map;
    TilePlace place{-1, 0, 0};  // -1: empty
    uint64_t wanted_at = 0;
  };

  MapKey map;
  int n_query = 0, n_key = 0;
  std::vector<Level> levels;  // from 0 to the overview's
  uint32_t array = 0, table = 0;

  TileTextures() = default;
  TileTextures(const TileTextures&) = delete;
  TileTextures& operator=(const TileTextures&) = delete;
  ~TileTextures();
  // Sets the tiles in view, at most kLayers, the most urgent first.
  void want(const MapKey& key, int n_queries, int n_keys,
            std::vector<std::shared_ptr<const Tile>> tiles);
  // Uploads wanted tiles, up to kUploadBytes; call only while drawing. False: more are waiting.
  bool upload();

 private:
  void make();
  Layer* find(const Tile& tile);
  void send(const Tile& tile, Layer& to);
  void send_table();

  std::vector<Layer> layers_;
  std::vector<std::shared_ptr<const Tile>> wanted_;
  bool table_is_old_ = true;
  int context_ = 0;
  uint64_t frame_ = 0;
};

}  // namespace attn::platform
