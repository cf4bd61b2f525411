// heat_map_textures.h - float maps as texture arrays whose coarser levels keep the largest weight.
#pragma once

#include <cstdint>
#include <vector>

namespace attn::platform {

// Two floats a cell: the weight, and the weight over the largest of its row. Level l + 1 holds the
// largest of 2 x 2 cells of level l, and its last row and column also take what an odd size leaves
// over. So one bright cell never vanishes from a map drawn small.
struct HeatMapTextures {
  int n_maps = 0, rows = 0, cols = 0, n_levels = 0;
  std::vector<float> values;         // [n_maps, rows, cols], to upload again after a lost context
  std::vector<uint32_t> arrays;      // GL textures; as many as the layers of one array demand
  int maps_per_array = 0;
  int context = 0;                   // of Program::n_contexts, that `arrays` belong to
  bool stale = true;

  HeatMapTextures() = default;
  HeatMapTextures(const HeatMapTextures&) = delete;
  HeatMapTextures& operator=(const HeatMapTextures&) = delete;
  ~HeatMapTextures();
  // Brings the GPU up to date; only while drawing.
  void upload();
};

// Pairs of one level, [n_maps, rows, cols, 2], from those of the level below it.
std::vector<float> coarser_level(const std::vector<float>& level, int n_maps, int rows, int cols);

}  // namespace attn::platform
