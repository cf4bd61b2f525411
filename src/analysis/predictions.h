// predictions.h - what a model predicts: if it ended after each layer, and next.
#pragma once

#include "analysis/measure.h"

namespace attn {

inline constexpr int kGuesses = 5;  // of each cell of the lens

// {layer, query}: the probability of the likeliest token, with kGuesses guesses per cell
// (nostalgebraist 2020).
Study begin_lens_guess(const Inputs& in);
// Logits of one row to what a reader is told: probabilities, or the values as they are.
void to_chances(std::vector<float>& values, LabelScale scale);
// {vocab}: softmax(LN_f(x_i) W_U + b_U) at State::token.
Study begin_next_token(const Inputs& in);  // in steps of a part of the vocabulary

}  // namespace attn
