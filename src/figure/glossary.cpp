#include "figure/glossary.h"

#include <algorithm>

namespace attn {
namespace {

constexpr Word kWords[] = {
    {{"token", "词元"},
     {"A piece of text that the model reads as one: a word, a part of one, or a sign",
      "模型作为一个整体读入的文本片段：一个词、词的一部分或一个符号"}},
    {{"layer", "层"},
     {"One round of the model's work. Each layer reads what the one before it wrote",
      "模型的一轮计算。每一层读取前一层写下的内容"}},
    {{"head", "头"},
     {"One of several attention patterns that a layer computes side by side, each with queries, "
      "keys and values of its own",
      "一层中并行计算的多个注意力之一，各有自己的查询、键和值"}},
    {{"query", "查询"},
     {"What a token asks: a vector that is compared with every key. On the map a row",
      "词元所提的问题：与每个键比较的向量。在大图中为一行"}},
    {{"key", "键"},
     {"What a token offers to be found by: a vector that queries are compared with. On the map a "
      "column",
      "词元供查找的内容：与查询比较的向量。在大图中为一列"}},
    {{"value", "值"},
     {"What a token hands over when it is looked at. The weights say how much of each value is "
      "taken",
      "词元被关注时交出的内容。权重决定每个值取多少"}},
    {{"weight", "权重"},
     {"How much a query takes from a key's token, from 0 to 1. All weights of a query sum to 1",
      "查询从某个键的词元取多少，从 0 到 1。一个查询的所有权重之和为 1"}},
    {{"score", "得分"},
     {"On the map, q·k times the scale, before the softmax; of a head, how much it does what a "
      "measure is about",
      "在大图中为 softmax 之前的 q·k 乘以缩放；对一个头则是它在某个度量上的数值"}},
    {{"softmax", "softmax"},
     {"Turns scores into weights: exponentials, divided by their sum. Larger scores win more than "
      "their share",
      "把得分变成权重：取指数后除以总和。较大的得分获得更多"}},
    {{"mask", "掩码"},
     {"Which keys a query may not see. Causal: those that come after it",
      "查询不能看到哪些键。因果掩码：它之后的键"}},
    {{"attention", "注意力"},
     {"How a token gathers from others: a weighted mean of their values",
      "词元从其他词元收集信息的方式：对其值的加权平均"}},
    {{"pattern", "注意力图"},
     {"All weights of one head: a row for each query, a column for each key",
      "一个头的全部权重：每个查询一行，每个键一列"}},
    {{"entropy", "熵"},
     {"How spread out the weights are, in bits: 0 looks at one token, each bit more doubles the "
      "number that it could be",
      "权重的分散程度，以比特计：0 表示只看一个词元，每多一比特，可能的数目加倍"}},
    {{"sink", "汇聚点"},
     {"A token, most often the first, that heads look at when they have nothing to do; it carries "
      "little meaning",
      "头无事可做时所看的词元，通常是第一个；本身意义不大"}},
    {{"induction", "归纳"},
     {"Finding an earlier copy of the current token and looking at what came after it: it lets a "
      "model go on with what it has seen",
      "找到当前词元先前出现的位置，并关注其后的词元：使模型能够续写见过的内容"}},
    {{"previous token", "前一个词元"},
     {"The token just before the query. Heads that look there tell later layers what came before",
      "紧邻查询之前的词元。关注它的头把前文告诉后面的层"}},
    {{"percentile", "百分位"},
     {"The share of the other heads that lie below this one, equal ones counting half",
      "低于该头的其他头所占比例，相等的按一半计"}},
    {{"median", "中位数"},
     {"The middle one when all are put in order: half lie below it", "排序后居中的数：一半低于它"}},
    {{"logit", "logit"},
     {"The number that the model gives each word of its vocabulary before the softmax; the larger, "
      "the likelier",
      "模型在 softmax 之前给词表中每个词的数值；越大越可能"}},
    {{"residual stream", "残差流"},
     {"The vector of each token that every layer reads and adds to",
      "每个词元的向量，各层从中读取并加入自己的结果"}},
    {{"rollout", "注意力展开"},
     {"Attention of all layers multiplied together: how much of each first-layer token could have "
      "reached here",
      "把各层注意力相乘：最初的每个词元有多少可能传到这里"}},
    {{"RoPE", "RoPE"},
     {"Rotary positions: pairs of dimensions of q and k are turned by an angle that grows with the "
      "position, so that scores depend on distance",
      "旋转位置编码：q 与 k 的成对维度按随位置增大的角度旋转，使得分取决于距离"}},
    {{"measure", "度量"},
     {"A number that says how much a head does one certain thing in this text",
      "说明一个头在这段文本中做某件事的程度的数"}},
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; }

// Length of `name` at the beginning of `text`, an English plural included; 0: it does not begin
// with it.
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
        continue;  // single characters are parts of other words
      const size_t n = length_at(text, at, name, lang == Lang::en || is_letter(name[0]));
      if (n > best.end - best.begin) best = {&word, at, at + n};
    }
    if (best.word) return best;
  }
  return {};
}

}  // namespace attn
