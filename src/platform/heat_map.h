// heat_map.h - patterns drawn by a fragment shader from float textures (WebGL2; GL 3.3 on the
// desktop).
#pragma once

#include <memory>

#include "figure/figure.h"
#include "state/state.h"

struct ImDrawList;

namespace attn::platform {

struct HeatMapTextures;  // heat_map_textures.h
struct TileTextures;     // tile_textures.h

// A stack of equally large float maps on the GPU, uploaded once per change. Empty until set. The
// last frame that shows it may outlive it.
class HeatMapStack {
 public:
  // values [n_maps, rows, cols], weights from 0 to 1; NaN is drawn as an error, in red. False, and
  // nothing changes, when a map is larger than the GPU's textures may be: never cut in silence. The
  // first n_ready of them are there; more() says when others have joined. Maps of the same number
  // and size stay on screen until their successors are on the GPU, which takes a frame for each 4
  // MB.
  bool set(const float* values, int n_maps, int rows, int cols, int n_ready);
  bool set(const float* values, int n_maps, int rows, int cols) {
    return set(values, n_maps, rows, cols, n_maps);
  }
  void more(const float* values, int n_ready);
  int n_maps() const;
  int rows() const;
  int cols() const;
  // What is drawn now, and what takes its place once it is sent; null for none.
  const std::shared_ptr<HeatMapTextures>& textures() const { return textures_; }
  const std::shared_ptr<HeatMapTextures>& coming() const { return coming_; }
  void settle();  // once a frame

 private:
  std::shared_ptr<HeatMapTextures> textures_, coming_;
};

struct HeatMapStyle {
  Palette palette = Palette::viridis;
  Scale scale = Scale::linear;
  bool diverging = false;  // weights are places in the diverging palette; -2: nothing is there
  bool mean = false;       // of a map in tiles: where a pixel covers several cells, their mean
  bool causal = false;     // cells above the diagonal are drawn as `masked`, not as weight 0
  bool dark = true;        // colour of masked cells and of what lies outside
  float cell_lines = 0;    // 0..1 strength of lines between cells (when zoomed in)
};

// Adds to `list`, in its order, map number `map` into the screen rectangle min..max, showing cells
// from `cell_min` to `cell_max` (x: column, y: row; fractions allowed). Where a pixel covers
// several cells it shows the largest. Exact texel values, no smoothing. What lies outside the map
// stays as it is.
void draw_heat_map(ImDrawList* list, HeatMapStack& maps, int map, Vec2 min, Vec2 max, Vec2 cell_min,
                   Vec2 cell_max, const HeatMapStyle& style);
// The same for a map that is there as tiles. Each pixel takes the finest level that is on the GPU,
// from `level` upwards.
void draw_tile_map(ImDrawList* list, const std::shared_ptr<TileTextures>& tiles, int level,
                   Vec2 min, Vec2 max, Vec2 cell_min, Vec2 cell_max, const HeatMapStyle& style);
// All maps as a grid of `n_columns` thumbnails with `gap` units between them.
void draw_heat_grid(ImDrawList* list, HeatMapStack& maps, Vec2 min, Vec2 max, int n_columns,
                    float gap, const HeatMapStyle& style);

}  // namespace attn::platform
