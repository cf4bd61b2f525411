// heat_map.h - heat maps drawn by a fragment shader from float textures (WebGL2, desktop GL 3.3).
#pragma once

#include <memory>

#include "figure/figure.h"
#include "state/state.h"

struct ImDrawList;

namespace attn::platform {

struct HeatMapTextures;  // heat_map_textures.h
struct TileTextures;     // tile_textures.h

// A stack of float maps of equal size on the GPU, uploaded once per change; empty until set. A
// frame that is still being drawn keeps its maps alive.
class HeatMapStack {
 public:
  // values [n_maps, rows, cols], weights from 0 to 1; NaN is drawn in red, as an error. Returns
  // false and changes nothing if a map exceeds the GPU's texture size. Only the first n_ready maps
  // are filled; more() adds others. Old maps of the same number and size stay on screen until the
  // new ones are on the GPU, which takes one frame per 4 MB.
  bool set(const float* values, int n_maps, int rows, int cols, int n_ready);
  bool set(const float* values, int n_maps, int rows, int cols) {
    return set(values, n_maps, rows, cols, n_maps);
  }
  void more(const float* values, int n_ready);
  int n_maps() const;
  int rows() const;
  int cols() const;
  // The maps drawn now, and those that replace them once uploaded; null for none.
  const std::shared_ptr<HeatMapTextures>& textures() const { return textures_; }
  const std::shared_ptr<HeatMapTextures>& coming() const { return coming_; }
  void settle();  // switches to coming() once uploaded; call once per frame

 private:
  std::shared_ptr<HeatMapTextures> textures_, coming_;
};

struct HeatMapStyle {
  Palette palette = Palette::viridis;
  Scale scale = Scale::linear;
  float top = 1;           // of an automatic scale, the weight with the brightest colour
  bool diverging = false;  // values are places in the diverging palette; -2: no value
  bool mean = false;       // tiled maps: a pixel over several cells shows their mean
  bool causal = false;     // cells above the diagonal are drawn as `masked`, not as weight 0
  int reach = -1;          // of a window: zeros farther from the diagonal are drawn as `masked`
  bool dark = true;        // theme, for masked cells and the area outside
  float cell_lines = 0;    // 0..1, opacity of the lines between cells
};

// Adds a command to `list` that draws map number `map` into the screen rectangle min..max, showing
// cells from `cell_min` to `cell_max` (x: column, y: row; fractions allowed). A pixel over several
// cells shows the largest. Texel values are exact, without smoothing. Pixels outside the map are
// left unchanged.
void draw_heat_map(ImDrawList* list, HeatMapStack& maps, int map, Vec2 min, Vec2 max, Vec2 cell_min,
                   Vec2 cell_max, const HeatMapStyle& style);
// The same for a tiled map. Each pixel uses the finest level on the GPU, from `level` upwards.
void draw_tile_map(ImDrawList* list, const std::shared_ptr<TileTextures>& tiles, int level,
                   Vec2 min, Vec2 max, Vec2 cell_min, Vec2 cell_max, const HeatMapStyle& style);
// All maps as a grid of `n_columns` thumbnails with `gap` units between them.
void draw_heat_grid(ImDrawList* list, HeatMapStack& maps, Vec2 min, Vec2 max, int n_columns,
                    float gap, const HeatMapStyle& style);

}  // namespace attn::platform
