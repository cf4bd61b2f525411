// heat_map_textures.h - float maps as texture arrays whose coarser levels keep the largest weight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attn::platform {

// Two floats a cell: the weight, and the weight over the largest of its row. Level l + 1 holds the
// largest of 2 x 2 cells of level l, and its last row and column also take what an odd size leaves
// over. So one bright cell never vanishes from a map drawn small.
struct HeatMapTextures {
  int n_maps = 0, rows = 0, cols = 0, n_levels = 0;
  int n_ready = 0;               // maps whose values are there
  int n_sent = 0;                // of them on the GPU
  std::vector<float> values;     // [n_maps, rows, cols], to upload again after a lost context
  std::vector<uint32_t> arrays;  // GL textures; as many as the layers of one array demand
  int maps_per_array = 0;
  int context = 0;  // of Program::n_contexts, that `arrays` belong to

  HeatMapTextures() = default;
  HeatMapTextures(const HeatMapTextures&) = delete;
  HeatMapTextures& operator=(const HeatMapTextures&) = delete;
  ~HeatMapTextures();
  // Sends maps until all that are ready are there or kUploadBytes went, but one at least; only
  // while drawing. False: more are waiting.
  bool upload();

 private:
  void make_arrays();
  void send(int from, int to);  // maps of one array
};
inline constexpr size_t kUploadBytes = 4'000'000;  // a frame

// Pairs of one level, [n_maps, rows, cols, 2], from those of the level below it.
std::vector<float> coarser_level(const std::vector<float>& level, int n_maps, int rows, int cols);

}  // namespace attn::platform
