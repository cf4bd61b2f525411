// circuits.cpp - the table of circuits: what the weights alone say of heads.
#include "analysis/families.h"
#include "analysis/head_circuits.h"

namespace attn {

std::span<const Metric> circuits() {
  static const Metric kCircuits[] = {
      {
          .id = "copying",
          .group = MetricGroup::circuits,
          .title = {"Copying", "复制"},
          .sentence =
              {"Whether a head passes on what it reads: 1 writes the same direction back, −1 its "
               "opposite, 0 neither; heads that share values are listed by their queries",
               "头是否原样传递所读内容：1 写回相同方向，−1 写回相反方向，0 "
               "两者皆非；共用值的头仍按各自的查询分别列出"},
          .axes = {Axis::layer, Axis::head},
          .low = -1,
          .unit = {"share", "份额"},
          .formula = {"Re(sum of lambda) / sum of |lambda|, lambda eigenvalues of W_V W_O",
                      "Re(lambda 之和) / |lambda| 之和，lambda 为 W_V W_O 的特征值"},
          .source = {"Elhage et al. 2021; TransformerLens Main_Demo"},
          .needs = needs_model | of_weights,
          .begin = begin_copying,
      },
      {
          .id = "ov_eigenvalues",
          .group = MetricGroup::circuits,
          .title = {"Eigenvalues of OV", "OV 的特征值"},
          .sentence = {"Directions that the chosen head writes back unchanged, only longer, "
                       "shorter or turned",
                       "所选头会原样写回的方向，只是被拉长、缩短或旋转"},
          .axes = {Axis::dim, Axis::component},
          .low = -3e38f,
          .high = 3e38f,
          .unit = {"factor", "倍数"},
          .formula = {"eigenvalues of W_V W_O, by those of W_O W_V",
                      "W_V W_O 的特征值，由 W_O W_V 求得"},
          .source = {"Elhage et al. 2021; TransformerLens FactoredMatrix"},
          .reads = reads_layer | reads_head | reads_lang,
          .needs = needs_model | of_weights,
          .begin = begin_ov_eigenvalues,
      },
      {
          .id = "ov_singular",
          .group = MetricGroup::circuits,
          .title = {"Singular values of OV", "OV 的奇异值"},
          .sentence = {"How strongly the chosen head moves information, direction by direction; "
                       "few large ones: few kinds of information, moved strongly",
                       "所选头在各个方向上搬运信息的强度；只有少数较大：搬运的种类少而强"},
          .axes = {Axis::dim},
          .high = 3e38f,
          .unit = {"factor", "倍数"},
          .formula = {"singular values of W_V W_O", "W_V W_O 的奇异值"},
          .source = {"Elhage et al. 2021; TransformerLens FactoredMatrix"},
          .reads = reads_layer | reads_head,
          .needs = needs_model | of_weights,
          .begin = begin_ov_singular,
      },
      {
          .id = "qk_singular",
          .group = MetricGroup::circuits,
          .title = {"Singular values of QK", "QK 的奇异值"},
          .sentence = {"By how many directions the chosen head picks its keys; one large one: it "
                       "asks a single question",
                       "所选头依据多少个方向来选择键；只有一个很大：它只问一个问题"},
          .axes = {Axis::dim},
          .high = 3e38f,
          .unit = {"factor", "倍数"},
          .formula = {"singular values of W_Q W_K^T", "W_Q W_K^T 的奇异值"},
          .source = {"Elhage et al. 2021; TransformerLens FactoredMatrix"},
          .reads = reads_layer | reads_head,
          .needs = needs_model | of_weights,
          .begin = begin_qk_singular,
      },
      {
          .id = "q_composition",
          .group = MetricGroup::circuits,
          .title = {"Q-composition", "Q 组合"},
          .sentence = {"Whether a later head's queries read what an earlier head writes, more than "
                       "two random heads would",
                       "后面的头的查询是否读取前面的头写入的内容，超出随机水平多少"},
          .axes = {Axis::layer, Axis::head, Axis::layer, Axis::head},
          .low = -1,
          .unit = {"above chance", "超出随机"},
          .formula = {"||OV1 X|| / (||OV1|| ||X||) - 1/sqrt(d_model), X = W_Q2 W_K2^T"},
          .source = {"Elhage et al. 2021; TransformerLens all_composition_scores"},
          .needs = needs_model | of_weights,
          .begin = begin_q_composition,
          .too_large = too_large_for_pairs,
      },
      {
          .id = "k_composition",
          .group = MetricGroup::circuits,
          .title = {"K-composition", "K 组合"},
          .sentence = {"Whether a later head's keys read what an earlier head writes, as induction "
                       "heads read previous-token heads",
                       "后面的头的键是否读取前面的头写入的内容，正如归纳头读取“前一词元”头"},
          .axes = {Axis::layer, Axis::head, Axis::layer, Axis::head},
          .low = -1,
          .unit = {"above chance", "超出随机"},
          .formula = {"||OV1 X|| / (||OV1|| ||X||) - 1/sqrt(d_model), X = W_K2 W_Q2^T"},
          .source = {"Elhage et al. 2021; TransformerLens all_composition_scores"},
          .needs = needs_model | of_weights,
          .begin = begin_k_composition,
          .too_large = too_large_for_pairs,
      },
      {
          .id = "v_composition",
          .group = MetricGroup::circuits,
          .title = {"V-composition", "V 组合"},
          .sentence = {"Whether a later head moves on what an earlier head has moved, so that the "
                       "two act as one",
                       "后面的头是否继续搬运前面的头搬来的内容，使两者如同一个头"},
          .axes = {Axis::layer, Axis::head, Axis::layer, Axis::head},
          .low = -1,
          .unit = {"above chance", "超出随机"},
          .formula = {"||OV1 X|| / (||OV1|| ||X||) - 1/sqrt(d_model), X = W_V2 W_O2"},
          .source = {"Elhage et al. 2021; TransformerLens all_composition_scores"},
          .needs = needs_model | of_weights,
          .begin = begin_v_composition,
          .too_large = too_large_for_pairs,
      },
  };
  return kCircuits;
}

}  // namespace attn
