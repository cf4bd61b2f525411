// letters.cpp - letters for PNG pictures from font files, by stb_truetype.
#include <cmath>
#include <memory>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#define STB_TRUETYPE_IMPLEMENTATION
#define STBTT_STATIC
#include <stb_truetype.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "figure/export.h"

namespace attn {
namespace {

struct Face {
  Bytes bytes;
  stbtt_fontinfo info;
  int ascent = 0, descent = 0;
};

std::vector<Face> open_fonts(const std::vector<Bytes>& fonts) {
  std::vector<Face> faces;
  for (const Bytes& bytes : fonts) {
    Face face{bytes, {}};
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    if (bytes.size() < 64) continue;
    const int offset = stbtt_GetFontOffsetForIndex(data, 0);
    if (offset < 0 || !stbtt_InitFont(&face.info, data, offset)) continue;
    stbtt_GetFontVMetrics(&face.info, &face.ascent, &face.descent, nullptr);
    if (face.ascent > face.descent) faces.push_back(face);
  }
  return faces;
}

const Face& face_of(const std::vector<Face>& faces, char32_t c) {
  for (const Face& face : faces)
    if (stbtt_FindGlyphIndex(&face.info, int(c))) return face;
  return faces[0];  // its box for missing characters
}

void draw(const Face& face, char32_t c, float height, float shift, bool pixels, Letter& out) {
  const int index = stbtt_FindGlyphIndex(&face.info, int(c));
  const float scale = height / float(face.ascent - face.descent);
  int advance = 0;
  stbtt_GetGlyphHMetrics(&face.info, index, &advance, nullptr);
  out.advance = float(advance) * scale;
  out.ascent = float(face.ascent) * scale;
  if (!pixels) return;
  unsigned char* cover = stbtt_GetGlyphBitmapSubpixel(&face.info, scale, scale, shift, 0, index,
                                                      &out.width, &out.height, &out.left, &out.top);
  if (!cover) {
    out.width = out.height = 0;
    return;
  }
  out.top = -out.top;
  out.cover.assign(cover, cover + size_t(out.width) * size_t(out.height));
  stbtt_FreeBitmap(cover, nullptr);
}

}  // namespace

Letters letters_of(const std::vector<Bytes>& fonts) {
  auto faces = std::make_shared<const std::vector<Face>>(open_fonts(fonts));
  if (faces->empty()) return {};
  return [faces](char32_t c, float height, float shift, bool pixels, Letter& out) {
    draw(face_of(*faces, c), c, height, shift, pixels, out);
    return true;
  };
}

}  // namespace attn
