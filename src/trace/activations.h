// activations.h - the residual stream and z of every layer, kept from one forward pass.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/mat.h"

namespace attn {

// Kept when Keep::activations is set. Names as in TransformerLens; x is a row of the residual
// stream entering layer l:
//   norm first:  resid_mid = x + attn_out          resid_post = resid_mid + mlp_out
//   parallel:    resid_post = x + attn_out + mlp_out, the MLP reads x; resid_mid = x + attn_out
//   norm last:   resid_mid = LN1(x + attn_out)     resid_post = LN2(resid_mid +
//   mlp_out)
struct Activations {
  struct Layer {
    std::vector<float> resid_pre;  // [n, d_model]
    std::vector<float> z;          // [n, n_heads * d_head], before W_O
    std::vector<float> resid_mid;  // [n, d_model]
    std::vector<float> attn_sum;   // [n, d_model] x + attn_out; empty if equal to resid_mid
    std::vector<float> mlp_sum;    // [n, d_model] resid_mid + mlp_out; empty if equal to resid_post
  };
  int n = 0, d_model = 0, d_q = 0;  // tokens; d_q = n_heads * d_head
  std::vector<Layer> layers;
  std::vector<float> resid_final;  // [n, d_model] the last layer's resid_post

  ConstMat resid_pre(int l) const { return rows(layers[size_t(l)].resid_pre); }
  ConstMat resid_mid(int l) const { return rows(layers[size_t(l)].resid_mid); }
  ConstMat resid_post(int l) const {
    return l + 1 < int(layers.size()) ? resid_pre(l + 1) : rows(resid_final);
  }
  // The inputs of LN1 and LN2 in norm-last models; otherwise resid_mid and resid_post.
  ConstMat attn_sum(int l) const {
    const Layer& at = layers[size_t(l)];
    return at.attn_sum.empty() ? resid_mid(l) : rows(at.attn_sum);
  }
  ConstMat mlp_sum(int l) const {
    const Layer& at = layers[size_t(l)];
    return at.mlp_sum.empty() ? resid_post(l) : rows(at.mlp_sum);
  }
  ConstMat z(int l) const { return {layers[size_t(l)].z.data(), n, d_q}; }

 private:
  ConstMat rows(const std::vector<float>& x) const { return {x.data(), n, d_model}; }
};

}  // namespace attn
