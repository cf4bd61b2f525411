// glyphs.h - glyphs of any script for Dear ImGui, from fonts of the browser or the system.
#pragma once

#include <cstdint>
#include <vector>

#include "figure/export.h"

struct ImFontLoader;

namespace attn::platform {

// Sizes in pixels, from the pen on the baseline; `top` is upwards.
struct Glyph {
  float advance = 0, left = 0, top = 0;
  int width = 0, height = 0;
  bool colored = false;       // an emoji: keeps its colours; others are white and take the text's
  std::vector<uint8_t> rgba;  // [height, width, 4], not premultiplied
};

// The default font of Dear ImGui: draws a glyph when it is first used, at the size it is used.
const ImFontLoader* glyph_loader();

// One for each platform. `size` in pixels per em; without `pixels`, only what is measured. False
// when no font has the character.
bool rasterize(char32_t code_point, float size, bool pixels, Glyph& glyph);

// The same for pictures that are saved.
Letters letters();

}  // namespace attn::platform
