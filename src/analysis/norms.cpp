#include "analysis/norms.h"

#include <cmath>

#include "analysis/dense.h"
#include "tensor/packed.h"

namespace attn {

namespace {

// The linear part of a norm at one row: x -> (x - mean x) / σ ⊙ γ, with σ of the true row.
struct FrozenNorm {
  Eigen::RowVectorXf gamma;
  bool centred = false;
  float scale = 1;

  FrozenNorm() = default;

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
  const Model& model = *in.model;
  const Config& c = model.config;
  const Block& b = model.weights.blocks[size_t(layer)];
  return {c, c.norm_place == NormPlace::post ? b.ln1 : b.ln2,
          in.kept()->attn_sum(layer).row(query)};
}

enum class What { moved, with_residual, normed };

// First what each head's values write, a step a head, then rows of the map.
struct Maps {
  State state;
  Inputs in;
  What what;
  const Attention& a;
  std::vector<Dense> values;  // [head] of [key, d_model]
  Dense out;

  Maps(const Inputs& inputs, What w)
      : state(*inputs.state), in(inputs), what(w), a(inputs.attention()) {
    in.state = &state;
  }
  int keys() const { return rows_a_step(int64_t(a.d_head) * in.model->config.d_model, a.n_key); }
  int rows() const {
    return rows_a_step(int64_t(a.n_key) * a.n_heads * in.model->config.d_model * 2, a.n_query);
  }
  int n_steps() const { return a.n_heads * n_parts(a.n_key, keys()) + n_parts(a.n_query, rows()); }

  void part(int i) {
    const int a_head = n_parts(a.n_key, keys());
    if (i >= a.n_heads * a_head) return some_rows(i - a.n_heads * a_head);
    if (i == 0) {
      values.assign(size_t(a.n_heads), Dense(a.n_key, in.model->config.d_model));
      out.resize(a.n_query, a.n_key);
    }
    const int h = i / a_head, k0 = i % a_head * keys(), n = std::min(keys(), a.n_key - k0);
    const ConstMat v = a.values(state.sample, state.layer, h);
    if (k0 == 0) W_O = head_W_O(*in.model, state.layer, h);
    values[size_t(h)].middleRows(k0, n) = times(view(v.rows_of(k0, k0 + n)), view(W_O));
  }
  void some_rows(int i) {
    const int q0 = i * rows(), q1 = std::min(q0 + rows(), a.n_query);
    const Dense patterns = patterns_of_rows(a, state.sample, state.layer, q0, q1);
    Eigen::RowVectorXf r(values[0].cols());
    for (int q = q0; q < q1; ++q) {
      const bool normed = what == What::normed;
      const FrozenNorm norm = normed ? norm_of(in, state.layer, q) : FrozenNorm();
      for (int k = 0; k < a.n_key; ++k) {
        r.setZero();
        for (int h = 0; h < a.n_heads; ++h)
          if (const float w = patterns(h, Eigen::Index(q - q0) * a.n_key + k); w != 0)
            r += w * values[size_t(h)].row(k);
        if (what != What::moved && k == q) r += view(in.kept()->resid_pre(state.layer)).row(q);
        out(q, k) = normed ? norm.of(r).norm() : r.norm();
      }
    }
  }

 private:
  Dense W_O;
};

Study begin(const Inputs& in, What what) {
  auto maps = std::make_shared<Maps>(in, what);
  return in_parts(
      maps->n_steps(), [maps](int i) { maps->part(i); }, [maps] { return map_measure(maps->out); });
}

// Σ_j A f(x_j) is z W_O; what j = i has of it is made the same way.
struct Mixing {
  State state;
  Inputs in;
  const Attention& a;
  int rows;  // queries a step
  Dense out;

