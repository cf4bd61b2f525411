// glyphs.cpp - Dear ImGui's font loader over rasterize().
#include "platform/glyphs.h"

#include <imgui.h>
#include <imgui_internal.h>
#ifdef IMGUI_ENABLE_FREETYPE
#include <misc/freetype/imgui_freetype.h>
#endif

#include <cmath>

namespace attn::platform {
namespace {

// The baseline in a line one em high, chosen so that Latin capitals and Chinese both look centred.
constexpr float kAscent = .87f;

// Invisible zero-width characters, which fonts often draw as boxes.
bool is_invisible(char32_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF ||
         (c >= 0xE0000 && c <= 0xE01EF);
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

bool start_source(ImFontAtlas*, ImFontConfig* source) {
  if (source->MergeMode && source->SizePixels == 0)
    source->SizePixels = source->DstFont->Sources[0]->SizePixels;
  return true;
}

bool start_size(ImFontAtlas*, ImFontConfig*, ImFontBaked* baked, void*) {
  baked->Ascent = std::round(baked->Size * kAscent);
  baked->Descent = baked->Ascent - baked->Size;
  return true;
}

// A non-null `advance` means that Dear ImGui only measures.
bool load_glyph(ImFontAtlas* atlas, ImFontConfig* source, ImFontBaked* baked, void*, ImWchar c,
                ImFontGlyph* out, float* advance) {
  if (is_control(c)) return false;
  out->Codepoint = c;
  if (is_invisible(c)) {
    if (advance) *advance = 0;
    return true;
  }
  const float density = source->RasterizerDensity * baked->RasterizerDensity;
  Glyph glyph;
  if (!rasterize(c, baked->Size * density, !advance, glyph)) return false;
  out->AdvanceX = glyph.advance / density;
  if (advance) {
    *advance = out->AdvanceX;
    return true;
  }
  if (glyph.rgba.empty()) return true;
  const ImFontAtlasRectId id = ImFontAtlasPackAddRect(atlas, glyph.width, glyph.height);
  if (id == ImFontAtlasRectId_Invalid) return false;
  out->X0 = glyph.left / density;
  out->Y0 = baked->Ascent - glyph.top / density;
  out->X1 = out->X0 + float(glyph.width) / density;
  out->Y1 = out->Y0 + float(glyph.height) / density;
  out->Visible = true;
  out->Colored = glyph.colored;
  out->PackId = id;
  ImFontAtlasBakedSetFontGlyphBitmap(atlas, baked, source, out, ImFontAtlasPackGetRect(atlas, id),
                                     glyph.rgba.data(), ImTextureFormat_RGBA32, glyph.width * 4);
  return true;
}

}  // namespace

const ImFontLoader* glyph_loader() {
  static const ImFontLoader kLoader = [] {
    ImFontLoader loader;
    loader.Name = "system";
    loader.FontSrcInit = start_source;
    loader.FontBakedInit = start_size;
    loader.FontBakedLoadGlyph = load_glyph;
    return loader;
  }();
  return &kLoader;
}

Letters letters() {
  // Line height as in common fonts: an em plus a sixth of it.
  constexpr float kEm = .86f, kBaseline = .8f;
  return [](char32_t c, float height, float, bool pixels, Letter& out) {
    if (is_control(c) || is_invisible(c)) return false;
    Glyph glyph;
    if (!rasterize(c, height * kEm, pixels, glyph)) return false;
    out.advance = glyph.advance;
    out.ascent = height * kBaseline;
    if (!pixels) return true;
    out.left = int(std::lround(glyph.left));
    out.top = int(std::lround(glyph.top));
    out.width = glyph.width;
    out.height = glyph.height;
    for (size_t i = 0; i < glyph.rgba.size(); i += 4) {
      out.cover.push_back(glyph.rgba[i + 3]);
      if (glyph.colored) out.rgb.insert(out.rgb.end(), &glyph.rgba[i], &glyph.rgba[i] + 3);
    }
    return true;
  };
}

}  // namespace attn::platform

#ifdef IMGUI_ENABLE_FREETYPE
// The default loader that Dear ImGui looks up by this name.
const ImFontLoader* ImGuiFreeType::GetFontLoader() { return attn::platform::glyph_loader(); }
#endif
