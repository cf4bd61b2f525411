// backward.h - derivatives of a layer's parts, rows at a time.
#pragma once

#include "analysis/dense.h"

namespace attn {

// d_x of y = norm(x), row by row.   x, d_y [n, d_model]
Dense norm_backward(const Config& c, const NormWeights& w, ConstMat x, const Dense& d_y);
// Multiplies d [n] by f'(x), x being what the activation f read.
void activation_backward(Activation activation, std::span<const float> x, std::span<float> d);
// Adds to d_x what the neurons from .. to-1 of the MLP have of it, x being what the MLP read after
// its norm. x, d_out, d_x [n, d_model]
void mlp_backward(const Model& model, int layer, int from, int to, ConstMat x, const Dense& d_out,
                  Dense& d_x);
// d_resid of the final row's logit direction u: through W_U's side of ready_to_unembed.   resid, u
// [1, d_model]
Dense unembed_backward(const Model& model, ConstMat resid, const Dense& u);
// q or k before rotation, of what is known of it after: d [n, d_head], of one head, in place.
void rotate_back(const Config& c, Mat d);

}  // namespace attn
