// palette.h - perceptual, colour-blind-safe colours for weights, and the scales that lead to them.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "state/state.h"

namespace attn {

struct Rgb {
  uint8_t r, g, b;
};

// 256 colours from weight 0 to 1. Dark to bright, except greys, which the light theme reverses
// itself.
std::span<const Rgb> palette_colors(Palette palette);

// Of numbers on both sides of 0: purple below, orange above (ColorBrewer's PuOr, which colour-blind
// people can tell apart), and the page's own colour at 0 in the middle. In figures, places from
// kDiverging to kDiverging + 1 are these.
std::span<const Rgb> diverging_colors(bool dark);
inline constexpr float kDiverging = 2;
// The colour of a place, as the theme has it.
Rgb place_color(Palette palette, bool dark, float place);

// A weight's place in the palette, 0 to 1.
// linear: weight; log: 4 decades below 1; row_max: weight over the largest of its row.
float scale_position(Scale scale, float weight, float row_max);
// Weights whose places are the ticks of the colour bar, with the text of each ("0.001").
struct Tick {
  float position;
  const char* label;
};
std::span<const Tick> scale_ticks(Scale scale);

}  // namespace attn
