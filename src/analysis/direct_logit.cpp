#include "analysis/direct_logit.h"

#include <cmath>

#include "analysis/dense.h"
#include "analysis/target.h"

namespace attn {

namespace {

using Vector = Eigen::RowVectorXd;

// What a contribution to the residual stream at one position is worth: worth · r.
struct Worth {
  Vector worth;         // [d_model]
  double constant = 0;  // β · u + b_U, which is nobody's

  Worth(const Model& model, ConstMat resid, const Target& target) {
    const Config& c = model.config;
    const std::vector<float> u = direction(model, target);
    const Vector x = row_of(resid.row(0)).cast<double>();
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

ConstMat last_rows(const Inputs& in, int query) {
  const Activations& kept = *in.kept();
  return ConstMat(kept.resid_final.data(), kept.n, kept.d_model).rows_of(query, query + 1);
}

Worth worth_at(const Inputs& in, int query) {
  return {*in.trace->model, last_rows(in, query), target_at(in, query)};
}

// worth · (v_j^h W_O^h) of every key of one head.
Eigen::VectorXf worth_of_keys(const Attention& a, const Worth& worth, int layer, int head, const Dense& W_O) {
  const ConstMat v = a.v[size_t(layer)].head(kv_head(a, head));
  const Eigen::VectorXf out = head_W_O(W_O, head, a.d_head) * worth.worth.cast<float>().transpose();
  return view(v) * out;
}

Eigen::RowVectorXf row_of_pattern(const Attention& a, int layer, int head, int query) {
  Eigen::RowVectorXf row(a.n_key);
  a.pattern_rows(0, layer, head, query, query + 1, {row.data(), 1, a.n_key});
  return row;
}

}  // namespace

Measure logit_by_component(const Inputs& in) {
  const Model& model = *in.trace->model;
  const Activations& kept = *in.kept();
  const int query = in.state->token, d = kept.d_model;
  const Lang lang = in.state->lang;
  const Worth worth = worth_at(in, query);
  Measure m{{Axis::component}, {}, {}, {}};
  const auto add = [&](double value, std::string name) {
    m.values.push_back(float(value));
    m.names.push_back(std::move(name));
  };
  add(worth.of(kept.resid_pre(0).row(query)), tr(lang, "embedding", "嵌入"));
  Dense attn(1, d);
  for (int l = 0; l < model.config.n_layers; ++l) {
    const std::string at = "L" + std::to_string(l) + " ";
    attn_out(model, l, kept.z(l).rows_of(query, query + 1), mat(attn));
    const Dense mlp = view(kept.resid_post(l)).row(query) - view(kept.resid_pre(l)).row(query) - attn;
    add(worth.of({attn.data(), size_t(d)}), at + tr(lang, "attention", "注意力"));
    add(worth.of({mlp.data(), size_t(d)}), at + "MLP");
  }
  add(worth.constant, tr(lang, "biases of the end", "末端偏置"));
  m.shape = {int(m.values.size())};
  return m;
}

Measure logit_by_head(const Inputs& in) {
  const Attention& a = in.trace->attention();
  const Worth worth = worth_at(in, in.state->token);
  Measure m{{Axis::layer, Axis::head}, {a.n_layers, a.n_heads}, {}};
  for (int l = 0; l < a.n_layers; ++l) {
    const Dense W_O = dense(in.trace->model->weights.blocks[size_t(l)].o.w);
    const ConstMat z = in.kept()->z(l);
    for (int h = 0; h < a.n_heads; ++h) {
      const auto z_h = row_of(z.row(in.state->token)).segment(Eigen::Index(h) * a.d_head, a.d_head);
      const Eigen::RowVectorXf out = z_h * head_W_O(W_O, h, a.d_head);
      m.values.push_back(float(worth.of({out.data(), size_t(out.size())})));
    }
  }
  return m;
}

Measure logit_by_token(const Inputs& in) {
  const Attention& a = in.trace->attention();
  const Worth worth = worth_at(in, in.state->token);
  Dense sums = Dense::Zero(a.n_layers, a.n_key);
  for (int l = 0; l < a.n_layers; ++l) {
    if (!a.is_kept(l)) continue;
    const Dense W_O = dense(in.trace->model->weights.blocks[size_t(l)].o.w);
    for (int h = 0; h < a.n_heads; ++h)
      sums.row(l).array() += row_of_pattern(a, l, h, in.state->token).array() *
                             worth_of_keys(a, worth, l, h, W_O).transpose().array();
  }
  return {{Axis::layer, Axis::key}, {a.n_layers, a.n_key}, {sums.data(), sums.data() + sums.size()}};
}

Measure logit_map(const Inputs& in) {
  const Attention& a = in.trace->attention();
  const State& s = *in.state;
  Dense map = pattern_of(a, s.sample, s.layer, s.head);
  const Dense W_O = dense(in.trace->model->weights.blocks[size_t(s.layer)].o.w);
  const Target target = target_at(in, s.token);  // one for all rows, so that they can be compared
  for (int q = 0; q < a.n_query; ++q) {
    const Worth worth(*in.trace->model, last_rows(in, q), target);
    map.row(q).array() *= worth_of_keys(a, worth, s.layer, s.head, W_O).transpose().array();
  }
  return map_measure(map);
}

}  // namespace attn
