// contrast.h - the weight that the brightest colour of an automatic scale stands for.
#pragma once

#include <string>
#include <vector>

#include "state/state.h"
#include "trace/attention.h"

namespace attn {

// Shorter patterns keep the scale from 0 to 1.
inline constexpr int kLongMap = 100;

// The least of 1, 0.5, 0.2, 0.1, … that 9 of 10 rows do not exceed, given the largest weight of
// each.
float top_of_rows(std::vector<float> largest);
// Of a head's pattern, leaving out the first key, the usual attention sink. 1 where the layer is
// not kept.
float head_top(const Attention& attention, int sample, int layer, int head);
// The same; 1 for short patterns and where `scale` is not automatic.
float weight_top(const Attention& attention, int sample, int layer, int head, Scale scale);

// "1", or "≥0.05" where larger weights have the same colour.
std::string top_text(float top);
// Whether each of the maps of all heads has a scale of its own.
inline bool has_own_contrast(const State& s) {
  return s.contrast == Contrast::own && s.scale == Scale::automatic;
}
// Which scale the maps of all heads have, beside their colour bar.
std::string contrast_words(Contrast contrast, Lang lang);

}  // namespace attn
