// head_pattern_scores.cpp - head scores that need whole patterns: lines, blocks, similarity,
// values.
#include "analysis/head_cells.h"
#include "analysis/head_score_rows.h"

namespace attn {

namespace {

// Texts of different lengths count by their rows.
Mean over_rows(double value, int n) { return {value * n, n, 0}; }

Mean vertical(const HeadProfile&, const LineSums& s, const LineSums& u) {
  return over_rows(lines_of(s, u).vertical, s.n_rows);
}
Mean diagonal(const HeadProfile&, const LineSums& s, const LineSums& u) {
  return over_rows(lines_of(s, u).diagonal, s.n_rows);
}
Mean block(const HeadProfile&, const LineSums& s, const LineSums&) {
  return {s.own_segment, s.n_rows, 0};
}
Mean position(const HeadProfile&, const LineSums& s, const LineSums&) {
  return over_rows(positional_share(s), s.n_rows);
}
Mean likeness(const HeadProfile&, const LineSums& s, const LineSums&) {
  return {s.likeness, s.n_pairs, 0};
}
Mean kind(const HeadProfile&, const LineSums& s, const LineSums& u) {
  Mean mean = over_rows(double(pattern_class(s, u)), s.n_rows);
  mean.squares = mean.value() * mean.sum;  // whether all texts are of one class
  return mean;
}
Mean clark_entropy(const HeadProfile& p, const LineSums&, const LineSums&) {
  return {p.smoothed_nats, p.n_rows, 0};
}
Mean clark_punctuation(const HeadProfile& p, const LineSums&, const LineSums&) {
  return {p.comma_or_point, p.n_rows, 0};
}
Mean value_norm(const HeadProfile& p, const LineSums&, const LineSums&) {
  return p.has_norms ? Mean{p.weighted, p.n_rows, 0} : Mean{};
}
Mean value_first(const HeadProfile& p, const LineSums&, const LineSums&) {
  return p.has_norms ? over_rows(p.weighted > 0 ? p.weighted_first / p.weighted : 0, p.n_rows)
                     : Mean{};
}

}  // namespace

std::vector<HeadScore> pattern_scores() {
  return {
      {
          .metric =
              {
                  .id = "row_similarity",
                  .group = MetricGroup::spread,
                  .title = {"Similarity of rows", "相邻行的相似度"},
                  .sentence =
                      {"How similar the attention of neighbouring tokens is: mean cosine of "
                       "successive rows",
                       "相邻词元的注意力有多相似：相邻两行的平均余弦"},
                  .unit = kShare,
                  .formula = {"mean over i >= 1 of cos(A[i, :], A[i-1, :])",
                              "对 i >= 1 取平均：cos(A[i, :], A[i-1, :])"},
                  .source = {"ours", "本项目"},
              },
          .column = {"alike", "相似"},
          .of_head = likeness,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "positional_share",
                  .group = MetricGroup::position,
                  .title = {"Positional share", "位置占比"},
                  .sentence =
                      {"How much of the pattern depends on the distance alone and not on the "
                       "words: the part of its variance that the mean at each offset explains",
                       "模式有多少只取决于距离而与词无关：各偏移处的均值所能解释的方差比例"},
                  .unit = kShare,
                  .formula = {"1 - sum of (A[i, j] - m[i-j])^2 / sum of (A[i, j] - m)^2",
                              "1 - Σ (A[i, j] - m[i-j])^2 / Σ (A[i, j] - m)^2"},
                  .source = {"ours (R squared of offset means)", "本项目（各偏移均值的 R 平方）"},
              },
          .column = {"pos", "位置"},
          .of_head = position,
      },
      {
          .metric =
              {
                  .id = "vertical",
                  .group = MetricGroup::position,
                  .title = {"Vertical lines", "竖线"},
                  .sentence = {"How much attention lies on columns that many tokens attend to "
                               "(columns of at least 0.1 on average and twice what uniform "
                               "attention gives)",
                               "有多少注意力落在许多词元共同关注的列上（该列平均至少 "
                               "0.1，且是均匀注意力的两倍）"},
                  .unit = kShare,
                  .formula = {"sum over strong columns j of A[:, j] / sum of A",
                              "强列 j 上 A[:, j] 之和 / A 之和"},
                  .source = {"ours, after Kovaleva et al. 2019",
                             "本项目，参照 Kovaleva et al. 2019"},
              },
          .column = {"vert", "竖线"},
          .of_head = vertical,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "diagonal",
                  .group = MetricGroup::position,
                  .title = {"Diagonal lines", "斜线"},
                  .sentence =
                      {"How much attention lies at distances that many tokens attend to (diagonals "
                       "of at least 0.1 on average and twice what uniform attention gives)",
                       "有多少注意力落在许多词元共同关注的距离上（该斜线平均至少 "
                       "0.1，且是均匀注意力的两倍）"},
                  .unit = kShare,
                  .formula = {"sum over strong offsets o of A[i, i-o] / sum of A",
                              "强偏移 o 上 A[i, i-o] 之和 / A 之和"},
                  .source = {"ours, after Kovaleva et al. 2019",
                             "本项目，参照 Kovaleva et al. 2019"},
              },
          .column = {"diag", "斜线"},
          .of_head = diagonal,
      },
      {
          .metric =
              {
                  .id = "block",
                  .group = MetricGroup::position,
                  .title = {"Own sentence", "本句"},
                  .sentence =
                      {"How strongly each token attends to its own sentence; sentences end at full "
                       "stops and special tokens",
                       "每个词元在多大程度上关注自己所在的句子；句子以句末标点或特殊词元为界"},
                  .unit = kShare,
                  .formula = {"mean over i of the sum of A[i, j] over j in i's sentence",
                              "对 i 取平均：A[i, j] 对 i 所在句子中的 j 求和"},
                  .source = {"ours, after Kovaleva et al. 2019",
                             "本项目，参照 Kovaleva et al. 2019"},
              },
          .column = {"block", "本句"},
          .of_head = block,
          .cells = cells::own_sentence,
      },
      {
          .metric =
              {
                  .id = "pattern_class",
                  .group = MetricGroup::position,
                  .title = {"Kind of pattern", "模式类别"},
                  .sentence =
                      {"0 vertical, 1 diagonal, 2 both, 3 blocks, 4 heterogeneous: the classes of "
                       "Kovaleva et al. 2019, by a rule (theirs is a trained network): lines "
                       "with half of the attention decide, else sentences with half of it",
                       "0 竖线，1 斜线，2 两者，3 分块，4 混杂：Kovaleva "
                       "等（2019）的类别，由规则判定（原文用训练的网络）：若线条占一半注意力，按线"
                       "条归类；否则看句子"},
                  .high = 4,
                  .unit = {"class", "类别"},
                  .formula =
                      {"vertical + diagonal >= 0.5, else block >= 0.5 and half way from uniform to "
                       "1",
                       "vertical + diagonal >= 0.5；否则 block >= 0.5 且不低于均匀与 1 的中点"},
                  .source = {"after Kovaleva et al. 2019", "参照 Kovaleva et al. 2019"},
              },
          .column = {"class", "类别"},
          .of_head = kind,
      },
      {
          .metric =
              {
                  .id = "clark_entropy",
                  .group = MetricGroup::spread,
                  .title = {"Entropy, smoothed, nats", "平滑熵（奈特）"},
                  .sentence = {"Entropy as Clark et al. 2019 take it: in nats, of 0.9999 A + "
                               "0.0001 / n, n the keys that a row may see",
                               "按 Clark 等（2019）计算的熵：以奈特计，取 0.9999 A + 0.0001 / n，n "
                               "为该行可见的键数"},
                  .high = 22,
                  .unit = kNats,
                  .formula = {"mean over i of -sum of B ln B, B = 0.9999 A[i, j] + 0.0001 / n",
                              "对 i 取平均：-Σ B ln B，B = 0.9999 A[i, j] + 0.0001 / n"},
                  .source = {"Clark et al. 2019, General_Analysis"},
              },
          .column = {"nats", "奈特"},
          .of_head = clark_entropy,
          .sink_aware = false,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "clark_punctuation",
                  .group = MetricGroup::kinds,
                  .title = {"Commas and full stops", "逗号与句号"},
                  .sentence = {"How much attention goes to the tokens “,” and “.”, the punctuation "
                               "of Clark et al. 2019",
                               "有多少注意力落在“,”和“.”上，即 Clark 等（2019）的标点"},
                  .unit = kShare,
                  .formula = {"mean over i of the sum of A[i, j] over t[j] in {\",\", \".\"}",
                              "对 i 取平均：A[i, j] 对 t[j] 为 “,” 或 “.” 者求和"},
                  .source = {"Clark et al. 2019, General_Analysis"},
              },
          .column = {", .", "，。"},
          .of_head = clark_punctuation,
          .cells = cells::comma_or_point,
          .sink_aware = false,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "value_norm",
                  .group = MetricGroup::flow,
                  .title = {"Weighted values", "加权的值"},
                  .sentence =
                      {"How much a head writes: each weight times the length of what it carries "
                       "into the residual stream, summed over keys (Kobayashi et al. 2020)",
                       "一个头写入多少：每个权重乘以其带入残差流的向量的长度，对键求和（Kobayashi "
                       "等，2020）"},
                  .high = kAnyCount,
                  .unit = {"norm", "范数"},
                  .formula = {"mean over i of the sum of A[i, j] |v_j W_O|",
                              "对 i 取平均：A[i, j] |v_j W_O| 求和"},
                  .source = {"Kobayashi et al. 2020"},
                  .needs = needs_model | needs_values,
              },
          .column = {"norm", "范数"},
          .of_head = value_norm,
          .sink_aware = false,
          .by_norms = true,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "value_first",
                  .group = MetricGroup::flow,
                  .title = {"First token, by values", "首个词元（按值）"},
                  .sentence = {"How much of that comes from the first token: a sink that carries "
                               "nothing has less than its weight (Kobayashi et al. 2020)",
                               "其中有多少来自首个词元：不带信息的汇聚点所占比例小于它的权重（Kobay"
                               "ashi 等，2020）"},
                  .unit = kShare,
                  .formula = {"sum of A[i, 0] |v_0 W_O| / sum of A[i, j] |v_j W_O|",
                              "A[i, 0] |v_0 W_O| 之和 / A[i, j] |v_j W_O| 之和"},
                  .source = {"Kobayashi et al. 2020"},
                  .needs = needs_model | needs_values,
              },
          .column = {"first|v|", "首|v|"},
          .of_head = value_first,
          .cells = cells::first,
          .sink_aware = false,
          .by_norms = true,
          .across = true,
      },
  };
}

}  // namespace attn
