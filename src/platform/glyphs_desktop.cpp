// glyphs_desktop.cpp - glyphs by FreeType, from the font that Fontconfig finds for the character.
#include <fontconfig/fontconfig.h>
#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "platform/glyphs.h"

namespace attn::platform {
namespace {

constexpr char32_t kFirstEastAsian = 0x2E80;  // from here on simplified Chinese fonts are preferred

// Faces in order of first use; the first is for plain Latin text.
struct Fonts {
  FT_Library library = nullptr;
  std::map<std::pair<std::string, int>, FT_Face> opened;
  std::vector<FT_Face> faces;
  std::map<char32_t, FT_Face> face_of;  // null: no font has it
};

Fonts& fonts() {
  static Fonts the_fonts;
  return the_fonts;
}

FT_Face open_face(const std::string& file, int index) {
  Fonts& f = fonts();
  if (!f.library && FT_Init_FreeType(&f.library) != 0) return nullptr;
  const auto [place, is_new] = f.opened.try_emplace({file, index}, nullptr);
  if (is_new && FT_New_Face(f.library, file.c_str(), index, &place->second) == 0)
    f.faces.push_back(place->second);
  return place->second;
}

FT_Face match_face(char32_t c) {
  FcCharSet* wanted = FcCharSetCreate();
  FcCharSetAddChar(wanted, c);
  FcPattern* pattern = FcPatternCreate();
  FcPatternAddString(pattern, FC_FAMILY, reinterpret_cast<const FcChar8*>("sans-serif"));
  if (c >= kFirstEastAsian)
    FcPatternAddString(pattern, FC_LANG, reinterpret_cast<const FcChar8*>("zh-cn"));
  FcPatternAddCharSet(pattern, FC_CHARSET, wanted);
  FcPatternAddBool(pattern, FC_SCALABLE, FcTrue);
  FcConfigSubstitute(nullptr, pattern, FcMatchPattern);
  FcDefaultSubstitute(pattern);
  FcResult result;
  FcPattern* match = FcFontMatch(nullptr, pattern, &result);
  FT_Face face = nullptr;
  FcChar8* file = nullptr;
  if (match && FcPatternGetString(match, FC_FILE, 0, &file) == FcResultMatch) {
    int index = 0;
    FcPatternGetInteger(match, FC_INDEX, 0, &index);
    face = open_face(reinterpret_cast<const char*>(file), index & 0xFFFF);
  }
  if (match) FcPatternDestroy(match);
  FcPatternDestroy(pattern);
  FcCharSetDestroy(wanted);
  return face && FT_Get_Char_Index(face, c) ? face : nullptr;
}

FT_Face face_for(char32_t c) {
  Fonts& f = fonts();
  const auto [place, is_new] = f.face_of.try_emplace(c, nullptr);
  if (!is_new) return place->second;
  if (f.faces.empty()) match_face(U'a');  // so that Latin never comes from a Chinese font
  const auto has_it = [c](FT_Face face) { return FT_Get_Char_Index(face, c) != 0; };
  const auto found = std::find_if(f.faces.begin(), f.faces.end(), has_it);
  place->second = found != f.faces.end() ? *found : match_face(c);
  return place->second;
}

void copy_pixels(const FT_Bitmap& bitmap, Glyph& glyph) {
  glyph.width = int(bitmap.width);
  glyph.height = int(bitmap.rows);
  glyph.rgba.assign(size_t(glyph.width) * size_t(glyph.height) * 4, 255);
  for (int y = 0; y < glyph.height; ++y) {
    const uint8_t* row = bitmap.buffer + y * bitmap.pitch;
    for (int x = 0; x < glyph.width; ++x)
      glyph.rgba[(size_t(y) * size_t(glyph.width) + size_t(x)) * 4 + 3] = row[x];
  }
}

}  // namespace

bool rasterize(char32_t c, float size, bool pixels, Glyph& glyph) {
  const FT_Face face = face_for(c);
  if (!face || FT_Set_Char_Size(face, 0, FT_F26Dot6(size * 64), 72, 72) != 0) return false;
  const int flags = FT_LOAD_TARGET_LIGHT | (pixels ? FT_LOAD_RENDER : FT_LOAD_DEFAULT);
  if (FT_Load_Char(face, c, flags) != 0) return false;
  const FT_GlyphSlot slot = face->glyph;
  glyph.advance = float(slot->linearHoriAdvance) / 65536;
  if (!pixels) return true;
  glyph.left = float(slot->bitmap_left);
  glyph.top = float(slot->bitmap_top);
  if (slot->bitmap.pixel_mode == FT_PIXEL_MODE_GRAY) copy_pixels(slot->bitmap, glyph);
  return true;
}

}  // namespace attn::platform
