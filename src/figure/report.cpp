// report.cpp - the eight-part reports for attention from scratch and for a model.
#include "figure/report.h"

#include "figure/report_text.h"

namespace attn {

namespace {

std::string element_and_indexing(const Inputs& in) {
  return element_report(in, in.state->token, spoken_key(in)) + "\n" + indexing_report(in);
}

struct NumberedPart {
  Text title;  // {0} is the token
  std::string (*report)(const Inputs&);
};

const NumberedPart kParts[] = {
    {{"Structure of the attention weights", "注意力权重的结构"}, structure_report},
    {{"The weights of any token", "任意词元的注意力权重"}, token_weights_report},
    {{"Attention of token {0}", "词元 {0}的注意力分布"}, token_table_report},
    {{"Token {0} across heads", "词元 {0}在各头中的对比"}, head_comparison_report},
    {{"Heat map of head {1}", "头 {1} 的热力图"}, heat_map_report},
    {{"Mean over heads", "各头的平均"}, head_mean_report},
    {{"Single elements and indexing", "单个元素与索引方法"}, element_and_indexing},
    {{"Key concepts", "核心概念小结"}, concepts_report},
};

std::string all_parts(const Inputs& in) {
  const State& s = *in.state;
  std::string out;
  int n = 0;
  for (const NumberedPart& part : kParts) {
    out += heading(std::to_string(++n) + "  " +
                   fill(part.title.in(s.lang),
                        {quoted(queries_of(in), s.token, s.lang), std::to_string(s.head)}));
    out += "\n" + part.report(in);
  }
  return out;
}

}  // namespace

std::string demo_report(const ScratchRun& run, const State& chosen) {
  const State s = clamped(chosen, *run.trace);
  const ScratchSettings& settings = run.settings;
  std::string out =
      tr(s.lang, "Multi-head attention from scratch: understanding the attention weights\n",
         "从零实现多头注意力：读懂注意力权重矩阵\n");
  out += fill(
      tr(s.lang, "d_model {0} = {1} heads × {2} · batch {3} · {4} tokens · mask: {5} · seed {6}\n",
         "d_model {0} = {1} 头 × {2} 维 · 批大小 {3} · {4} 个词元 · 掩码：{5} · 种子 {6}\n"),
      {std::to_string(settings.d_model), std::to_string(settings.n_heads),
       std::to_string(run.module.d_head), std::to_string(settings.n_samples),
       std::to_string(settings.tokens.size()),
       tr(s.lang, kMaskNames[int(settings.mask)], kMaskTitles[int(settings.mask)].zh),
       std::to_string(settings.seed)});
  return out + all_parts({.trace = run.trace.get(), .state = &s});
}

std::string model_report(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  const Attention& a = in.attention();
  std::string out = (in.model ? in.model->name : tr(s.lang, "Attention", "注意力")) + "\n";
  out += fill(
      tr(s.lang, "{0} layers × {1} heads × {2} dimensions · {3} tokens · layer {4} · head {5}\n",
         "{0} 层 × {1} 头 × {2} 维 · {3} 个词元 · 层 {4} · 头 {5}\n"),
      {std::to_string(a.n_layers), std::to_string(a.n_heads), std::to_string(a.d_head),
       std::to_string(queries_of(in).size()), std::to_string(s.layer), std::to_string(s.head)});
  return out + all_parts(in);
}

}  // namespace attn
