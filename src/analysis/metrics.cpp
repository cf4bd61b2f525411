// metrics.cpp - the table of metrics: families one after the other, patterns as they are first.
#include <algorithm>

#include "analysis/dense.h"
#include "analysis/families.h"
#include "analysis/head_circuits.h"
#include "analysis/head_distance.h"
#include "analysis/head_scores.h"
#include "analysis/weight_chain.h"

namespace attn {

namespace {

// softmax(q·k / √d_head) of the chosen sample, layer and head.
Measure pattern(const Inputs& in) {
  const Attention& a = in.attention();
  const State& s = *in.state;
  return {{Axis::query, Axis::key}, {a.n_query, a.n_key}, a.pattern(s.sample, s.layer, s.head)};
}

Measure row(const Inputs& in) {
  const Attention& a = in.attention();
  const State& s = *in.state;
  Measure m{{Axis::key}, {a.n_key}, std::vector<float>(size_t(a.n_key))};
  a.pattern_rows(s.sample, s.layer, s.head, s.token, s.token + 1, {m.values.data(), 1, a.n_key});
  return m;
}

Measure heads_row(const Inputs& in) {
  const Attention& a = in.attention();
  const State& s = *in.state;
  Measure m{{Axis::head, Axis::key}, {a.n_heads, a.n_key}, {}};
  m.values.resize(size_t(a.n_heads) * size_t(a.n_key));
  for (int h = 0; h < a.n_heads; ++h)
    a.pattern_rows(s.sample, s.layer, h, s.token, s.token + 1,
                   {m.values.data() + int64_t(h) * a.n_key, 1, a.n_key});
  return m;
}

Study begin_head_mean(const Inputs& in) {
  const Attention& a = in.attention();
  const int sample = in.state->sample, layer = in.state->layer;
  const int rows = rows_a_step(int64_t(a.n_heads) * a.n_key * (a.d_head + 16), a.n_query);
  auto sum = std::make_shared<Dense>();
  return in_parts(
      n_parts(a.n_query, rows),
      [=, &a](int i) {
        if (i == 0) *sum = Dense::Zero(a.n_query, a.n_key);
        const int q0 = i * rows, n = std::min(rows, a.n_query - q0);
        Dense one(n, a.n_key);
        for (int h = 0; h < a.n_heads; ++h) {
          a.pattern_rows(sample, layer, h, q0, q0 + n, mat(one));
          sum->middleRows(q0, n) += one;
        }
        sum->middleRows(q0, n) /= float(a.n_heads);
      },
      [=] { return map_measure(*sum); });
}

}  // namespace

std::span<const Metric> looks() {
  static const Text kShare = {"share", "份额"};
  static const Metric kLooks[] = {
      {
          .id = "pattern",
          .group = MetricGroup::weights,
          .title = {"Attention pattern", "注意力权重"},
          .sentence =
              {"Weights of one head after the softmax; every row sums to 1, less the part of a "
               "learned sink (Vaswani et al. 2017)",
               "单个头经 softmax 之后的权重；每一行的和为 "
               "1，若有可学习的汇聚项则减去其份额（Vaswani 等，2017）"},
          .axes = {Axis::query, Axis::key},
          .unit = kShare,
          .formula = {"A[i, j] = softmax over j of q_i · k_j · scale",
                      "A[i, j] = 对 j 取 softmax：q_i · k_j · scale"},
          .source = {"Vaswani et al. 2017"},
          .reads = reads_sample | reads_layer | reads_head,
          .begin = at_once<pattern>,
          .is_pattern = true,
      },
      {
          .id = "row",
          .group = MetricGroup::weights,
          .title = {"Token's row", "词元的注意力行"},
          .sentence = {"What the chosen token attends to in the chosen head; sums to 1, less the "
                       "part of a learned sink",
                       "所选词元在所选头中关注哪里；和为 1，若有可学习的汇聚项则减去其份额"},
          .axes = {Axis::key},
          .unit = kShare,
          .formula = {"A[i, :] of the chosen query i", "所选查询 i 的 A[i, :]"},
          .source = {"Vaswani et al. 2017"},
          .reads = reads_sample | reads_layer | reads_head | reads_token,
          .begin = at_once<row>,
          .is_pattern = true,
      },
      {
          .id = "heads_row",
          .group = MetricGroup::weights,
          .title = {"Heads compared", "各头对比"},
          .sentence = {"What the chosen token attends to in every head of the layer",
                       "所选词元在该层每个头中关注哪里"},
          .axes = {Axis::head, Axis::key},
          .unit = kShare,
          .formula = {"A^h[i, :] of every head h", "每个头 h 的 A^h[i, :]"},
          .source = {"Vaswani et al. 2017"},
          .reads = reads_sample | reads_layer | reads_token,
          .begin = at_once<heads_row>,
          .is_pattern = true,
      },
      {
          .id = "head_mean",
          .group = MetricGroup::weights,
          .title = {"Mean over heads", "各头平均"},
          .sentence =
              {"Patterns of the layer's heads, averaged; the rows sum to the same as theirs",
               "该层各头权重的平均；每一行的和与各头一致"},
          .axes = {Axis::query, Axis::key},
          .unit = kShare,
          .formula = {"mean over h of A^h[i, j]", "A^h[i, j] 对 h 取平均"},
          .source = {"Vaswani et al. 2017"},
          .reads = reads_sample | reads_layer,
          .begin = begin_head_mean,
      },
      {
          .id = "head_distance",
          .group = MetricGroup::spread,
          .title = {"Distance between heads", "头之间的距离"},
          .sentence =
              {"How differently two heads attend in this text: 0 for heads that do the same, "
               "0.69 (ln 2) for heads that never attend to the same token",
               "两个头在这段文本中的注意力相差多少：0 表示完全相同，0.69（ln "
               "2）表示从不关注同一个词元"},
          .axes = {Axis::layer, Axis::head, Axis::layer, Axis::head},
          .high = .6931472f,
          .unit = {"nats", "奈特"},
          .formula = {"mean over i of sum over j of (P ln(P/M) + Q ln(Q/M)) / 2, P = 0.999 A[i, j] "
                      "+ 0.001 / n, M = (P + Q) / 2",
                      "对 i 取平均：Σ_j (P ln(P/M) + Q ln(Q/M)) / 2，P = 0.999 A[i, j] + 0.001 / "
                      "n，M = (P + Q) / 2"},
          .source = {"Clark et al. 2019, head_distances (their sum over rows as a mean)",
                     "Clark et al. 2019，head_distances（将其对行求和改为平均）"},
          .reads = reads_sample,
          .needs = needs_all_layers,
          .begin = begin_head_distance,
          .too_large = too_large_for_distances,
      },
      {
          .id = "head_writes",
          .group = MetricGroup::flow,
          .title = {"What each head writes", "各头写入的内容"},
          .sentence = {"The vector that each head of the layer adds to the residual stream at the "
                       "chosen token; with the bias, their sum is the attention's output",
                       "该层每个头在所选词元处写入残差流的向量；各头之和加上偏置即注意力的输出"},
          .axes = {Axis::head, Axis::dim},
          .low = -3e38f,
          .high = 3e38f,
          .unit = {"residual stream", "残差流"},
          .formula = {"z^h[i] W_O^h of every head h", "每个头 h 的 z^h[i] W_O^h"},
          .source = {"Vaswani et al. 2017; Elhage et al. 2021"},
          .reads = reads_sample | reads_layer | reads_token,
          .needs = needs_values | needs_output,
          .begin = begin_head_writes,
      },
  };
  return kLooks;
}

std::span<const Metric> metrics() {
  static const std::vector<Metric> kMetrics = [] {
    std::vector<Metric> all;
    const auto add = [&](std::span<const Metric> family) {
      all.insert(all.end(), family.begin(), family.end());
    };
    add(looks());
    add(token_scores());
    for (const HeadScore& score : head_scores()) all.push_back(score.metric);
    add(predictions());
    add(attributions());
    add(circuits());
    return all;
  }();
  return kMetrics;
}

const Metric* find_metric(std::string_view id) {
  const auto all = metrics();
  const auto it = std::ranges::find_if(all, [&](const Metric& m) { return id == m.id; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace attn
