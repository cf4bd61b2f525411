// test_palette.cpp - palettes grow lighter with weight, and scales keep their ends.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "figure/palette.h"

namespace {

using namespace attn;

constexpr Palette kPalettes[] = {Palette::viridis, Palette::cividis, Palette::magma,
                                 Palette::greys};

double linear(uint8_t channel) {
  const double s = channel / 255.0;
  return s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4);
}

// CIE L* of an sRGB colour, D65.
double lightness(Rgb c) {
  const double y = 0.2126729 * linear(c.r) + 0.7151522 * linear(c.g) + 0.0721750 * linear(c.b);
  return y > 216.0 / 24389 ? 116 * std::cbrt(y) - 16 : y * 24389 / 27;
}

int difference(Rgb a, uint32_t b) {
  return std::max({std::abs(a.r - int(b >> 16)), std::abs(a.g - int(b >> 8 & 255)),
                   std::abs(a.b - int(b & 255))});
}

}  // namespace

TEST_CASE("every palette grows lighter from the first colour to the last") {
  for (Palette palette : kPalettes) {
    const auto colors = palette_colors(palette);
    CAPTURE(int(palette));
    REQUIRE(colors.size() == 256);
    for (size_t i = 1; i < colors.size(); ++i) {
      CAPTURE(i);
      CHECK(lightness(colors[i]) >= lightness(colors[i - 1]) - 0.15);  // rounding to bytes
    }
    // Far apart is clearly lighter, and no step is a leap that would look like an edge.
    for (size_t i = 16; i < colors.size(); ++i) {
      CAPTURE(i);
      CHECK(lightness(colors[i]) > lightness(colors[i - 16]) + 1.5);
      CHECK(lightness(colors[i]) < lightness(colors[i - 16]) + 12);
    }
  }
}

TEST_CASE("palettes agree with the published maps") {
  // Colours of the published viridis, cividis and magma between our control points.
  CHECK(difference(palette_colors(Palette::viridis)[127], 0x21908d) <= 4);
  CHECK(difference(palette_colors(Palette::viridis)[0], 0x440154) == 0);
  CHECK(difference(palette_colors(Palette::viridis)[255], 0xfde725) == 0);
  CHECK(difference(palette_colors(Palette::cividis)[255], 0xfee838) == 0);
  CHECK(difference(palette_colors(Palette::magma)[0], 0x000004) == 0);
  CHECK(difference(palette_colors(Palette::magma)[127], 0xb5367a) <= 4);
}

TEST_CASE("scales lead weights to places between 0 and 1") {
  CHECK(scale_position(Scale::linear, 0.25f, 0.5f) == doctest::Approx(0.25));
  CHECK(scale_position(Scale::row_max, 0.25f, 0.5f) == doctest::Approx(0.5));
  CHECK(scale_position(Scale::log, 0.01f, 1) == doctest::Approx(0.5));
  CHECK(scale_position(Scale::log, 1e-9f, 1) == 0);
  CHECK(scale_position(Scale::row_max, 0, 0) == 0);
  CHECK(scale_position(Scale::automatic, .1f, 1, .2f) == doctest::Approx(0.5));
  CHECK(scale_position(Scale::automatic, .3f, 1, .2f) == 1);
  for (Scale scale : {Scale::automatic, Scale::linear, Scale::log, Scale::row_max}) {
    CHECK(scale_position(scale, 0, 1) == 0);
    CHECK(scale_position(scale, 1, 1) == 1);
    const auto ticks = scale_ticks(scale);
    CHECK(ticks.front().position == 0);
    CHECK(ticks.back().position == 1);
    for (size_t i = 1; i < ticks.size(); ++i) CHECK(ticks[i].position > ticks[i - 1].position);
  }
  // The ticks stand where the scale puts the weights that they name.
  for (Scale scale : {Scale::linear, Scale::log})
    for (const Tick& tick : scale_ticks(scale))
      if (tick.position > 0)
        CHECK(scale_position(scale, float(std::atof(tick.label)), 1) ==
              doctest::Approx(tick.position));
}
