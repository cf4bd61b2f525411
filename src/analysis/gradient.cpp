#include "analysis/gradient.h"

#include <memory>

#include "analysis/backward.h"
#include "analysis/target_pass.h"
#include "model/label_head.h"

namespace attn {

namespace {

// From the last layer to the first, each in short steps: its MLP some neurons at a time, its
// attention head by head, some queries at a time. Then R, some rows at a time.
struct Backward {
  Inputs in;
  State state;
  const Model& model;
  const Attention& a;
  const Config& c;
  TargetPass ask;
  bool relevant;  // R is wanted, not single layers
  int lowest;     // the lowest layer that the pass reaches
  int n, d;
  int neurons, queries, r_rows;  // of a step
  Dense d_resid, d_pre,
      d_attn;            // [n, d_model] of resid_post; of resid_pre and attn_out as far as known
  Dense normed, d_read;  // what the MLP reads, and its derivative so far
  Dense d_q, d_k, d_v, d_x;  // of the head at hand, and of what the layer's attention reads
  Dense W_O, W_q, W_k, W_v;  // of the head at hand
  std::vector<Dense> kept;   // Ā of each layer [query, key]
  Dense chosen;              // ∇A ⊙ A of the chosen layer and head
  Dense sums;                // [layer, head]
  Dense R, R_before;

  Backward(const Inputs& inputs, bool relevant_, int lowest_)
      : in(inputs),
        state(*inputs.state),
        model(*inputs.model),
        a(inputs.attention()),
        c(model.config),
        ask(inputs, state.token),
        relevant(relevant_),
        lowest(lowest_),
        n(inputs.kept()->n),
        d(inputs.kept()->d_model) {
    in.state = &state;
    state.token = read_token(in);
    neurons = rows_a_step(int64_t(n) * d * (c.gated_mlp ? 5 : 3), c.d_mlp);
    queries = rows_a_step(int64_t(n) * a.d_head * 6 + int64_t(a.d_head) * d, n);
    r_rows = rows_a_step(int64_t(n) * n, n);
  }

  int mlp_steps() const { return 2 + n_parts(c.d_mlp, neurons); }
  int head_steps() const { return n_parts(n, queries); }
  int back_steps() const { return n_parts(n, rows_back()); }
  // Rows of d_x of one head's q, k and v.
  int rows_back() const { return rows_a_step(int64_t(a.d_head) * d * 3, n); }
  int attention_steps() const { return a.n_heads * (head_steps() + back_steps()) + 1; }
  int layer_steps() const { return mlp_steps() + attention_steps(); }
  int layers() const { return a.n_layers - lowest; }
  int r_steps() const { return relevant ? a.n_layers * n_parts(n, r_rows) : 0; }
  int n_steps() const { return ask.n_steps() + 1 + layers() * layer_steps() + r_steps(); }

  void part(int i) {
    if (i < ask.n_steps()) return ask.step();
    i -= ask.n_steps();
    if (i-- == 0) return begin();
    if (i >= layers() * layer_steps()) return relevance(i - layers() * layer_steps());
    const int layer = a.n_layers - 1 - i / layer_steps();
    i %= layer_steps();
    if (i < mlp_steps())
      mlp(layer, i);
    else
      attention(layer, i - mlp_steps());
  }

  void begin() {
    const Activations& k = *in.kept();
    const std::vector<float> u = direction(model, ask.target());
    const ReadRows rows = rows_read(c, a.query_tokens[0], state.token);
    const ConstMat last =
        ConstMat(k.resid_final.data(), k.n, k.d_model).rows_of(rows.from, rows.to);
    d_resid = Dense::Zero(n, d);
    d_resid.middleRows(rows.from, rows.to - rows.from) = unembed_backward(model, last, row_of(u));
    if (relevant) kept.resize(size_t(a.n_layers));
    sums = Dense::Zero(a.n_layers, a.n_heads);
  }

