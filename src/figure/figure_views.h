// figure_views.h - the views of the table, one file each.
#pragma once

#include "figure/figure.h"

namespace attn {

// One query's row: position, token, weight, percent and bar of every key, and the sum's check.
Figure bars_figure(const ViewInput& input);
// One query in every head of a layer: the most attended key, and the two after it.
Figure heads_figure(const ViewInput& input);
// A head's pattern, or any other {query, key} measure, as cells with labels and a colour bar.
Figure map_figure(const ViewInput& input);
// Queries and keys as two columns, joined by the strongest weights of each row.
Figure lines_figure(const ViewInput& input);
// q, k and q ⊙ k of the chosen query, dimension by dimension.
Figure neuron_figure(const ViewInput& input);
// The tokens, tinted by one row.
Figure strip_figure(const ViewInput& input);
// Every head as a cell, as a line of a list, as a dot.
Figure grid_figure(const ViewInput& input);
Figure list_figure(const ViewInput& input);
Figure scatter_figure(const ViewInput& input);
// Layers upwards, tokens to the right: a number a cell, with the token it speaks of.
Figure lens_figure(const ViewInput& input);
// Where its cells are: it grows beyond the wished width rather than making them too small to read.
struct LensLayout {
  float left, top, wide, high;  // of layers' names, tokens' names, a cell
  Vec2 size;
};
LensLayout lens_layout(const ViewInput& input);
// The highest of the vocabulary.
Figure next_figure(const ViewInput& input);
// Bars to both sides of 0: of parts by name, of heads, or of tokens, all layers together.
Figure parts_figure(const ViewInput& input);
// "Paris" minus "London".
std::string target_words(const State& state);

// "L3 H1", then a measure's title, its value, and the share of heads below.
std::string head_sentence(const Metric* metric, const std::vector<float>& values, int layer,
                          int head, int n_heads, Lang lang);
// Four lines around a rectangle.
void add_frame(Figure& figure, Vec2 min, Vec2 max, Ink ink, float width);
// The largest of a row, until together they reach this share of its sum; what is not above 0 never.
std::vector<Peak> strongest(std::span<const float> row, float share);

}  // namespace attn
