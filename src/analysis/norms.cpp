#include "analysis/norms.h"

#include <cmath>

#include "analysis/dense.h"

namespace attn {

namespace {

// Patterns and values of all heads of one layer.
struct LayerParts {
  std::vector<Dense> patterns, values;  // [head] of [query, key] and [key, d_model]

  LayerParts(const Inputs& in, int layer) {
    const Attention& a = in.trace->attention();
    const Dense W_O = dense(in.trace->model->weights.blocks[size_t(layer)].o.w);
    for (int h = 0; h < a.n_heads; ++h) {
      patterns.push_back(pattern_of(a, in.state->sample, layer, h));
      values.push_back(values_out(a, in.state->sample, layer, h, W_O));
    }
  }
  Eigen::RowVectorXf moved(int query, int key) const {
    Eigen::RowVectorXf sum = patterns[0](query, key) * values[0].row(key);
    for (size_t h = 1; h < patterns.size(); ++h) sum += patterns[h](query, key) * values[h].row(key);
    return sum;
  }
};

// The linear part of a norm at one row: x -> (x - mean x) / σ ⊙ γ, with σ of the true row.
struct FrozenNorm {
  Eigen::RowVectorXf gamma;
  bool centred;
  float scale;

  FrozenNorm(const Config& c, const NormWeights& w, std::span<const float> row)
      : gamma(row_of(w.gamma.vec())), centred(c.norm == Norm::layer_norm) {
    const Eigen::RowVectorXd x = row_of(row).cast<double>();
    const double mean = centred ? x.mean() : 0;
    scale = float(1 / std::sqrt((x.array() - mean).square().mean() + c.norm_eps));
  }
  Eigen::RowVectorXf of(Eigen::RowVectorXf x) const {
    if (centred) x.array() -= x.mean();
    return (x.array() * gamma.array() * scale).matrix();
  }
};

// Where the norm of a layer's sum is: LN1 behind the attention, or the one that is read next.
FrozenNorm norm_of(const Inputs& in, int layer, int query) {
  const Model& model = *in.trace->model;
  const Config& c = model.config;
  const Block& b = model.weights.blocks[size_t(layer)];
  return {c, c.norm_place == NormPlace::post ? b.ln1 : b.ln2, in.kept()->attn_sum(layer).row(query)};
}

enum class What { moved, with_residual, normed };

struct Maps {
  State state;
  Inputs in;
  What what;
  LayerParts parts;
  Dense out;

  Maps(const Inputs& inputs, What w)
      : state(*inputs.state), in(inputs), what(w), parts(inputs, inputs.state->layer),
        out(inputs.trace->attention().n_query, inputs.trace->attention().n_key) {
    in.state = &state;
  }
  void row(int q) {
    for (int k = 0; k < out.cols(); ++k) {
      Eigen::RowVectorXf r = parts.moved(q, k);
      if (what != What::moved && k == q) r += view(in.kept()->resid_pre(state.layer)).row(q);
      out(q, k) = what == What::normed ? norm_of(in, state.layer, q).of(std::move(r)).norm() : r.norm();
    }
  }
};

Study begin(const Inputs& in, What what) {
  auto maps = std::make_shared<Maps>(in, what);
  return in_parts(int(maps->out.rows()), [maps](int q) { maps->row(q); }, [maps] { return map_measure(maps->out); });
}

struct Mixing {
  State state;
  Inputs in;
  Dense out;

  explicit Mixing(const Inputs& inputs)
      : state(*inputs.state), in(inputs),
        out(Dense::Zero(inputs.trace->attention().n_layers, inputs.trace->attention().n_query)) {
    in.state = &state;
  }
  void layer(int l) {
    const Attention& a = in.trace->attention();
    if (!a.is_kept(l)) return;
    const Dense W_O = dense(in.trace->model->weights.blocks[size_t(l)].o.w);
    Dense all = Dense::Zero(a.n_query, W_O.rows()), own = all;
    for (int h = 0; h < a.n_heads; ++h) {
      const Dense A = pattern_of(a, state.sample, l, h);
      const Dense f = values_out(a, state.sample, l, h, W_O);
      all += A * f;
      own += A.diagonal().asDiagonal() * f;
    }
    for (int q = 0; q < a.n_query; ++q) {
      const FrozenNorm norm = norm_of(in, l, q);
      const float others = norm.of(all.row(q) - own.row(q)).norm();
      const float self = norm.of(own.row(q) + view(in.kept()->resid_pre(l)).row(q)).norm();
      out(l, q) = others + self > 0 ? others / (others + self) : 0;
    }
  }
};

}  // namespace

Measure norm_head(const Inputs& in) {
  const State& s = *in.state;
  const Attention& a = in.trace->attention();
  Dense map = pattern_of(a, s.sample, s.layer, s.head);
  const Dense W_O = dense(in.trace->model->weights.blocks[size_t(s.layer)].o.w);
  const Dense f = values_out(a, s.sample, s.layer, s.head, W_O);
  map.array().rowwise() *= f.rowwise().norm().transpose().array();
  return map_measure(map);
}

Study begin_norm_layer(const Inputs& in) { return begin(in, What::moved); }
Study begin_norm_residual(const Inputs& in) { return begin(in, What::with_residual); }
Study begin_norm_residual_ln(const Inputs& in) { return begin(in, What::normed); }

Study begin_mixing_ratio(const Inputs& in) {
  auto mixing = std::make_shared<Mixing>(in);
  return in_parts(int(mixing->out.rows()), [mixing](int l) { mixing->layer(l); },
                  [mixing] { return layer_by_query(mixing->out); });
}

}  // namespace attn
