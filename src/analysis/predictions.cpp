#include "analysis/predictions.h"

#include <algorithm>
#include <cmath>

#include "analysis/families.h"
#include "analysis/lens.h"
#include "model/block_math.h"

namespace attn {

Study begin_lens_guess(const Inputs& in) {
  auto pass = std::make_shared<LensPass>(in, kGuesses);
  return {pass->n_steps(), [pass] { return pass->step(); },
          [pass] {
            const LensTable table = pass->take();
            Measure m{{Axis::layer, Axis::query}, {table.n_rows - 1, table.n_query}, {}};
            for (size_t i = size_t(table.n_query); i < table.cells.size(); ++i) {
              const LensCell& cell = table.cells[i];
              for (const Peak& p : cell.top) m.guesses.push_back({p.key, std::exp(p.weight - cell.log_sum)});
              m.values.push_back(std::exp(cell.top[0].weight - cell.log_sum));
            }
            return m;
          }};
}

Measure next_token(const Inputs& in) {
  const Model& model = *in.trace->model;
  const Activations& kept = *in.kept();
  const int i = in.state->token, d = kept.d_model, n = model.config.d_vocab;
  std::vector<float> ready(static_cast<size_t>(d));
  Measure m{{Axis::vocab}, {n}, std::vector<float>(size_t(n))};
  ready_to_unembed(model, ConstMat(kept.resid_final.data(), kept.n, d).rows_of(i, i + 1), {ready.data(), 1, d});
  unembed(model, {ready.data(), 1, d}, {m.values.data(), 1, n});
  const double largest = *std::ranges::max_element(m.values);
  double sum = 0;
  for (const float x : m.values) sum += std::exp(x - largest);
  for (float& x : m.values) x = float(std::exp(x - largest) / sum);
  return m;
}

std::span<const Metric> predictions() {
  static const Metric kPredictions[] = {
      {"lens_guess",
       {"Lens: first guess", "透镜：首选"},
       {"What the model would say at each token if it ended after this layer, and what chance it would give that",
        "若模型到这一层就结束，它在每个词元处会说什么，以及给它多大的概率"},
       {Axis::layer, Axis::query},
       0,
       1,
       whole<begin_lens_guess>,
       needs_model | needs_activations | needs_logits,
       "max over t of softmax(LN_f(x^l_i) W_U + b_U)[t]",
       "nostalgebraist 2020; TransformerLens accumulated_resid",
       {"probability", "概率"},
       begin_lens_guess},
      {"next",
       {"Next token", "下一个词元"},
       {"What the model expects after the chosen token; in its place, where the model reads both ways",
        "模型预计所选词元之后是什么；若模型双向阅读，则预计该处是什么"},
       {Axis::vocab},
       0,
       1,
       next_token,
       needs_model | needs_activations | needs_logits,
       "softmax(LN_f(x_i) W_U + b_U)",
       "Radford et al. 2019",
       {"probability", "概率"}},
  };
  return kPredictions;
}

}  // namespace attn