  explicit Mixing(const Inputs& inputs) : state(*inputs.state), in(inputs), a(inputs.attention()) {
    in.state = &state;
    const int64_t d = in.model->config.d_model;
    rows = rows_a_step(int64_t(a.n_heads) * a.d_head * (d + a.n_key) * 2 / 3, a.n_query);
  }
  int n_steps() const { return a.n_layers * n_parts(a.n_query, rows); }
  void part(int i) {
    const int l = i / n_parts(a.n_query, rows), q0 = i % n_parts(a.n_query, rows) * rows,
              q1 = std::min(q0 + rows, a.n_query);
    if (i == 0) out = Dense::Zero(a.n_layers, a.n_query);
    if (!a.is_kept(l)) return;
    const Dense patterns = patterns_of_rows(a, state.sample, l, q0, q1);
    Dense z(q1 - q0, Eigen::Index(a.n_heads) * a.d_head);
    for (int h = 0; h < a.n_heads; ++h) {
      const auto v = view(a.values(state.sample, l, h));
      for (int q = q0; q < q1; ++q)
        z.row(q - q0).segment(Eigen::Index(h) * a.d_head, a.d_head) =
            patterns(h, Eigen::Index(q - q0) * a.n_key + q) * v.row(q);
    }
    const PackedMatrix& W_O = in.model->weights.blocks[size_t(l)].o.w;
    Dense own(q1 - q0, W_O.d_out()), all = own;
    linear(const_mat(z), W_O, {}, mat(own));
    linear(in.kept()->z(l).rows_of(q0, q1), W_O, {}, mat(all));
    own *= float(in.model->config.residual_scale);
    all *= float(in.model->config.residual_scale);
    for (int q = q0; q < q1; ++q) {
      const FrozenNorm norm = norm_of(in, l, q);
      const float others = norm.of(all.row(q - q0) - own.row(q - q0)).norm();
      const float self = norm.of(own.row(q - q0) + view(in.kept()->resid_pre(l)).row(q)).norm();
      out(l, q) = others + self > 0 ? others / (others + self) : 0;
    }
  }
};

}  // namespace

Study begin_norm_head(const Inputs& in) {
  struct Work {
    State state;
    const Model* model;
    const Attention& a;
    Dense W_O, map;
    Eigen::RowVectorXf lengths;  // [key]
  };
  const Attention& a = in.attention();
  auto w = std::make_shared<Work>(Work{*in.state, in.model, a, {}, {}, {}});
  const int keys = rows_a_step(int64_t(a.d_head) * w->model->config.d_model, a.n_key);
  const int queries = rows_a_step(int64_t(a.d_head) * a.n_key, a.n_query),
            first = n_parts(a.n_key, keys);
  return in_parts(
      first + n_parts(a.n_query, queries),
      [=](int i) {
        const Attention& at = w->a;
        const State& s = w->state;
        if (i == 0) {
          w->W_O = head_W_O(*w->model, s.layer, s.head);
          w->map.resize(at.n_query, at.n_key);
          w->lengths.resize(at.n_key);
        }
        if (i < first) {
          const int k0 = i * keys, n = std::min(keys, at.n_key - k0);
          const ConstMat v = at.values(s.sample, s.layer, s.head);
          w->lengths.segment(k0, n) =
              times(view(v.rows_of(k0, k0 + n)), view(w->W_O)).rowwise().norm().transpose();
          return;
        }
        const int q0 = (i - first) * queries, q1 = std::min(q0 + queries, at.n_query);
        at.pattern_rows(s.sample, s.layer, s.head, q0, q1,
                        {w->map.row(q0).data(), q1 - q0, at.n_key});
        w->map.middleRows(q0, q1 - q0).array().rowwise() *= w->lengths.array();
      },
      [=] { return map_measure(w->map); });
}

Status too_large_for_values(const Inputs& in) {
  const Attention& a = in.attention();
  return too_many_bytes(in, uint64_t(a.n_heads) * uint64_t(a.n_key) *
                                uint64_t(in.model->config.d_model) * sizeof(float));
}

Study begin_norm_layer(const Inputs& in) { return begin(in, What::moved); }
Study begin_norm_residual(const Inputs& in) { return begin(in, What::with_residual); }
Study begin_norm_residual_ln(const Inputs& in) { return begin(in, What::normed); }

Study begin_mixing_ratio(const Inputs& in) {
  auto mixing = std::make_shared<Mixing>(in);
  return in_parts(
      mixing->n_steps(), [mixing](int i) { mixing->part(i); },
      [mixing] { return layer_by_query(mixing->out); });
}

}  // namespace attn
