// glyphs.h - glyphs of any script for Dear ImGui, from the fonts of the browser or the system.
#pragma once

#include <cstdint>
#include <vector>

#include "figure/export.h"

struct ImFontLoader;

namespace attn::platform {

// Sizes in pixels, relative to the pen on the baseline; `top` points upwards.
struct Glyph {
  float advance = 0, left = 0, top = 0;
  int width = 0, height = 0;
  bool colored = false;       // emoji: keeps its colours; others are white and take the text colour
  std::vector<uint8_t> rgba;  // [height, width, 4], not premultiplied
};

// Dear ImGui's font loader: rasterizes each glyph at first use, at the size needed.
const ImFontLoader* glyph_loader();

// Implemented per platform. `size` in pixels per em; without `pixels`, only the metrics. False if
// no font has the character.
bool rasterize(char32_t code_point, float size, bool pixels, Glyph& glyph);

// The same for saved pictures.
Letters letters();

}  // namespace attn::platform
