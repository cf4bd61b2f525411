// heat_map.cpp - draws heat maps by callbacks in Dear ImGui's draw lists.
#include "platform/heat_map.h"

#include <imgui.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "figure/palette.h"
#include "platform/gl.h"
#include "platform/heat_map_textures.h"
#include "platform/program.h"
#include "platform/tile_textures.h"
#include "shaders.h"

namespace attn::platform {
namespace {

constexpr int kPalettes = int(std::size(kPaletteNames));
constexpr int kColors = 256;
// Limits on the cells that one pixel reads along its shorter and longer side.
constexpr float kCellsShort = 4, kCellsLong = 16;

// GPU objects other than the maps; recreated after a lost context.
struct Painter {
  int context = 0;
  GLuint program = 0, vertices = 0, palettes = 0;
};

struct Drawing {
  HeatMapTextures* maps;    // either these
  TileTextures* tiles;      // or these
  HeatMapTextures* coming;  // uploaded in the meantime
  int rows, cols, level;
  HeatMapStyle style;
  Vec2 min, tile, step;  // of the first thumbnail, in ImGui's units
  int n_columns, first, n_maps;
  Vec2 cell_min, cell_max;
};

GLuint make_palettes() {
  std::vector<uint8_t> rgba;
  for (int p = 0; p < kPalettes; ++p)
    for (const Rgb& c : palette_colors(Palette(p))) rgba.insert(rgba.end(), {c.r, c.g, c.b, 255});
  for (bool dark : {false, true})
    for (const Rgb& c : diverging_colors(dark)) rgba.insert(rgba.end(), {c.r, c.g, c.b, 255});
  GLuint texture = 0;
  glGenTextures(1, &texture);
  glBindTexture(GL_TEXTURE_2D, texture);
  glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, kColors, kPalettes + 2, 0, GL_RGBA, GL_UNSIGNED_BYTE,
               rgba.data());
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
  return texture;
}

const Painter& painter() {
  static Painter the_painter;
  Painter& p = the_painter;
  if (p.context == attn::platform::program().n_contexts) return p;
  p.context = attn::platform::program().n_contexts;
  p.program = link_program(shaders::heat_map_vert, shaders::heat_map_frag);
  glGenVertexArrays(1, &p.vertices);
  p.palettes = make_palettes();
  return p;
}

// A level at which a pixel covers few cells but no cell exceeds a pixel, so that the result is
// exact up to a fraction of a pixel.
int level_for(Vec2 cells_per_pixel, int n_levels) {
  const float shorter = std::min(cells_per_pixel.x, cells_per_pixel.y);
  const float longer = std::max(cells_per_pixel.x, cells_per_pixel.y);
  const float level = std::max(std::floor(std::log2(std::max(shorter, 1e-6f) / kCellsShort)),
                               std::ceil(std::log2(std::max(longer, 1e-6f) / kCellsLong)));
  return std::clamp(int(level), 0, n_levels - 1);
}

void clip_to(const ImVec4& rect, const ImDrawData& data) {
  const float scale = data.FramebufferScale.x;
  const float left = (rect.x - data.DisplayPos.x) * scale;
  const float right = (rect.z - data.DisplayPos.x) * scale;
  const float top = (rect.y - data.DisplayPos.y) * scale;
  const float bottom = (rect.w - data.DisplayPos.y) * scale;
  glEnable(GL_SCISSOR_TEST);
  glScissor(int(left), int(data.DisplaySize.y * scale - bottom), std::max(0, int(right - left)),
            std::max(0, int(bottom - top)));
}

void set_uniforms(GLuint program, const Drawing& d, const ImDrawData& data) {
  const auto at = [program](const char* name) { return glGetUniformLocation(program, name); };
  const auto set = [&](const char* name, Vec2 v) { glUniform2f(at(name), v.x, v.y); };
  const float scale = data.FramebufferScale.x;
  const Vec2 cells_per_pixel{(d.cell_max.x - d.cell_min.x) / (d.tile.x * scale),
                             (d.cell_max.y - d.cell_min.y) / (d.tile.y * scale)};
  set("u_display", {data.DisplaySize.x, data.DisplaySize.y});
  set("u_origin", {d.min.x - data.DisplayPos.x, d.min.y - data.DisplayPos.y});
  set("u_tile", d.tile);
  set("u_step", d.step);
  set("u_cell_min", d.cell_min);
  set("u_cell_max", d.cell_max);
  set("u_span", cells_per_pixel);
  glUniform1i(at("u_columns"), d.n_columns);
  glUniform2i(at("u_size"), d.cols, d.rows);
  glUniform1i(at("u_level"), d.maps ? level_for(cells_per_pixel, d.maps->n_levels) : d.level);
  glUniform1i(at("u_levels"), d.tiles ? int(d.tiles->levels.size()) : 0);
  if (d.tiles)
    for (size_t i = 0; i < d.tiles->levels.size(); ++i)
      glUniform2i(at(("u_pages[" + std::to_string(i) + "]").c_str()), d.tiles->levels[i].first,
                  d.tiles->levels[i].tiles_x);
  glUniform1i(at("u_scale"), int(d.style.scale));
  glUniform1f(at("u_top"), d.style.top);
  glUniform1i(at("u_palette"),
              d.style.diverging ? kPalettes + int(d.style.dark) : int(d.style.palette));
  glUniform1i(at("u_diverging"), d.style.diverging);
  glUniform1i(at("u_mean"), d.style.mean);
  // Strong weights contrast with the page: greys end in white on dark and in black on light.
  glUniform1i(at("u_reversed"),
              d.style.palette == Palette::greys && !d.style.dark && !d.style.diverging);
  glUniform1i(at("u_causal"), d.style.causal);
  glUniform1i(at("u_reach"), d.style.reach);
  glUniform1i(at("u_dark"), d.style.dark);
  glUniform1f(at("u_lines"), d.style.cell_lines);
  glUniform1f(at("u_pixels"), scale);
  glUniform1i(at("u_colors"), 0);
  glUniform1i(at("u_maps"), 1);
  glUniform1i(at("u_table"), 2);
}

void draw_instances(const Painter& p, GLuint array, int n) {
  glActiveTexture(GL_TEXTURE0);
  glBindTexture(GL_TEXTURE_2D, p.palettes);
  glActiveTexture(GL_TEXTURE1);
  glBindTexture(GL_TEXTURE_2D_ARRAY, array);
  glDrawArraysInstanced(GL_TRIANGLE_STRIP, 0, 4, n);
}

void draw_stack(const Painter& p, const Drawing& d) {
  const GLint layer = glGetUniformLocation(p.program, "u_layer");
  const GLint place = glGetUniformLocation(p.program, "u_place");
  const int n_maps = std::min(d.n_maps, d.maps->n_sent - d.first);
  for (int done = 0; done < n_maps;) {
    const int map = d.first + done, array = map / d.maps->maps_per_array;
    const int n = std::min(n_maps - done, (array + 1) * d.maps->maps_per_array - map);
    glUniform1i(layer, map % d.maps->maps_per_array);
    glUniform1i(place, done);
    draw_instances(p, d.maps->arrays[size_t(array)], n);
    done += n;
  }
}

void draw(const ImDrawList*, const ImDrawCmd* command) {
  const Drawing& d = *static_cast<const Drawing*>(command->UserCallbackData);
  const ImDrawData& data = *ImGui::GetDrawData();
  const Painter& p = painter();
  if (!p.program) return;
  glActiveTexture(GL_TEXTURE1);
  bool all = d.maps ? d.maps->upload() : d.tiles->upload();
  if (d.coming && d.coming->n_sent < d.coming->n_ready) {
    d.coming->upload();
    all = false;  // it is shown from the next frame on
  }
  if (!all) attn::platform::wake();
  glUseProgram(p.program);
  set_uniforms(p.program, d, data);
  clip_to(command->ClipRect, data);
  glDisable(GL_BLEND);
  glBindVertexArray(p.vertices);
  if (d.maps) {
    draw_stack(p, d);
  } else {
    glUniform1i(glGetUniformLocation(p.program, "u_layer"), 0);
    glUniform1i(glGetUniformLocation(p.program, "u_place"), 0);
    glActiveTexture(GL_TEXTURE2);
    glBindTexture(GL_TEXTURE_2D, d.tiles->table);
    draw_instances(p, d.tiles->array, 1);
    glActiveTexture(GL_TEXTURE2);
    glBindTexture(GL_TEXTURE_2D, 0);
    glActiveTexture(GL_TEXTURE1);
  }
  glBindTexture(GL_TEXTURE_2D_ARRAY, 0);
  glActiveTexture(GL_TEXTURE0);  // Dear ImGui expects its own texture here
}

void add(ImDrawList* list, Drawing drawing, std::shared_ptr<const void> owner) {
  if (drawing.tile.x <= 0 || drawing.tile.y <= 0 || drawing.n_maps <= 0) return;
  // The frame keeps the maps alive until it is drawn, even if the stack changes.
  attn::platform::program().after_frame.push_back([keep = std::move(owner)] {});
  list->AddCallback(draw, &drawing, sizeof drawing);
  list->AddCallback(ImDrawCallback_ResetRenderState, nullptr);
}

void add(ImDrawList* list, HeatMapStack& maps, Drawing drawing) {
  maps.settle();
  const auto& now = maps.textures();
  if (!now) return;
  drawing.maps = now.get();
  drawing.coming = maps.coming().get();
  drawing.rows = now->rows;
  drawing.cols = now->cols;
  add(list, drawing, now);
  if (maps.coming()) attn::platform::program().after_frame.push_back([keep = maps.coming()] {});
}

}  // namespace

