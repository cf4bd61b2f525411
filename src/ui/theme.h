// theme.h - the colours of the light and the dark theme, and their Dear ImGui style.
#pragma once

#include <imgui.h>

#include "figure/figure.h"

namespace attn {

// 0xRRGGBB each.
struct ThemeColors {
  uint32_t page, panel, field, field_hover, line, text, faint, accent, on_accent, warn, warn_panel;
};
const ThemeColors& theme_colors(bool dark);

// Sizes, roundings and colours; cheap enough for every frame.
constexpr float kTouchSide = 44;  // least height of what a finger presses
// `touch`: larger controls, for fingers.
void apply_theme(bool dark, bool touch);

ImU32 rgb(uint32_t color, float alpha = 1);
ImU32 rgb(Rgb color, float alpha = 1);
ImU32 ink_color(bool dark, Ink ink);
uint32_t mix(uint32_t a, uint32_t b, float t);
// Black or white, whichever reads better on `background`.
ImU32 ink_on(uint32_t background);
inline uint32_t packed(Rgb c) { return uint32_t(c.r) << 16 | uint32_t(c.g) << 8 | c.b; }

}  // namespace attn
