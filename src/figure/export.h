// export.h - a Figure as an SVG or PNG file; the caller supplies the letters of a PNG.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "figure/caption.h"

namespace attn {

// The colour of each ink in both themes, 0xRRGGBB.
constexpr uint32_t ink_rgb(bool dark, Ink ink) {
  switch (ink) {
    case Ink::text:
      return dark ? 0xe7eaf0 : 0x1a212d;
    case Ink::faint:
      return dark ? 0x9aa4b5 : 0x586375;
    case Ink::line:
      return dark ? 0x303745 : 0xd5dce5;
    case Ink::accent:
      return dark ? 0x7fb0ff : 0x2a5bd7;
    case Ink::warn:
      return dark ? 0xffb36b : 0xa04a00;
    case Ink::panel:
      return dark ? 0x181b22 : 0xffffff;
  }
  return 0;
}
// The colour at a place in the palette, 0 to 1; the light theme reverses greys.
uint32_t palette_rgb(Palette palette, bool dark, float place);
// Black or white, whichever reads better on `background`.
uint32_t ink_on_rgb(uint32_t background);

// One letter in pixels, relative to the pen on the baseline; `top` points upwards.
struct Letter {
  float advance = 0, ascent = 0;  // ascent: from the top of its line to the baseline
  int left = 0, top = 0, width = 0, height = 0;
  std::vector<uint8_t> cover;  // coverage [height, width], 255: the whole pixel
  std::vector<uint8_t> rgb;    // [height, width, 3] for coloured letters; empty: the text colour
};
// Draws a letter for lines `height` pixels high, shifted right by `shift` (0 to 1) of a pixel.
// Without `pixels` it only sets advance and ascent. False if no font has the letter.
using Letters =
    std::function<bool(char32_t letter, float height, float shift, bool pixels, Letter& out)>;
// Letters from TrueType or OpenType files; the first font with a letter draws it. Empty if none can
// be read.
Letters letters_of(const std::vector<Bytes>& fonts);

struct ExportStyle {
  Palette palette = Palette::viridis;
  bool dark = false;
  float font_size = 15;  // must match the figure's line height
  float margin = 12;     // around the figure
  float scale = 2;       // PNG: pixels per unit
  Letters letters = {};  // PNG only
};

// Self-contained. Text stays text, so that it can be searched and restyled.
std::string to_svg(const Figure& figure, const ExportStyle& style, const Caption& caption = {});

// An error without letters, or if the picture would exceed 16,384 pixels a side or 200 MB.
Result<std::string> to_png(const Figure& figure, const ExportStyle& style,
                           const Caption& caption = {});

// Encodes an RGB image [height, width, 3] as PNG (deflate, filter Sub on every row).
// `texts`: {keyword, UTF-8} pairs, written as iTXt chunks.
std::string write_png(int width, int height, std::span<const uint8_t> rgb,
                      std::span<const std::pair<std::string, std::string>> texts = {});

}  // namespace attn
