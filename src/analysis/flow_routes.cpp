#include "analysis/flow_routes.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "analysis/dense.h"

namespace attn {

namespace {

constexpr float kLeast = 1e-5f;

// |whole|₁ - |factor part - whole|₁. Both are nearly equal where the part is small, so they are
// subtracted dimension by dimension.
float share(const float* part, float factor, const float* whole, Eigen::Index n) {
  double sums[4] = {};
  Eigen::Index i = 0;
  const auto one = [&](Eigen::Index at) {
    const double y = whole[at], z = double(factor * part[at]);
    return std::abs(y) - std::abs(z - y);
  };
  for (; i + 4 <= n; i += 4)
    for (int lane = 0; lane < 4; ++lane) sums[lane] += one(i + lane);
  for (; i < n; ++i) sums[0] += one(i);
  return std::max(float(sums[0] + sums[1] + (sums[2] + sums[3])), kLeast);
}

// Edges into the attention sums of queries, layer by layer: first what the values of each head
// write, some keys a step, then the queries, some heads a step, which end in `found`.
struct Routes {
  State state;
  Inputs in;
  const Attention& a;
  int first_layer, n_layers, first_query, n_queries;  // that are asked for
  int d, keys_a_step, heads_a_step;
  std::vector<Dense> values;  // [head] of [key, d_model], of the layer at hand
  Dense W_O;
  Dense keys;          // edges of the query at hand [head, key]
  float residual = 0;  // and of the residual stream
  Dense out;
  std::function<void(Routes&, int layer, int query)> found;  // edges are brought to 1

  explicit Routes(const Inputs& inputs)
      : state(*inputs.state),
        in(inputs),
        a(inputs.attention()),
        first_layer(0),
        n_layers(a.n_layers),
        first_query(0),
        n_queries(a.n_query),
        d(inputs.model->config.d_model) {
    in.state = &state;
    keys_a_step = rows_a_step(int64_t(a.d_head) * d, a.n_key);
    heads_a_step = rows_a_step(int64_t(a.n_key) * d * 8, a.n_heads);  // in double
  }
  int value_steps() const { return a.n_heads * n_parts(a.n_key, keys_a_step); }
  int query_steps() const { return n_parts(a.n_heads, heads_a_step); }
  int steps_a_layer() const { return value_steps() + n_queries * query_steps(); }
  int n_steps() const { return n_layers * steps_a_layer(); }

  void part(int i) {
    const int layer = first_layer + i / steps_a_layer();
    i %= steps_a_layer();
    if (i < value_steps()) return value_part(layer, i);
    i -= value_steps();
    const int query = first_query + i / query_steps(), h0 = i % query_steps() * heads_a_step;
    const int h1 = std::min(h0 + heads_a_step, a.n_heads);
    const float* whole = in.kept()->attn_sum(layer).row(query).data();
    if (h0 == 0) {
      keys = Dense::Zero(a.n_heads, a.n_key);
      residual = share(in.kept()->resid_pre(layer).row(query).data(), 1, whole, d);
    }
    Eigen::RowVectorXf row(a.n_key);
    for (int h = h0; h < h1; ++h) {
      a.pattern_rows(state.sample, layer, h, query, query + 1, {row.data(), 1, a.n_key});
      for (int k = 0; k < a.n_key; ++k)
        if (a.may_see(state.sample, layer, query, k))
          keys(h, k) = share(values[size_t(h)].row(k).data(), row(k), whole, d);
    }
    if (h1 < a.n_heads) return;
    const float sum = keys.sum() + residual;
    keys /= sum;
    residual /= sum;
    found(*this, layer, query);
  }
  void value_part(int layer, int i) {
    const int a_head = n_parts(a.n_key, keys_a_step), h = i / a_head, k0 = i % a_head * keys_a_step;
    const int n = std::min(keys_a_step, a.n_key - k0);
    if (i == 0) values.resize(size_t(a.n_heads));
    if (k0 == 0) {
      values[size_t(h)].resize(a.n_key, d);
      W_O = head_W_O(*in.model, layer, h);
    }
    const ConstMat v = a.values(state.sample, layer, h);
    values[size_t(h)].middleRows(k0, n) = times(view(v.rows_of(k0, k0 + n)), view(W_O));
  }
};

Study study(std::shared_ptr<Routes> r, Eigen::Index rows, Eigen::Index cols,
            Measure (*take)(const Dense&)) {
  return in_parts(
      r->n_steps(),
      [=](int i) {
        if (i == 0) r->out = Dense::Zero(rows, cols);
        r->part(i);
      },
      [=] { return take(r->out); });
}

// {query, key} of the chosen layer.
Study map_study(const Inputs& in, std::function<void(Routes&, int, int)> found) {
  auto r = std::make_shared<Routes>(in);
  r->first_layer = r->state.layer;
  r->n_layers = 1;
  r->found = std::move(found);
  return study(r, r->a.n_query, r->a.n_key, map_measure);
}

}  // namespace

Study begin_route_head(const Inputs& in) {
  return map_study(in, [](Routes& r, int, int q) { r.out.row(q) = r.keys.row(r.state.head); });
}

Study begin_route_layer(const Inputs& in) {
  return map_study(in, [](Routes& r, int, int q) { r.out.row(q) = r.keys.colwise().sum(); });
}

Study begin_route_heads(const Inputs& in) {
  auto r = std::make_shared<Routes>(in);
  r->first_query = r->state.token;
  r->n_queries = 1;
  r->found = [](Routes& at, int l, int) { at.out.row(l) = at.keys.rowwise().sum().transpose(); };
  return study(r, r->a.n_layers, r->a.n_heads, [](const Dense& m) {
    return Measure{
        {Axis::layer, Axis::head}, {int(m.rows()), int(m.cols())}, {m.data(), m.data() + m.size()}};
  });
}

Study begin_route_residual(const Inputs& in) {
  auto r = std::make_shared<Routes>(in);
  r->found = [](Routes& at, int l, int q) { at.out(l, q) = at.residual; };
  return study(r, r->a.n_layers, r->a.n_query, layer_by_query);
}

Study begin_route_mlp(const Inputs& in) {
  const Activations& kept = *in.kept();
  const int n_layers = int(kept.layers.size()), rows = rows_a_step(8 * kept.d_model, kept.n),
            parts = n_parts(kept.n, rows);
  auto out = std::make_shared<Dense>(n_layers, kept.n);
  return in_parts(
      n_layers * parts,
      [out, rows, parts, &kept](int part) {
        const int l = part / parts, from = part % parts * rows;
        std::vector<float> mlp(size_t(kept.d_model));
        for (int q = from; q < std::min(from + rows, kept.n); ++q) {
          const std::span<const float> whole = kept.mlp_sum(l).row(q),
                                       mid = kept.resid_mid(l).row(q);
          for (size_t i = 0; i < mlp.size(); ++i) mlp[i] = whole[i] - mid[i];
          const float added = share(mlp.data(), 1, whole.data(), kept.d_model);
          (*out)(l, q) = added / (added + share(mid.data(), 1, whole.data(), kept.d_model));
        }
      },
      [out] { return layer_by_query(*out); });
}

}  // namespace attn
