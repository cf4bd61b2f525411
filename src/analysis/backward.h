// backward.h - derivatives of a layer's parts, rows at a time.
#pragma once

#include "analysis/dense.h"

namespace attn {

// d_x of y = norm(x), row by row.   x, d_y [n, d_model]
Dense norm_backward(const Config& c, const NormWeights& w, ConstMat x, const Dense& d_y);
// Multiplies d [n] by f'(x), where x is the input of the activation f.
void activation_backward(Activation activation, std::span<const float> x, std::span<float> d);
// Adds the gradient through neurons from .. to-1 of the MLP to d_x; x is the MLP's input after its
// norm. x, d_out, d_x [n, d_model]
void mlp_backward(const Model& model, int layer, int from, int to, ConstMat x, const Dense& d_out,
                  Dense& d_x);
// d_resid of the logit direction u [1, output_width], through ready_to_unembed: of one row, or of
// several that the head reads the mean of.   resid [n, d_model]
Dense unembed_backward(const Model& model, ConstMat resid, const Dense& u);
// Turns the gradient of rotated q or k of one head, d [n, d_head], into that before the rotation,
// in place.
void rotate_back(const Config& c, int layer, Mat d);

}  // namespace attn
