// views.cpp - the table of views.
#include "figure/figure_views.h"

namespace attn {

std::span<const View> views() {
  static const View kViews[] = {
      {"bars",
       {"This token", "当前词元"},
       {Axis::key},
       bars_figure,
       {"Where the chosen token looks: every key's weight as a bar",
        "所选词元关注哪里：每个键的权重条"}},
      {"heads",
       {"All heads", "各头对比"},
       {Axis::head, Axis::key},
       heads_figure,
       {"The chosen token's strongest key in every head of the layer",
        "所选词元在该层每个头中最强的键"}},
      {"map",
       {"Map", "大图"},
       {Axis::query, Axis::key},
       map_figure,
       {"Queries downwards, keys to the right, a cell a pair", "查询向下，键向右，每格一对"}},
      {"lines",
       {"Lines", "连线"},
       {Axis::query, Axis::key},
       lines_figure,
       {"Queries on the left, keys on the right, a line as strong as the weight",
        "左为查询，右为键，线越深权重越大"}},
      {"neuron",
       {"Neuron", "神经元"},
       {Axis::key},
       neuron_figure,
       {"How each score comes about: q, k and q ⊙ k, dimension by dimension",
        "每个得分如何产生：逐维的 q、k 与 q ⊙ k"}},
      {"strip",
       {"Text", "文本"},
       {Axis::key},
       strip_figure,
       {"The text, each token tinted by the chosen token's weight",
        "文本，每个词元按所选词元的权重着色"}},
      {"grid",
       {"Grid", "网格"},
       {Axis::layer, Axis::head},
       grid_figure,
       {"Every head as a cell, coloured by a measure", "每个头一格，按度量着色"}},
      {"list",
       {"List", "列表"},
       {Axis::layer, Axis::head},
       list_figure,
       {"Heads in the order of a measure, cut down by a filter", "按度量排序的头，可筛选"}},
      {"scatter",
       {"Scatter", "散点"},
       {Axis::layer, Axis::head},
       scatter_figure,
       {"One measure against another, a dot a head", "两个度量相对，每个头一点"},
       true},
      {"lens",
       {"Lens", "透镜"},
       {Axis::layer, Axis::query},
       lens_figure,
       {"Layers upwards, tokens to the right: what each position says after each layer",
        "层向上，词元向右：每个位置在每层之后的读数"}},
      {"next",
       {"Next token", "下一个词元"},
       {Axis::vocab},
       next_figure,
       {"What the model expects next: the likeliest of its vocabulary",
        "模型预计接下来是什么：词表中最可能的词元"}},
      {"parts",
       {"Attribution", "归因"},
       {Axis::component},
       parts_figure,
       {"What speaks for the target and what against it: a bar a part of the model, a head, or a "
        "token",
        "什么支持目标、什么反对目标：模型的每个部分、每个头或每个词元一条"},
       false,
       {{Axis::layer, Axis::head}, {Axis::layer, Axis::key}}},
  };
  return kViews;
}

const View* find_view(std::string_view id) {
  for (const View& view : views())
    if (view.id == id) return &view;
  return nullptr;
}

}  // namespace attn
