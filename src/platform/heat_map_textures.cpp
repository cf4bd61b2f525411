// heat_map_textures.cpp - builds the pyramid of largest weights and uploads it.
#include "platform/heat_map_textures.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "platform/gl.h"
#include "platform/program.h"

namespace attn::platform {
namespace {

constexpr float kNotANumber = -1;  // stands for NaN in the shader, whose comparisons would lose it

// [n_rows, cols] -> [n_rows, cols, 2].
std::vector<float> finest_level(std::span<const float> values, int cols) {
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

void HeatMapTextures::make_arrays() {
  GLint most_layers = 256;
  glGetIntegerv(GL_MAX_ARRAY_TEXTURE_LAYERS, &most_layers);
  maps_per_array = std::max(1, std::min<int>(most_layers, n_maps));
  arrays.assign(size_t((n_maps + maps_per_array - 1) / maps_per_array), 0);
  glGenTextures(GLsizei(arrays.size()), arrays.data());
  for (int a = 0; a < int(arrays.size()); ++a) {
    const int layers = std::min(maps_per_array, n_maps - a * maps_per_array);
    glBindTexture(GL_TEXTURE_2D_ARRAY, arrays[size_t(a)]);
    for (int level = 0; level < n_levels; ++level)
      glTexImage3D(GL_TEXTURE_2D_ARRAY, level, GL_RG32F, std::max(1, cols >> level),
                   std::max(1, rows >> level), layers, 0, GL_RG, GL_FLOAT, nullptr);
    glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MAX_LEVEL, n_levels - 1);
    glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MIN_FILTER, GL_NEAREST_MIPMAP_NEAREST);
    glTexParameteri(GL_TEXTURE_2D_ARRAY, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
  }
}

void HeatMapTextures::send(int from, int to) {
  const size_t size = size_t(rows) * size_t(cols);
  glBindTexture(GL_TEXTURE_2D_ARRAY, arrays[size_t(from / maps_per_array)]);
  glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
  std::vector<float> pairs =
      finest_level(std::span(values).subspan(size_t(from) * size, size_t(to - from) * size), cols);
  for (int level = 0; level < n_levels; ++level) {
    const int level_rows = std::max(1, rows >> level), level_cols = std::max(1, cols >> level);
    glTexSubImage3D(GL_TEXTURE_2D_ARRAY, level, 0, 0, from % maps_per_array, level_cols, level_rows,
                    to - from, GL_RG, GL_FLOAT, pairs.data());
    if (level + 1 < n_levels) pairs = coarser_level(pairs, to - from, level_rows, level_cols);
  }
}

bool HeatMapTextures::upload() {
  if (const int now = program().n_contexts; context != now) {
    n_sent = 0;
    make_arrays();
    context = now;  // only now: where there is no memory for them, they are made again
  }
  const size_t map_bytes = size_t(rows) * size_t(cols) * 2 * sizeof(float) * 4 / 3;
  const int most = n_sent + std::max(1, int(kUploadBytes / map_bytes));
  const int end = std::min(n_ready, most);
  while (n_sent < end) {
    const int array_end = (n_sent / maps_per_array + 1) * maps_per_array;
    const int to = std::min(end, array_end);
    send(n_sent, to);
    n_sent = to;
  }
  return n_sent == n_ready;
}

HeatMapTextures::~HeatMapTextures() {
  if (program().window && context == program().n_contexts)
    glDeleteTextures(GLsizei(arrays.size()), arrays.data());
}

}  // namespace attn::platform
