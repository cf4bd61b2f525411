// palette.cpp - 256 colours per palette, interpolated from control points; scales of weights.
#include "figure/palette.h"

#include <algorithm>
#include <cmath>

namespace attn {
namespace {

constexpr int kColors = 256;
constexpr int kPoints = 18;  // one every 15 colours: 17 * 15 + 1 = 256

using Points = std::array<uint32_t, kPoints>;  // 0xRRGGBB
using Colors = std::array<Rgb, kColors>;

// viridis and magma: van der Walt and Smith 2015. cividis: Nuñez, Anderton and Renslow 2018. Every
// 15th colour of the published maps, in sRGB; linear interpolation differs invisibly.
constexpr Points kViridis = {0x440154, 0x481769, 0x472a7a, 0x433d84, 0x3d4e8a, 0x355e8d,
                             0x2e6d8e, 0x297b8e, 0x23898e, 0x1f978b, 0x21a585, 0x2eb37c,
                             0x46c06f, 0x65cb5e, 0x89d548, 0xb0dd2f, 0xd8e219, 0xfde725};
constexpr Points kCividis = {0x00224e, 0x002d68, 0x163770, 0x2e416d, 0x3f4c6c, 0x4e566c,
                             0x5c616e, 0x696b71, 0x767676, 0x838179, 0x928c78, 0xa09875,
                             0xafa471, 0xbfb06b, 0xcfbd62, 0xdfca57, 0xf0d846, 0xfee838};
constexpr Points kMagma = {0x000004, 0x090720, 0x1a1042, 0x311165, 0x4a1079, 0x621980,
                           0x792282, 0x912b81, 0xaa337d, 0xc23b75, 0xd9466b, 0xec5860,
                           0xf7725c, 0xfc8e64, 0xfeaa74, 0xfec68a, 0xfde2a3, 0xfcfdbf};

Colors interpolate(const Points& points) {
  Colors colors;
  for (int i = 0; i < kColors; ++i) {
    const int left = std::min(i / 15, kPoints - 2);
    const float t = float(i - left * 15) / 15;
    const auto channel = [&](int shift) {
      const float a = float(points[size_t(left)] >> shift & 255);
      const float b = float(points[size_t(left + 1)] >> shift & 255);
      return uint8_t(std::lround(a + (b - a) * t));
    };
    colors[size_t(i)] = {channel(16), channel(8), channel(0)};
  }
  return colors;
}

// Brewer, Harrower and others 2003, from negative to positive; the second with a dark middle.
constexpr std::array<uint32_t, 11> kPuOr = {0x2d004b, 0x542788, 0x8073ac, 0xb2abd2,
                                            0xd8daeb, 0xf7f7f7, 0xfee0b6, 0xfdb863,
                                            0xe08214, 0xb35806, 0x7f3b08};
constexpr std::array<uint32_t, 11> kDarkPuOr = {0xd3c5ff, 0xa992ee, 0x7f66cf, 0x574396,
                                                0x33295c, 0x1a1b20, 0x4d2f10, 0x855012,
                                                0xbf7417, 0xf0a03c, 0xffd79a};

Colors spread(std::span<const uint32_t> points) {
  Colors colors;
  for (int i = 0; i < kColors; ++i) {
    const float at = float(i) / (kColors - 1) * float(points.size() - 1);
    const size_t left = std::min(size_t(at), points.size() - 2);
    const float t = at - float(left);
    const auto channel = [&](int shift) {
      const auto a = float(points[left] >> shift & 255), b = float(points[left + 1] >> shift & 255);
      return uint8_t(std::lround(a + (b - a) * t));
    };
    colors[size_t(i)] = {channel(16), channel(8), channel(0)};
  }
  return colors;
}

// Equal steps of CIE L* from black to white.
Colors greys() {
  Colors colors;
  for (int i = 0; i < kColors; ++i) {
    const double l = 100.0 * i / (kColors - 1);
    const double y = l > 8 ? std::pow((l + 16) / 116, 3) : l * 27 / 24389;
    const double s = y <= 0.0031308 ? 12.92 * y : 1.055 * std::pow(y, 1 / 2.4) - 0.055;
    const uint8_t grey = uint8_t(std::lround(std::clamp(s, 0.0, 1.0) * 255));
    colors[size_t(i)] = {grey, grey, grey};
  }
  return colors;
}

constexpr Tick kLinearTicks[] = {{0, "0"}, {.25f, "0.25"}, {.5f, "0.5"}, {.75f, "0.75"}, {1, "1"}};
constexpr Tick kLogTicks[] = {
    {0, "≤0.0001"}, {.25f, "0.001"}, {.5f, "0.01"}, {.75f, "0.1"}, {1, "1"}};
constexpr Tick kRowTicks[] = {{0, "0"}, {.25f, "25%"}, {.5f, "50%"}, {.75f, "75%"}, {1, "100%"}};

}  // namespace

std::span<const Rgb> palette_colors(Palette palette) {
  static const Colors kAll[] = {interpolate(kViridis), interpolate(kCividis), interpolate(kMagma),
                                greys()};
  return kAll[size_t(palette)];
}

std::span<const Rgb> diverging_colors(bool dark) {
  static const Colors kLight = spread(kPuOr), kDark = spread(kDarkPuOr);
  return dark ? kDark : kLight;
}

Rgb place_color(Palette palette, bool dark, float place) {
  if (place < 0) return {219, 38, 69};  // kBroken, as in the shader
  const bool diverging = place >= kDiverging;
  place = std::clamp(diverging ? place - kDiverging : place, 0.f, 1.f);
  if (!diverging && palette == Palette::greys && !dark) place = 1 - place;
  return (diverging ? diverging_colors(dark) : palette_colors(palette))[size_t(place * 255 + .5f)];
}

float scale_position(Scale scale, float weight, float row_max, float top) {
  if (std::isnan(weight)) return kBroken;
  switch (scale) {
    case Scale::automatic:
      return std::clamp(weight / top, 0.f, 1.f);
    case Scale::linear:
      return std::clamp(weight, 0.f, 1.f);
    case Scale::log:
      return weight > 0 ? std::clamp(1 + std::log10(weight) / 4, 0.f, 1.f) : 0.f;
    case Scale::row_max:
      return row_max > 0 ? std::clamp(weight / row_max, 0.f, 1.f) : 0.f;
  }
  return 0;
}

std::span<const Tick> scale_ticks(Scale scale) {
  switch (scale) {
    case Scale::log:
      return kLogTicks;
    case Scale::row_max:
      return kRowTicks;
    case Scale::automatic:
    case Scale::linear:
      break;
  }
  return kLinearTicks;
}

}  // namespace attn
