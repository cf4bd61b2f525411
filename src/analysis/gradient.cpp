#include "analysis/gradient.h"

#include <memory>

#include "analysis/backward.h"
#include "analysis/target.h"

namespace attn {

namespace {

// From the last layer to the first; an MLP or an attention is a step.
struct Backward {
  Inputs in;
  State state;
  const Model& model;
  const Attention& a;
  int layer;
  bool in_mlp = true;
  Dense d_resid, d_pre, d_attn;  // [n, d_model] of resid_post; of resid_pre and attn_out as far as known
  std::vector<Dense> kept;       // Ā of each layer [query, key]
  Dense chosen;                  // ∇A ⊙ A of the chosen layer and head
  Dense sums;                    // [layer, head]

  explicit Backward(const Inputs& inputs)
      : in(inputs), state(*inputs.state), model(*in.trace->model), a(in.trace->attention()), layer(a.n_layers - 1) {
    in.state = &state;
    const Activations& k = *in.kept();
    const std::vector<float> u = direction(model, target_at(in, state.token));
    const ConstMat last = ConstMat(k.resid_final.data(), k.n, k.d_model).rows_of(state.token, state.token + 1);
    d_resid = Dense::Zero(k.n, k.d_model);
    d_resid.row(state.token) = unembed_backward(model, last, row_of(u));
    kept.resize(size_t(a.n_layers));
    sums = Dense::Zero(a.n_layers, a.n_heads);
  }

  bool step() {
    if (in_mlp) {
      mlp();
    } else {
      attention();
      d_resid = d_pre;
      --layer;
    }
    in_mlp = !in_mlp;
    return layer >= 0;
  }

  void mlp() {
    const Config& c = model.config;
    const Block& b = model.weights.blocks[size_t(layer)];
    const Activations& k = *in.kept();
    if (c.norm_place == NormPlace::post) {
      Dense d_mid = norm_backward(c, b.ln2, k.mlp_sum(layer), d_resid);
      d_mid += mlp_backward(model, layer, k.resid_mid(layer), d_mid);
      d_attn = norm_backward(c, b.ln1, k.attn_sum(layer), d_mid);
      d_pre = d_attn;
      return;
    }
    const ConstMat read = c.parallel_residual ? k.resid_pre(layer) : k.resid_mid(layer);
    Dense normed(read.rows, read.cols);
    normalize_rows(c, b.ln2, read, mat(normed));
    const Dense d_read = norm_backward(c, b.ln2, read, mlp_backward(model, layer, const_mat(normed), d_resid));
    d_attn = c.parallel_residual ? d_resid : Dense(d_resid + d_read);
    d_pre = d_resid + d_read;
  }

  void attention() {
    const Config& c = model.config;
    const Block& b = model.weights.blocks[size_t(layer)];
    const Eigen::Index d_head = a.d_head;
    const size_t l = size_t(layer);
    const Dense d_z = d_attn * dense(b.o.w);
    Dense d_q(a.n_query, a.n_heads * d_head);
    Dense d_k = Dense::Zero(a.n_key, a.n_kv_heads * d_head), d_v = d_k;
    kept[l] = Dense::Zero(a.n_query, a.n_key);
    for (int h = 0; h < a.n_heads; ++h) {
      const int g = kv_head(a, h);
      const auto q = view(a.q[l].head(h)), k = view(a.k[l].head(g)), v = view(a.v[l].head(g));
      const Dense A = pattern_of(a, 0, layer, h);
      const Dense d_z_h = d_z.middleCols(h * d_head, d_head);
      const Dense times = ((d_z_h * v.transpose()).array() * A.array()).matrix();  // ∇A ⊙ A
      kept[l] += times.cwiseMax(0.f) / float(a.n_heads);
      sums(layer, h) = times.sum();
      if (layer == state.layer && h == state.head) chosen = times;
      if (layer == 0) continue;  // nobody asks further
      const Eigen::VectorXf rows = times.rowwise().sum();
      const Dense d_scores = (times - rows.asDiagonal() * A) * a.scale;
      d_q.middleCols(h * d_head, d_head) = d_scores * k;
      d_k.middleCols(g * d_head, d_head) += d_scores.transpose() * q;
      d_v.middleCols(g * d_head, d_head) += A.transpose() * d_z_h;
    }
    if (layer == 0) return;
    const auto back = [&](Dense& d, int n_heads) {
      for (int h = 0; h < n_heads; ++h)
        rotate_back(c, {d.data() + h * d_head, d.rows(), d_head, d.cols()});
    };
    back(d_q, a.n_heads);
    back(d_k, a.n_kv_heads);
    const Dense d_x = d_q * dense(b.q.w) + d_k * dense(b.k.w) + d_v * dense(b.v.w);
    d_pre += c.norm_place == NormPlace::post ? d_x : norm_backward(c, b.ln1, in.kept()->resid_pre(layer), d_x);
  }

  Dense relevance() const {
    Dense r = Dense::Identity(a.n_query, a.n_key);
    for (const Dense& mean : kept) r = (r + mean * r).eval();
    return r;
  }
};

Study begin(const Inputs& in, Measure (*take)(const Backward&)) {
  auto work = std::make_shared<Backward>(in);
  return {2 * work->a.n_layers, [work] { return work->step(); }, [work, take] { return take(*work); }};
}

}  // namespace

Study begin_gradient_attention(const Inputs& in) {
  return begin(in, [](const Backward& b) { return map_measure(b.chosen); });
}

Study begin_gradient_heads(const Inputs& in) {
  return begin(in, [](const Backward& b) {
    return Measure{{Axis::layer, Axis::head}, {b.a.n_layers, b.a.n_heads}, {b.sums.data(), b.sums.data() + b.sums.size()}};
  });
}

Study begin_chefer(const Inputs& in) {
  return begin(in, [](const Backward& b) { return map_measure(b.relevance()); });
}

Study begin_chefer_row(const Inputs& in) {
  return begin(in, [](const Backward& b) {
    const Eigen::RowVectorXf row = b.relevance().row(b.state.token);
    return Measure{{Axis::key}, {b.a.n_key}, {row.data(), row.data() + row.size()}};
  });
}

}  // namespace attn
