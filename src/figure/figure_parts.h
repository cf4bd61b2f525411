// figure_parts.h - drawing shared by several views: value colours and their bar, token names, axis
// labels.
#pragma once

#include <string>
#include <string_view>

#include "figure/figure.h"

namespace attn {

// The range of values that the colours span.
struct ValueRange {
  float low = 0, high = 1;
  // 0 .. 1; NaN stays NaN.
  float place(float value) const { return high > low ? (value - low) / (high - low) : .5f; }
  // Values of both signs: the diverging palette, centred on 0.
  bool diverges() const { return low < 0; }
  // The palette place of a value: linear, over four decades below the largest magnitude, or
  // relative to `row_most`, the largest magnitude in its row. Diverging ranges start at kDiverging.
  // NaN stays NaN.
  float colored(Scale scale, float value, float row_most) const;
  // The label of the colour bar at a place, 0 to 1.
  std::string tick(const Metric* metric, Scale scale, float place) const;
};
// The range of the finite values: from 0 if none is negative, else symmetric around 0. Patterns
// (null) always span 0 to 1.
ValueRange range_of(const Metric* metric, std::span<const float> values);

// A colour bar of this length with labels at its ends and middle, below it or, if vertical, to its
// right. With `scale`, colours and labels are those of ValueRange::colored.
void add_color_bar(Figure& figure, const Metric* metric, ValueRange range, Vec2 at, float length,
                   float line, bool vertical, const Scale* scale = nullptr);
// What the colours of signed numbers mean: the diverging palette from negative to positive, on one
// line that starts at `at`.
void add_sign_legend(Figure& figure, Lang lang, Vec2 at, float room, float line);
// The largest magnitude of the finite values in a row.
float most_of(std::span<const float> row);

// Token::shown of token i of the sample, or "".
std::string_view token_name(const std::vector<Tokens>& samples, int sample, int i);

// Approximate width of text in a common sans serif at this font size, for truncating text where no
// font is available.
float rough_width(std::string_view text, float size);
std::string rough_fit(std::string_view text, float size, float max_width);

// The label interval for items `step` apart whose labels need `least`: 1, 2, 5, 10, …
int every_so_many(float step, float least);

}  // namespace attn
