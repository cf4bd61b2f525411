// figure_views.h - the figure functions of the views, one view_*.cpp each.
#pragma once

#include "figure/figure.h"

namespace attn {

// One query's row of the pattern, or of another {query, key} measure: position, token, value,
// percent and bar of every key, and the checked sum.
Figure bars_figure(const ViewInput& input);
// One query in every head of a layer: the most attended key, and the two after it.
Figure heads_figure(const ViewInput& input);
// A head's pattern, or any other {query, key} measure, as cells with labels and a colour bar.
Figure map_figure(const ViewInput& input);
// Queries and keys as two columns, joined by the strongest weights of each row.
Figure lines_figure(const ViewInput& input);
// q, k and q ⊙ k of the chosen query, dimension by dimension.
Figure neuron_figure(const ViewInput& input);
// How one weight arises, stage by stage; its measure is what each head writes, or empty.
Figure chain_figure(const ViewInput& input);
// Instead of a figure, where the layer did not fit in memory.
Figure not_kept_figure(const ViewInput& input);
// A picture, and beside it the same with one row painted on its patches.
Figure picture_figure(const ViewInput& input);
// The tokens, coloured by one row.
Figure strip_figure(const ViewInput& input);
// Every head as a cell, a list row, or a dot.
Figure grid_figure(const ViewInput& input);
// Every head's pattern as a small map, layers downwards, with the measure as a caption.
Figure wall_figure(const ViewInput& input);
Figure list_figure(const ViewInput& input);
Figure scatter_figure(const ViewInput& input);
// Layers upwards, tokens to the right: one value per cell, with the token it refers to.
Figure lens_figure(const ViewInput& input);
// The layout of lens_figure. It exceeds the requested width rather than make cells unreadable.
struct LensLayout {
  float left, top, wide, high;  // width of layer names, height of token names, size of a cell
  Vec2 size;
};
LensLayout lens_layout(const ViewInput& input);
// The most likely tokens of the vocabulary, as bars.
Figure next_figure(const ViewInput& input);
// Signed bars for named components, for heads, or for tokens (summed over layers).
Figure parts_figure(const ViewInput& input);
// "Paris" minus "London".
std::string target_words(const State& state);

// "L3 H1", then the measure's title and value, and the share of other heads below it.
std::string head_sentence(const Metric* metric, const std::vector<float>& values, int layer,
                          int head, int n_heads, Lang lang);
// Four lines around a rectangle.
void add_frame(Figure& figure, Vec2 min, Vec2 max, Ink ink, float width);
// The largest values of a row until they reach this share of its sum; only positive ones.
std::vector<Peak> strongest(std::span<const float> row, float share);

}  // namespace attn
