// head_fact_scores.cpp - head scores computed from the facts of rows.
#include <algorithm>
#include <cmath>

#include "analysis/head_cells.h"
#include "analysis/head_score_rows.h"

namespace attn {

namespace {

void add(Mean& m, double value) {
  m.sum += value;
  m.squares += value * value;
  ++m.n;
}

// A[i, key], of the rows that may see the key. Without the sink key 0 is no key.
void add_cell(const FactRow& r, int key, double weight, Mean& m) {
  const double whole = r.whole();
  if (whole == 0 || !r.c.sees(r.query, key) || (r.sink == Sink::without && key == 0)) return;
  add(m, weight / whole);
}

// The row's weight on a set of keys; `first`: key 0 is one of them.
void add_set(const FactRow& r, RowFact set, bool first, Mean& m) {
  const double whole = r.whole();
  if (whole == 0) return;
  const double weight = r.fact(set) - (first && r.sink == Sink::without ? r.fact(kFirst) : 0);
  add(m, std::max(0., weight) / whole);
}

void previous_token(const FactRow& r, Mean& m) { add_cell(r, r.query - 1, r.fact(kPrevious), m); }
void next_token(const FactRow& r, Mean& m) { add_cell(r, r.query + 1, r.fact(kNext), m); }
void self(const FactRow& r, Mean& m) { add_cell(r, r.query, r.fact(kSelf), m); }
void first_token(const FactRow& r, Mean& m) { add_cell(r, 0, r.fact(kFirst), m); }
void at_offset(const FactRow& r, Mean& m) {
  const int key = r.query - r.c.offset;
  if (r.has_weight() && r.c.sees(r.query, key)) add_cell(r, key, r.weight(key), m);
}

// Clark et al. divide by n, not by the n - 1 rows that have such a key.
void clark_cell(const FactRow& r, int key, double weight, Mean& m) {
  const double whole = r.whole();
  if (whole == 0) return;
  const bool there = r.c.sees(r.query, key) && !(r.sink == Sink::without && key == 0);
  add(m, there ? weight / whole : 0);
}
void clark_previous(const FactRow& r, Mean& m) { clark_cell(r, r.query - 1, r.fact(kPrevious), m); }
void clark_next(const FactRow& r, Mean& m) { clark_cell(r, r.query + 1, r.fact(kNext), m); }

void special(const FactRow& r, Mean& m) { add_set(r, kSpecial, r.c.is_special[0] != 0, m); }
void punctuation(const FactRow& r, Mean& m) {
  add_set(r, kPunctuation, r.c.is_punctuation[0] != 0, m);
}

void duplicate_token(const FactRow& r, Mean& m) {
  add_set(r, kDuplicate, r.query > 0 && r.c.ids.queries[size_t(r.query)] == r.c.ids.keys[0], m);
}
void induction(const FactRow& r, Mean& m) { add_set(r, kInduction, false, m); }
void induction_mass(const FactRow& r, Mean& m) {
  if (r.c.n_after(r.query) > 0) add_set(r, kInductionMass, false, m);
}
void duplicate_mass(const FactRow& r, Mean& m) {
  if (r.c.n_after(r.query) > 0) duplicate_token(r, m);
}

// 1 - Σ_j |A[i, j] - D[i, j]| of a row and a D of `n` ones, on which `weight` of it lies. The row
// sums to 1, but for a learned sink.
void add_likeness(const FactRow& r, double weight, int n, Mean& m) {
  const double whole = r.whole();
  if (whole == 0) return;
  const double rest =
      r.c.a.sinks.empty() || r.sink == Sink::without ? 0 : 1 - r.fact(kFirst) - r.fact(kRest);
  add(m, rest + 2 * std::max(0., weight) / whole - n);
}
void previous_abs(const FactRow& r, Mean& m) {
  const bool there = r.c.sees(r.query, r.query - 1) && !(r.sink == Sink::without && r.query == 1);
  add_likeness(r, there ? r.fact(kPrevious) : 0, there, m);
}
void duplicate_abs(const FactRow& r, Mean& m) {
  const bool first = r.sink == Sink::without && r.query > 0 && r.c.sees(r.query, 0) &&
                     r.c.ids.queries[size_t(r.query)] == r.c.ids.keys[0];
  add_likeness(r, r.fact(kDuplicate) - (first ? r.fact(kFirst) : 0), r.c.n_copies(r.query) - first,
               m);
}
void induction_abs(const FactRow& r, Mean& m) {
  add_likeness(r, r.fact(kInduction), r.c.n_after(r.query), m);
}
void same_word(const FactRow& r, Mean& m) {
  if (r.c.has_word(r.query))
    add_set(r, kSameWord, r.query > 0 && r.c.sets.word_begin[size_t(r.query)] == 0, m);
}

void distance(const FactRow& r, Mean& m) {
  const double whole = r.whole();
  if (whole == 0) return;
  const bool all = r.sink == Sink::with;
  m.sum += r.fact(all ? kDistance : kRestDistance) / whole;
  m.squares += r.fact(all ? kDistance2 : kRestDistance2) / whole;
  ++m.n;
}

void entropy(const FactRow& r, Mean& m) {
  if (r.whole() != 0) add(m, r.fact(r.sink == Sink::with ? kEntropy : kRestEntropy));
}

void entropy_share(const FactRow& r, Mean& m) {
  const int n = r.c.n_seen(r.query) - (r.sink == Sink::without && r.c.sees(r.query, 0));
  if (r.whole() == 0 || n < 2) return;
  const double bits = r.fact(r.sink == Sink::with ? kEntropy : kRestEntropy);
  add(m, std::min(1., bits / std::log2(double(n))));
}

void largest(const FactRow& r, Mean& m) {
  const double whole = r.whole();
  if (whole != 0)
    add(m, std::min(1., r.fact(r.sink == Sink::with ? kLargest : kRestLargest) / whole));
}

void span_50(const FactRow& r, Mean& m) {
  if (r.whole() != 0) add(m, r.fact(kSpan50));
}
void span_90(const FactRow& r, Mean& m) {
  if (r.whole() != 0) add(m, r.fact(kSpan90));
}

void induction_stripe(const FactRow& r, Mean& m) {
  const int key = r.query - (r.c.period - 1);
  if (r.c.period > 0 && r.has_weight() && r.c.sees(r.query, key))
    add_cell(r, key, r.weight(key), m);
}
void duplicate_stripe(const FactRow& r, Mean& m) {
  const int key = r.query - r.c.period;
  if (r.c.period > 0 && r.has_weight() && r.c.sees(r.query, key))
    add_cell(r, key, r.weight(key), m);
}

constexpr Text kAbsFormula = {
    "1 - sum of |A[i, j] - D[i, j]| / n, D = 1 where a head of this kind attends",
    "1 − Σ |A[i, j] − D[i, j]| / n，此类头所关注之处 D = 1，其余为 0"};
constexpr Text kLikeness = {"similarity", "相似度"};

}  // namespace

std::vector<HeadScore> fact_scores() {
  return {
      {
          .metric =
              {
                  .id = "previous_token",
                  .group = MetricGroup::position,
                  .title = {"Previous token", "前一个词元"},
                  .sentence =
                      {"How strongly each token attends to the one just before it (stripe score "
                       "of TransformerLens' Main_Demo)",
                       "每个词元在多大程度上关注紧邻的前一个词元（TransformerLens "
                       "Main_Demo 的对角线分数）"},
                  .unit = kShare,
                  .formula = {"mean of A[i, i-1] over the i that have one",
                              "A[i, i-1] 对有前一个词元的 i 取平均"},
                  .source = {"TransformerLens Main_Demo; HeadVis"},
              },
          .column = {"prev", "前一个"},
          .of_row = previous_token,
          .cells = cells::previous,
          .usual = true,
      },
      {
          .metric =
              {
                  .id = "next_token",
                  .group = MetricGroup::position,
                  .title = {"Next token", "后一个词元"},
                  .sentence =
                      {"How strongly each token attends to the one just after it; a causal model "
                       "cannot (Clark et al. 2019)",
                       "每个词元在多大程度上关注紧邻的后一个词元；因果模型做不到（Clark "
                       "等，2019）"},
                  .unit = kShare,
                  .formula = {"mean of A[i, i+1] over the i that may see it",
                              "A[i, i+1] 对能看到后一个词元的 i 取平均"},
                  .source = {"Clark et al. 2019"},
              },
          .column = {"next", "后一个"},
          .of_row = next_token,
          .cells = cells::next,
      },
      {
          .metric =
              {
                  .id = "self",
                  .group = MetricGroup::position,
                  .title = {"Itself", "自身"},
                  .sentence = {"How strongly each token attends to itself (self_attention_score of "
                               "HeadVis; Clark et al. 2019)",
                               "每个词元在多大程度上关注自身（HeadVis 的 "
                               "self_attention_score；Clark 等，2019）"},
                  .unit = kShare,
                  .formula = {"mean of A[i, i]", "A[i, i] 的平均"},
                  .source = {"HeadVis; Clark et al. 2019"},
              },
          .column = {"self", "自身"},
          .of_row = self,
          .cells = cells::self,
          .usual = true,
      },
      {
          .metric =
              {
                  .id = "first_token",
                  .group = MetricGroup::position,
                  .title = {"First token", "首个词元"},
                  .sentence =
                      {"How strongly each token attends to the very first one, where attention "
                       "often just rests: the attention sink (Xiao et al. 2023)",
                       "每个词元在多大程度上关注最开头的词元，注意力常停放在那里：注意力汇"
                       "聚（Xiao 等，2023）"},
                  .unit = kShare,
                  .formula = {"mean of A[i, 0]", "A[i, 0] 的平均"},
                  .source = {"Xiao et al. 2023"},
              },
          .column = {"first", "首个"},
          .of_row = first_token,
          .cells = cells::first,
          .usual = true,
          .sink_aware = false,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "offset",
                  .group = MetricGroup::position,
                  .title = {"Fixed offset", "固定偏移"},
                  .sentence =
                      {"How strongly each token attends to the one k places before it; k is "
                       "chosen, below 0 it lies ahead",
                       "每个词元在多大程度上关注其前第 k 个词元；k 可选，小于 0 表示在其后"},
                  .unit = kShare,
                  .formula = {"mean of A[i, i-k] over the i that may see it",
                              "A[i, i-k] 对能看到它的 i 取平均"},
                  .source = {"stripe of TransformerLens' Main_Demo at any offset",
                             "TransformerLens Main_Demo 的对角线，偏移任选"},
                  .reads = reads_offset,
              },
          .column = {"offset", "偏移"},
          .of_row = at_offset,
          .cells = cells::offset,
      },
      {
          .metric =
              {
                  .id = "duplicate_token",
                  .group = MetricGroup::copies,
                  .title = {"Earlier copies", "先前的相同词元"},
                  .sentence =
                      {"How strongly each token attends to earlier places where the same token "
                       "stands, mean over all tokens (duplicate token of TransformerLens' "
                       "head_detector)",
                       "每个词元在多大程度上关注先前出现的相同词元，对所有词元取平均（TransformerLe"
                       "ns head_detector 的 duplicate token）"},
                  .unit = kShare,
                  .formula = {"mean over i of the sum of A[i, j] over j < i with t[j] = t[i]",
                              "对 i 取平均：A[i, j] 对 j < i 且 t[j] = t[i] 求和"},
                  .source = {"TransformerLens head_detector (mul)"},
              },
          .column = {"copies", "相同"},
          .of_row = duplicate_token,
          .cells = cells::duplicate,
          .usual = true,
      },
      {
          .metric =
              {
                  .id = "induction",
                  .group = MetricGroup::copies,
                  .title = {"After earlier copies", "先前相同词元之后"},
                  .sentence =
                      {"How strongly each token attends to what followed the same token earlier, "
                       "mean over all tokens: the mark of an induction head (induction of "
                       "TransformerLens' head_detector; Olsson et al. 2022)",
                       "每个词元在多大程度上关注先前相同词元之后的词元，对所有词元取平均：归纳头的"
                       "标志（TransformerLens head_detector 的 induction；Olsson 等，2022）"},
                  .unit = kShare,
                  .formula =
                      {"mean over i of the sum of A[i, j] over 1 <= j <= i with t[j-1] = t[i]",
                       "对 i 取平均：A[i, j] 对 1 <= j <= i 且 t[j-1] = t[i] 求和"},
                  .source = {"TransformerLens head_detector (mul)"},
              },
          .column = {"after", "其后"},
          .of_row = induction,
          .cells = cells::induction,
          .usual = true,
      },
      {
          .metric =
              {
                  .id = "induction_mass",
                  .group = MetricGroup::copies,
                  .title = {"Induction mass", "归纳占比"},
                  .sentence = {"The same, but over those tokens alone that occurred before, and "
                               "over weights of at least 0.01 (induction_score of HeadVis)",
                               "同上，但只统计先前出现过的词元，且只计不小于 0.01 的权重（HeadVis "
                               "的 induction_score）"},
                  .unit = kShare,
                  .formula =
                      {"mean over i with an earlier copy of the sum of A[i, p+1] >= 0.01 over p < "
                       "i with t[p] = t[i]",
                       "对先前出现过的 i 取平均：A[i, p+1] >= 0.01 者对 p < i 且 t[p] = t[i] 求和"},
                  .source = {"HeadVis"},
              },
          .column = {"mass", "归纳量"},
          .of_row = induction_mass,
          .cells = cells::induction,
      },
      {
          .metric =
              {
                  .id = "duplicate_mass",
                  .group = MetricGroup::copies,
                  .title = {"Duplicate mass", "重复占比"},
                  .sentence =
                      {"How strongly tokens that occurred before attend to their earlier copies, "
                       "mean over those tokens alone",
                       "先前出现过的词元在多大程度上关注其先前的副本，只对这些词元取平均"},
                  .unit = kShare,
                  .formula = {"mean over i with an earlier copy of the sum of A[i, j] over j < i "
                              "with t[j] = t[i]",
                              "对先前出现过的 i 取平均：A[i, j] 对 j < i 且 t[j] = t[i] 求和"},
                  .source = {"ours, counted as HeadVis counts induction",
                             "本项目，计数方式同 HeadVis 的归纳分数"},
              },
          .column = {"dmass", "重复量"},
          .of_row = duplicate_mass,
          .cells = cells::duplicate,
      },
      {
          .metric =
              {
                  .id = "special",
                  .group = MetricGroup::kinds,
                  .title = {"Special tokens", "特殊词元"},
                  .sentence = {"How much attention goes to tokens that stand for no text, such as "
                               "[CLS], [SEP] or <s> (Clark et al. 2019)",
                               "有多少注意力落在不代表文本的词元上，如 [CLS]、[SEP] 或 <s>（Clark "
                               "等，2019）"},
                  .unit = kShare,
                  .formula = {"mean over i of the sum of A[i, j] over special j",
                              "对 i 取平均：A[i, j] 对特殊词元 j 求和"},
                  .source = {"Clark et al. 2019, their cls and sep together",
                             "Clark et al. 2019，将其 cls 与 sep 合并"},
              },
          .column = {"special", "特殊"},
          .of_row = special,
          .cells = cells::special,
          .usual = true,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "punctuation",
                  .group = MetricGroup::kinds,
                  .title = {"Punctuation", "标点"},
                  .sentence = {"How much attention goes to tokens that are nothing but punctuation "
                               "(Clark et al. 2019)",
                               "有多少注意力落在纯标点词元上（Clark 等，2019）"},
                  .unit = kShare,
                  .formula = {"mean over i of the sum of A[i, j] over j of punctuation marks alone",
                              "对 i 取平均：A[i, j] 对纯标点的 j 求和"},
                  .source = {"Clark et al. 2019, with all marks",
                             "Clark et al. 2019，计入所有标点"},
              },
          .column = {"punct", "标点"},
          .of_row = punctuation,
          .cells = cells::punctuation,
          .usual = true,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "same_word",
                  .group = MetricGroup::kinds,
                  .title = {"Same word", "同一个词"},
                  .sentence =
                      {"How strongly a piece of a word attends to the word's other pieces, mean "
                       "over pieces that can see one",
                       "词的一个片段在多大程度上关注同一个词的其他片段，对能看到它们的片段取平均"},
                  .unit = kShare,
                  .formula = {"mean over i of the sum of A[i, j] over j != i in i's word",
                              "对 i 取平均：A[i, j] 对 i 所在词中的 j != i 求和"},
                  .source = {"sub-word scores as in Clark et al. 2019",
                             "子词分数，同 Clark et al. 2019"},
              },
          .column = {"word", "同词"},
          .of_row = same_word,
          .cells = cells::same_word,
      },
      {
          .metric =
              {
                  .id = "distance",
                  .group = MetricGroup::position,
                  .title = {"Distance", "距离"},
                  .sentence = {"How far away, in tokens, attention goes on average "
                               "(qk_distance of HeadVis)",
                               "所关注的位置平均有多远，以词元计（HeadVis 的 qk_distance）"},
                  .high = kAnyCount,
                  .unit = kTokenUnit,
                  .formula = {"mean over i of the sum of A[i, j] |i - j|",
                              "对 i 取平均：A[i, j] |i - j| 求和"},
                  .source = {"HeadVis; Vig & Belinkov 2019"},
              },
          .column = {"dist", "距离"},
          .of_row = distance,
          .usual = true,
      },
      {
          .metric =
              {
                  .id = "distance_spread",
                  .group = MetricGroup::position,
                  .title = {"Spread of distance", "距离的离散程度"},
                  .sentence = {"How much that distance varies: its standard deviation over all "
                               "that is attended to (root of HeadVis' qk_distance_variance)",
                               "该距离变化多大：对所有被关注位置的标准差（HeadVis 的 "
                               "qk_distance_variance 的平方根）"},
                  .high = kAnyCount,
                  .unit = kTokenUnit,
                  .formula = {"sqrt(mean of the sum of A[i, j] |i - j|^2 - distance^2)",
                              "sqrt(A[i, j] |i - j|^2 之和的平均 - distance^2)"},
                  .source = {"HeadVis"},
              },
          .column = {"spread", "离散"},
          .of_row = distance,
          .spread = true,
      },
      {
          .metric =
              {
                  .id = "entropy",
                  .group = MetricGroup::spread,
                  .title = {"Entropy", "熵"},
                  .sentence =
                      {"How widely attention is spread, in bits: 0 is one key alone, b "
                       "bits are as wide as 2^b equal keys (Clark et al. 2019, without "
                       "their smoothing; times 0.693 it is HeadVis' pattern_entropy)",
                       "注意力有多分散，以比特计：0 表示只关注一个键，b 比特相当于均匀关注 2^b "
                       "个键（Clark 等，2019，不作平滑；乘以 0.693 即 HeadVis 的 "
                       "pattern_entropy）"},
                  .high = 31,
                  .unit = kBits,
                  .formula = {"mean over i of -sum of A[i, j] log2 A[i, j]",
                              "对 i 取平均：-Σ A[i, j] log2 A[i, j]"},
                  .source = {"Clark et al. 2019; HeadVis"},
              },
          .column = {"bits", "熵"},
          .of_row = entropy,
          .usual = true,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "entropy_share",
                  .group = MetricGroup::spread,
                  .title = {"Normalised entropy", "归一化熵"},
                  .sentence = {"The same, divided by the largest entropy that each row could have: "
                               "1 attends evenly to every key that it may see",
                               "同上，但除以每一行可能的最大值：1 表示均匀关注所有可见的键"},
                  .unit = kShare,
                  .formula = {"mean over i that may see n > 1 keys of entropy[i] / log2 n",
                              "对可见 n > 1 个键的 i 取平均：entropy[i] / log2 n"},
                  .source = {"normalised entropy, per row of the mask", "按掩码逐行归一化的熵"},
              },
          .column = {"wide", "熵比"},
          .of_row = entropy_share,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "confidence",
                  .group = MetricGroup::spread,
                  .title = {"Largest weight", "最大权重"},
                  .sentence =
                      {"The weight of the key that each token attends to most: the confidence of "
                       "a head (Voita et al. 2019)",
                       "每个词元对其最关注的键有多大权重：头的置信度（Voita 等，2019）"},
                  .unit = kShare,
                  .formula = {"mean over i of max over j of A[i, j]",
                              "A[i, j] 对 j 取最大，再对 i 取平均"},
                  .source = {"Voita et al. 2019"},
              },
          .column = {"max", "最大"},
          .of_row = largest,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "span_50",
                  .group = MetricGroup::spread,
                  .title = {"Keys for 50 %", "占一半注意力的键数"},
                  .sentence =
                      {"How many keys hold half of a token's attention, the strongest first",
                       "一个词元一半的注意力集中在多少个键上（从最强的算起）"},
                  .high = kAnyCount,
                  .unit = kKeys,
                  .formula = {"mean over i of the fewest keys with a sum of A[i, j] >= 0.5 - 1e-6",
                              "对 i 取平均：使 A[i, j] 之和 >= 0.5 - 1e-6 的最少键数"},
                  .source = {"effective span, by share of attention", "有效跨度，按注意力占比"},
              },
          .column = {"n50", "n50"},
          .of_row = span_50,
          .sink_aware = false,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "span_90",
                  .group = MetricGroup::spread,
                  .title = {"Keys for 90 %", "占九成注意力的键数"},
                  .sentence =
                      {"How many keys hold 90 % of a token's attention, the strongest first",
                       "一个词元九成的注意力集中在多少个键上（从最强的算起）"},
                  .high = kAnyCount,
                  .unit = kKeys,
                  .formula = {"mean over i of the fewest keys with a sum of A[i, j] >= 0.9 - 1e-6",
                              "对 i 取平均：使 A[i, j] 之和 >= 0.9 - 1e-6 的最少键数"},
                  .source = {"effective span, by share of attention", "有效跨度，按注意力占比"},
              },
          .column = {"n90", "n90"},
          .of_row = span_90,
          .sink_aware = false,
          .across = true,
      },
      {
          .metric =
              {
                  .id = "clark_previous",
                  .group = MetricGroup::position,
                  .title = {"Previous token, over n", "前一个词元（除以 n）"},
                  .sentence =
                      {"The previous token as Clark et al. 2019 count it: also over the first "
                       "token, which has none",
                       "按 Clark 等（2019）的算法统计的前一个词元：也计入没有前一个词元的首个词元"},
                  .unit = kShare,
                  .formula = {"sum of A[i, i-1] / n", "A[i, i-1] 之和 / n"},
                  .source = {"Clark et al. 2019, General_Analysis"},
              },
          .column = {"prev/n", "前/n"},
          .of_row = clark_previous,
          .cells = cells::previous,
      },
      {
          .metric =
              {
                  .id = "clark_next",
                  .group = MetricGroup::position,
                  .title = {"Next token, over n", "后一个词元（除以 n）"},
                  .sentence =
                      {"The next token as Clark et al. 2019 count it: also over the last token, "
                       "which has none",
                       "按 Clark 等（2019）的算法统计的后一个词元：也计入没有后一个词元的末尾词元"},
                  .unit = kShare,
                  .formula = {"sum of A[i, i+1] / n", "A[i, i+1] 之和 / n"},
                  .source = {"Clark et al. 2019, General_Analysis"},
              },
          .column = {"next/n", "后/n"},
          .of_row = clark_next,
          .cells = cells::next,
      },
      {
          .metric =
              {
                  .id = "previous_abs",
                  .group = MetricGroup::position,
                  .title = {"Previous token, by similarity", "前一个词元（按相似）"},
                  .sentence =
                      {"How similar the pattern is to one that attends to the previous token "
                       "and to nothing else: 1 is identical, −1 has nothing in common (“abs” of "
                       "TransformerLens' head_detector)",
                       "模式与“只关注前一个词元”的模式有多相似：1 表示相同，−1 "
                       "表示毫无共同之处（TransformerLens head_detector 的 “abs”）"},
                  .low = -kAnyCount,
                  .unit = kLikeness,
                  .formula = kAbsFormula,
                  .source = {"TransformerLens head_detector (abs)"},
              },
          .column = {"prev ~", "前~"},
          .of_row = previous_abs,
      },
      {
          .metric =
              {
                  .id = "duplicate_abs",
                  .group = MetricGroup::copies,
                  .title = {"Earlier copies, by similarity", "先前的相同词元（按相似）"},
                  .sentence = {"How similar the pattern is to one with a full weight on every "
                               "earlier place of the same token; below −1 where there are several "
                               "(“abs” of TransformerLens' head_detector)",
                               "模式与“在每个先前的相同词元上都放满权重”的模式有多相似；有多个相同"
                               "词元时可低于 −1（TransformerLens head_detector 的 “abs”）"},
                  .low = -kAnyCount,
                  .unit = kLikeness,
                  .formula = kAbsFormula,
                  .source = {"TransformerLens head_detector (abs)"},
              },
          .column = {"copies ~", "相同~"},
          .of_row = duplicate_abs,
      },
      {
          .metric =
              {
                  .id = "induction_abs",
                  .group = MetricGroup::copies,
                  .title = {"After earlier copies, by similarity", "先前相同词元之后（按相似）"},
                  .sentence = {"How similar the pattern is to one with a full weight on everything "
                               "that followed the same token earlier; below −1 where there are "
                               "several (“abs” of TransformerLens' head_detector)",
                               "模式与“在先前相同词元之后的每个词元上都放满权重”的模式有多相似；有"
                               "多个时可低于 −1（TransformerLens head_detector 的 “abs”）"},
                  .low = -kAnyCount,
                  .unit = kLikeness,
                  .formula = kAbsFormula,
                  .source = {"TransformerLens head_detector (abs)"},
              },
          .column = {"after ~", "其后~"},
          .of_row = induction_abs,
      },
  };
}

