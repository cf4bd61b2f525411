// caption.h - what a picture shows, in words: model, part, layer, head, measure and text.
#pragma once

#include <string>

#include "figure/figure.h"

namespace attn {

// What a measure is taken at, by what it reads: "Layer 1 · Head 2"; "Layer 1" for a mean over its
// heads; "" where it is about all layers. Null is a pattern's weights, here and below.
std::string site_words(const Metric* metric, const State& state);
// The same in short: "L1 H2", "L1", "".
std::string site_name(const Metric* metric, const State& state);
// "Weight", or the metric's title.
std::string measure_title(const Metric* metric, Lang lang);
// "L1 H2 · Weight", "L1 · Mean over heads", "Attention rollout".
std::string figure_title(const Metric* metric, const State& state);

// Of a figure that is saved: written below it, and whole in the file's title and description.
struct Caption {
  std::string title;  // model, part, layer, head, measure
  std::string text;   // that the model read
  std::string note;   // how its tokens were put together; may be empty

  std::string description() const { return note.empty() ? text : text + "\n" + note; }
};
// `second`: of views that put two measures against each other.
// `pairs` are the tokens that its state counts. The part is named where the trace has several.
Caption caption_of(const Metric& metric, const Metric* second, const Inputs& in, const Pairs& pairs,
                   std::string note = "");
// Below the figure, cut to its width.
void add_caption(Figure& figure, const Caption& caption, float line_height);

}  // namespace attn
