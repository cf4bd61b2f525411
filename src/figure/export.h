// export.h - a Figure as a file: SVG, or PNG with letters from whoever can draw them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "figure/caption.h"

namespace attn {

// What each ink is in the two themes, 0xRRGGBB.
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
// The colour of a place in the palette, 0 to 1; the light theme turns greys round.
uint32_t palette_rgb(Palette palette, bool dark, float place);
// Black or white, whichever reads better on `background`.
uint32_t ink_on_rgb(uint32_t background);

// One letter in pixels, from the pen on the baseline; `top` is upwards.
struct Letter {
  float advance = 0, ascent = 0;  // ascent: from the top of its line to the baseline
  int left = 0, top = 0, width = 0, height = 0;
  std::vector<uint8_t> cover;  // [height, width], 255: all of the pixel
  std::vector<uint8_t>
      rgb;  // [height, width, 3] of letters with colours; else they take the text's
};
// Draws a letter of lines `height` pixels high, `shift` (0 to 1) of a pixel further right; without
// `pixels` only advance and ascent are asked for. False where no font has it.
using Letters =
    std::function<bool(char32_t letter, float height, float shift, bool pixels, Letter& out)>;
// Of TrueType or OpenType files, the first that has a letter draws it. Empty where none can be
// read.
Letters letters_of(const std::vector<Bytes>& fonts);

struct ExportStyle {
  Palette palette = Palette::viridis;
  bool dark = false;
  float font_size = 15;  // that the figure's line height was meant for
  float margin = 12;     // around the figure
  float scale = 2;       // pixels a unit; of PNG
  Letters letters = {};  // of PNG
};

// Stands by itself: letters stay text, so they can be searched and restyled.
std::string to_svg(const Figure& figure, const ExportStyle& style, const Caption& caption = {});

// Errors: there are no letters, or the picture would be larger than 16,384 pixels a side or 200 MB.
Result<std::string> to_png(const Figure& figure, const ExportStyle& style,
                           const Caption& caption = {});

// An RGB picture, [height, width, 3], as a PNG file (deflate, each row with the filter Sub).
// `texts`: {keyword, UTF-8}, as iTXt chunks.
std::string write_png(int width, int height, std::span<const uint8_t> rgb,
                      std::span<const std::pair<std::string, std::string>> texts = {});

}  // namespace attn
