// heat_map_textures.h - float maps as texture arrays, with a pyramid of largest weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace attn::platform {

// Two floats per cell: the weight, and the weight relative to the largest of its row. Level l + 1
// holds the maximum of 2 x 2 cells of level l; its last row and column also cover the remainder of
// an odd size. A single bright cell thus never vanishes from a small map.
struct HeatMapTextures {
  int n_maps = 0, rows = 0, cols = 0, n_levels = 0;
  int n_ready = 0;               // maps whose values are set
  int n_sent = 0;                // of these, maps on the GPU
  std::vector<float> values;     // [n_maps, rows, cols], kept for a lost context
  std::vector<uint32_t> arrays;  // GL textures; several if the layers exceed one array
  int maps_per_array = 0;
  int context = 0;  // value of Program::n_contexts that `arrays` belong to

  HeatMapTextures() = default;
  HeatMapTextures(const HeatMapTextures&) = delete;
  HeatMapTextures& operator=(const HeatMapTextures&) = delete;
  ~HeatMapTextures();
  // Uploads ready maps, at least one and up to kUploadBytes; call only while drawing. False: more
  // are waiting.
  bool upload();

 private:
  void make_arrays();
  void send(int from, int to);  // maps of one array
};
inline constexpr size_t kUploadBytes = 4'000'000;  // per frame

// One level, [n_maps, rows, cols, 2], from the finer level below it.
std::vector<float> coarser_level(const std::vector<float>& level, int n_maps, int rows, int cols);

}  // namespace attn::platform
