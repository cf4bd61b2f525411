#include "analysis/direct_logit.h"

#include <cmath>

#include "analysis/dense.h"
#include "analysis/target_pass.h"
#include "tensor/packed.h"

namespace attn {

namespace {

using Vector = Eigen::RowVectorXd;

// The logit of a contribution r to the residual stream at one position: worth · r.
struct Worth {
  Vector worth;         // [d_model]
  double constant = 0;  // β · u + b_U, which belongs to no part

  Worth() = default;
  Worth(const Inputs& in, int query, const Target& target) {
    const Model& model = *in.model;
    const Activations& kept = *in.kept();
    const Config& c = model.config;
    const std::vector<float> u = direction(model, target);
    const ConstMat resid = ConstMat(kept.resid_final.data(), kept.n, kept.d_model);
    const Vector x = row_of(resid.row(query)).cast<double>();
    constant = direction_bias(model, target);
    worth = row_of(u).cast<double>();
    const NormWeights& norm = model.weights.ln_final;
    if (norm.gamma.empty()) return;
    if (!norm.beta.empty()) constant += worth.dot(row_of(norm.beta.vec()).cast<double>());
    worth.array() *= row_of(norm.gamma.vec()).cast<double>().array();
    switch (c.norm) {
      case Norm::layer_norm: {
        const double mean = x.mean();
        worth /= std::sqrt((x.array() - mean).square().mean() + c.norm_eps);
        worth.array() -= worth.mean();  // (r - mean r) · w = r · (w - mean w)
        break;
      }
      case Norm::rms_norm:
        worth /= std::sqrt(x.array().square().mean() + c.norm_eps);
        break;
    }
  }
  double of(std::span<const float> r) const { return worth.dot(row_of(r).cast<double>()); }
};

// What all four studies share: first the steps that find the target.
struct Direct {
  State state;
  Inputs in;
  const Model& model;
  const Attention& a;
  TargetPass ask;
  Worth worth;  // at State::token, once the target is known
  Measure out;
  Dense map, W_O;

