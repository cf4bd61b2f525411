#include "pass/block_math.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pass/experts.h"
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

static void tanh_n(float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::tanh(y[i]);
}

NormWeights norm_of_head(const Config& c, const NormWeights& w, int64_t head) {
  if (!c.qk_norm_own || w.gamma.empty()) return w;
  return {{w.gamma.owner, w.gamma.data + head * c.d_head, {c.d_head}}, {}};
}

Map map_of(Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return gelu_n;
    case Activation::gelu_tanh:
      return gelu_tanh_n;
    case Activation::quick_gelu:
      return quick_gelu_n;
    case Activation::silu:
      return silu_n;
    case Activation::relu:
      return relu_n;
    case Activation::none:
      return [](float*, int64_t) {};
    case Activation::tanh:
      return tanh_n;
  }
  return nullptr;
}

// The mean of the rows, in the first of them.
static Mat mean_in_place(Mat rows) {
  for (int64_t i = 1; i < rows.rows; ++i) add(rows.row(0), rows.row(i));
  scale_row(rows.row(0), 1 / double(rows.rows));
  return {rows.data, 1, rows.cols, rows.stride};
}

void ready_to_unembed(const Model& model, ConstMat resid, Mat out) {
  const Config& c = model.config;
  const Weights& w = model.weights;
  if (w.head_dense.w.empty() && out.rows == resid.rows) {
    normalize_rows(c, w.ln_final, resid, out);
    for (int64_t i = 0; i < out.rows; ++i) scale_row(out.row(i), c.logit_scale);
    return;
  }
  std::vector<float> floats(size_t(resid.rows * resid.cols));
  Mat normed(floats.data(), resid.rows, resid.cols);
  normalize_rows(c, w.ln_final, resid, normed);
  if (out.rows < resid.rows) normed = mean_in_place(normed);
  if (w.head_dense.w.empty()) {
    std::ranges::copy(normed.row(0), out.row(0).begin());
    return;
  }
  PackedRows packed;
  packed.pack(normed);
  linear(packed, w.head_dense.w, {.bias = w.head_dense.b.vec(), .map = map_of(c.head_activation)},
         out);
  normalize_rows(c, w.ln_head, out, out);
}

void unembed_words(const Model& model, ConstMat rows, int first, Mat out) {
  const Weights& w = model.weights;
  const float cap = float(model.config.logit_cap);
  linear(rows, w.unembed.rows_of(first, first + out.cols), out);
  for (int64_t i = 0; i < out.rows; ++i) {
    const std::span<float> row = out.row(i);
    if (!w.unembed_bias.empty()) add(row, w.unembed_bias.vec().subspan(size_t(first), row.size()));
    for (size_t j = 0; cap > 0 && j < row.size(); ++j) row[j] = cap * std::tanh(row[j] / cap);
  }
}

void unembed(const Model& model, ConstMat rows, Mat out) { unembed_words(model, rows, 0, out); }

void scale_row(std::span<float> x, double by) {
  if (by == 1) return;
  for (float& v : x) v *= float(by);
}

void finish_write(const Config& c, const NormWeights& norm, Mat rows) {
  normalize_rows(c, norm, rows, rows);
  for (int64_t i = 0; i < rows.rows; ++i) scale_row(rows.row(i), c.residual_scale);
}

void attn_out(const Model& model, int layer, ConstMat z, Mat out) {
  const Linear& o = model.weights.blocks[size_t(layer)].o;
  linear(z, o.w, o.b.vec(), out);
  finish_write(model.config, model.weights.blocks[size_t(layer)].ln_attn_out, out);
}

void mlp_out(const Model& model, int layer, ConstMat x, Mat out) {
  const Config& c = model.config;
  const Block& b = model.weights.blocks[size_t(layer)];
  std::vector<float> normed, hidden, gate;
  if (c.norm_place == NormPlace::pre) {
    normed.resize(size_t(x.rows * x.cols));
    const Mat to(normed.data(), x.rows, x.cols);
    normalize_rows(c, b.ln2, x, to);
    x = to;
  }
  if (c.has_experts(layer)) {
    experts_out(model, layer, x, out);
    return finish_write(c, b.ln_mlp_out, out);
  }
  hidden.resize(size_t(x.rows * c.d_mlp));
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
  finish_write(c, b.ln_mlp_out, out);
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
