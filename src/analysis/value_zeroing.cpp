#include "analysis/value_zeroing.h"

#include <memory>

#include "analysis/dense.h"

namespace attn {

namespace {

constexpr float kLeast = 1e-5f;  // inseq's threshold

struct Work {
  Inputs in;
  State state;
  std::vector<Dense> patterns, values;
  Dense clean, attn, lost;  // [query, d_model], and what each key is worth [query, key]
  int key = 0;

  explicit Work(const Inputs& inputs) : in(inputs), state(*inputs.state) {
    in.state = &state;
    const Attention& a = in.trace->attention();
    const Dense W_O = dense(in.trace->model->weights.blocks[size_t(state.layer)].o.w);
    for (int h = 0; h < a.n_heads; ++h) {
      patterns.push_back(pattern_of(a, state.sample, state.layer, h));
      values.push_back(values_out(a, state.sample, state.layer, h, W_O));
    }
    lost = Dense::Zero(a.n_query, a.n_key);
    attn.resize(a.n_query, W_O.rows());
    attn_out(*in.trace->model, state.layer, in.kept()->z(state.layer), mat(attn));
    clean = output(attn, 0);
  }

  // Of the rows from `first` on.
  Dense output(const Dense& attention, int first) const {
    const int n = int(attn.rows());
    const Model& model = *in.trace->model;
    Dense out(n - first, attn.cols());
    finish_block(model, state.layer, in.kept()->resid_pre(state.layer).rows_of(first, n),
                 const_mat(attention), mat(out));
    const NormWeights& last = model.weights.ln_final;
    if (state.layer + 1 == model.config.n_layers && !last.gamma.empty())
      normalize_rows(model.config, last, const_mat(out), mat(out));
    return out;
  }

  bool step() {
    const int n = int(attn.rows());
    const int first = in.trace->attention().mask == Mask::causal ? key : 0;
    Dense without = attn.bottomRows(n - first);
    for (size_t h = 0; h < patterns.size(); ++h)
      without -= patterns[h].col(key).tail(n - first) * values[h].row(key);
    const Dense out = output(without, first);
    for (int q = first; q < n; ++q) {
      const Eigen::RowVectorXd x = clean.row(q).cast<double>(), y = out.row(q - first).cast<double>();
      const double size = x.norm() * y.norm();
      const float s = size > 0 ? float(1 - x.dot(y) / size) : 0;
      lost(q, key) = s < kLeast ? 0 : s;
    }
    return ++key < lost.cols();
  }
};

}  // namespace

Study begin_value_zeroing(const Inputs& in) {
  auto work = std::make_shared<Work>(in);
  return {int(work->lost.cols()), [work] { return work->step(); },
          [work] {
            for (Eigen::Index q = 0; q < work->lost.rows(); ++q)
              if (const float sum = work->lost.row(q).sum(); sum > 0) work->lost.row(q) /= sum;
            return map_measure(work->lost);
          }};
}

}  // namespace attn
