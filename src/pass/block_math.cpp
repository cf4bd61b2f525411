#include "pass/block_math.h"

#include <algorithm>
#include <vector>

#include "tensor/kernels.h"
#include "tensor/packed.h"

namespace attn {

void normalize_rows(const Config& c, const NormWeights& w, ConstMat x, Mat out) {
  if (w.gamma.empty()) {
    if (x.data == out.data) return;
    for (int64_t i = 0; i < x.rows; ++i) std::ranges::copy(x.row(i), out.row(i).begin());
    return;
  }
  switch (c.norm) {
    case Norm::layer_norm:
      layer_norm(x, w.gamma.vec(), w.beta.vec(), c.norm_eps, out);
      break;
    case Norm::rms_norm:
      rms_norm(x, w.gamma.vec(), c.norm_eps, out);
      break;
  }
}

Map map_of(Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return gelu_n;
    case Activation::gelu_tanh:
      return gelu_tanh_n;
    case Activation::silu:
      return silu_n;
    case Activation::relu:
      return relu_n;
  }
  return nullptr;
}

void ready_to_unembed(const Model& model, ConstMat resid, Mat out) {
  const Config& c = model.config;
  const Weights& w = model.weights;
  if (w.head_dense.w.empty()) return normalize_rows(c, w.ln_final, resid, out);
  std::vector<float> floats(size_t(resid.rows * resid.cols));
  const Mat normed(floats.data(), resid.rows, resid.cols);
  normalize_rows(c, w.ln_final, resid, normed);
  PackedRows packed;
  packed.pack(normed);
  linear(packed, w.head_dense.w, {.bias = w.head_dense.b.vec(), .map = map_of(c.head_activation)},
         out);
  normalize_rows(c, w.ln_head, out, out);
}

void unembed(const Model& model, ConstMat rows, Mat out) {
  const Weights& w = model.weights;
  linear(rows, w.unembed, out);
  if (w.unembed_bias.empty()) return;
  for (int64_t i = 0; i < out.rows; ++i) add(out.row(i), w.unembed_bias.vec());
}

void attn_out(const Model& model, int layer, ConstMat z, Mat out) {
  const Linear& o = model.weights.blocks[size_t(layer)].o;
  linear(z, o.w, o.b.vec(), out);
}

void mlp_out(const Model& model, int layer, ConstMat x, Mat out) {
  const Config& c = model.config;
  const Block& b = model.weights.blocks[size_t(layer)];
  std::vector<float> normed, hidden(size_t(x.rows * c.d_mlp)), gate;
  if (c.norm_place == NormPlace::pre) {
    normed.resize(size_t(x.rows * x.cols));
    const Mat to(normed.data(), x.rows, x.cols);
    normalize_rows(c, b.ln2, x, to);
    x = to;
  }
  Mat inner(hidden.data(), x.rows, c.d_mlp);
  PackedRows packed;
  packed.pack(x);
  linear(packed, b.mlp_in.w,
         {.bias = b.mlp_in.b.vec(), .map = c.gated_mlp ? nullptr : map_of(c.activation)}, inner);
  if (c.gated_mlp) {
    gate.resize(hidden.size());
    const Mat to(gate.data(), x.rows, c.d_mlp);
    linear(packed, b.mlp_gate.w,
           {.bias = b.mlp_gate.b.vec(), .map = map_of(c.activation), .times = inner}, to);
    inner = to;
  }
  linear(inner, b.mlp_out.w, b.mlp_out.b.vec(), out);
}

void finish_block(const Model& model, int layer, ConstMat resid_pre, ConstMat attn, Mat out) {
  const Config& c = model.config;
  const Block& b = model.weights.blocks[size_t(layer)];
  std::vector<float> floats(size_t(attn.rows * attn.cols));
  const Mat mid(floats.data(), attn.rows, attn.cols);
  for (int64_t i = 0; i < mid.rows; ++i) {
    std::ranges::copy(resid_pre.row(i), mid.row(i).begin());
    add(mid.row(i), attn.row(i));
  }
  const bool post = c.norm_place == NormPlace::post;
  if (post) normalize_rows(c, b.ln1, mid, mid);
  mlp_out(model, layer, c.parallel_residual ? resid_pre : ConstMat(mid), out);
  for (int64_t i = 0; i < mid.rows; ++i) add(out.row(i), mid.row(i));
  if (post) normalize_rows(c, b.ln2, out, out);
}

}  // namespace attn
