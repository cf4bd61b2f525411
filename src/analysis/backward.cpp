#include "analysis/backward.h"

#include <cmath>
#include <numbers>

#include "pass/rope.h"
#include "tensor/kernels.h"

namespace attn {

namespace {

double derivative(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu: {
      const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
      return .5 * (1 + std::erf(x / std::numbers::sqrt2)) + x * density;
    }
    case Activation::gelu_tanh: {
      const double a = std::sqrt(2 / std::numbers::pi),
                   t = std::tanh(a * (x + .044715 * x * x * x));
      return .5 * (1 + t) + .5 * x * (1 - t * t) * a * (1 + 3 * .044715 * x * x);
    }
    case Activation::quick_gelu: {
      const double s = 1 / (1 + std::exp(-1.702 * x));
      return s * (1 + 1.702 * x * (1 - s));
    }
    case Activation::silu: {
      const double s = 1 / (1 + std::exp(-x));
      return s * (1 + x * (1 - s));
    }
    case Activation::relu:
      return x > 0 ? 1 : 0;
    case Activation::none:
      return 1;
    case Activation::tanh:
      return 1 - std::tanh(x) * std::tanh(x);
  }
  return 0;
}

Dense product(ConstMat x, const Linear& l) {
  Dense out(x.rows, l.w.d_out());
  linear(x, l.w, l.b.vec(), mat(out));
  return out;
}

std::span<float> all(Dense& m) { return {m.data(), size_t(m.size())}; }
std::span<const float> all(const Dense& m) { return {m.data(), size_t(m.size())}; }

}  // namespace

Dense norm_backward(const Config& c, const NormWeights& w, ConstMat x, const Dense& d_y) {
  if (w.gamma.empty()) return d_y;
  Dense out(x.rows, x.cols);
  const Eigen::RowVectorXd gamma = row_of(w.gamma.vec()).cast<double>();
  for (int64_t i = 0; i < x.rows; ++i) {
    Eigen::RowVectorXd hat = row_of(x.row(i)).cast<double>();
    const Eigen::RowVectorXd g = (d_y.row(i).cast<double>().array() * gamma.array()).matrix();
    if (c.norm == Norm::layer_norm) hat.array() -= hat.mean();
    const double scale = 1 / std::sqrt(hat.squaredNorm() / double(x.cols) + c.norm_eps);
    hat *= scale;
    Eigen::RowVectorXd d = g - hat * (g.dot(hat) / double(x.cols));
    if (c.norm == Norm::layer_norm) d.array() -= g.mean();
    out.row(i) = (d * scale).cast<float>();
  }
  return out;
}

void activation_backward(Activation activation, std::span<const float> x, std::span<float> d) {
  for (size_t i = 0; i < x.size(); ++i) d[i] *= float(derivative(activation, double(x[i])));
}

void mlp_backward(const Model& model, int layer, int from, int to, ConstMat x, const Dense& d_out,
                  Dense& d_x) {
  const Config& c = model.config;
  const Block& b = model.weights.blocks[size_t(layer)];
  const auto part = [&](const Linear& l) { return block(l.w, from, to, 0, c.d_model); };
  const auto product = [&](const Dense& w, const Linear& l) {
    Dense out = times_T(view(x), view(w));
    if (!l.b.empty()) out.rowwise() += row_of(l.b.vec().subspan(size_t(from), size_t(to - from)));
    return out;
  };
  const Dense W_in = part(b.mlp_in), in = product(W_in, b.mlp_in);
  Dense d_in = times(view(d_out), view(block(b.mlp_out.w, 0, c.d_model, from, to)));
  if (!c.gated_mlp) {
    activation_backward(c.activation, all(in), all(d_in));
    d_x += times(view(d_in), view(W_in));
    return;
  }
  const Dense W_gate = part(b.mlp_gate), gate = product(W_gate, b.mlp_gate);
  Dense d_gate = (d_in.array() * in.array()).matrix(), act = gate;
  activation_backward(c.activation, all(gate), all(d_gate));
  map_of(c.activation)(act.data(), act.size());
  d_in.array() *= act.array();
  d_x += times(view(d_gate), view(W_gate)) + times(view(d_in), view(W_in));
}

Dense unembed_backward(const Model& model, ConstMat resid, const Dense& u) {
  const Config& c = model.config;
  const Weights& w = model.weights;
  Dense d = u;
  if (!w.head_dense.w.empty()) {
    Dense normed(resid.rows, resid.cols);
    normalize_rows(c, w.ln_final, resid, mat(normed));
    normed = normed.colwise().mean().eval();
    const Dense before = product(const_mat(normed), w.head_dense);
    Dense act = before;
    map_of(c.head_activation)(act.data(), act.size());
    d = norm_backward(c, w.ln_head, const_mat(act), d);
    activation_backward(c.head_activation, all(before), all(d));
    d = times(view(d), view(dense(w.head_dense.w)));
  }
  return norm_backward(c, w.ln_final, resid,
                       d.replicate(Eigen::Index(resid.rows), 1) / float(resid.rows));
}

void rotate_back(const Config& c, int layer, Mat d) {
  if (!c.rotates(layer)) return;
  const std::vector<double> radians = rope_radians(c, layer, int(d.rows));
  const double amplitude = c.is_local(layer) && c.rope_local_theta > 0 ? 1 : c.rope_amplitude;
  const auto n_pairs = Eigen::Index(radians.size());
  Dense cosines(d.rows, n_pairs), sines(d.rows, n_pairs);
  for (int64_t i = 0; i < d.rows; ++i)
    turn(radians, amplitude, i, mat(cosines).row(i), mat(sines).row(i));
  sines = -sines;
  rotate(d, const_mat(cosines), const_mat(sines), c.rope_interleaved);
}

}  // namespace attn
