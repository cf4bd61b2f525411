// glyphs_web.cpp - glyphs by the browser's 2D canvas (web/glyphs.js).
#include <emscripten.h>

#include "platform/glyphs.h"

// clang-format off: JavaScript
// out: advance, left, top, width, height, colored; without `pixels`, only advance.
EM_JS(void, page_measure_glyph, (int code_point, float size, bool pixels, float* out), {
  HEAPF32.set(Module.page.glyphs.measure(code_point, size, pixels), out >>> 2);
})
EM_JS(void, page_copy_glyph, (uint8_t* rgba), {
  HEAPU8.set(Module.page.glyphs.pixels, rgba >>> 0);
})
// clang-format on

namespace attn::platform {

bool rasterize(char32_t code_point, float size, bool pixels, Glyph& glyph) {
  float m[6] = {};
  page_measure_glyph(int(code_point), size, pixels, m);
  glyph.advance = m[0];
  glyph.left = m[1];
  glyph.top = m[2];
  glyph.width = int(m[3]);
  glyph.height = int(m[4]);
  glyph.colored = m[5] != 0;
  glyph.rgba.resize(size_t(glyph.width) * size_t(glyph.height) * 4);
  if (!glyph.rgba.empty()) page_copy_glyph(glyph.rgba.data());
  return true;
}

}  // namespace attn::platform
