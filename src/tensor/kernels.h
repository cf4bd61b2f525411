// kernels.h - the arithmetic of a transformer: products, norms, rotations, activations.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/mat.h"

namespace attn {

// out = x Wᵀ + b.   x [n, d_in]   w [d_out, d_in] (PyTorch's nn.Linear)   b [d_out] or empty   out [n, d_out]
void linear(ConstMat x, ConstMat w, std::span<const float> b, Mat out);

// out = a bᵀ * scale.   a [n, d]   b [m, d]   out [n, m]
void product_nt(ConstMat a, ConstMat b, float scale, Mat out);

// out = a b.   a [n, m]   b [m, d]   out [n, d]
void product_nn(ConstMat a, ConstMat b, Mat out);

// In place, over the first `n_keys(row)` of each row's cells or all of them: see softmax_row.
// Masked cells are left out of the sum and set to 0, never given a large negative score.
void softmax_row(std::span<float> row);

// (x - mean) / sqrt(var + eps) * gamma + beta, per row; beta may be empty.
void layer_norm(ConstMat x, std::span<const float> gamma, std::span<const float> beta, float eps,
                Mat out);
// x / sqrt(mean(x²) + eps) * gamma, per row.
void rms_norm(ConstMat x, std::span<const float> gamma, float eps, Mat out);

// Rotates pairs of the first `n_dims` of every row x[i] by position * theta^(-2j / n_dims).
// `interleaved`: pairs (2j, 2j+1) as in GPT-J; else (j, j + n_dims/2) as in Llama and NeoX.
// cos and sin are computed in double, then rounded.
void rotate(Mat x, int64_t first_position, int64_t n_dims, double theta, bool interleaved);

void gelu(std::span<float> x);       // exact: x Φ(x), by erf
void gelu_tanh(std::span<float> x);  // the tanh approximation of GPT-2
void silu(std::span<float> x);       // x σ(x)
void relu(std::span<float> x);

// x += y, element by element.
void add(std::span<float> x, std::span<const float> y);

float half_to_float(uint16_t half);       // IEEE binary16
float bfloat16_to_float(uint16_t bits);   // the upper half of a binary32

}  // namespace attn
