// state.h - everything the user chose: one plain struct and one list of its fields.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "state/language.h"
#include "trace/mask.h"
#include "trace/site.h"

namespace attn {

enum class Theme { system, light, dark };
enum class Palette { viridis, cividis, magma, greys };
enum class Scale { automatic, linear, log, row_max };
enum class Panel { token, head, list, learn };         // the side panel
enum class Units { tokens, words, sentences, spans };  // what one row or column is
enum class Specials { shown, hidden };                 // such as [CLS]
// Of a pair of texts: which queries and keys are seen. The names say query-key.
enum class Between { all, first_second, second_first, first_first, second_second };
enum class Pool { largest, mean };            // of the weights under one cell
enum class Arrange { layers, measure };       // of the heads on the wall
enum class Order { highest, lowest, place };  // of the list of heads
enum class Contrast { shared, own };          // of the maps on the wall
enum class Cut { none, first, last };         // of a text that is too long
enum class Dots { layer, role };              // what colours the scatter plot

// Without hover. Equal states show equal pictures.
struct State : Site {
  std::string model = "scratch";  // "scratch", or the id of a model in the list
  std::string text;               // empty: the model's own first example
  std::string pair;               // the second text of a pair; empty: there is none
  // Attention from scratch
  std::string tokens = "我 爱 学习 深度 学习 EOS";  // names separated by spaces
  int n_tokens = 0;                                 // 0: one per name
  int d_model = 64;
  int n_heads = 4;
  int n_samples = 2;
  int seed = 42;
  ScratchMask mask = ScratchMask::none;
  // What is chosen; part, layer and head are in Site
  int sample = 0;
  int token = 0;          // the query whose row is shown
  int locked_key = -1;    // the key of the locked cell; -1: none
  std::string rectangle;  // "2-5.0-3": queries 2 to 5, keys 0 to 3 of the map; empty: none
  Units units = Units::tokens;
  std::string spans;  // "2-5.7-9" merges tokens 2 to 5, and 7 to 9
  Specials specials = Specials::shown;
  Between between = Between::all;
  std::string strip;    // id of the {query} or {key} metric that colours the text; empty: the row
                        // of the chosen token
  Cut cut = Cut::none;  // which part of a text that is too long for the model is read
  int repeat = 0;       // number of random tokens, repeated, in place of the text; 0: the text
  int repeat_seed = 0;
  Pool pool = Pool::largest;
  std::string view = "map";  // View::id (figure/views.h) of the middle panel
  Panel panel = Panel::token;
  std::string
      learn;  // the chapter or lesson in the side panel (figure/lesson.h); empty: their list
  std::string measure;  // id of the {layer, head} metric that colours and sorts heads; empty: none
  std::string versus;   // second metric of the scatter plot; empty: any
  Dots dots = Dots::layer;
  std::string show;    // id of the {query, key} metric on the map; empty: the pattern
  std::string filter;  // of the list of heads: "induction > 0.5 L5"
  Order order = Order::highest;
  Arrange arrange = Arrange::layers;
  int mass = 70;   // percent of each row that the lines show
  int offset = 2;  // k of the score of a fixed offset, A[i, i-k]
  std::string target,
      foil;          // tokens; metrics are of `target`, or of `target` minus `foil`; empty: none
  std::string look;  // the part of the map in view (state/look.h); empty: all of it
  // Appearance
  Palette palette = Palette::viridis;
  Scale scale = Scale::automatic;
  Contrast contrast = Contrast::shared;
  Theme theme = Theme::system;
  Lang lang = Lang::en;

