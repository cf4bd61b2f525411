#include "analysis/value_zeroing.h"

#include <algorithm>
#include <memory>

#include "analysis/dense.h"
#include "tensor/packed.h"

namespace attn {

namespace {

constexpr float kLeast = 1e-5f;  // inseq's threshold

// Some queries at a time, and of these one key after the other: only their rows of the patterns are
// ever there.
struct Work {
  Inputs in;
  State state;
  const Model& model;
  const Attention& a;
  Dense W_O;  // [n_heads * d_head, d_model]
  // [n_heads, rows * n_key]; [rows, d_model] twice, the first before finish_write(); [query, key]
  Dense patterns, attn, clean, lost;
  int rows, keys_a_step;  // of a block; of a step

  explicit Work(const Inputs& inputs)
      : in(inputs), state(*inputs.state), model(*inputs.model), a(inputs.attention()) {
    in.state = &state;
    const Config& c = model.config;
    // Our own products are several times faster than those that kStepWork is about, and a block of
    // rows reads all weights.
    const int64_t d_mlp = std::max(c.d_mlp, c.n_active_experts * c.d_expert);
    const int64_t a_row = c.d_model * d_mlp * (c.gated_mlp ? 3 : 2) / 6;
    rows = rows_a_step(a_row, a.n_query);
    keys_a_step = rows_a_step(a_row * rows, a.n_key);
    W_O.resize(int64_t(a.n_heads) * a.d_head, c.d_model);
  }
  // Of each block: its clean output, then its keys.
  int keys_steps() const { return n_parts(a.n_key, keys_a_step); }
  int n_steps() const { return a.n_heads + n_parts(a.n_query, rows) * (1 + keys_steps()); }

  void part(int i) {
    if (i < a.n_heads) {
      if (i == 0) lost = Dense::Zero(a.n_query, a.n_key);
      W_O.middleRows(Eigen::Index(i) * a.d_head, a.d_head) =
          head_W_O(model, state.layer, i) / float(model.config.residual_scale);
      return;
    }
    i -= a.n_heads;
    const int block = i / (1 + keys_steps()), step = i % (1 + keys_steps());
    const int q0 = block * rows, q1 = std::min(q0 + rows, a.n_query);
    if (step == 0) return begin_block(q0, q1);
    for (int key = (step - 1) * keys_a_step; key < std::min(step * keys_a_step, a.n_key); ++key)
      if (a.mask != Mask::causal || key < q1) without(q0, q1, key);
  }

  void begin_block(int q0, int q1) {
    patterns = patterns_of_rows(a, state.sample, state.layer, q0, q1);
    attn.resize(q1 - q0, model.config.d_model);
    const Linear& o = model.weights.blocks[size_t(state.layer)].o;
    linear(in.kept()->z(state.layer).rows_of(q0, q1), o.w, o.b.vec(), mat(attn));
    clean = output(attn, q0, q1);
  }

  Dense output(Dense attention, int q0, int q1) const {
    Dense out(attention.rows(), attention.cols());
    finish_write(model.config, model.weights.blocks[size_t(state.layer)].ln_attn_out,
                 mat(attention));
    finish_block(model, state.layer, in.kept()->resid_pre(state.layer).rows_of(q0, q1),
                 const_mat(attention), mat(out));
    const NormWeights& last = model.weights.ln_final;
    if (state.layer + 1 == model.config.n_layers && !last.gamma.empty())
      normalize_rows(model.config, last, const_mat(out), mat(out));
    return out;
  }

  void without(int q0, int q1, int key) {
    const int first = a.mask == Mask::causal ? std::max(q0, key) : q0, n = q1 - first;
    Dense less = attn.bottomRows(n);
    for (int h = 0; h < a.n_heads; ++h) {
      const ConstMat v = a.values(state.sample, state.layer, h);
      const Eigen::RowVectorXf f =
          row_of(v.row(key)) * W_O.middleRows(Eigen::Index(h) * a.d_head, a.d_head);
      for (int q = first; q < q1; ++q)
        less.row(q - first) -= patterns(h, Eigen::Index(q - q0) * a.n_key + key) * f;
    }
    const Dense out = output(less, first, q1);
    for (int q = first; q < q1; ++q) {
      const Eigen::RowVectorXd x = clean.row(q - q0).cast<double>(),
                               y = out.row(q - first).cast<double>();
      const double size = x.norm() * y.norm();
      const float s = size > 0 ? float(1 - x.dot(y) / size) : 0;
      lost(q, key) = s < kLeast ? 0 : s;
    }
  }
};

}  // namespace

Status too_large_for_zeroing(const Inputs& in) {
  const Attention& a = in.attention();
  const uint64_t d = uint64_t(in.model->config.d_model);
  return too_many_bytes(
      in, (uint64_t(a.n_query) * uint64_t(a.n_key) + uint64_t(a.n_heads) * uint64_t(a.d_head) * d) *
              sizeof(float));
}

Study begin_value_zeroing(const Inputs& in) {
  auto work = std::make_shared<Work>(in);
  return in_parts(
      work->n_steps(), [work](int i) { work->part(i); },
      [work] {
        for (Eigen::Index q = 0; q < work->lost.rows(); ++q)
          if (const float sum = work->lost.row(q).sum(); sum > 0) work->lost.row(q) /= sum;
        return map_measure(work->lost);
      });
}

}  // namespace attn
