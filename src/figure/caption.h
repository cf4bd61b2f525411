// caption.h - titles and captions of figures: model, part, layer, head, measure and text.
#pragma once

#include <string>

#include "figure/figure.h"

namespace attn {

struct View;  // views.h

// The site that a measure depends on (Metric::reads): "Layer 1 · Head 2"; "Layer 1" for a mean over
// its heads; "" for a measure of all layers. Here and below, null means a pattern's weights.
std::string site_words(const Metric* metric, const State& state);
// The short form: "L1 H2", "L1", "".
std::string site_name(const Metric* metric, const State& state);
// "Weight", or the metric's title.
std::string measure_title(const Metric* metric, Lang lang);
// "L1 H2 · Weight", "L1 · Mean over heads", "Attention rollout".
std::string figure_title(const Metric* metric, const State& state);
// Of the row of the chosen query: "Attention of query 16 " Toad" in L3 H1", "Attention rollout of
// query 16 " Toad"".
std::string row_title(const Metric* metric, const State& state, const Pairs& pairs);

// Caption of a saved figure: drawn below it, and stored in full in the file's title and
// description.
struct Caption {
  std::string title;  // model, part, layer, head, measure
  std::string text;   // the model's input
  std::string note;   // how tokens were grouped; may be empty

  std::string description() const { return note.empty() ? text : text + "\n" + note; }
};
// `second` is set for views that plot two measures against each other. `pairs` holds the tokens
// that the state's indices refer to. The part is named if the trace has several.
// A view that draws more than its measure (View::draws) gives its own title.
Caption caption_of(const Metric& metric, const Metric* second, const Inputs& in, const Pairs& pairs,
                   std::string note = "", const View* view = nullptr);
// Appends the caption below the figure, truncated to its width.
void add_caption(Figure& figure, const Caption& caption, float line_height);

}  // namespace attn
