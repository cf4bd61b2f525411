// state.h - everything the user chose: one plain struct, one list of its fields.
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
enum class Scale { linear, log, row_max };
enum class Panel { token, head, list };                // what stands beside it
enum class Units { tokens, words, sentences, spans };  // what counts as one on the map
enum class Specials { shown, hidden };                 // tokens that are no text
enum class Pool { largest, mean };            // what a cell shows that stands for many weights
enum class Order { highest, lowest, place };  // of heads in the list

// Hover and scroll are not State. Equal states show equal pictures.
struct State : Site {
  std::string model = "scratch";  // "scratch", or the id of a model in the list
  std::string text;               // empty: the model's own first example
  // Attention from scratch
  std::string tokens = "我 爱 学习 深度 学习 EOS";  // names, parted by blanks
  int n_tokens = 0;                                 // 0: as many as there are names
  int d_model = 64;
  int n_heads = 4;
  int n_samples = 2;
  int seed = 42;
  ScratchMask mask = ScratchMask::none;
  // What is looked at
  int sample = 0;         // and part, layer and head: Site
  int token = 0;          // the query whose row is shown
  int locked_key = -1;    // the key of the locked cell; -1: none
  std::string rectangle;  // "2-5.0-3": queries 2 to 5, keys 0 to 3 of the map; empty: none
  Units units = Units::tokens;
  std::string spans;  // "2-5.7-9": tokens 2 to 5 as one, and 7 to 9
  Specials specials = Specials::shown;
  std::string strip;  // id of the {query} or {key} metric that colours the text; empty: the chosen
                      // token's row
  int repeat = 0;     // so many random tokens, said twice, in the place of the text; 0: the text
  int repeat_seed = 0;
  Pool pool = Pool::largest;
  std::string view = "map";  // id of the one in the middle, as figure/views.h has it
  Panel panel = Panel::token;
  std::string measure;  // id of the {layer, head} metric that colours and sorts heads; empty: none
  std::string versus;   // the scatter's other one; empty: any
  std::string show;     // id of the {query, key} metric on the map; empty: the pattern
  std::string filter;   // of the list of heads: "induction > 0.5 L5"
  Order order = Order::highest;
  int mass = 70;   // percent of each row that the lines show
  int offset = 2;  // k of the score of a fixed offset, A[i, i-k]
  std::string target,
      foil;  // tokens: what is measured for `target`, or for it minus `foil`; empty: none
  // How it is shown
  Palette palette = Palette::viridis;
  Scale scale = Scale::linear;
  Theme theme = Theme::system;
  Lang lang = Lang::en;

  bool operator==(const State&) const = default;
};

// What the link, the command line, the side bar and the tests know of one member.
struct Field {
  const char* key;  // in the link and on the command line
  Text title;
  Text help;
  int low = 0, high = 0;                    // of whole numbers
  std::span<const char* const> names = {};  // of enumerators, in order, as the link spells them
  std::span<const Text> titles = {};        // of enumerators, for people
};

inline constexpr const char* kMaskNames[] = {"none", "causal", "padding"};
inline constexpr const char* kPaletteNames[] = {"viridis", "cividis", "magma", "greys"};
inline constexpr const char* kScaleNames[] = {"linear", "log", "row"};
inline constexpr const char* kUnitNames[] = {"tokens", "words", "sentences", "spans"};
inline constexpr const char* kPoolNames[] = {"largest", "mean"};
inline constexpr const char* kSpecialNames[] = {"shown", "hidden"};
inline constexpr const char* kPanelNames[] = {"token", "head", "list"};
inline constexpr const char* kOrderNames[] = {"highest", "lowest", "place"};
inline constexpr const char* kThemeNames[] = {"system", "light", "dark"};
inline constexpr const char* kLangNames[] = {"en", "zh"};
inline constexpr Text kMaskTitles[] = {{"None", "无"}, {"Causal", "因果"}, {"Padding", "填充"}};
inline constexpr Text kPaletteTitles[] = {
    {"Viridis", "Viridis"}, {"Cividis", "Cividis"}, {"Magma", "Magma"}, {"Greys", "灰度"}};
inline constexpr Text kScaleTitles[] = {
    {"Linear", "线性"}, {"Log", "对数"}, {"Row maximum", "行最大值"}};
inline constexpr Text kUnitTitles[] = {{"As the model reads them", "模型的词元"},
                                       {"Words", "词"},
                                       {"Sentences", "句子"},
                                       {"Marked spans", "标记的片段"}};
