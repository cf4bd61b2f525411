#include "analysis/lens.h"

#include <algorithm>
#include <cmath>

#include "analysis/dense.h"
#include "tensor/kernels.h"
#include "tensor/packed.h"

namespace attn {

namespace {

constexpr int kRows = 32;               // of a batch: fewer would read W_U too often
constexpr int64_t kLookWork = 1 << 17;  // words of a step that looks

ConstMat stream(const Activations& kept, int row) {
  return row == 0 ? kept.resid_pre(0) : kept.resid_post(row - 1);
}

LensCell cell_of(std::span<const float> logits, const Target& target, int n_top) {
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

LensPass::LensPass(const Inputs& in, int n_top)
    : in_(in), state_(*in.state), n_top_(n_top), target_(target_of(in)) {
  const Config& c = in.model->config;
  table_.n_rows = c.n_layers + 1;
  table_.n_query = in.kept()->n;
  table_.cells.resize(size_t(table_.n_rows) * size_t(table_.n_query));
  rows_ = std::clamp(table_.n_query, 1, kRows);
  words_ = rows_a_step(int64_t(c.d_model) * rows_ / 2,
                       c.n_outputs());  // by our own product, twice as fast
  looks_ = int(std::clamp<int64_t>(kLookWork / std::max(1, c.n_outputs()), 1, rows_));
  ready_.resize(size_t(rows_) * size_t(c.output_width()));
  logits_.resize(size_t(rows_) * size_t(c.n_outputs()));
}

// Words, then looks.
int LensPass::parts_of(int batch) const {
  const int n = std::min(rows_, table_.n_query - batch * rows_);
  return n_parts(in_.model->config.n_outputs(), words_) + n_parts(n, looks_);
}

int LensPass::n_steps() const {
  int n = 0;
  for (int batch = 0; batch < batches(); ++batch) n += parts_of(batch);
  return table_.n_rows * n;
}

void LensPass::look(int row, int query, std::span<const float> logits) {
  Target target = target_;
  const int last = table_.n_rows - 1;
  if (target.token < 0)
    target.token = row == last ? int(std::ranges::max_element(logits) - logits.begin())
                               : table_.at(last, query).target;
  table_.cells[size_t(row) * size_t(table_.n_query) + size_t(query)] =
      cell_of(logits, target, n_top_);
}

bool LensPass::step() {
  if (row_ >= table_.n_rows || table_.n_query == 0) return false;
  in_.state = &state_;
  const Model& model = *in_.model;
  const int d = model.config.output_width(), n_words = model.config.n_outputs();
  const int row = table_.n_rows - 1 - row_, q0 = batch_ * rows_,
            n = std::min(rows_, table_.n_query - q0);
  const int n_products = n_parts(n_words, words_);
  if (part_ == 0)
    ready_to_unembed(model, stream(*in_.kept(), row).rows_of(q0, q0 + n), {ready_.data(), n, d});
  if (part_ < n_products) {
    const int from = part_ * words_, to = std::min(from + words_, n_words);
    const Mat out(logits_.data() + from, n, to - from, n_words);
    unembed_words(model, ConstMat(ready_.data(), n, d), from, out);
  } else {
    const int first = (part_ - n_products) * looks_;
    for (int i = first; i < std::min(first + looks_, n); ++i)
      look(row, q0 + i, {logits_.data() + int64_t(i) * n_words, size_t(n_words)});
  }
  if (++part_ == parts_of(batch_)) {
    part_ = 0;
    if (++batch_ == batches()) {
      batch_ = 0;
      ++row_;
    }
  }
  return row_ < table_.n_rows;
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
