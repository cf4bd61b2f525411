// kernels.h - the arithmetic of a transformer: products, norms, rotations, activations.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/mat.h"

namespace attn {

// out = x Wᵀ + b.   x [n, d_in]   w [d_out, d_in] (PyTorch's nn.Linear)   b [d_out] or empty   out
// [n, d_out]
void linear(ConstMat x, ConstMat w, std::span<const float> b, Mat out);

// out = a bᵀ * scale.   a [n, d]   b [m, d]   out [n, m]
void product_nt(ConstMat a, ConstMat b, float scale, Mat out);

// out = a b.   a [n, m]   b [m, d]   out [n, d]
void product_nn(ConstMat a, ConstMat b, Mat out);

// exp(x - max) / sum, in place, over visible cells only: the caller leaves masked cells out of
// `row` and sets them to 0, rather than giving them a large negative score.
void softmax_row(std::span<float> row);

// (x - mean) / sqrt(var + eps) * gamma + beta, per row; beta may be empty. In both norms, `out` may
// be x.
void layer_norm(ConstMat x, std::span<const float> gamma, std::span<const float> beta, float eps,
                Mat out);
// x / sqrt(mean(x²) + eps) * gamma, per row.
void rms_norm(ConstMat x, std::span<const float> gamma, float eps, Mat out);

// RoPE in place: rotates pairs of every row of x by angles with these cosines and sines.
// x [n, d]   cosines, sines [n, n_pairs]   2 n_pairs <= d; further columns are unchanged.
// `interleaved`: pairs (2j, 2j+1) as in GPT-J; else (j, j + n_pairs) as in Llama and NeoX.
void rotate(Mat x, ConstMat cosines, ConstMat sines, bool interleaved);

void gelu(std::span<float> x);       // exact: x Φ(x), by erf
void gelu_tanh(std::span<float> x);  // the tanh approximation of GPT-2
void silu(std::span<float> x);       // x σ(x)
void relu(std::span<float> x);

// The same over y [n] on the calling thread, as Then::map of packed.h requires.
void gelu_n(float* y, int64_t n);
void gelu_tanh_n(float* y, int64_t n);
void silu_n(float* y, int64_t n);
void relu_n(float* y, int64_t n);
void quick_gelu_n(float* y, int64_t n);  // y times the logistic function of 1.702 y

// x += y, element by element.
void add(std::span<float> x, std::span<const float> y);

float half_to_float(uint16_t half);      // IEEE binary16
float bfloat16_to_float(uint16_t bits);  // the upper half of a binary32
// To the nearest, ties to even.
uint16_t float_to_half(float x);
uint16_t float_to_bfloat16(float x);

}  // namespace attn
