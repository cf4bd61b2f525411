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

// 256 colours from weight 0 to 1. Dark to bright, except greys, which the light theme reverses itself.
std::span<const Rgb> palette_colors(Palette palette);

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