  explicit Direct(const Inputs& inputs)
      : state(*inputs.state),
        in(inputs),
        model(*inputs.model),
        a(inputs.attention()),
        ask(inputs, state.token) {
    in.state = &state;
    state.token = read_token(in);
  }
  // What a contribution of the layer's heads is worth: behind the norm of what attention writes, if
  // there is one, whose scale is that of the whole.
  Vector of_heads(const Worth& w, int layer, int query) const {
    const Block& b = model.weights.blocks[size_t(layer)];
    const NormWeights& norm = b.ln_attn_out;
    if (norm.gamma.empty()) return w.worth;
    assert(model.config.norm == Norm::rms_norm);
    Dense sum(1, model.config.d_model);
    linear(in.kept()->z(layer).rows_of(query, query + 1), b.o.w, b.o.b.vec(), mat(sum));
    const double mean = sum.cast<double>().array().square().mean();
    return (w.worth.array() * row_of(norm.gamma.vec()).cast<double>().array()).matrix() /
           std::sqrt(mean + model.config.norm_eps);
  }
  // W_O^h · worth: what a value of the head is worth by each of its dimensions.
  Eigen::VectorXf by_dimension(const Worth& w, int layer, int query) const {
    return W_O * of_heads(w, layer, query).cast<float>().transpose();
  }
};

Study study(const Inputs& in, int n, void (*part)(Direct&, int), Measure (*take)(Direct&)) {
  auto d = std::make_shared<Direct>(in);
  const int first = d->ask.n_steps();
  return in_parts(
      first + n,
      [=](int i) {
        if (i < first) return d->ask.step();
        if (i == first) d->worth = Worth(d->in, d->state.token, d->ask.target());
        part(*d, i - first);
      },
      [=] { return take(*d); });
}

void add(Measure& m, double value, std::string name) {
  m.values.push_back(float(value));
  m.names.push_back(std::move(name));
}

void component_layer(Direct& d, int l) {
  const Activations& kept = *d.in.kept();
  const int query = d.state.token;
  const Lang lang = d.state.lang;
  if (l == 0) add(d.out, d.worth.of(kept.resid_pre(0).row(query)), tr(lang, "embedding", "嵌入"));
  const std::string at = "L" + std::to_string(l) + " ";
  Dense attn(1, kept.d_model);
  attn_out(d.model, l, kept.z(l).rows_of(query, query + 1), mat(attn));
  const Dense mlp = view(kept.resid_post(l)).row(query) - view(kept.resid_pre(l)).row(query) - attn;
  add(d.out, d.worth.of({attn.data(), size_t(attn.size())}), at + tr(lang, "attention", "注意力"));
  add(d.out, d.worth.of({mlp.data(), size_t(mlp.size())}), at + "MLP");
}

Measure take_components(Direct& d) {
  add(d.out, d.worth.constant, tr(d.state.lang, "final biases", "最终偏置"));
  d.out.axes = {Axis::component};
  d.out.shape = {int(d.out.values.size())};
  return std::move(d.out);
}

// What each head alone writes: the product of z with all but its own part zero.
void heads_layer(Direct& d, int l) {
  const std::span<const float> z = d.in.kept()->z(l).row(d.state.token);
  Dense apart = Dense::Zero(d.a.n_heads, Eigen::Index(z.size())),
        out(d.a.n_heads, d.model.config.d_model);
  for (int h = 0; h < d.a.n_heads; ++h) {
    const Eigen::Index from = Eigen::Index(h) * d.a.d_head;
    apart.row(h).segment(from, d.a.d_head) = row_of(z).segment(from, d.a.d_head);
  }
  linear(const_mat(apart), d.model.weights.blocks[size_t(l)].o.w, {}, mat(out));
  const Vector worth = d.of_heads(d.worth, l, d.state.token) * d.model.config.residual_scale;
  for (int h = 0; h < d.a.n_heads; ++h)
    d.out.values.push_back(float(worth.dot(out.row(h).cast<double>())));
}

// worth · A[i, j] f(x_j) of every key of one head.
void token_head(Direct& d, int i) {
  const int l = i / d.a.n_heads, h = i % d.a.n_heads, query = d.state.token;
  if (i == 0) d.map = Dense::Zero(d.a.n_layers, d.a.n_key);
  if (!d.a.is_kept(l)) return;
  Eigen::RowVectorXf row(d.a.n_key);
  d.a.pattern_rows(d.state.sample, l, h, query, query + 1, {row.data(), 1, d.a.n_key});
  d.W_O = head_W_O(d.model, l, h);
  const Eigen::RowVectorXf keys =
      (view(d.a.values(d.state.sample, l, h)) * d.by_dimension(d.worth, l, query)).transpose();
  d.map.row(l).array() += row.array() * keys.array();
}

constexpr int kQueries = 16;  // a step

void map_rows(Direct& d, int part) {
  const State& s = d.state;
  if (part == 0) {
    d.map.resize(d.a.n_query, d.a.n_key);
    d.W_O = head_W_O(d.model, s.layer, s.head);
  }
  const int q0 = part * kQueries, q1 = std::min(q0 + kQueries, d.a.n_query);
  d.a.pattern_rows(s.sample, s.layer, s.head, q0, q1, {d.map.row(q0).data(), q1 - q0, d.a.n_key});
  const auto v = view(d.a.values(s.sample, s.layer, s.head));
  for (int q = q0; q < q1; ++q) {
    const Worth worth(d.in, q,
                      d.ask.target());  // one target for all rows, so that they are comparable
    d.map.row(q).array() *= (v * d.by_dimension(worth, s.layer, q)).transpose().array();
  }
}

}  // namespace

Study begin_logit_component(const Inputs& in) {
  return study(in, in.attention().n_layers, component_layer, take_components);
}

Study begin_logit_head(const Inputs& in) {
  return study(in, in.attention().n_layers, heads_layer, [](Direct& d) {
    return Measure{{Axis::layer, Axis::head}, {d.a.n_layers, d.a.n_heads}, std::move(d.out.values)};
  });
}

Study begin_logit_token(const Inputs& in) {
  const Attention& a = in.attention();
  return study(in, a.n_layers * a.n_heads, token_head, [](Direct& d) {
    return Measure{{Axis::layer, Axis::key},
                   {d.a.n_layers, d.a.n_key},
                   {d.map.data(), d.map.data() + d.map.size()}};
  });
}

Study begin_logit_map(const Inputs& in) {
  return study(in, n_parts(in.attention().n_query, kQueries), map_rows,
               [](Direct& d) { return map_measure(d.map); });
}

}  // namespace attn
