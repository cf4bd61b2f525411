// figure_parts.h - what several views draw alike: a measure's colours with their bar, tokens, axis labels.
#pragma once

#include <string_view>

#include "figure/figure.h"

namespace attn {

// From which value to which a measure's colours go.
struct ValueRange {
  float low = 0, high = 1;
  // 0 .. 1; NaN stays NaN.
  float place(float value) const { return high > low ? (value - low) / (high - low) : .5f; }
};
// Of what is there: from 0 where nothing can be negative; alike on both sides of 0 where something is.
// Patterns keep 0 to 1.
ValueRange range_of(const Metric* metric, std::span<const float> values);

// The palette as a bar, with the numbers of its ends and middle below (or right of) it. `length` is along it.
void add_color_bar(Figure& figure, const Metric* metric, ValueRange range, Vec2 at, float length,
                   float line, bool vertical);

// A name of this sample's token, or "".
std::string_view token_name(const std::vector<Tokens>& samples, int sample, int i);

// About as wide as letters of a common sans serif are, in units of the letters' height: for cutting text where no
// font is at hand. Exact for nobody.
float rough_width(std::string_view text, float size);
std::string rough_fit(std::string_view text, float size, float max_width);

// Every how many of things `step` apart can have a label `least` high: 1, 2, 5, 10, …
int every_so_many(float step, float least);

}  // namespace attn