bool HeatMapStack::set(const float* values, int n_maps, int rows, int cols, int n_ready) {
  GLint longest = 2048;
  glGetIntegerv(GL_MAX_TEXTURE_SIZE, &longest);
  if (n_maps < 1 || rows < 1 || cols < 1 || rows > longest || cols > longest) return false;
  auto made = std::make_shared<HeatMapTextures>();
  made->n_maps = n_maps;
  made->rows = rows;
  made->cols = cols;
  made->n_levels = std::bit_width(unsigned(std::max(rows, cols)));
  made->n_ready = n_ready;
  made->values.assign(values, values + size_t(n_maps) * size_t(rows) * size_t(cols));
  const bool alike = textures_ && textures_->n_maps == n_maps && textures_->rows == rows &&
                     textures_->cols == cols && n_maps > 1 && n_ready == n_maps;
  coming_.reset();
  (alike ? coming_ : textures_) = std::move(made);
  return true;
}

void HeatMapStack::more(const float* values, int n_ready) {
  HeatMapTextures& t = *textures_;
  const size_t size = size_t(t.rows) * size_t(t.cols);
  std::copy(values + size_t(t.n_ready) * size, values + size_t(n_ready) * size,
            t.values.begin() + int64_t(size_t(t.n_ready) * size));
  t.n_ready = n_ready;
}

