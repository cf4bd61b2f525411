// block_math.h - the parts of a layer as functions of rows, for whoever looks into a pass
// afterwards.
#pragma once

#include "model/model.h"
#include "tensor/mat.h"
#include "trace/activations.h"

namespace attn {

// LayerNorm or RMSNorm, as the model has it, or neither where `w` is empty; `out` may be x.
void normalize_rows(const Config& c, const NormWeights& w, ConstMat x, Mat out);

// Of q_norm or k_norm, what a head of queries or keys has.
NormWeights norm_of_head(const Config& c, const NormWeights& w, int64_t head);

// On y [n], in place; what Then::map of packed.h takes.
using Map = void (*)(float* y, int64_t n);
Map map_of(Activation activation);

void scale_row(std::span<float> x, double by);

// The final norm and, in a masked-LM head or one of labels, what lies before W_U; times
// Config::logit_scale. One row of `out` for several: of their mean behind the norm.
// resid [n, d_model]   out [n or 1, output_width]
void ready_to_unembed(const Model& model, ConstMat resid, Mat out);
// Logits of rows that are ready.   rows [n, output_width]   out [n, n_outputs]
void unembed(const Model& model, ConstMat rows, Mat out);
// Of words first .. first + out.cols - 1.
void unembed_words(const Model& model, ConstMat rows, int first, Mat out);

// What attention or MLP has computed, on its way into the residual stream; in place.
void finish_write(const Config& c, const NormWeights& norm, Mat rows);

// What attention adds, z W_O + b_O in most models.   z [n, n_heads * d_head]   out [n, d_model]
void attn_out(const Model& model, int layer, ConstMat z, Mat out);
// What the MLP adds, given the residual stream that it reads (its norm is taken where that comes
// first). x, out [n, d_model]; out is not x
void mlp_out(const Model& model, int layer, ConstMat x, Mat out);
// resid_post of rows whose attention wrote `attn`; `resid_pre` is what the layer read.
// All [n, d_model]; out is none of the others.
void finish_block(const Model& model, int layer, ConstMat resid_pre, ConstMat attn, Mat out);

}  // namespace attn
