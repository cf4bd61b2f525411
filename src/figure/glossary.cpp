#include "figure/glossary.h"

#include <algorithm>

namespace attn {
namespace {

constexpr Word kWords[] = {
    {{"token", "词元"},
     {"The unit of text that a model reads: a word, part of a word, or a punctuation mark",
      "模型读入文本的基本单位：一个词、词的一部分或一个标点符号"}},
    {{"layer", "层"},
     {"One stage of the model's computation. Each layer reads the output of the previous one",
      "模型计算中的一级。每一层以前一层的输出为输入"}},
    {{"head", "头"},
     {"One of the attention mechanisms that a layer runs in parallel, each with its own queries, "
      "keys and values",
      "一层中并行计算的多个注意力之一，各有自己的查询、键和值"}},
    {{"query", "查询"},
     {"What a token is looking for: a vector that is compared with every key. A row of the map",
      "词元要寻找的内容：与每个键比较的向量。在热力图中为一行"}},
    {{"key", "键"},
     {"What a token offers to queries: a vector that they are compared with. A column of the map",
      "词元供查询匹配的内容：与查询比较的向量。在热力图中为一列"}},
    {{"value", "值"},
     {"What a token passes on when it is attended to. The weights say how much of each value is "
      "used",
      "词元被关注时传递的内容。权重决定每个值各取多少"}},
    {{"weight", "权重"},
     {"How much a query attends to a key, from 0 to 1. The weights of a query sum to 1, or to less "
      "where a learned sink takes a part",
      "查询对某个键的关注程度，从 0 到 1。一个查询的所有权重之和为 "
      "1；若有可学习的汇聚项，则小于 1"}},
    {{"score", "分数"},
     {"On the map: q·k times the scale, before the softmax. For a head: its value of a measure",
      "在热力图中：softmax 之前的 q·k 乘以缩放系数。对一个头：它在某个度量上的数值"}},
    {{"softmax", "softmax"},
     {"Turns scores into weights: exponentials divided by their sum, which favours large scores",
      "把分数变成权重：取指数后除以总和，使较大的分数更加突出"}},
    {{"mask", "掩码"},
     {"Hides keys from a query. A causal mask hides those that come after it",
      "使查询看不到某些键。因果掩码遮住它之后的键"}},
    {{"attention", "注意力"},
     {"How a token gathers information from others: a weighted mean of their values",
      "词元从其他词元收集信息的方式：对它们的值做加权平均"}},
    {{"pattern", "注意力模式"},
     {"All weights of one head, with a row for each query and a column for each key",
      "一个头的全部权重：每个查询一行，每个键一列"}},
    {{"entropy", "熵"},
     {"How spread out the weights are, in bits: 0 means a single token; each further bit doubles "
      "the effective number of tokens",
      "权重的分散程度，以比特计：0 表示只关注一个词元，每增加一比特，有效的词元数加倍"}},
    {{"sink", "汇聚点"},
     {"A token, usually the first, that heads attend to when they have nothing to do; it carries "
      "little information",
      "头无事可做时所关注的词元，通常是第一个；它携带的信息很少"}},
    {{"learned sink", "可学习的汇聚项"},
     {"A number of each head that takes part in the softmax like the score of one more key, but "
      "has no value: its share of the attention goes nowhere",
      "每个头的一个可学习的数，像多出来的一个键的分数那样参与 "
      "softmax，但没有值：它占去的注意力不传递任何内容"}},
    {{"induction", "归纳"},
     {"Finding an earlier occurrence of the current token and attending to what followed it, so "
      "that the model can continue a repeated text",
      "找到当前词元先前出现的位置，并关注其后的词元，使模型能够续写重复出现的内容"}},
    {{"previous token", "前一个词元"},
     {"The token just before the query. Heads that attend to it tell later layers what came before",
      "紧邻查询之前的词元。关注它的头把这一信息传给后面的层"}},
    {{"percentile", "百分位"},
     {"The share of the other heads whose value is lower; ties count half",
      "数值低于该头的其他头所占的比例，相等的按一半计"}},
    {{"median", "中位数"},
     {"The middle value in sorted order: half of the values lie below it",
      "排序后居中的数值：有一半数值低于它"}},
    {{"logit", "logit"},
     {"The number that the model gives each token of its vocabulary before the softmax; larger "
      "means "
      "more likely",
      "模型在 softmax 之前为词表中每个词元给出的数值；越大，概率越高"}},
    {{"residual stream", "残差流"},
     {"The vector of each token, which every layer reads and adds its output to",
      "每个词元的向量，各层从中读取，并把自己的输出加回其中"}},
    {{"rollout", "注意力展开"},
     {"The attention of all layers multiplied together: how much of each input token may have "
      "reached this position",
      "把各层的注意力相乘：输入中的每个词元有多少信息可能传到该位置"}},
    {{"RoPE", "RoPE"},
     {"Rotary position embedding: pairs of dimensions of q and k are rotated by an angle that "
      "grows "
      "with the position, so that scores depend on distance",
      "旋转位置编码：q 与 k 的成对维度按随位置增大的角度旋转，使分数取决于距离"}},
    {{"measure", "度量"},
     {"A number that quantifies one property of a head in this text",
      "对一个头在这段文本中某种性质的量化"}},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; }

// Length of the match of `name` at text[at], including an English plural; 0: no match.
size_t length_at(std::string_view text, size_t at, std::string_view name, bool english) {
  if (text.size() - at < name.size()) return 0;
  for (size_t i = 0; i < name.size(); ++i)
    if (lower(text[at + i]) != lower(name[i])) return 0;
  if (!english) return name.size();
  size_t end = at + name.size();
  if (end < text.size() && text[end] == 's') ++end;
  const bool whole =
      (at == 0 || !is_letter(text[at - 1])) && (end == text.size() || !is_letter(text[end]));
  return whole ? end - at : 0;
}

}  // namespace

std::span<const Word> glossary() { return kWords; }

FoundWord find_word(std::string_view text, size_t from, Lang lang) {
  for (size_t at = from; at < text.size(); ++at) {
    FoundWord best;
    for (const Word& word : kWords) {
      const std::string_view name = word.name.in(lang);
      if (lang == Lang::zh && name.size() < 6)
        continue;  // single characters occur inside other words
      const size_t n = length_at(text, at, name, lang == Lang::en || is_letter(name[0]));
      if (n > best.end - best.begin) best = {&word, at, at + n};
    }
    if (best.word) return best;
  }
  return {};
}

}  // namespace attn