inline constexpr Text kPoolTitles[] = {{"Largest", "最大值"}, {"Mean", "平均值"}};
inline constexpr Text kSpecialTitles[] = {{"Shown", "显示"}, {"Hidden", "隐藏"}};
inline constexpr Text kPanelTitles[] = {{"Token", "词元"}, {"Head", "头"}, {"List", "列表"}};
inline constexpr Text kOrderTitles[] = {
    {"Highest first", "从高到低"}, {"Lowest first", "从低到高"}, {"By layer", "按层"}};
inline constexpr Text kThemeTitles[] = {
    {"System", "跟随系统"}, {"Light", "浅色"}, {"Dark", "深色"}};
inline constexpr Text kLangTitles[] = {{"English", "English"}, {"中文", "中文"}};

// Calls f(member, field) for every member; the one place to add a setting.
template <class S, class F>
void for_each_field(S& s, F&& f) {
  f(s.model, Field{
                 .key = "model",
                 .title = {"Model", "模型"},
                 .help = {"Which model runs", "运行哪个模型"},
             });
  f(s.text, Field{
                .key = "text",
                .title = {"Text", "文本"},
                .help = {"The sentence it reads", "模型读入的句子"},
            });
  f(s.tokens,
    Field{
        .key = "tokens",
        .title = {"Token names", "词元名称"},
        .help = {"Names of the random inputs, parted by blanks", "随机输入的名称，以空格分隔"},
    });
  f(s.n_tokens, Field{
                    .key = "n",
                    .title = {"Sequence length", "序列长度"},
                    .help = {"0: as many as there are names", "0：与名称个数相同"},
                    .high = 1024,
                });
  f(s.d_model, Field{
                   .key = "d_model",
                   .title = {"d_model", "d_model"},
                   .help = {"Width of every token's vector", "每个词元向量的宽度"},
                   .low = 1,
                   .high = 4096,
               });
  f(s.n_heads, Field{
                   .key = "heads",
                   .title = {"Heads", "头数"},
                   .help = {"d_model must be a multiple of it", "d_model 必须是它的倍数"},
                   .low = 1,
                   .high = 256,
               });
  f(s.n_samples, Field{
                     .key = "batch",
                     .title = {"Batch", "批大小"},
                     .help = {"Samples in the batch", "批中的样本数"},
                     .low = 1,
                     .high = 64,
                 });
  f(s.seed, Field{
                .key = "seed",
                .title = {"Seed", "随机种子"},
                .help = {"The same numbers as torch.manual_seed", "与 torch.manual_seed 完全相同"},
                .high = 2147483647,
            });
  f(s.mask, Field{
                .key = "mask",
                .title = {"Mask", "掩码"},
                .help = {"Which keys a query may see", "查询可以看到哪些键"},
                .names = kMaskNames,
                .titles = kMaskTitles,
            });
  f(s.sample, Field{
                  .key = "sample",
                  .title = {"Sample", "样本"},
                  .help = {"Which sample of the batch", "批中的第几个样本"},
                  .high = 63,
              });
  f(s.part, Field{
                .key = "part",
                .title = {"Part", "部分"},
                .help = {"Encoder, decoder or cross-attention, from 0",
                         "编码器、解码器或交叉注意力，从 0 开始"},
                .high = 15,
            });
  f(s.layer, Field{
                 .key = "layer",
                 .title = {"Layer", "层"},
                 .help = {"From 0", "从 0 开始"},
                 .high = 1023,
             });
  f(s.head, Field{
                .key = "head",
                .title = {"Head", "头"},
                .help = {"From 0", "从 0 开始"},
                .high = 1023,
            });
  f(s.token, Field{
                 .key = "token",
                 .title = {"Token", "词元"},
                 .help = {"The query whose row is shown", "显示其注意力行的查询"},
                 .high = 1048575,
             });
  f(s.locked_key, Field{
                      .key = "key",
                      .title = {"Locked key", "锁定的键"},
                      .help = {"The key of the locked cell; -1: none", "锁定单元格的键；-1：无"},
                      .low = -1,
                      .high = 1048575,
                  });
  f(s.rectangle, Field{
                     .key = "rect",
                     .title = {"Rectangle", "矩形"},
                     .help = {"Queries and keys of a part of the map, as 2-5.0-3",
                              "大图中一部分的查询与键，写作 2-5.0-3"},
                 });
  f(s.units, Field{
                 .key = "units",
                 .title = {"Tokens", "词元单位"},
                 .help = {"What counts as one on the map, in the lines and in the text",
                          "大图、连线与文本中以什么为一个单位"},
                 .names = kUnitNames,
                 .titles = kUnitTitles,
             });
  f(s.spans,
    Field{
        .key = "spans",
        .title = {"Spans", "片段"},
        .help = {"Tokens that count as one, as 2-5.7-9", "合为一个单位的词元，写作 2-5.7-9"},
    });
  f(s.specials, Field{
                    .key = "special",
                    .title = {"Special tokens", "特殊词元"},
                    .help = {"Hidden ones keep their weight: nothing is made to sum to 1 again",
                             "隐藏的词元仍保留其权重：不会重新归一化"},
                    .names = kSpecialNames,
                    .titles = kSpecialTitles,
                });
  f(s.strip,
    Field{
        .key = "strip",
        .title = {"Text colour", "文本着色"},
        .help = {"The measure of tokens that colours the text; none: where the chosen token looks",
                 "为文本着色的词元度量；无：所选词元关注哪里"},
    });
  f(s.repeat,
    Field{
        .key = "repeat",
        .title = {"Random tokens", "随机词元"},
        .help = {"So many random tokens, said twice, in the place of the text; 0: the text",
                 "用这么多个随机词元重复两遍代替文本；0：文本"},
        .high = 512,
    });
  f(s.repeat_seed, Field{
                       .key = "repeat_seed",
                       .title = {"Their seed", "随机词元的种子"},
                       .help = {"The same tokens as --random-repeat --seed",
                                "与 --random-repeat --seed 的词元相同"},
                       .high = 2147483647,
                   });
  f(s.pool,
    Field{
        .key = "pool",
        .title = {"Cells of many", "合并单元格"},
        .help = {"What a cell shows that stands for many weights", "代表许多权重的单元格显示什么"},
        .names = kPoolNames,
        .titles = kPoolTitles,
    });
  f(s.view, Field{
                .key = "view",
                .title = {"View", "视图"},
                .help = {"What the middle shows", "中间显示的内容"},
            });
  f(s.panel, Field{
                 .key = "panel",
                 .title = {"Panel", "面板"},
                 .help = {"What stands beside it", "旁边显示的内容"},
                 .names = kPanelNames,
                 .titles = kPanelTitles,
             });
  f(s.measure,
    Field{
        .key = "measure",
        .title = {"Measure", "度量"},
        .help = {"Colours and sorts the heads; none: small maps", "为各头着色与排序；无：小图"},
    });
  f(s.versus, Field{
                  .key = "versus",
                  .title = {"Against", "对照度量"},
                  .help = {"The scatter's other measure", "散点图的另一个度量"},
              });
  f(s.show, Field{
                .key = "show",
                .title = {"Map shows", "大图显示"},
                .help = {"What the cells of the map are", "大图单元格的含义"},
            });
  f(s.filter,
    Field{
        .key = "filter",
        .title = {"Filter", "筛选"},
        .help = {"Of the list of heads: induction > 0.5 L5", "筛选头的列表：induction > 0.5 L5"},
    });
  f(s.order, Field{
                 .key = "order",
                 .title = {"Order", "顺序"},
                 .help = {"Of heads in the list", "列表中头的顺序"},
                 .names = kOrderNames,
                 .titles = kOrderTitles,
             });
  f(s.mass, Field{
                .key = "mass",
                .title = {"Mass", "质量"},
                .help = {"Percent of each query's attention that the lines show, strongest first",
                         "连线显示每个查询注意力的百分比，从最强开始"},
                .low = 1,
                .high = 100,
            });
  f(s.offset, Field{
                  .key = "offset",
                  .title = {"Offset", "偏移"},
                  .help = {"Tokens back, of the score of a fixed offset; below 0: ahead",
                           "固定偏移分数向前多少个词元；小于 0：向后"},
                  .low = -1024,
                  .high = 1024,
              });
  f(s.target, Field{
                  .key = "target",
                  .title = {"Target", "目标"},
                  .help = {"The token that is asked about; empty: the likeliest",
                           "所问的词元；空：最可能的词元"},
              });
  f(s.foil,
    Field{
        .key = "foil",
        .title = {"Instead of", "对比"},
        .help = {"The token that it is compared with; empty: none", "与之比较的词元；空：无"},
    });
  f(s.palette, Field{
                   .key = "palette",
                   .title = {"Palette", "配色"},
                   .help = {"Colours of the heat maps", "热力图的颜色"},
                   .names = kPaletteNames,
                   .titles = kPaletteTitles,
               });
  f(s.scale, Field{
                 .key = "scale",
                 .title = {"Scale", "刻度"},
                 .help = {"How weights become colours", "权重如何变成颜色"},
                 .names = kScaleNames,
                 .titles = kScaleTitles,
             });
  f(s.theme, Field{
                 .key = "theme",
                 .title = {"Theme", "主题"},
                 .help = {"Light or dark", "浅色或深色"},
                 .names = kThemeNames,
                 .titles = kThemeTitles,
             });
  f(s.lang, Field{
                .key = "lang",
                .title = {"Language", "语言"},
                .help = {"Of texts and labels", "界面与标签的语言"},
                .names = kLangNames,
                .titles = kLangTitles,
            });
}

}  // namespace attn
