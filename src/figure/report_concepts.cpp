// report_concepts.cpp - the key concepts, and the sources of Q, K and V in three kinds of
// attention.
#include "figure/report.h"
#include "figure/report_text.h"

namespace attn {

namespace {

Text part_name(Part part) {
  switch (part) {
    case Part::encoder_self:
      return {"encoder self-attention", "编码器自注意力"};
    case Part::decoder_self:
      return {"decoder self-attention", "解码器自注意力"};
    case Part::cross:
      return {"cross-attention", "交叉注意力"};
    case Part::pooling:
      return {"attention pooling", "注意力池化"};
  }
  return {};
}

struct Source {
  Part part;
  Text queries, keys_and_values, shape, sees;
};

const Source kSources[] = {
    {
        .part = Part::encoder_self,
        .queries = {"encoder's input", "编码器的输入"},
        .keys_and_values = {"the same", "同左"},
        .shape = {"[n, n]", "[n, n]"},
        .sees = {"every position", "所有位置"},
    },
    {
        .part = Part::decoder_self,
        .queries = {"decoder's input", "解码器的输入"},
        .keys_and_values = {"the same", "同左"},
        .shape = {"[m, m]", "[m, m]"},
        .sees = {"itself and the past (causal mask)", "自己及之前的位置（因果掩码）"},
    },
    {
        .part = Part::cross,
        .queries = {"decoder's input", "解码器的输入"},
        .keys_and_values = {"encoder's output", "编码器的输出"},
        .shape = {"[m, n]", "[m, n]"},
        .sees = {"every encoder position", "编码器的所有位置"},
    },
};

const Text kConcepts[] = {
    {"Query, key, value: what a token looks for, what it offers, what it passes on:\n    "
     "Q = x W_Q, K = x W_K, V = x W_V",
     "查询、键、值：词元寻找什么、提供什么、传递什么：Q = x W_Q，K = x W_K，V = x W_V"},
    {"Scores: Q Kᵀ / √d_head; the scaling keeps the softmax from saturating as d_head grows",
     "分数：Q Kᵀ / √d_head；除以 √d_head 可避免 softmax 在 d_head 增大时饱和"},
    {"Weights: the softmax over each row of scores; non-negative, and each row sums to 1",
     "权重：对每一行分数做 softmax；非负，且每一行的和为 1"},
    {"Context: weights · V, a weighted mean of the values; the heads' contexts are concatenated\n  "
     "  "
     "and multiplied by W_O to give the output",
     "上下文：权重 · V，即值的加权平均；各头的上下文拼接后乘 W_O 得到输出"},
    {"Heads: d_model is split into n_heads parts of d_head dimensions, so that each head can\n    "
     "capture different relations",
     "多头：d_model 均分为 n_heads 份，每份 d_head 维，各头可以关注不同的关系"},
    {"Mask: hidden positions (padding, the future) get no weight",
     "掩码：被遮住的位置（填充、未来）不分配权重"},
};

}  // namespace

TextBlocks concepts_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Lang lang = s.lang;
  TextBlocks out;
  for (const Text& concept_text : kConcepts)
    out.push_back(sentence_block(std::string("• ") + concept_text.in(lang), !out.empty()));
  TextTable kinds("lllll", {tr(lang, "kind", "类型"), tr(lang, "Q from", "Q 来自"),
                            tr(lang, "K and V from", "K、V 来自"), tr(lang, "weights", "权重"),
                            tr(lang, "a query sees", "查询可以看到")});
  for (const Source& source : kSources)
    kinds.add({part_name(source.part).in(lang), source.queries.in(lang),
               source.keys_and_values.in(lang), source.shape.in(lang), source.sees.in(lang)});
  out.push_back(table_block(std::move(kinds)));
  out.push_back(sentence_block(
      fill(tr(lang, "The analysis above is of {0}; n: encoder tokens, m: decoder tokens.",
              "以上分析的是：{0}。n：编码器的词元数；m：解码器的词元数。"),
           {part_name(in.attention().part).in(lang)})));
  return out;
}

namespace {

constexpr int kMaskTokens = 5, kPadding = 2;

// Cells that a query may see, as a map.
TextBlock mask_map(Lang lang, int n_tokens, bool (*sees)(int query, int key)) {
  const auto name = [&](int i) { return i < n_tokens ? std::to_string(i) : std::string("PAD"); };
  std::vector<std::string> head{tr(lang, "query \\ key", "查询 \\ 键")};
  for (int k = 0; k < kMaskTokens; ++k) head.push_back(name(k));
  TextTable cells("l" + std::string(kMaskTokens, 'l'), head);
  for (int q = 0; q < kMaskTokens; ++q) {
    std::vector<std::string> row{name(q)};
    for (int k = 0; k < kMaskTokens; ++k) row.emplace_back(sees(q, k) ? "██" : "");
    cells.add(std::move(row));
  }
  return map_block(std::move(cells), 1);
}

}  // namespace

TextBlocks masks_report(const Inputs& asked) {
  const Lang lang = asked.state->lang;
  return {
      sentence_block(tr(lang, "Causal mask: query i sees the keys 0 to i (██), not the future.",
                        "因果掩码：查询 i 能看到键 0 至 i（██），看不到未来。")),
      mask_map(lang, kMaskTokens, [](int q, int k) { return k <= q; }),
      sentence_block(tr(
          lang, "Padding mask: no query sees the padding that fills up shorter texts of a batch.",
          "填充掩码：批中较短的文本用填充补齐，任何查询都看不到填充。")),
      mask_map(lang, kMaskTokens - kPadding, [](int, int k) { return k < kMaskTokens - kPadding; }),
  };
}

}  // namespace attn
