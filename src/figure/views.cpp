// views.cpp - the table of views.
#include "figure/views.h"

#include <algorithm>

#include "figure/figure_views.h"
#include "state/query.h"

namespace attn {

std::span<const View> views() {
  static const View kViews[] = {
      {
          .id = "bars",
          .title = {"This token", "当前词元"},
          .sentence = {"What the chosen token attends to: a bar for the weight of each key",
                       "所选词元关注哪些词元：每个键的权重以条形表示"},
          .axes = {Axis::key},
          .figure = bars_figure,
          .of_pattern = true,
      },
      {
          .id = "heads",
          .title = {"All heads", "各头对比"},
          .sentence = {"The chosen token's strongest key in every head of the layer",
                       "所选词元在该层每个头中最强的键"},
          .axes = {Axis::head, Axis::key},
          .figure = heads_figure,
          .of_pattern = true,
      },
      {
          .id = "wall",
          .title = {"All heads", "所有头"},
          .sentence = {"Every head of every layer as a small map; zoom in until one fills the view",
                       "每一层每个头的热力图；放大即可看单个头"},
          .tab = {"All heads", "所有头"},
          .axes = {Axis::layer, Axis::head},
          .figure = wall_figure,
          .chosen = &State::measure,
          .filters = true,
      },
      {
          .id = "map",
          .title = {"Map", "热力图"},
          .sentence = {"Queries downwards, keys to the right, one cell per pair",
                       "自上而下为查询，自左而右为键，每格对应一对"},
          .tab = {"Map", "热力图"},
          .axes = {Axis::query, Axis::key},
          .figure = map_figure,
          .chosen = &State::show,
          .of_pattern = true,
          .groups = true,
      },
      {
          .id = "lines",
          .title = {"Lines", "连线"},
          .sentence = {"Queries on the left, keys on the right; stronger lines mean larger weights",
                       "左侧为查询，右侧为键，线越深表示权重越大"},
          .tab = {"Lines", "连线"},
          .axes = {Axis::query, Axis::key},
          .figure = lines_figure,
          .chosen = &State::show,
          .of_pattern = true,
          .groups = true,
      },
      {
          .id = "neuron",
          .title = {"Neuron", "神经元"},
          .sentence = {"How each score arises: q, k and q ⊙ k, dimension by dimension",
                       "每个分数如何产生：逐维显示 q、k 与 q ⊙ k"},
          .tab = {"Neuron", "神经元"},
          .axes = {Axis::key},
          .figure = neuron_figure,
          .of_pattern = true,
          .needs = needs_scores,
      },
      {
          .id = "chain",
          .title = {"How a weight arises", "权重是怎么来的"},
          .sentence = {"From q · k to what the head adds, stage by stage with its numbers",
                       "从 q · k 到该头的贡献，逐步列出真实数值"},
          .tab = {"Chain", "推导"},
          .axes = {Axis::head, Axis::dim},
          .figure = chain_figure,
          .draws = reads_layer | reads_head | reads_token,
      },
      {
          .id = "strip",
          .title = {"Text", "文本"},
          .sentence = {"The text, each token coloured by its weight for the chosen token",
                       "文本，每个词元按所选词元对它的权重着色"},
          .axes = {Axis::key},
          .also = {{Axis::query}},
          .figure = strip_figure,
          .chosen = &State::strip,
          .of_pattern = true,
          .groups = true,
          .on_page = [](const State&) { return true; },
      },
      {
          .id = "grid",
          .title = {"Grid", "网格"},
          .sentence = {"One cell per head, coloured by a measure", "每个头一格，按度量着色"},
          .axes = {Axis::layer, Axis::head},
          .figure = grid_figure,
          .chosen = &State::measure,
          .on_page = [](const State& s) { return !s.measure.empty(); },
      },
      {
          .id = "list",
          .title = {"List", "列表"},
          .sentence = {"Heads sorted by a measure, with a filter", "按度量排序的头，可筛选"},
          .axes = {Axis::layer, Axis::head},
          .figure = list_figure,
          .chosen = &State::measure,
          .on_page = [](const State& s) { return s.panel == Panel::list; },
      },
      {
          .id = "scatter",
          .title = {"Scatter", "散点"},
          .sentence = {"Two measures plotted against each other, one dot per head",
                       "两个度量的散点图，每点代表一个头"},
          .tab = {"Scatter", "散点"},
          .axes = {Axis::layer, Axis::head},
          .figure = scatter_figure,
          .chosen = &State::measure,
          .second = &State::versus,
      },
      {
          .id = "lens",
          .title = {"Lens", "透镜"},
          .sentence = {"Layers upwards, tokens to the right: what each position predicts after "
                       "each layer",
                       "自下而上为层，自左而右为词元：每个位置在每层之后的预测"},
          .tab = {"Lens", "透镜"},
          .axes = {Axis::layer, Axis::query},
          .figure = lens_figure,
          .chosen = &State::show,
      },
      {
          .id = "next",
          .title = {"Next token", "下一个词元"},
          .sentence = {"What the model predicts next: the most likely tokens of its vocabulary",
                       "模型对下一个词元的预测：词表中概率最高的词元"},
          .tab = {"Next", "预测"},
          .axes = {Axis::vocab},
          .figure = next_figure,
      },
      {
          .id = "parts",
          .title = {"Attribution", "归因"},
          .sentence = {"What supports the target and what opposes it: one bar per component of the "
                       "model, head or token",
                       "哪些部分有利于目标，哪些不利：模型的每个组成部分、头或词元各一条"},
          .tab = {"Parts", "归因"},
          .axes = {Axis::component},
          .also = {{Axis::layer, Axis::head}, {Axis::layer, Axis::key}},
          .figure = parts_figure,
          .chosen = &State::show,
          .reads = reads_target,
      },
      {
          .id = "picture",
          .title = {"Picture", "图片"},
          .sentence = {"The picture, and what the chosen patch attends to painted on its patches",
                       "图片，以及所选图块关注哪些图块：权重画在图块上"},
          .tab = {"Picture", "图片"},
          .axes = {Axis::key},
          .figure = picture_figure,
          .of_pattern = true,
          .of_pictures = true,
      },
  };
  return kViews;
}

const View* find_view(std::string_view id) {
  for (const View& view : views())
    if (view.id == id) return &view;
  return nullptr;
}

std::span<const View* const> middle_views() {
  static const std::vector<const View*> kMiddle = [] {
    std::vector<const View*> middle;
    for (const View& view : views())
      if (view.in_middle()) middle.push_back(&view);
    return middle;
  }();
  return kMiddle;
}

std::vector<const View*> tabs_for(const State& state, bool has_model, bool has_picture) {
  std::vector<const View*> tabs;
  for (const View* view : middle_views()) {
    if (view->of_pictures && !has_picture && view != &middle_view(state)) continue;
    bool works = has_model || view->of_pattern || view == &middle_view(state);
    for (const Metric& m : metrics())
      works = works || (view->offers(m) && !(m.needs & (needs_model | needs_logits)));
    if (works) tabs.push_back(view);
  }
  return tabs;
}

const View& middle_view(const State& state) {
  const View* view = find_view(state.view);
  return view && view->in_middle() ? *view : *find_view(State().view);
}

Status unknown_view(const State& state) {
  if (state.view == middle_view(state).id) return {};
  std::vector<const char*> ids;
  for (const View* view : middle_views()) ids.push_back(view->id);
  return none_of("view", ids, state.view);
}

namespace {

// The nth metric with these axes, from 0; null if there are fewer.
const Metric* nth_with(const std::vector<Axis>& axes, int n) {
  for (const Metric& m : metrics())
    if (m.axes == axes && n-- == 0) return &m;
  return nullptr;
}

}  // namespace

bool View::is_on_page(const State& state) const {
  return in_middle() ? this == &middle_view(state) : on_page && on_page(state);
}

bool View::can_show(const Metric& metric) const {
  return metric.axes == axes || std::ranges::find(also, metric.axes) != also.end();
}

bool View::offers(const Metric& metric) const {
  return can_show(metric) && (metric.reads & reads) == reads && !(of_pattern && metric.is_pattern);
}

bool View::shows_weights(const Metric& metric) const {
  return axes.back() == Axis::key && &metric == usual_metric();
}

const Metric* View::usual_metric() const { return nth_with(axes, 0); }

const Metric* View::metric(const State& state) const {
  const Metric* m = chosen ? find_metric(state.*chosen) : nullptr;
  if (m && offers(*m)) return m;
  return of_pattern ? nullptr : usual_metric();
}

const Metric* View::second_metric(const State& state) const {
  if (!second) return nullptr;
  if (const Metric* m = find_metric(state.*second); m && offers(*m)) return m;
  // Not the neighbour of the first, which often measures the same thing, or nothing under a causal
  // mask.
  return metric(state) == usual_metric() ? nth_with(axes, 3) : usual_metric();
}

}  // namespace attn