std::vector<HeadScore> stripe_scores() {
  return {
      {
          .metric =
              {
                  .id = "induction_stripe",
                  .group = MetricGroup::copies,
                  .title = {"Induction stripe", "归纳对角线"},
                  .sentence =
                      {"Where the text repeats its first p tokens: how strongly each token "
                       "attends to the one after its copy, mean over the whole diagonal "
                       "(TransformerLens' Main_Demo; Olsson et al. 2022)",
                       "文本把同样的 p "
                       "个词元重复一遍时：每个词元在多大程度上关注其副本之后的词元，在整条对"
                       "角线上取平均（TransformerLens Main_Demo；Olsson 等，2022）"},
                  .unit = kShare,
                  .formula = {"mean of A[i, i-(p-1)]", "A[i, i-(p-1)] 的平均"},
                  .source = {"TransformerLens Main_Demo; Olsson et al. 2022"},
                  .needs = needs_period,
              },
          .column = {"induct", "归纳"},
          .of_row = induction_stripe,
          .cells = cells::induction_stripe,
          .usual = true,
          .by_period = true,
      },
      {
          .metric =
              {
                  .id = "duplicate_stripe",
                  .group = MetricGroup::copies,
                  .title = {"Duplicate stripe", "重复对角线"},
                  .sentence =
                      {"Where the text repeats its first p tokens: how strongly each token attends "
                       "to its copy, mean over the whole diagonal (TransformerLens' Main_Demo)",
                       "文本把同样的 p "
                       "个词元重复一遍时：每个词元在多大程度上关注自己的副本，在整条对角线上取平均"
                       "（TransformerLens Main_Demo）"},
                  .unit = kShare,
                  .formula = {"mean of A[i, i-p]", "A[i, i-p] 的平均"},
                  .source = {"TransformerLens Main_Demo"},
                  .needs = needs_period,
              },
          .column = {"dupl", "重复"},
          .of_row = duplicate_stripe,
          .cells = cells::duplicate_stripe,
          .usual = true,
          .by_period = true,
      },
  };
}

}  // namespace attn
