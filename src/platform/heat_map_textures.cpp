// heat_map_textures.cpp - levels of largest weights, and their way to the GPU.
#include "platform/heat_map_textures.h"

#include <algorithm>
#include <cmath>

#include "platform/gl.h"
#include "platform/program.h"

namespace attn::platform {
namespace {

constexpr float kNotANumber = -1;  // the shader's sign for it: comparisons with NaN would lose it

// [n_rows, cols] -> [n_rows, cols, 2].
std::vector<float> finest_level(const std::vector<float>& values, int cols) {
  std::vector<float> pairs(values.size() * 2);
  for (size_t start = 0; start < values.size(); start += size_t(cols)) {
    float largest = 0;
    for (size_t i = start; i < start + size_t(cols); ++i) largest = std::max(largest, values[i]);
    for (size_t i = start; i < start + size_t(cols); ++i) {
      const float w = values[i];
      pairs[2 * i] = std::isnan(w) ? kNotANumber : w;
      pairs[2 * i + 1] = std::isnan(w) ? kNotANumber : largest > 0 ? w / largest : 0;
    }
  }
  return pairs;
}

}  // namespace

std::vector<float> coarser_level(const std::vector<float>& level, int n_maps, int rows, int cols) {
  const int to_rows = std::max(1, rows / 2), to_cols = std::max(1, cols / 2);
  std::vector<float> out(size_t(n_maps) * size_t(to_rows) * size_t(to_cols) * 2, kNotANumber);
  const float* from = level.data();
  for (int map = 0; map < n_maps; ++map) {
    for (int y = 0; y < rows; ++y) {
      const size_t to_row = size_t(map) * size_t(to_rows) + size_t(std::min(y / 2, to_rows - 1));
      float* to = &out[to_row * size_t(to_cols) * 2];
      for (int x = 0; x < cols; ++x, from += 2) {
        float* cell = to + 2 * std::min(x / 2, to_cols - 1);
        cell[0] = std::max(cell[0], from[0]);
        cell[1] = std::max(cell[1], from[1]);
      }
    }
  }
  return out;
}

void HeatMapTextures::upload() {
  const int now = program().n_contexts;
  if (!stale && context == now) return;
  if (context == now) glDeleteTextures(GLsizei(arrays.size()), arrays.data());
  context = now;
  stale = false;

  GLint most_layers = 256;
  glGetIntegerv(GL_MAX_ARRAY_TEXTURE_LAYERS, &most_layers);
  maps_per_array = std::max(1, std::min<int>(most_layers, n_maps));
  arrays.assign(size_t((n_maps + maps_per_array - 1) / maps_per_array), 0);
  glGenTextures(GLsizei(arrays.size()), arrays.data());
  glPixelStorei(GL_UNPACK_ALIGNMENT, 4);

  std::vector<float> pairs = finest_level(values, cols);
  int level_rows = rows, level_cols = cols;
  for (int level = 0; level < n_levels; ++level) {
    for (int a = 0; a < int(arrays.size()); ++a) {
      const int first = a * maps_per_array;
      const int layers = std::min(maps_per_array, n_maps - first);
      const size_t map_size = size_t(level_rows) * size_t(level_cols) * 2;
      glBindTexture(GL_TEXTURE_2D_ARRAY, arrays[size_t(a)]);
      glTexImage3D(GL_TEXTURE_2D_ARRAY, level, GL_RG32F, level_cols, level_rows, layers, 0, GL_RG,
                   GL_FLOAT, &pairs[size_t(first) * map_size]);
      glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MAX_LEVEL, n_levels - 1);
      glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MIN_FILTER, GL_NEAREST_MIPMAP_NEAREST);
      glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    }
    if (level + 1 == n_levels) break;
    pairs = coarser_level(pairs, n_maps, level_rows, level_cols);
    level_rows = std::max(1, level_rows / 2);
    level_cols = std::max(1, level_cols / 2);
  }
}

HeatMapTextures::~HeatMapTextures() {
  if (program().window && context == program().n_contexts)
    glDeleteTextures(GLsizei(arrays.size()), arrays.data());
}

}  // namespace attn::platform
