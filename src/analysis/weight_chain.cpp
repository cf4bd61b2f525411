#include "analysis/weight_chain.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/dense.h"
#include "pass/scratch.h"

namespace attn {

namespace {

std::vector<double> doubles(std::span<const float> x) { return {x.begin(), x.end()}; }

void soften(const Attention& a, const State& at, WeightChain& c) {
  const double hidden =
      a.masked_score != 0 ? double(a.masked_score) : -std::numeric_limits<double>::infinity();
  c.masked = c.scores;
  for (int key = 0; key < a.n_key; ++key)
    if (!a.may_see(at.sample, at.layer, c.query, key)) c.masked[size_t(key)] = hidden;
  c.highest = c.masked.empty() ? 0 : *std::ranges::max_element(c.masked);
  if (const float* sink = a.sink_of(at.layer, at.head)) {
    c.has_sink = true;
    c.sink = double(*sink);
    c.highest = std::max(c.highest, c.sink);
    c.sum = c.sink_exp = std::exp(c.sink - c.highest);
  }
  if (std::isinf(c.highest)) c.highest = 0;
  for (const double s : c.masked) {
    // Not exp(−∞), see Attention: a masked key's part is 0 by definition.
    c.exps.push_back(std::isinf(s) ? 0 : std::exp(s - c.highest));
    c.sum += c.exps.back();
  }
  for (const double e : c.exps) c.weights.push_back(c.sum == 0 ? 0 : e / c.sum);
}

void edit_weights(const Attention& a, const State& at, WeightChain& c) {
  for (const Edit& edit : a.edits) {
    const CellRect& r = edit.rect;
    if (edit.kind != Edit::Kind::cells || edit.at.layer != at.layer || edit.at.head != at.head ||
        c.query < r.q0 || c.query > r.q1)
      continue;
    for (int key = std::max(0, r.k0); key <= std::min(r.k1, a.n_key - 1); ++key) {
      if (!a.may_see(at.sample, at.layer, c.query, key)) continue;
      c.weights[size_t(key)] = double(edit.by);
      c.edited_weights = true;
    }
  }
}

// The sum over all keys, and what the edits make of it.
std::vector<double> z_of(const Attention& a, const State& at, int query,
                         std::span<const double> weights, bool& edited) {
  std::vector<double> z(size_t(a.d_head), 0);
  const ConstMat v = a.values(at.sample, at.layer, at.head);
  for (int key = 0; key < a.n_key; ++key) {
    const double w = weights[size_t(key)];
    if (w == 0) continue;
    const std::span<const float> row = v.row(key);
    for (size_t d = 0; d < z.size(); ++d) z[d] += w * double(row[d]);
  }
  for (const Edit& edit : a.edits) {
    if (edit.at.layer != at.layer || edit.at.head != at.head || edit.kind == Edit::Kind::cells)
      continue;
    edited = true;
    switch (edit.kind) {
      case Edit::Kind::off:
        std::ranges::fill(z, 0);
        break;
      case Edit::Kind::scale:
        for (double& x : z) x *= double(edit.by);
        break;
      case Edit::Kind::replace: {
        const std::span<const float> row = edit.from->z(at.layer).row(query);
        for (size_t d = 0; d < z.size(); ++d) z[d] = double(row[size_t(at.head) * z.size() + d]);
        break;
      }
      case Edit::Kind::cells:
        break;
    }
  }
  return z;
}

// W_O [d_model, n_heads * d_head] of a model's layer or of the module from scratch.
Dense W_O_of_head(const Inputs& in, int head) {
  if (in.model) return head_W_O(*in.model, in.state->layer, head);
  const MultiHeadAttention& m = *in.module;
  const DenseView all = view({m.W_O.data(), m.d_model, m.d_model});
  return all.middleCols(Eigen::Index(head) * m.d_head, m.d_head).transpose();
}

}  // namespace

WeightChain weight_chain(const Attention& a, const State& at, int query, int key) {
  WeightChain c{.query = query, .key = key};
  c.sees = a.may_see(at.sample, at.layer, query, key);
  if (a.is_given(at.layer)) {
    std::vector<float> row(size_t(a.n_key));
    a.pattern_rows(at.sample, at.layer, at.head, query, query + 1, {row.data(), 1, a.n_key});
    c.is_given = true;
    c.weights = doubles(row);
    return c;
  }
  const ConstMat keys = a.keys(at.sample, at.layer, at.head);
  c.q = doubles(a.queries(at.sample, at.layer, at.head).row(query));
  c.k = doubles(keys.row(key));
  c.v = doubles(a.values(at.sample, at.layer, at.head).row(key));
  c.scale = double(a.scale_of(at.layer));
  for (size_t d = 0; d < c.q.size(); ++d) {
    c.products.push_back(c.q[d] * c.k[d]);
    c.dot += c.products.back();
  }
  c.bias = double(a.bias_at(at.layer, at.head, query, key));
  c.places = a.place_dots(at.sample, at.layer, at.head, query, key);
  const auto capped = [&](double s) { return a.cap > 0 ? a.cap * std::tanh(s / a.cap) : s; };
  c.uncapped = (c.dot + c.places.sum()) * c.scale + c.bias;
  c.score = capped(c.uncapped);
  for (int j = 0; j < a.n_key; ++j) {
    const std::span<const float> k = keys.row(j);
    double dot = 0;
    for (size_t d = 0; d < c.q.size(); ++d) dot += c.q[d] * double(k[d]);
    c.scores.push_back(
        capped(dot * c.scale + a.distance_score(at.sample, at.layer, at.head, query, j)));
  }
  soften(a, at, c);
  edit_weights(a, at, c);
  for (const double v : c.v) c.moved.push_back(c.weight() * v);
  c.z = z_of(a, at, query, c.weights, c.edited_z);
  return c;
}

int chain_key(const Attention& a, const State& at) {
  if (at.locked_key >= 0) return std::min(at.locked_key, a.n_key - 1);
  std::vector<float> row(size_t(a.n_key));
  a.pattern_rows(at.sample, at.layer, at.head, at.token, at.token + 1, {row.data(), 1, a.n_key});
  return row.empty() ? 0 : top_keys(row, 1)[0].key;
}

Study begin_head_writes(const Inputs& inputs) {
  struct Work {
    State state;
    Inputs in;
    const Attention& a;
    Dense writes;
    int dims;  // of z a step
  };
  auto w = std::make_shared<Work>(Work{*inputs.state, inputs, inputs.attention(), {}});
  w->in.state = &w->state;
  const int d_model = w->in.model ? w->in.model->config.d_model : w->in.module->d_model;
  return in_parts(
      w->a.n_heads,
      [w, d_model](int head) {
        if (head == 0) w->writes.resize(w->a.n_heads, d_model);
        State at = w->state;
        at.head = head;
        const WeightChain c = weight_chain(w->a, at, at.token, 0);
        const Eigen::Map<const Eigen::RowVectorXd> z(c.z.data(), Eigen::Index(c.z.size()));
        w->writes.row(head) = (z * W_O_of_head(w->in, head).cast<double>()).cast<float>();
      },
      [w] {
        return Measure{{Axis::head, Axis::dim},
                       {int(w->writes.rows()), int(w->writes.cols())},
                       {w->writes.data(), w->writes.data() + w->writes.size()}};
      });
}

}  // namespace attn