  void mlp(int layer, int i) {
    const Block& b = model.weights.blocks[size_t(layer)];
    const Activations& k = *in.kept();
    const bool post = c.norm_place == NormPlace::post;
    const ConstMat read = c.parallel_residual && !post ? k.resid_pre(layer) : k.resid_mid(layer);
    if (i == 0) {
      if (post) {
        d_resid = norm_backward(c, b.ln2, k.mlp_sum(layer), d_resid);
      } else {
        normed.resize(n, d);
        normalize_rows(c, b.ln2, read, mat(normed));
      }
      d_read = Dense::Zero(n, d);
      return;
    }
    if (i < mlp_steps() - 1) {
      const int from = (i - 1) * neurons, to = std::min(from + neurons, c.d_mlp);
      mlp_backward(model, layer, from, to, post ? read : const_mat(normed),
                   d_resid * float(c.residual_scale), d_read);
      return;
    }
    if (post) {
      d_attn = norm_backward(c, b.ln1, k.attn_sum(layer), d_resid + d_read);
      d_pre = d_attn;
    } else {
      d_read = norm_backward(c, b.ln2, read, d_read);
      d_attn = c.parallel_residual ? d_resid : Dense(d_resid + d_read);
      d_pre = d_resid + d_read;
    }
  }

  void attention(int layer, int i) {
    const int a_head = head_steps() + back_steps(), h = i / a_head, step = i % a_head;
    const bool further = layer > lowest;  // lower layers are asked for
    if (i == 0 && relevant) kept[size_t(layer)] = Dense::Zero(n, n);
    if (i == 0) d_x = Dense::Zero(n, d);
    if (h == a.n_heads) return end_of_layer(layer);
    if (step < head_steps())
      some_queries(layer, h, step * queries, std::min((step + 1) * queries, n), further);
    else if (further)
      through_weights(layer, h, (step - head_steps()) * rows_back());
  }

  void some_queries(int layer, int h, int q0, int q1, bool further) {
    const Eigen::Index d_head = a.d_head;
    const int rows = q1 - q0;
    const auto k = view(a.keys(state.sample, layer, h)), v = view(a.values(state.sample, layer, h));
    if (q0 == 0) {
      W_O = head_W_O(model, layer, h);
      d_q.resize(n, d_head);
      d_k = d_v = Dense::Zero(n, d_head);
      if (layer == state.layer && h == state.head) chosen.resize(n, n);
    }
    Dense A(rows, n);
    a.pattern_rows(state.sample, layer, h, q0, q1, mat(A));
    const Dense d_z_h = times_T(rows_of(d_attn, q0, rows), view(W_O));
    const Dense worth = (times_T(view(d_z_h), v).array() * A.array()).matrix();  // ∇A ⊙ A
    if (relevant)
      kept[size_t(layer)].middleRows(q0, rows) += worth.cwiseMax(0.f) / float(a.n_heads);
    sums(layer, h) += worth.sum();
    if (layer == state.layer && h == state.head) chosen.middleRows(q0, rows) = worth;
    if (!further) return;
    const Eigen::VectorXf of_row = worth.rowwise().sum();
    Dense d_scores = (worth - of_row.asDiagonal() * A) * a.scale_of(layer);
    if (a.cap > 0) {  // tanh' = 1 - tanh²
      Dense scores(rows, n);
      a.score_rows(state.sample, layer, h, q0, q1, mat(scores));
      d_scores.array() *= 1 - (scores.array() / a.cap).square();
    }
    d_q.middleRows(q0, rows) = times(view(d_scores), k);
    d_k += T_times(view(d_scores), view(a.queries(state.sample, layer, h).rows_of(q0, q1)));
    d_v += T_times(view(A), view(d_z_h));
    if (!a.place_rows.empty()) through_places(layer, h, q0, d_scores);
  }

  // Keys and queries of places do not depend on the text.
  void through_places(int layer, int h, int q0, const Dense& d_scores) {
    const auto add = [&](Dense& to, int i, float by, const HeadRows& places, int row) {
      for (int j = 0; !places.empty() && j < a.d_head; ++j) to(i, j) += by * places.head(h)(row, j);
    };
    const QK& qk = a.computed(layer);
    for (int i = 0; i < d_scores.rows(); ++i) {
      const int* rows = a.place_row(q0 + i);
      for (int key = 0; key < n; ++key) {
        add(d_q, q0 + i, d_scores(i, key), qk.place_k, rows[key]);
        add(d_k, key, d_scores(i, key), qk.place_q, rows[key]);
      }
    }
  }

