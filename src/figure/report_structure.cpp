// report_structure.cpp - the shape of the weights, single elements, and indexing.
#include <algorithm>
#include <cmath>

#include "base/json_writer.h"
#include "figure/figure_text.h"
#include "figure/heads_table.h"
#include "figure/report.h"
#include "figure/report_text.h"

namespace attn {

namespace {

std::string meaning(Axis axis, const Attention& a, Lang lang) {
  const std::string d_head = std::to_string(a.d_head);
  switch (axis) {
    case Axis::sample:
      return tr(lang, "samples in the batch, processed independently", "批中的样本，各自独立计算");
    case Axis::layer:
      if (a.part == Part::pooling)
        return tr(lang, "the pooling head, behind all layers", "所有层之后的池化头");
      return tr(lang, "layers of the model, applied in sequence", "模型的层，逐层依次计算");
    case Axis::head:
      if (a.n_kv_heads != a.n_heads)
        return fill(tr(lang, "parallel heads of {0} dimensions each, sharing {1} key-value heads",
                       "并行的注意力头，每头 {0} 维，共用 {1} 个键值头"),
                    {d_head, std::to_string(a.n_kv_heads)});
      return fill(tr(lang, "parallel heads, each in its own {0}-dimensional subspace",
                     "并行的注意力头，各自在一个 {0} 维子空间中"),
                  {d_head});
    case Axis::query:
      return tr(lang, "row: the attending token", "行：发出注意力的词元");
    case Axis::key:
      return tr(lang, "column: the attended token", "列：被关注的词元");
    default:
      return {};
  }
}

// ", except …" where rows of some heads are NaN, as damaged weights make them. Seen in the facts of
// rows; without them, only the chosen head is looked at.
std::string broken_heads(const Inputs& in) {
  const Attention& a = in.attention();
  const State& s = *in.state;
  std::vector<float> row(size_t(a.n_key));
  const auto is_broken = [&](int layer, int head) {
    if (size_t(layer) < a.facts.size() && !a.facts[size_t(layer)].empty())
      return std::isnan(
          a.facts[size_t(layer)].head(int64_t(s.sample) * a.n_heads + head)(a.n_query - 1, 0));
    if (layer != s.layer || head != s.head || !a.is_kept(layer)) return false;
    a.pattern_rows(s.sample, layer, head, a.n_query - 1, a.n_query, {row.data(), 1, a.n_key});
    return std::ranges::any_of(row, [](float w) { return std::isnan(w); });
  };
  std::string names;
  int n = 0;
  for (int layer = 0; layer < a.n_layers; ++layer) {
    for (int head = 0; head < a.n_heads; ++head) {
      if (!is_broken(layer, head)) continue;
      constexpr int kNamed = 3;
      if (++n <= kNamed) names += (names.empty() ? "" : ", ") + head_name(layer, head);
      if (n == kNamed + 1) names += ", …";
    }
  }
  if (n == 0) return "";
  return fill(tr(s.lang, ",\n  except where weights are not numbers (NaN): {0}",
                 "；\n  但以下头的权重不是数（NaN）：{0}"),
              {names});
}

}  // namespace

TextBlocks structure_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Attention& a = in.attention();
  const Lang lang = s.lang;
  std::string names;
  for (const NamedAxis& axis : axes_of(in))
    names += (names.empty() ? "[" : ", ") + axis_name(axis.axis, lang);

  TextTable axes("rlrl", {tr(lang, "axis", "轴"), tr(lang, "name", "名称"),
                          tr(lang, "size", "大小"), tr(lang, "meaning", "含义")});
  int i = 0;
  for (const NamedAxis& axis : axes_of(in))
    axes.add({std::to_string(i++), axis_name(axis.axis, lang), std::to_string(axis.size),
              meaning(axis.axis, a, lang)});
  uint64_t n = 1;
  for (const NamedAxis& axis : axes_of(in)) n *= uint64_t(axis.size);
  return {
      code_block("weights.shape = " + shape_of(in) + " = " + names + "]"),
      table_block(std::move(axes)),
      sentence_block(fill(
          tr(lang,
             "{0} numbers in total. {1} is how strongly token i attends to token j:\n"
             "  from 0 (not at all) to 1 (to nothing else). The softmax runs over the keys, "
             "so each\n  row sums to 1{3}{2}.",
             "共 {0} 个数。{1} 表示词元 i 对词元 j 的关注程度：\n"
             "  从 0（完全不关注）到 1（只关注它）。softmax 沿键的方向计算，因此每一行的和为 "
             "1{3}{2}。"),
          {std::to_string(n), weights_at(in, std::to_string(s.head), "i", "j"), broken_heads(in),
           a.sinks.empty() ? ""
                           : tr(lang, ", less the share of the head's learned sink",
                                "（减去该头可学习的汇聚项所占的份额）")}))};
}

