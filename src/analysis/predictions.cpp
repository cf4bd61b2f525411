#include "analysis/predictions.h"

#include <algorithm>
#include <cmath>

#include "analysis/dense.h"
#include "analysis/families.h"
#include "analysis/lens.h"
#include "model/label_head.h"
#include "pass/block_math.h"
#include "tensor/kernels.h"
#include "tensor/packed.h"

namespace attn {

Study begin_lens_guess(const Inputs& in) {
  auto pass = std::make_shared<LensPass>(in, kGuesses);
  return {pass->n_steps(), [pass] { return pass->step(); },
          [pass] {
            const LensTable table = pass->take();
            Measure m{{Axis::layer, Axis::query}, {table.n_rows - 1, table.n_query}, {}};
            for (size_t i = size_t(table.n_query); i < table.cells.size(); ++i) {
              const LensCell& cell = table.cells[i];
              for (const Peak& p : cell.top)
                m.guesses.push_back({p.key, std::exp(p.weight - cell.log_sum)});
              m.values.push_back(std::exp(cell.top[0].weight - cell.log_sum));
            }
            return m;
          }};
}

void to_chances(std::vector<float>& values, LabelScale scale) {
  switch (scale) {
    case LabelScale::softmax: {
      const double largest = *std::ranges::max_element(values);
      double sum = 0;
      for (const float x : values) sum += std::exp(x - largest);
      for (float& x : values) x = float(std::exp(x - largest) / sum);
      return;
    }
    case LabelScale::sigmoid:
      for (float& x : values) x = float(1 / (1 + std::exp(-double(x))));
      return;
    case LabelScale::over_tokens:  // begin_answers
    case LabelScale::plain:
      return;
  }
}

namespace {

// {vocab}: the chance of State::token to be the start and the end of the answer.
Study begin_answers(const Inputs& in) {
  struct Work {
    const Model* model;
    std::vector<float> logits;  // [n, n_outputs]
  };
  const Activations& kept = *in.kept();
  const int n = kept.n, n_out = in.model->config.n_outputs(), i = in.state->token,
            width = in.model->config.output_width(), rows = rows_a_step(int64_t(width) * width, n);
  auto w = std::make_shared<Work>(Work{in.model, std::vector<float>(size_t(n) * size_t(n_out))});
  return in_parts(
      n_parts(n, rows),
      [=, &kept](int part) {
        const int from = part * rows, to = std::min(from + rows, n);
        Dense ready(to - from, width);
        ready_to_unembed(*w->model,
                         ConstMat(kept.resid_final.data(), n, kept.d_model).rows_of(from, to),
                         mat(ready));
        unembed(*w->model, const_mat(ready),
                Mat(w->logits.data() + int64_t(from) * n_out, to - from, n_out));
      },
      [=] {
        Measure m{{Axis::vocab}, {n_out}, {}};
        for (int out = 0; out < n_out; ++out) {
          std::vector<float> column;
          for (int row = 0; row < n; ++row) column.push_back(w->logits[size_t(row * n_out + out)]);
          to_chances(column, LabelScale::softmax);
          m.values.push_back(column[size_t(i)]);
        }
        return m;
      });
}

}  // namespace

Study begin_next_token(const Inputs& in) {
  struct Work {
    const Model* model;
    std::vector<float> ready, logits;  // [output_width], [n_outputs]
  };
  const Config& c = in.model->config;
  if (c.labels.scale == LabelScale::over_tokens) return begin_answers(in);
  const Activations& kept = *in.kept();
  const int d = c.output_width(), n = c.n_outputs();
  const ReadRows rows = rows_read(c, in.attention().query_tokens[0], in.state->token);
  auto w = std::make_shared<Work>(Work{in.model, std::vector<float>(static_cast<size_t>(d)), {}});
  ready_to_unembed(
      *w->model,
      ConstMat(kept.resid_final.data(), kept.n, kept.d_model).rows_of(rows.from, rows.to),
      {w->ready.data(), 1, d});
  const int words = rows_a_step(2 * int64_t(d), n);  // a row at a time waits for W_U
  return in_parts(
      n_parts(n, words),
      [=](int part) {
        w->logits.resize(size_t(n));
        const int from = part * words, to = std::min(from + words, n);
        unembed_words(*w->model, ConstMat(w->ready.data(), 1, d), from,
                      Mat(w->logits.data() + from, 1, to - from));
      },
      [=, scale = c.labels.scale] {
        to_chances(w->logits, scale);
        return Measure{{Axis::vocab}, {n}, std::move(w->logits)};
      });
}

std::span<const Metric> predictions() {
  static const Metric kPredictions[] = {
      {
          .id = "lens_guess",
          .group = MetricGroup::predictions,
          .title = {"Lens: first guess", "透镜：首选"},
          .sentence =
              {"What the model would predict at each token if it ended after this layer, and "
               "with what probability",
               "若模型到这一层就结束，它在每个词元处会预测什么，概率多大"},
          .axes = {Axis::layer, Axis::query},
          .unit = {"probability", "概率"},
          .formula = {"max over t of softmax(LN_f(x^l_i) W_U + b_U)[t]",
                      "对 t 取最大：softmax(LN_f(x^l_i) W_U + b_U)[t]"},
          .source = {"nostalgebraist 2020; TransformerLens accumulated_resid"},
          .needs = needs_model | needs_activations | needs_logits | needs_one_of,
          .begin = begin_lens_guess,
      },
      {
          .id = "next",
          .group = MetricGroup::predictions,
          .title = {"Next token", "下一个词元"},
          .sentence = {"What the model expects after the chosen token; in its place, where the "
                       "model reads both ways; or the labels of the text or the token",
                       "模型预计所选词元之后是什么；若模型双向阅读，则预计该处是什么；"
                       "若模型有分类头，则为文本或词元的标签"},
          .axes = {Axis::vocab},
          .unit = {"probability", "概率"},
          .formula = {"softmax(LN_f(x_i) W_U + b_U)"},
          .source = {"Radford et al. 2019"},
          .reads = reads_token,
          .needs = needs_model | needs_activations | needs_logits,
          .begin = begin_next_token,
      },
  };
  return kPredictions;
}

}  // namespace attn
