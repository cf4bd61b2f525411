// report.cpp - the eight-part reports for attention from scratch and for a model.
#include "figure/report.h"

#include "figure/chapters.h"
#include "figure/report_text.h"

namespace attn {

namespace {

std::string all_parts(const Inputs& in) {
  std::string out;
  int n = 0;
  for (const Chapter& chapter : chapters())
    out += heading(std::to_string(++n) + "  " + chapter.title.in(in.state->lang)) + "\n" +
           text_of(chapter.blocks(in));
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
