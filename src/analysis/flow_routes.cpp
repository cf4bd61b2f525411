#include "analysis/flow_routes.h"

#include <algorithm>
#include <memory>

#include "analysis/dense.h"

namespace attn {

namespace {

constexpr float kLeast = 1e-5f;

// |whole|₁ - |part - whole|₁. Both are nearly equal where the part is small, so they are subtracted
// dimension by dimension.
template <class Part, class Whole>
float share(const Part& part, const Whole& whole) {
  const Eigen::ArrayXXd y = whole.template cast<double>(), z = part.template cast<double>();
  return std::max(float((y.abs() - (z - y).abs()).sum()), kLeast);
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
    Edges e{Dense::Zero(a.n_heads, a.n_key), share(view(in.kept()->resid_pre(layer)).row(query), whole)};
    Eigen::RowVectorXf row(a.n_key);
    for (int h = 0; h < a.n_heads; ++h) {
      a.pattern_rows(in.state->sample, layer, h, query, query + 1, {row.data(), 1, a.n_key});
      for (int k = 0; k < a.n_key; ++k)
        if (a.may_see(in.state->sample, query, k))
          e.keys(h, k) = share(row(k) * values[size_t(h)].row(k), whole);
    }
    const float sum = e.keys.sum() + e.residual;
    e.keys /= sum;
    e.residual /= sum;
    return e;
  }
};

// What a study of edges goes on with: the inputs, and the layer that is at hand.
struct Routes {
  State state;
  Inputs in;
  const Attention& a;
  std::unique_ptr<LayerEdges> layer;
  Dense out;

  Routes(const Inputs& inputs, Eigen::Index n_rows, Eigen::Index n_cols)
      : state(*inputs.state), in(inputs), a(inputs.trace->attention()), out(Dense::Zero(n_rows, n_cols)) {
    in.state = &state;
  }
  const LayerEdges& at(int l) {
    if (!layer || layer->layer != l) layer = std::make_unique<LayerEdges>(in, l);
    return *layer;
  }
};

std::shared_ptr<Routes> routes(const Inputs& in, int n_rows, int n_cols) {
  return std::make_shared<Routes>(in, n_rows, n_cols);
}

}  // namespace

Study begin_route_head(const Inputs& in) {
  const Attention& a = in.trace->attention();
  auto r = routes(in, a.n_query, a.n_key);
  return in_parts(a.n_query, [r](int q) { r->out.row(q) = r->at(r->state.layer).of(q).keys.row(r->state.head); },
                  [r] { return map_measure(r->out); });
}

Study begin_route_layer(const Inputs& in) {
  const Attention& a = in.trace->attention();
  auto r = routes(in, a.n_query, a.n_key);
  return in_parts(a.n_query, [r](int q) { r->out.row(q) = r->at(r->state.layer).of(q).keys.colwise().sum(); },
                  [r] { return map_measure(r->out); });
}

Study begin_route_heads(const Inputs& in) {
  const Attention& a = in.trace->attention();
  auto r = routes(in, a.n_layers, a.n_heads);
  return in_parts(a.n_layers,
                  [r](int l) { r->out.row(l) = r->at(l).of(r->state.token).keys.rowwise().sum().transpose(); },
                  [r] {
                    return Measure{{Axis::layer, Axis::head},
                                   {int(r->out.rows()), int(r->out.cols())},
                                   {r->out.data(), r->out.data() + r->out.size()}};
                  });
}

Study begin_route_residual(const Inputs& in) {
  const Attention& a = in.trace->attention();
  auto r = routes(in, a.n_layers, a.n_query);
  return in_parts(a.n_layers * a.n_query,
                  [r](int i) {
                    const int l = i / r->a.n_query, q = i % r->a.n_query;
                    r->out(l, q) = r->at(l).of(q).residual;
                  },
                  [r] { return layer_by_query(r->out); });
}

Measure route_mlp(const Inputs& in) {
  const Activations& kept = *in.kept();
  Dense out(int(kept.layers.size()), kept.n);
  for (int l = 0; l < out.rows(); ++l) {
    for (int q = 0; q < kept.n; ++q) {
      const auto whole = view(kept.mlp_sum(l)).row(q), mid = view(kept.resid_mid(l)).row(q);
      const float mlp = share(whole - mid, whole), rest = share(mid, whole);
      out(l, q) = mlp / (mlp + rest);
    }
  }
  return layer_by_query(out);
}

}  // namespace attn