  // d_q, d_k and d_v of one head back to what the layer read. Heads that share keys and values add
  // up.
  void through_weights(int layer, int h, int row) {
    const Block& b = model.weights.blocks[size_t(layer)];
    const int64_t d_head = a.d_head, q = h * d_head, kv = a.kv_head(h) * d_head;
    if (row == 0) {
      rotate_back(c, layer, mat(d_q));
      rotate_back(c, layer, mat(d_k));
      W_q = block(b.q.w, q, q + d_head, 0, d);
      W_k = block(b.k.w, kv, kv + d_head, 0, d);
      W_v = block(b.v.w, kv, kv + d_head, 0, d);
      before_norm(layer, norm_of_head(c, b.q_norm, h), b.q, W_q, q, d_q);
      before_norm(layer, norm_of_head(c, b.k_norm, a.kv_head(h)), b.k, W_k, kv, d_k);
    }
    const int rows = std::min(rows_back(), n - row);
    d_x.middleRows(row, rows) += times(rows_of(d_q, row, rows), view(W_q)) +
                                 times(rows_of(d_k, row, rows), view(W_k)) +
                                 times(rows_of(d_v, row, rows), view(W_v));
  }

  // Where the heads' q or k are normed: the gradient [n, d_head] of what went into that norm. `w`
  // are the rows of `by` from `first` on.
  void before_norm(int layer, const NormWeights& norm, const Linear& by, const Dense& w,
                   int64_t first, Dense& gradient) {
    if (norm.gamma.empty()) return;
    Dense read(n, d);
    const ConstMat resid = in.kept()->resid_pre(layer);
    if (c.norm_place == NormPlace::pre)
      normalize_rows(c, model.weights.blocks[size_t(layer)].ln1, resid, mat(read));
    else
      read = view(resid);
    Dense raw = times_T(view(read), view(w));
    if (!by.b.empty()) raw.rowwise() += row_of(by.b.vec().subspan(size_t(first), size_t(w.rows())));
    gradient = norm_backward(c, norm, const_mat(raw), gradient);
  }

  void end_of_layer(int layer) {
    if (layer == lowest) return;
    const Block& b = model.weights.blocks[size_t(layer)];
    d_pre += c.norm_place == NormPlace::post
                 ? d_x
                 : norm_backward(c, b.ln1, in.kept()->resid_pre(layer), d_x);
    d_resid = d_pre;
  }

  void relevance(int i) {
    const int parts = n_parts(n, r_rows), layer = i / parts, q0 = i % parts * r_rows,
              rows = std::min(r_rows, n - q0);
    if (i == 0) R = Dense::Identity(n, n);
    if (q0 == 0) R_before = R;
    R.middleRows(q0, rows) += times(rows_of(kept[size_t(layer)], q0, rows), view(R_before));
  }
};

Study begin(const Inputs& in, bool relevant, int lowest, Measure (*take)(const Backward&)) {
  auto work = std::make_shared<Backward>(in, relevant, lowest);
  return in_parts(
      work->n_steps(), [work](int i) { work->part(i); }, [work, take] { return take(*work); });
}

}  // namespace

Status too_large_for_gradient(const Inputs& in) {
  const Attention& a = in.attention();
  const uint64_t n = uint64_t(a.n_query);
  return too_many_bytes(in, (8 * n * uint64_t(in.model->config.d_model) + n * n) * sizeof(float));
}

Status too_large_for_relevance(const Inputs& in) {
  const Attention& a = in.attention();
  const uint64_t n = uint64_t(a.n_query);
  return too_many_bytes(
      in, (8 * n * uint64_t(in.model->config.d_model) + uint64_t(a.n_layers + 3) * n * n) *
              sizeof(float));
}

Study begin_gradient_attention(const Inputs& in) {
  return begin(in, false, in.state->layer, [](const Backward& b) { return map_measure(b.chosen); });
}

Study begin_gradient_heads(const Inputs& in) {
  return begin(in, false, 0, [](const Backward& b) {
    return Measure{{Axis::layer, Axis::head},
                   {b.a.n_layers, b.a.n_heads},
                   {b.sums.data(), b.sums.data() + b.sums.size()}};
  });
}

Study begin_chefer(const Inputs& in) {
  return begin(in, true, 0, [](const Backward& b) { return map_measure(b.R); });
}

Study begin_chefer_row(const Inputs& in) {
  return begin(in, true, 0, [](const Backward& b) {
    const ReadRows rows = rows_read(b.c, b.a.query_tokens[0], b.state.token);
    const Eigen::RowVectorXf row = b.R.middleRows(rows.from, rows.to - rows.from).colwise().mean();
    return Measure{{Axis::key}, {b.a.n_key}, {row.data(), row.data() + row.size()}};
  });
}

}  // namespace attn
