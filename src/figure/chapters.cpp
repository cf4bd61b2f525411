#include "figure/chapters.h"

#include "figure/report.h"
#include "figure/report_text.h"

namespace attn {
namespace {

TextBlocks joined(TextBlocks first, TextBlocks second) {
  for (TextBlock& block : second) first.push_back(std::move(block));
  return first;
}

TextBlocks any_token(const Inputs& in) {
  return joined(token_table_report(in), token_weights_report(in));
}

TextBlocks one_element(const Inputs& asked) {
  const State s = clamped(*asked.state, *asked.trace);
  const Inputs in = asked.at(s);
  return element_report(in, s.token, spoken_key(in));
}

TextBlocks indexing(const Inputs& in) { return joined(indexing_report(in), python_report(in)); }

TextBlocks concepts(const Inputs& in) { return joined(concepts_report(in), masks_report(in)); }

constexpr Chapter kChapters[] = {
    {
        .id = "structure",
        .title = {"Structure of the attention weights", "注意力权重的结构"},
        .about = {"The shape of the weights, and what every axis means",
                  "权重的形状，以及每个轴的含义"},
        .blocks = structure_report,
        .view = "view=map",
        .view_title = {"Show one head on the map", "在热力图中看一个头"},
    },
    {
        .id = "token",
        .title = {"The weights of any token", "任意词元的注意力权重"},
        .about = {"One row: a weight for each key, with its bar and the sum",
                  "一行权重：每个键一个数，附条形图与总和"},
        .blocks = any_token,
        .of_token = true,
        .from_first = true,
        .view = "view=lines",
        .view_title = {"Show the row as lines", "用连线看这一行"},
    },
    {
        .id = "heads",
        .title = {"All heads compared", "各头对比"},
        .about = {"What the same token attends to in every head of the layer",
                  "同一个词元在该层每个头中关注什么"},
        .blocks = head_comparison_report,
        .of_token = true,
        .view = "view=wall",
        .view_title = {"Show the maps of all heads", "看所有头的热力图"},
    },
    {
        .id = "heatmap",
        .title = {"The heat map in text", "文本热力图"},
        .about = {"A whole head drawn with block characters, to copy",
                  "用方块字符画出一个头的全部权重，可以复制"},
        .blocks = heat_map_report,
        .view = "view=map",
        .view_title = {"Show it in colour", "看彩色的热力图"},
    },
    {
        .id = "mean",
        .title = {"Mean over heads", "各头的平均"},
        .about = {"What the average of the heads shows, and what it hides",
                  "各头平均能看出什么，又掩盖了什么"},
        .blocks = head_mean_report,
        .of_mean = true,
        .view = "view=map&show=head_mean",
        .view_title = {"Show the mean on the map", "在热力图中看平均"},
    },
    {
        .id = "element",
        .title = {"One element, i → j", "单个元素：i → j"},
        .about = {"One number: where it is, what it says, and the score it came from",
                  "一个数：它的位置、含义，以及它来自哪个分数"},
        .blocks = one_element,
        .of_pair = true,
        .view = "view=chain",
        .view_title = {"Show how it arises", "看它是怎么来的"},
    },
    {
        .id = "indexing",
        .title = {"How to index", "索引方法"},
        .about = {"Lines of NumPy and PyTorch that run, with the numbers on screen",
                  "可以直接运行的 NumPy 与 PyTorch 代码，用的是屏幕上的数"},
        .blocks = indexing,
    },
    {
        .id = "concepts",
        .title = {"Key concepts", "核心概念小结"},
        .about = {"Query, key, value, heads, masks, and the three kinds of attention",
                  "查询、键、值、多头、掩码，以及三种注意力"},
        .blocks = concepts,
    },
};

}  // namespace

std::span<const Chapter> chapters() { return kChapters; }

const Chapter* find_chapter(std::string_view id) {
  for (const Chapter& chapter : kChapters)
    if (chapter.id == id) return &chapter;
  return nullptr;
}

double chapter_work(const Chapter& chapter, const Inputs& in) {
  const Attention& a = in.attention();
  const bool of_map = chapter.of_mean || chapter.blocks == heat_map_report;
  const double rows = of_map ? queries_shown(in).size() : 4;
  const double heads = chapter.blocks == heat_map_report ? 1 : a.n_heads;
  return rows * heads * a.n_key * (a.d_head + 16.);
}

}  // namespace attn
