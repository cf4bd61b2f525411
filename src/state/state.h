// state.h - everything the user chose: one plain struct, one list of its fields.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "model/scratch.h"
#include "state/language.h"

namespace attn {

enum class Theme { system, light, dark };
enum class Palette { viridis, cividis, magma, greys };
enum class Scale { linear, log, row_max };

// Hover and scroll are not State. Equal states show equal pictures.
struct State {
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
  int sample = 0;
  int layer = 0;
  int head = 0;
  int token = 0;      // the query whose row is shown
  int locked_key = -1;  // the key of the locked cell; -1: none
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
  int low = 0, high = 0;              // of whole numbers
  std::span<const char* const> names = {};  // of enumerators, in order, as the link spells them
  std::span<const Text> titles = {};        // of enumerators, for people
};

inline constexpr const char* kMaskNames[] = {"none", "causal", "padding"};
inline constexpr const char* kPaletteNames[] = {"viridis", "cividis", "magma", "greys"};
inline constexpr const char* kScaleNames[] = {"linear", "log", "row"};
inline constexpr const char* kThemeNames[] = {"system", "light", "dark"};
inline constexpr const char* kLangNames[] = {"en", "zh"};
inline constexpr Text kMaskTitles[] = {
    {"None", "无"}, {"Causal", "因果"}, {"Padding", "填充"}};
inline constexpr Text kPaletteTitles[] = {
    {"Viridis", "Viridis"}, {"Cividis", "Cividis"}, {"Magma", "Magma"}, {"Greys", "灰度"}};
inline constexpr Text kScaleTitles[] = {
    {"Linear", "线性"}, {"Log", "对数"}, {"Row maximum", "行最大值"}};
inline constexpr Text kThemeTitles[] = {
    {"System", "跟随系统"}, {"Light", "浅色"}, {"Dark", "深色"}};
inline constexpr Text kLangTitles[] = {{"English", "English"}, {"中文", "中文"}};

// Calls f(member, field) for every member; the one place to add a setting.
template <class S, class F>
void for_each_field(S& s, F&& f) {
  f(s.model, Field{"model", {"Model", "模型"}, {"Which model runs", "运行哪个模型"}});
  f(s.text, Field{"text", {"Text", "文本"}, {"The sentence it reads", "模型读入的句子"}});
  f(s.tokens, Field{"tokens", {"Token names", "词元名称"},
                    {"Names of the random inputs, parted by blanks", "随机输入的名称，以空格分隔"}});
  f(s.n_tokens, Field{"n", {"Sequence length", "序列长度"},
                      {"0: as many as there are names", "0：与名称个数相同"}, 0, 1024});
  f(s.d_model, Field{"d_model", {"d_model", "d_model"},
                     {"Width of every token's vector", "每个词元向量的宽度"}, 1, 4096});
  f(s.n_heads, Field{"heads", {"Heads", "头数"},
                     {"d_model must be a multiple of it", "d_model 必须是它的倍数"}, 1, 256});
  f(s.n_samples, Field{"batch", {"Batch", "批大小"}, {"Samples in the batch", "批中的样本数"}, 1, 64});
  f(s.seed, Field{"seed", {"Seed", "随机种子"},
                  {"The same numbers as torch.manual_seed", "与 torch.manual_seed 完全相同"}, 0, 2147483647});
  f(s.mask, Field{"mask", {"Mask", "掩码"}, {"Which keys a query may see", "查询可以看到哪些键"}, 0, 0,
                  kMaskNames, kMaskTitles});
  f(s.sample, Field{"sample", {"Sample", "样本"}, {"Which sample of the batch", "批中的第几个样本"}, 0, 63});
  f(s.layer, Field{"layer", {"Layer", "层"}, {"From 0", "从 0 开始"}, 0, 1023});
  f(s.head, Field{"head", {"Head", "头"}, {"From 0", "从 0 开始"}, 0, 1023});
  f(s.token, Field{"token", {"Token", "词元"},
                   {"The query whose row is shown", "显示其注意力行的查询"}, 0, 1048575});
  f(s.locked_key, Field{"key", {"Locked key", "锁定的键"},
                        {"The key of the locked cell; -1: none", "锁定单元格的键；-1：无"}, -1, 1048575});
  f(s.palette, Field{"palette", {"Palette", "配色"}, {"Colours of the heat maps", "热力图的颜色"}, 0, 0,
                     kPaletteNames, kPaletteTitles});
  f(s.scale, Field{"scale", {"Scale", "刻度"}, {"How weights become colours", "权重如何变成颜色"}, 0, 0,
                   kScaleNames, kScaleTitles});
  f(s.theme, Field{"theme", {"Theme", "主题"}, {"Light or dark", "浅色或深色"}, 0, 0, kThemeNames,
                   kThemeTitles});
  f(s.lang, Field{"lang", {"Language", "语言"}, {"Of texts and labels", "界面与标签的语言"}, 0, 0, kLangNames,
                  kLangTitles});
}

// The settings of the attention from scratch that this state asks for: `tokens` cut at blanks, then cut
// short, or lengthened with x7, x8, …, to n_tokens.
ScratchSettings scratch_settings(const State& state);

}  // namespace attn