  bool operator==(const State&) const = default;
};

// One member, as the link, the command line, the controls and the tests use it.
struct Field {
  const char* key;  // in the link and on the command line
  Text title;
  Text help;
  int low = 0, high = 0;                    // bounds of an integer
  std::span<const char* const> names = {};  // of enumerators, in order, in links
  std::span<const Text> titles = {};        // of enumerators, in the interface
};

inline constexpr const char* kMaskNames[] = {"none", "causal", "padding"};
inline constexpr const char* kPaletteNames[] = {"viridis", "cividis", "magma", "greys"};
inline constexpr const char* kScaleNames[] = {"auto", "linear", "log", "row"};
inline constexpr const char* kContrastNames[] = {"shared", "own"};
inline constexpr const char* kCutNames[] = {"none", "first", "last"};
inline constexpr const char* kUnitNames[] = {"tokens", "words", "sentences", "spans"};
inline constexpr const char* kPoolNames[] = {"largest", "mean"};
inline constexpr const char* kSpecialNames[] = {"shown", "hidden"};
inline constexpr const char* kBetweenNames[] = {"all", "a-b", "b-a", "a-a", "b-b"};
inline constexpr const char* kPanelNames[] = {"token", "head", "list", "learn"};
inline constexpr const char* kOrderNames[] = {"highest", "lowest", "place"};
inline constexpr const char* kArrangeNames[] = {"layers", "measure"};
inline constexpr const char* kDotNames[] = {"layer", "role"};
inline constexpr const char* kThemeNames[] = {"system", "light", "dark"};
inline constexpr const char* kLangNames[] = {"en", "zh"};
inline constexpr Text kMaskTitles[] = {{"None", "无"}, {"Causal", "因果"}, {"Padding", "填充"}};
inline constexpr Text kPaletteTitles[] = {
    {"Viridis", "Viridis"}, {"Cividis", "Cividis"}, {"Magma", "Magma"}, {"Greys", "灰度"}};
inline constexpr Text kScaleTitles[] = {
    {"Automatic", "自动"}, {"0 to 1", "0 到 1"}, {"Log", "对数"}, {"Row maximum", "行最大值"}};
inline constexpr Text kContrastTitles[] = {{"Shared", "共用"}, {"Each its own", "各自"}};
inline constexpr Text kCutTitles[] = {{"None", "无"}, {"Beginning", "开头"}, {"End", "结尾"}};
inline constexpr Text kUnitTitles[] = {{"Model tokens", "模型的词元"},
                                       {"Words", "词"},
                                       {"Sentences", "句子"},
                                       {"Marked spans", "标记的片段"}};
inline constexpr Text kPoolTitles[] = {{"Largest", "最大值"}, {"Mean", "平均值"}};
inline constexpr Text kSpecialTitles[] = {{"Shown", "显示"}, {"Hidden", "隐藏"}};
inline constexpr Text kBetweenTitles[] = {{"Both texts", "两段文本"},
                                          {"First → second", "第一段 → 第二段"},
                                          {"Second → first", "第二段 → 第一段"},
                                          {"Within the first", "第一段内部"},
                                          {"Within the second", "第二段内部"}};
// Of Site::part, where there are three.
inline constexpr Text kPartTitles[] = {
    {"Encoder", "编码器"}, {"Decoder", "解码器"}, {"Cross-attention", "交叉注意力"}};
// Of two parts, the first is the encoder's.
inline constexpr Text kPoolingTitle = {"Pooling", "池化"};
inline constexpr Text kPanelTitles[] = {
    {"Token", "词元"}, {"Head", "头"}, {"List", "列表"}, {"Learn", "学习"}};
inline constexpr Text kPanelHelps[] = {
    {"The chosen token: its weights, and what it attends to in each head",
     "所选词元：它的各个权重，以及它在每个头中关注什么"},
    {"The chosen head: what it does, and all its measures", "所选的头：它的作用与全部度量"},
    {"All heads sorted by a measure, with a filter", "按度量排序的所有头，可筛选"},
    {"The tutorial with the numbers on screen, and lessons (G)",
     "用屏幕上的数讲解的教程，以及课程 (G)"}};
inline constexpr Text kOrderTitles[] = {
    {"Highest first", "从高到低"}, {"Lowest first", "从低到高"}, {"By layer", "按层"}};
inline constexpr Text kArrangeTitles[] = {{"Layers and heads", "按层与头"},
                                          {"By measure", "按度量"}};
inline constexpr Text kDotTitles[] = {{"Layer", "层"}, {"Role", "角色"}};
inline constexpr Text kThemeTitles[] = {
    {"System", "跟随系统"}, {"Light", "浅色"}, {"Dark", "深色"}};
inline constexpr Text kLangTitles[] = {{"English", "English"}, {"中文", "中文"}};

// A call, and not a copy of f for each of the many members, which would be much of the program.
template <class F, class T>
[[gnu::noinline]] void visit_field(F& f, T& value, const Field& field) {
  f(value, field);
}

// Calls f(member, field) for every member. A new setting is added here.
template <class S, class F>
void for_each_field(S& s, F&& f) {
  {
    static constexpr Field kField = {
        .key = "model",
        .title = {"Model", "模型"},
        .help = {"The model to run", "要运行的模型"},
    };
    visit_field(f, s.model, kField);
  }
  {
    static constexpr Field kField = {
        .key = "text",
        .title = {"Text", "文本"},
        .help = {"The text the model reads", "模型读入的文本"},
    };
    visit_field(f, s.text, kField);
  }
  {
    static constexpr Field kField = {
        .key = "pair",
        .title = {"Second text", "第二段文本"},
        .help = {"Read together with the text, as the model reads pairs; empty: none",
                 "与文本成对读入模型；为空则没有"},
    };
    visit_field(f, s.pair, kField);
  }
  {
    static constexpr Field kField = {
        .key = "tokens",
        .title = {"Token names", "词元名称"},
        .help = {"Names of the random inputs, separated by spaces", "随机输入的名称，以空格分隔"},
    };
    visit_field(f, s.tokens, kField);
  }
  {
    static constexpr Field kField = {
        .key = "n",
        .title = {"Sequence length", "序列长度"},
        .help = {"Number of tokens; 0: one per name", "词元个数；0：与名称个数相同"},
        .high = 1024,
    };
    visit_field(f, s.n_tokens, kField);
  }
  {
    static constexpr Field kField = {
        .key = "d_model",
        .title = {"d_model", "d_model"},
        .help = {"Size of each token's vector", "每个词元向量的维数"},
        .low = 1,
        .high = 4096,
    };
    visit_field(f, s.d_model, kField);
  }
  {
    static constexpr Field kField = {
        .key = "heads",
        .title = {"Heads", "头数"},
        .help = {"Number of heads; must divide d_model", "注意力头的个数；须能整除 d_model"},
        .low = 1,
        .high = 256,
    };
    visit_field(f, s.n_heads, kField);
  }
  {
    static constexpr Field kField = {
        .key = "batch",
        .title = {"Batch", "批大小"},
        .help = {"Number of samples in the batch", "一批中的样本数"},
        .low = 1,
        .high = 64,
    };
    visit_field(f, s.n_samples, kField);
  }
  {
    static constexpr Field kField = {
        .key = "seed",
        .title = {"Seed", "随机种子"},
        .help = {"Gives the same random numbers as torch.manual_seed",
                 "与 torch.manual_seed 产生的随机数完全相同"},
        .high = 2147483647,
    };
    visit_field(f, s.seed, kField);
  }
  {
    static constexpr Field kField = {
        .key = "mask",
        .title = {"Mask", "掩码"},
        .help = {"Which keys each query may attend to", "每个查询可以关注哪些键"},
        .names = kMaskNames,
        .titles = kMaskTitles,
    };
    visit_field(f, s.mask, kField);
  }
  {
    static constexpr Field kField = {
        .key = "sample",
        .title = {"Sample", "样本"},
        .help = {"Index of the sample in the batch, from 0", "样本在批中的编号，从 0 开始"},
        .high = 63,
    };
    visit_field(f, s.sample, kField);
  }
  {
    static constexpr Field kField = {
        .key = "part",
        .title = {"Part", "部分"},
        .help = {"Encoder, decoder or cross-attention, or encoder and pooling, from 0",
                 "编码器、解码器或交叉注意力，或编码器与池化，从 0 开始"},
        .high = 15,
    };
    visit_field(f, s.part, kField);
  }
  {
    static constexpr Field kField = {
        .key = "layer",
        .title = {"Layer", "层"},
        .help = {"Index of the layer, from 0", "层的编号，从 0 开始"},
        .high = 1023,
    };
    visit_field(f, s.layer, kField);
  }
  {
    static constexpr Field kField = {
        .key = "head",
        .title = {"Head", "头"},
        .help = {"Index of the head in its layer, from 0", "头在该层中的编号，从 0 开始"},
        .high = 1023,
    };
    visit_field(f, s.head, kField);
  }
  {
    static constexpr Field kField = {
        .key = "token",
        .title = {"Token", "词元"},
        .help = {"Position, from 0, of the query whose row is shown",
                 "所显示的权重行对应的查询位置，从 0 开始"},
        .high = 1048575,
    };
    visit_field(f, s.token, kField);
  }
  {
    static constexpr Field kField = {
        .key = "key",
        .title = {"Locked key", "锁定的键"},
        .help = {"Key of the locked cell; -1: none", "锁定单元格所在的键；-1：无"},
        .low = -1,
        .high = 1048575,
    };
    visit_field(f, s.locked_key, kField);
  }
  {
    static constexpr Field kField = {
        .key = "rect",
        .title = {"Rectangle", "矩形"},
        .help = {"Selected part of the map; 2-5.0-3 is queries 2 to 5, keys 0 to 3",
                 "热力图中选定的区域；2-5.0-3 表示查询 2 至 5、键 0 至 3"},
    };
    visit_field(f, s.rectangle, kField);
  }
  {
    static constexpr Field kField = {
        .key = "units",
        .title = {"Token grouping", "词元分组"},
        .help = {"What the map, the lines and the text treat as one unit",
                 "热力图、连线和文本以什么为一个单位"},
        .names = kUnitNames,
        .titles = kUnitTitles,
    };
    visit_field(f, s.units, kField);
  }
  {
    static constexpr Field kField = {
        .key = "spans",
        .title = {"Spans", "片段"},
        .help = {"Tokens to merge; 2-5.7-9 merges tokens 2 to 5 and 7 to 9",
                 "要合并的词元；2-5.7-9 表示合并词元 2 至 5 以及 7 至 9"},
    };
    visit_field(f, s.spans, kField);
  }
  {
    static constexpr Field kField = {
        .key = "special",
        .title = {"Special tokens", "特殊词元"},
        .help = {"Hidden tokens keep their weight: rows are not renormalized",
                 "隐藏的词元仍保留其权重：各行不会重新归一化"},
        .names = kSpecialNames,
        .titles = kSpecialTitles,
    };
    visit_field(f, s.specials, kField);
  }
  {
    static constexpr Field kField = {
        .key = "between",
        .title = {"Pair of texts", "成对文本"},
        .help = {"Which text's queries attend to which text's keys; rows are not "
                 "renormalized",
                 "显示哪段文本的查询对哪段文本的键的注意力；各行不会重新归一化"},
        .names = kBetweenNames,
        .titles = kBetweenTitles,
    };
    visit_field(f, s.between, kField);
  }
  {
    static constexpr Field kField = {
        .key = "strip",
        .title = {"Text colour", "文本着色"},
        .help = {"Measure that colours the tokens of the text; none: the chosen token's attention",
                 "为文本中的词元着色的度量；无：所选词元的注意力"},
    };
    visit_field(f, s.strip, kField);
  }
  {
    static constexpr Field kField = {
        .key = "cut",
        .title = {"Long text", "过长的文本"},
        .help = {"Which part is read of a text that is too long for the model",
                 "文本超出模型上限时读取哪一部分"},
        .names = kCutNames,
        .titles = kCutTitles,
    };
    visit_field(f, s.cut, kField);
  }
  {
    static constexpr Field kField = {
        .key = "repeat",
        .title = {"Random tokens", "随机词元"},
        .help = {"Number of random tokens, repeated, that replace the text; 0: use the text",
                 "代替文本的随机词元个数，这些词元重复两遍；0：使用文本"},
        .high = 512,
    };
    visit_field(f, s.repeat, kField);
  }
  {
    static constexpr Field kField = {
        .key = "repeat_seed",
        .title = {"Random token seed", "随机词元的种子"},
        .help = {"Gives the same tokens as --random-repeat --seed",
                 "与 --random-repeat --seed 得到的词元相同"},
        .high = 2147483647,
    };
    visit_field(f, s.repeat_seed, kField);
  }
  {
    static constexpr Field kField = {
        .key = "pool",
        .title = {"Pooling", "池化"},
        .help = {"What a cell that covers many weights shows", "覆盖多个权重的单元格显示什么"},
        .names = kPoolNames,
        .titles = kPoolTitles,
    };
    visit_field(f, s.pool, kField);
  }
  {
    static constexpr Field kField = {
        .key = "view",
        .title = {"View", "视图"},
        .help = {"What the middle panel shows", "中间面板显示的内容"},
    };
    visit_field(f, s.view, kField);
  }
  {
    static constexpr Field kField = {
        .key = "panel",
        .title = {"Panel", "面板"},
        .help = {"What the side panel shows", "侧边面板显示的内容"},
        .names = kPanelNames,
        .titles = kPanelTitles,
    };
    visit_field(f, s.panel, kField);
  }
  {
    static constexpr Field kField = {
        .key = "learn",
        .title = {"Chapter or lesson", "章节或课程"},
        .help = {"What the Learn panel shows: a chapter, or a lesson and its step, such as mask.2",
                 "学习面板显示的章节，或课程及其步骤，例如 mask.2"},
    };
    visit_field(f, s.learn, kField);
  }
  {
    static constexpr Field kField = {
        .key = "measure",
        .title = {"Measure", "度量"},
        .help = {"Measure that colours and sorts the heads; none: their attention patterns",
                 "为各头着色和排序的度量；无：显示注意力模式"},
    };
    visit_field(f, s.measure, kField);
  }
  {
    static constexpr Field kField = {
        .key = "versus",
        .title = {"Second measure", "第二度量"},
        .help = {"The other measure of the scatter plot", "散点图的另一个度量"},
    };
    visit_field(f, s.versus, kField);
  }
  {
    static constexpr Field kField = {
        .key = "dots",
        .title = {"Dot colour", "点的颜色"},
        .help = {"What colours the dots of the scatter plot: the layer, or the role that "
                 "a head has in general",
                 "散点图中点的颜色表示什么：层，或该头一般而言的角色"},
        .names = kDotNames,
        .titles = kDotTitles,
    };
    visit_field(f, s.dots, kField);
  }
  {
    static constexpr Field kField = {
        .key = "show",
        .title = {"Map shows", "热力图显示"},
        .help = {"What the cells of the map show", "热力图的单元格显示什么"},
    };
    visit_field(f, s.show, kField);
  }
  {
    static constexpr Field kField = {
        .key = "filter",
        .title = {"Filter", "筛选"},
        .help = {"Heads to list, such as induction > 0.5 L5",
                 "列出哪些头，例如 induction > 0.5 L5"},
    };
    visit_field(f, s.filter, kField);
  }
  {
    static constexpr Field kField = {
        .key = "order",
        .title = {"Order", "顺序"},
        .help = {"Order of the heads in the list", "列表中各头的顺序"},
        .names = kOrderNames,
        .titles = kOrderTitles,
    };
    visit_field(f, s.order, kField);
  }
  {
    static constexpr Field kField = {
        .key = "arrange",
        .title = {"Arrangement", "排列"},
        .help = {"Where heads stand among all heads: by layer and head, or from the "
                 "highest measure to the lowest",
                 "所有头如何排列：按层与头，或按度量从高到低"},
        .names = kArrangeNames,
        .titles = kArrangeTitles,
    };
    visit_field(f, s.arrange, kField);
  }
  {
    static constexpr Field kField = {
        .key = "mass",
        .title = {"Attention drawn", "绘制比例"},
        .help = {"Percentage of each query's attention that the lines show, strongest first",
                 "连线显示每个查询注意力的百分之多少，从最强的开始"},
        .low = 1,
        .high = 100,
    };
    visit_field(f, s.mass, kField);
  }
  {
    static constexpr Field kField = {
        .key = "offset",
        .title = {"Offset", "偏移"},
        .help = {"Tokens back that the fixed-offset score looks; negative: ahead",
                 "固定偏移分数往前看多少个词元；负数：往后看"},
        .low = -1024,
        .high = 1024,
    };
    visit_field(f, s.offset, kField);
  }
  {
    static constexpr Field kField = {
        .key = "target",
        .title = {"Target", "目标"},
        .help = {"The token to measure; empty: the most likely one",
                 "要度量的词元；空：概率最高的词元"},
    };
    visit_field(f, s.target, kField);
  }
  {
    static constexpr Field kField = {
        .key = "foil",
        .title = {"Compared with", "对比词元"},
        .help = {"The token to compare the target with; empty: none", "与目标比较的词元；空：无"},
    };
    visit_field(f, s.foil, kField);
  }
  {
    static constexpr Field kField = {
        .key = "look",
        .title = {"Part in view", "可见部分"},
        .help = {"Part of the map in view: first and last key and query, such as 2-0-10-8",
                 "热力图的可见部分：起止的键与查询，例如 2-0-10-8"},
    };
    visit_field(f, s.look, kField);
  }
  {
    static constexpr Field kField = {
        .key = "palette",
        .title = {"Palette", "配色"},
        .help = {"Colours of the heat maps", "热力图的颜色"},
        .names = kPaletteNames,
        .titles = kPaletteTitles,
    };
    visit_field(f, s.palette, kField);
  }
  {
    static constexpr Field kField = {
        .key = "scale",
        .title = {"Scale", "刻度"},
        .help = {"How weights map to colours; automatic: from 0 to 1, and less where "
                 "nearly all weights are small",
                 "权重如何映射为颜色；自动：从 0 到 1，权重普遍很小时缩小范围"},
        .names = kScaleNames,
        .titles = kScaleTitles,
    };
    visit_field(f, s.scale, kField);
  }
  {
    static constexpr Field kField = {
        .key = "contrast",
        .title = {"Colours of all heads", "所有头的颜色"},
        .help = {"Whether the maps of all heads share one scale of colours",
                 "所有头的热力图是否共用同一颜色刻度"},
        .names = kContrastNames,
        .titles = kContrastTitles,
    };
    visit_field(f, s.contrast, kField);
  }
  {
    static constexpr Field kField = {
        .key = "theme",
        .title = {"Theme", "主题"},
        .help = {"Light or dark", "浅色或深色"},
        .names = kThemeNames,
        .titles = kThemeTitles,
    };
    visit_field(f, s.theme, kField);
  }
  {
    static constexpr Field kField = {
        .key = "lang",
        .title = {"Language", "语言"},
        .help = {"Language of the interface and the figures", "界面与图的语言"},
        .names = kLangNames,
        .titles = kLangTitles,
    };
    visit_field(f, s.lang, kField);
  }
}

}  // namespace attn
