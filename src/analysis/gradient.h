// gradient.h - gradient times attention: a backward pass from one logit over what a pass kept.
//
// y is the logit of the target (minus that of the foil) at State::token, before the softmax over
// the vocabulary. ∇A is the derivative of y by each weight, A itself being taken as free. Needs
// activations, logits and every layer.
#pragma once

#include "analysis/measure.h"

namespace attn {

// Refusals: memory for one layer's backward pass, and for R one map per layer as well.
Status too_large_for_gradient(const Inputs& in);
Status too_large_for_relevance(const Inputs& in);
Study begin_gradient_attention(
    const Inputs& in);                         // {query, key} ∇A ⊙ A of the chosen layer and head
Study begin_gradient_heads(const Inputs& in);  // {layer, head} Σ ∇A ⊙ A
// Chefer et al. 2021 (ICCV), self-attention: Ā = mean over heads of ReLU(∇A ⊙ A); R = I; R <- R + Ā
// R, layer by layer.
Study begin_chefer(const Inputs& in);      // {query, key} R
Study begin_chefer_row(const Inputs& in);  // {key} R's row of the chosen token

}  // namespace attn