TextBlocks element_report(const Inputs& asked, int query, int key) {
  State s = *asked.state;
  s.token = query;
  s.locked_key = key;
  s = clamped(s, *asked.trace);
  const Inputs in = asked.at(s);
  const Attention& a = in.attention();
  const Lang lang = s.lang;
  const size_t k = size_t(std::max(s.locked_key, 0));
  const Measure row = find_metric("row")->compute(in);
  const std::string from = quoted(queries_of(in), s.token, lang);
  const std::string to = quoted(keys_of(in), int(k), lang);
  const bool seen = a.may_see(s.sample, s.layer, s.token, int(k));

  TextBlocks out{
      code_block(
          weights_at(in, std::to_string(s.head), std::to_string(s.token), std::to_string(k)) +
          " = " + fixed(row.values[k], 6)),
      sentence_block(fill(tr(lang, "i → j: {2} of the attention of token {0} goes to token {1}",
                             "i → j：词元 {0}把 {2} 的注意力给了词元 {1}"),
                          {from, to, percent(row.values[k])}),
                     true)};
  if (!seen) {
    out.push_back(sentence_block(
        tr(lang, "The mask hides token j from token i; its score was replaced before the softmax.",
           "掩码使词元 i 看不到词元 j；softmax 之前它的分数已被替换。"),
        true));
    return out;
  }
  if (a.is_given(s.layer)) return out;  // a file brought the weights: no score is known
  std::vector<float> scores(size_t(a.n_key));
  a.score_rows(s.sample, s.layer, s.head, s.token, s.token + 1, {scores.data(), 1, a.n_key});
  // The scale of most models is 1 / √d_head; of others, such as GPT-2 with scale_attn_weights
  // false, their own.
  const bool usual = std::abs(double(a.scale_of(s.layer)) * std::sqrt(double(a.d_head)) - 1) < 1e-5;
  std::string scale =
      usual ? "/ √" + std::to_string(a.d_head) : "× " + json_number(a.scale_of(s.layer));
  if (a.adds_distance())
    scale += distance_words(a, lang) + " " +
             fixed(a.distance_score(s.sample, s.layer, s.head, s.token, int(k)), 6);
  if (a.cap > 0)
    scale += fill(tr(lang, ", capped to {0} tanh(s / {0})", "，再取软上限 {0} tanh(s / {0})"),
                  {json_number(a.cap)});
  const float* learned = a.sink_of(s.layer, s.head);
  const std::string sink =
      learned
          ? tr(lang, " and the head's learned sink ", "与该头可学习的汇聚项 ") + fixed(*learned, 6)
          : "";
  out.push_back(sentence_block(
      fill(tr(lang, "score = q·k {0} = {1}; the softmax over the scores of the row{3} gives {2}",
              "分数 = q·k {0} = {1}；对整行分数{3}做 softmax 后得到 {2}"),
           {scale, fixed(scores[k], 6), fixed(row.values[k], 6), sink}),
      true));
  return out;
}

TextBlocks indexing_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Attention& a = in.attention();
  const Lang lang = s.lang;
  const std::string head = std::to_string(s.head), i = std::to_string(s.token);
  const Measure row = find_metric("row")->compute(in);
  const int key = spoken_key(in);
  const std::string j = std::to_string(key);
  const std::string n_query = std::to_string(a.n_query), n_key = std::to_string(a.n_key);
  const std::string square = "[" + n_query + ", " + n_key + "]";

  TextTable lines(
      "lll", {tr(lang, "index", "索引"), tr(lang, "shape", "形状"), tr(lang, "meaning", "含义")});
  lines.add({weights_at(in, head, "", ""), square,
             fill(tr(lang, "the full pattern of head {0}", "头 {0} 的完整权重矩阵"), {head})});
  lines.add(
      {weights_at(in, head, i, ":"), "[" + n_key + "]",
       fill(a.sinks.empty() ? tr(lang, "a row: the weights of query {0}; sums to 1",
                                 "一行：查询 {0} 的权重；和为 1")
                            : tr(lang, "a row: the weights of query {0}; with the sink, sums to 1",
                                 "一行：查询 {0} 的权重；加上汇聚项，和为 1"),
            {i})});
  lines.add({weights_at(in, head, ":", j), "[" + n_query + "]",
             fill(tr(lang, "a column: the weights on key {0}; any sum",
                     "一列：键 {0} 得到的权重；和不固定"),
                  {j})});
  lines.add({weights_at(in, head, i, j), tr(lang, "number", "一个数"),
             fill(tr(lang, "from token {0} to token {1}: {2}", "词元 {0} → 词元 {1}：{2}"),
                  {i, j, fixed(row.values[size_t(key)], 4)})});
  lines.add({weights_at(in, ":", i, j), "[" + std::to_string(a.n_heads) + "]",
             tr(lang, "the same pair in all heads", "同一对词元在每个头中的权重")});
  lines.add(
      {weights_at(in, head, i, "") + ".argmax()", tr(lang, "number", "一个数"),
       fill(tr(lang, "the key that query {0} attends to most: {1}", "查询 {0} 最关注的键：{1}"),
            {i, placed(keys_of(in), top_keys(row.values, 1)[0].key)})});
  return {table_block(std::move(lines))};
}

}  // namespace attn
