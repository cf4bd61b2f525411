// head_circuits.h - what the weights alone say of heads: OV and QK as factored matrices (Elhage et
// al. 2021).
//
// Of one head, as x W with the weights of the norm before the attention and, of LayerNorm, its
// subtraction of the mean folded in as TransformerLens does (its scale, which depends on x, and
// rotations, which depend on places, left out):
//   OV = W_V W_O   QK = W_Q W_Kᵀ   both [d_model, d_model], of rank d_head at most, never made
//   whole.
// Where heads share keys and values, each query head has those of its group.
#pragma once

#include <memory>

#include "analysis/measure.h"

namespace attn {

// {layer, head} Re Σ λ / Σ |λ| over the eigenvalues λ of OV: 1 hands on what it reads, -1 its
// opposite.
Study begin_copying(const Inputs& in);
Study begin_ov_eigenvalues(const Inputs& in);  // {dim, component} of the chosen head, real and
                                               // imaginary, the largest real first
Study begin_ov_singular(const Inputs& in);     // {dim} of the chosen head, the largest first
Study begin_qk_singular(const Inputs& in);     // {dim}, likewise

// {layer, head, layer, head}: ‖OV₁ X‖ / (‖OV₁‖ ‖X‖) of an earlier head 1 and a later head 2, with X
// = QK₂, QK₂ᵀ, OV₂, in Frobenius norms, less 1/√d_model: the root mean square of the same when one
// of the two is turned at random, which is exact for any two matrices. 0 unless the first layer is
// before the second. A step is one earlier head and some later ones. The refusal counts a
// number for each pair of heads and what is kept of every head.
Status too_large_for_pairs(const Inputs& in);
// Elhage et al. 2021; TransformerLens all_composition_scores.
Study begin_q_composition(const Inputs& in);
Study begin_k_composition(const Inputs& in);
Study begin_v_composition(const Inputs& in);

}  // namespace attn
