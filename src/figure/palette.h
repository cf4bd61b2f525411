// palette.h - perceptual, colour-blind-safe palettes for weights, and the scales of weights.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "state/state.h"

namespace attn {

struct Rgb {
  uint8_t r, g, b;
};

// 256 colours for weights 0 to 1, from dark to bright; place_color reverses greys in the light
// theme.
std::span<const Rgb> palette_colors(Palette palette);

// For values of both signs: purple below 0, orange above (ColorBrewer's PuOr, colour-blind safe),
// the background colour at 0. In figures, places kDiverging to kDiverging + 1 refer to this
// palette.
std::span<const Rgb> diverging_colors(bool dark);
inline constexpr float kDiverging = 2;
// The place of a weight that is NaN, which is drawn in red, as an error.
inline constexpr float kBroken = -1;
// The colour at a place in the theme.
Rgb place_color(Palette palette, bool dark, float place);

// A weight's place in the palette, 0 to 1.
// automatic: relative to `top` (contrast.h); linear: the weight; log: 4 decades below 1; row_max:
// relative to the largest of its row.
float scale_position(Scale scale, float weight, float row_max, float top = 1);
// The ticks of the colour bar, for a `top` of 1: place in the palette and label ("0.001").
struct Tick {
  float position;
  const char* label;
};
std::span<const Tick> scale_ticks(Scale scale);

}  // namespace attn
