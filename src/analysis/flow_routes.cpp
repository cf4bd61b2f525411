#include "analysis/flow_routes.h"

#include <algorithm>

#include "analysis/dense.h"

namespace attn {

namespace {

constexpr float kLeast = 1e-5f;

template <class Part, class Whole>
float share(const Part& part, const Whole& whole, float whole_size) {
  return std::max(whole_size - (part - whole).template lpNorm<1>(), kLeast);
}

// Edges into the attention sum of one query: [head, key], and what the residual stream is.
struct Edges {
  Dense keys;
  float residual;
};

struct LayerEdges {
  const Inputs& in;
  const Attention& a;
  int layer;
  std::vector<Dense> values;

  LayerEdges(const Inputs& inputs, int l) : in(inputs), a(inputs.trace->attention()), layer(l) {
    const Dense W_O = dense(in.trace->model->weights.blocks[size_t(l)].o.w);
    for (int h = 0; h < a.n_heads; ++h) values.push_back(values_out(a, in.state->sample, l, h, W_O));
  }

  Edges of(int query) const {
    const auto whole = view(in.kept()->attn_sum(layer)).row(query);
    const float size = whole.lpNorm<1>();
    Edges e{Dense::Zero(a.n_heads, a.n_key), share(view(in.kept()->resid_pre(layer)).row(query), whole, size)};
    Eigen::RowVectorXf row(a.n_key);
    for (int h = 0; h < a.n_heads; ++h) {
      a.pattern_rows(in.state->sample, layer, h, query, query + 1, {row.data(), 1, a.n_key});
      for (int k = 0; k < a.n_key; ++k)
        if (a.may_see(in.state->sample, query, k))
          e.keys(h, k) = share(row(k) * values[size_t(h)].row(k), whole, size);
    }
    const float sum = e.keys.sum() + e.residual;
    e.keys /= sum;
    e.residual /= sum;
    return e;
  }
};

}  // namespace

Measure route_head(const Inputs& in) {
  const LayerEdges layer(in, in.state->layer);
  Dense out(layer.a.n_query, layer.a.n_key);
  for (int q = 0; q < layer.a.n_query; ++q) out.row(q) = layer.of(q).keys.row(in.state->head);
  return map_measure(out);
}

Measure route_layer(const Inputs& in) {
  const LayerEdges layer(in, in.state->layer);
  Dense out(layer.a.n_query, layer.a.n_key);
  for (int q = 0; q < layer.a.n_query; ++q) out.row(q) = layer.of(q).keys.colwise().sum();
  return map_measure(out);
}

Measure route_heads(const Inputs& in) {
  const Attention& a = in.trace->attention();
  Measure m{{Axis::layer, Axis::head}, {a.n_layers, a.n_heads}, {}};
  for (int l = 0; l < a.n_layers; ++l) {
    if (!a.is_kept(l)) {
      m.values.resize(m.values.size() + size_t(a.n_heads));
      continue;
    }
    const Eigen::VectorXf sums = LayerEdges(in, l).of(in.state->token).keys.rowwise().sum();
    m.values.insert(m.values.end(), sums.data(), sums.data() + sums.size());
  }
  return m;
}

Measure route_residual(const Inputs& in) {
  const Attention& a = in.trace->attention();
  Dense out = Dense::Zero(a.n_layers, a.n_query);
  for (int l = 0; l < a.n_layers; ++l) {
    if (!a.is_kept(l)) continue;
    const LayerEdges layer(in, l);
    for (int q = 0; q < a.n_query; ++q) out(l, q) = layer.of(q).residual;
  }
  return layer_by_query(out);
}

Measure route_mlp(const Inputs& in) {
  const Activations& kept = *in.kept();
  Dense out(int(kept.layers.size()), kept.n);
  for (int l = 0; l < out.rows(); ++l) {
    for (int q = 0; q < kept.n; ++q) {
      const auto whole = view(kept.mlp_sum(l)).row(q), mid = view(kept.resid_mid(l)).row(q);
      const float size = whole.lpNorm<1>();
      const float mlp = share(whole - mid, whole, size), rest = share(mid, whole, size);
      out(l, q) = mlp / (mlp + rest);
    }
  }
  return layer_by_query(out);
}

}  // namespace attn
