// figure_parts.h - what several views draw alike: a measure's colours with their bar, tokens, axis
// labels.
#pragma once

#include <string>
#include <string_view>

#include "figure/figure.h"

namespace attn {

// From which value to which a measure's colours go.
struct ValueRange {
  float low = 0, high = 1;
  // 0 .. 1; NaN stays NaN.
  float place(float value) const { return high > low ? (value - low) / (high - low) : .5f; }
  // Numbers on both sides of 0: the diverging palette, 0 in its middle.
  bool diverges() const { return low < 0; }
  // The place of its colour by this scale, `row_most` being the largest size in its row: linear,
  // over four decades below the largest size, or over the row's. From kDiverging on where it
  // diverges; NaN stays NaN.
  float colored(Scale scale, float value, float row_most) const;
  // What the colour bar says at 0, at 1 and between.
  std::string tick(const Metric* metric, Scale scale, float place) const;
};
// Of what is there: from 0 where nothing can be negative; alike on both sides of 0 where something
// is. Patterns keep 0 to 1.
ValueRange range_of(const Metric* metric, std::span<const float> values);

// The palette as a bar, with the numbers of its ends and middle below (or right of) it. `length` is
// along it. With a scale, its colours and numbers are those of ValueRange::colored.
void add_color_bar(Figure& figure, const Metric* metric, ValueRange range, Vec2 at, float length,
                   float line, bool vertical, const Scale* scale = nullptr);
// The largest size (without sign) of a row's numbers.
float most_of(std::span<const float> row);

// A name of this sample's token, or "".
std::string_view token_name(const std::vector<Tokens>& samples, int sample, int i);

// About as wide as letters of a common sans serif are, in units of the letters' height: for cutting
// text where no font is at hand. Exact for nobody.
float rough_width(std::string_view text, float size);
std::string rough_fit(std::string_view text, float size, float max_width);

// Every how many of things `step` apart can have a label `least` high: 1, 2, 5, 10, …
int every_so_many(float step, float least);

}  // namespace attn