void HeatMapStack::settle() {
  if (coming_ && coming_->n_sent == coming_->n_ready) textures_ = std::move(coming_);
}

int HeatMapStack::n_maps() const { return textures_ ? textures_->n_maps : 0; }
int HeatMapStack::rows() const { return textures_ ? textures_->rows : 0; }
int HeatMapStack::cols() const { return textures_ ? textures_->cols : 0; }

void draw_heat_map(ImDrawList* list, HeatMapStack& maps, int map, Vec2 min, Vec2 max, Vec2 cell_min,
                   Vec2 cell_max, const HeatMapStyle& style) {
  if (map < 0 || map >= maps.n_maps()) return;
  const Vec2 tile{max.x - min.x, max.y - min.y};
  add(list, maps, {{}, {}, {}, 0, 0, 0, style, min, tile, tile, 1, map, 1, cell_min, cell_max});
}

void draw_tile_map(ImDrawList* list, const std::shared_ptr<TileTextures>& tiles, int level,
                   Vec2 min, Vec2 max, Vec2 cell_min, Vec2 cell_max, const HeatMapStyle& style) {
  const Vec2 tile{max.x - min.x, max.y - min.y};
  add(list,
      {nullptr, tiles.get(), nullptr, tiles->n_query, tiles->n_key, level, style, min, tile, tile,
       1, 0, 1, cell_min, cell_max},
      tiles);
}

void draw_heat_grid(ImDrawList* list, HeatMapStack& maps, Vec2 min, Vec2 max, int n_columns,
                    float gap, const HeatMapStyle& style) {
  if (n_columns < 1 || maps.n_maps() < 1) return;
  const int n_rows = (maps.n_maps() + n_columns - 1) / n_columns;
  const auto side = [gap](float length, int n) { return (length - gap * float(n - 1)) / float(n); };
  const Vec2 tile{side(max.x - min.x, n_columns), side(max.y - min.y, n_rows)};
  const Vec2 step{tile.x + gap, tile.y + gap};
  const Vec2 all{float(maps.cols()), float(maps.rows())};
  add(list, maps,
      {{}, {}, {}, 0, 0, 0, style, min, tile, step, n_columns, 0, maps.n_maps(), {}, all});
}

}  // namespace attn::platform
