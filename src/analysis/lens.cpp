#include "analysis/lens.h"

#include <algorithm>
#include <cmath>

#include "analysis/dense.h"
#include "analysis/target.h"

namespace attn {

namespace {

constexpr int64_t kStepWork = 1 << 29;  // multiplications: fewer rows would read W_U too often

ConstMat stream(const Activations& kept, int row) {
  return row == 0 ? kept.resid_pre(0) : kept.resid_post(row - 1);
}

LensCell look(std::span<const float> logits, const Target& target, int n_top) {
  LensCell cell;
  cell.top = top_keys(logits, std::max(1, n_top));
  const double largest = cell.top[0].weight;
  double sum = 0, weighted = 0;
  for (const float x : logits) {
    const double e = std::exp(x - largest);
    sum += e;
    weighted += e * (x - largest);
  }
  cell.log_sum = float(largest + std::log(sum));
  cell.entropy = float((std::log(sum) - weighted / sum) / std::log(2.));
  cell.target = target.token;
  cell.target_logit = logits[size_t(target.token)];
  cell.logit = cell.target_logit - (target.foil < 0 ? 0 : logits[size_t(target.foil)]);
  cell.rank = int(std::ranges::count_if(logits, [&](float x) { return x > cell.target_logit; }));
  return cell;
}

// {layer, query}: the rows after each layer.
Study begin(const Inputs& in, float (*value)(const LensCell&)) {
  auto pass = std::make_shared<LensPass>(in, 1);
  return {pass->n_steps(), [pass] { return pass->step(); },
          [pass, value] {
            const LensTable table = pass->take();
            Measure m{{Axis::layer, Axis::query}, {table.n_rows - 1, table.n_query}, {}};
            for (size_t i = size_t(table.n_query); i < table.cells.size(); ++i)
              m.values.push_back(value(table.cells[i]));
            return m;
          }};
}

}  // namespace

LensPass::LensPass(const Inputs& in, int n_top) : in_(in), state_(*in.state), n_top_(n_top) {
  const Config& c = in.trace->model->config;
  table_.n_rows = c.n_layers + 1;
  table_.n_query = in.kept()->n;
  table_.cells.resize(size_t(table_.n_rows) * size_t(table_.n_query));
  rows_a_step_ = int(std::clamp<int64_t>(kStepWork / (int64_t(c.d_model) * c.d_vocab), 1, table_.n_query));
}

int LensPass::n_steps() const {
  return table_.n_rows * ((table_.n_query + rows_a_step_ - 1) / rows_a_step_);
}

bool LensPass::step() {
  in_.state = &state_;
  const Model& model = *in_.trace->model;
  const int a_row = n_steps() / table_.n_rows;
  if (at_ >= n_steps()) return false;
  const int row = table_.n_rows - 1 - at_ / a_row, q0 = at_ % a_row * rows_a_step_;
  const int q1 = std::min(q0 + rows_a_step_, table_.n_query);
  Dense ready(q1 - q0, model.config.d_model), logits(q1 - q0, model.config.d_vocab);
  ready_to_unembed(model, stream(*in_.kept(), row).rows_of(q0, q1), mat(ready));
  unembed(model, const_mat(ready), mat(logits));
  Target target = target_of(in_);
  const bool named = target.token >= 0;
  for (int q = q0; q < q1; ++q) {
    const std::span<const float> one = const_mat(logits).row(q - q0);
    if (!named)
      target.token = row == table_.n_rows - 1 ? int(std::ranges::max_element(one) - one.begin())
                                              : table_.at(table_.n_rows - 1, q).target;
    table_.cells[size_t(row) * size_t(table_.n_query) + size_t(q)] = look(one, target, n_top_);
  }
  return ++at_ < n_steps();
}

Study begin_lens_probability(const Inputs& in) {
  return begin(in, [](const LensCell& c) { return std::exp(c.target_logit - c.log_sum); });
}
Study begin_lens_logit(const Inputs& in) {
  return begin(in, [](const LensCell& c) { return c.logit; });
}
Study begin_lens_rank(const Inputs& in) {
  return begin(in, [](const LensCell& c) { return float(c.rank); });
}
Study begin_lens_entropy(const Inputs& in) {
  return begin(in, [](const LensCell& c) { return c.entropy; });
}

}  // namespace attn
