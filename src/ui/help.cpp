// help.cpp - the dialog with the keys and what the panels mean.
#include <algorithm>

#include "platform/platform.h"
#include "ui/ui_state.h"
#include "ui/widgets.h"

namespace attn {
namespace {

struct Entry {
  Text name, says;
};

constexpr Entry kPanels[] = {
    {{"Big map", "大图"},
     {"One head. Each row is a query token, each column a key token; the colour is the weight "
      "after "
      "the softmax, so every row sums to 1. Striped cells are masked",
      "一个头的注意力。每行是一个查询词元，每列是一个键词元；颜色是 softmax "
      "之后的权重，因此每行之和为 1。"
      "条纹单元格已被掩码"}},
    {{"Grid", "网格"},
     {"Every head of every layer as a small map, layers downwards, heads to the right",
      "每一层每一个头的小图，向下为层，向右为头"}},
    {{"Token strip", "词元条"},
     {"The tokens as the model sees them; the outlined one is the query, and the stronger the "
      "tint, "
      "the more it looks there",
      "模型看到的词元；带边框的是查询，底色越深表示它越关注该词元"}},
    {{"Row", "权重行"},
     {"The weights of the chosen query, with the check that they sum to 1",
      "所选查询的各个权重，并检查其和是否为 1"}},
    {{"Compare", "对比"},
     {"Where the same query looks in every head of the layer: the strongest key and the next two",
      "同一查询在该层每个头中的关注：最强的键以及其后两个"}},
};

constexpr Entry kMore[] = {
    {{"Head", "头"},
     {"The chosen head in words, and every measure of it: the dot shows where it stands among all "
      "heads. Press a measure for its sentence, formula and source",
      "用文字说明所选的头，并列出其各项度量：圆点表示它在所有头中的位置。点按度量可看说明、公式与来"
      "源"}},
    {{"List", "列表"},
     {"Heads in the order of a measure. The filter takes conditions joined by blanks: induction > "
      "0.5 L5 H0-3",
      "按度量排序的头。筛选条件以空格相连：induction > 0.5 L5 H0-3"}},
    {{"Lines", "连线"},
     {"Queries on the left, keys on the right; the stronger the line, the larger the weight",
      "左为查询，右为键；线越深权重越大"}},
    {{"Neuron", "神经元"},
     {"How each score comes about: q, k and their products, dimension by dimension",
      "每个得分如何产生：逐维的 q、k 及其乘积"}},
    {{"Scatter", "散点"},
     {"Two measures against each other, a dot a head", "两个度量相对，每个头一点"}},
};

constexpr Entry kKeys[] = {
    {{"← → ↑ ↓", "← → ↑ ↓"}, {"Move the chosen cell", "移动所选单元格"}},
    {{"[  ]   or  ,  .", "[  ]   或  ,  ."}, {"Previous, next head", "上一个、下一个头"}},
    {{"{  }   or  PgUp PgDn", "{  }   或  PgUp PgDn"}, {"Previous, next layer", "上一层、下一层"}},
    {{"+  −  F", "+  −  F"}, {"Zoom in, zoom out, show all", "放大、缩小、显示全部"}},
    {{"Drag, wheel", "拖动、滚轮"}, {"Pan the map, zoom at the mouse", "平移大图，在光标处缩放"}},
    {{"1 2 3 4 5", "1 2 3 4 5"},
     {"Map, lines, neuron, scatter, lens", "大图、连线、神经元、散点、透镜"}},
    {{"Shift+drag, Shift+arrows", "Shift+拖动、Shift+方向键"},
     {"A rectangle on the map: its mass, entropy, distance", "在大图上框选：其质量、熵与距离"}},
    {{"W  S", "W  S"},
     {"Tokens, words, sentences, spans; special tokens shown or hidden",
      "词元、词、句子、片段；显示或隐藏特殊词元"}},
    {{"Shift+click a token", "Shift+单击词元"},
     {"Marks the span from the chosen token to it", "标记从所选词元到它的片段"}},
    {{"Click, Esc", "单击、Esc"}, {"Lock a cell, unlock it", "锁定单元格，取消锁定"}},
    {{"/", "/"}, {"Go to the text", "跳到文本框"}},
    {{"Tab, Enter, ← →", "Tab、Enter、← →"},
     {"Through the controls, press one, move a slider", "在控件间切换、按下、移动滑块"}},
    {{"Ctrl+Z  Ctrl+Shift+Z", "Ctrl+Z  Ctrl+Shift+Z"}, {"Undo, redo", "撤销、重做"}},
    {{"R", "R"}, {"Try a failed download again", "重试失败的下载"}},
    {{"T  L  ?", "T  L  ?"}, {"Theme, language, this help", "主题、语言、本帮助"}},
};

// The glossary, then every measure; scrolls to the word that the help was opened for.
void draw_words(Frame& f, float name_width) {
  const auto entry = [&](const char* name, const char* says, bool wanted) {
    if (wanted && f.ui.help_scrolls > 0) ImGui::SetScrollHereY(.3f);
    ImGui::PushStyleColor(ImGuiCol_Text, rgb(wanted ? f.colors().warn : f.colors().accent));
    ImGui::PushTextWrapPos(name_width);
    ImGui::TextUnformatted(name);
    ImGui::PopTextWrapPos();
    ImGui::PopStyleColor();
    ImGui::SameLine(name_width + 12);
    wrapped(says);
    ImGui::Dummy({0, 0});
  };
  for (const Word& word : glossary()) {
    const bool wanted = f.ui.help_word == &word;
    entry(word.name.in(f.lang), word.says.in(f.lang), wanted);
  }
  if (f.ui.help_scrolls > 0) --f.ui.help_scrolls;
  for (const Metric& m : metrics()) entry(m.title.in(f.lang), m.sentence.in(f.lang), false);
}

void draw_entries(const Frame& f, std::span<const Entry> entries, float name_width) {
  for (const Entry& entry : entries) {
    ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
    ImGui::PushTextWrapPos(name_width);
    ImGui::TextUnformatted(entry.name.in(f.lang));
    ImGui::PopTextWrapPos();
    ImGui::PopStyleColor();
    ImGui::SameLine(name_width + 12);
    wrapped(entry.says.in(f.lang));
    ImGui::Dummy({0, 0});
  }
}

}  // namespace

void draw_help(Frame& f) {
  const char* id = "help";
  if (f.ui.help_open && !ImGui::IsPopupOpen(id)) {
    ImGui::OpenPopup(id);
    f.ui.help_scrolls = f.ui.help_word ? 4 : 0;
  }
  const ImVec2 window = ImGui::GetMainViewport()->Size;
  const float width = std::min(640.f, window.x - 24);
  ImGui::SetNextWindowPos({window.x / 2, window.y / 2}, ImGuiCond_Always, {.5f, .5f});
  ImGui::SetNextWindowSizeConstraints({width, 0}, {width, window.y - 24});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {20, 16});
  const bool open =
      ImGui::BeginPopupModal(id, nullptr,
                             ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_AlwaysAutoResize |
                                 ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings);
  ImGui::PopStyleVar();
  if (!open) {
    f.ui.help_open = false;
    return;
  }
  ImGui::PushFont(nullptr, 19);
  ImGui::TextUnformatted("attnscope");
  ImGui::PopFont();
  ImGui::SameLine(ImGui::GetWindowWidth() - 20 - ImGui::GetFrameHeight());
  bool close = icon_button(f, "close_help", Icon::close, f.t("Close (Esc)", "关闭 (Esc)"));
  wrapped(
      f.t("Every attention head of a transformer, live, on your own machine: what you type and the "
          "models you open never leave it",
          "在您自己的机器上实时查看 Transformer "
          "的每一个注意力头：您输入的文本和打开的模型都不会离开本机"));
  const float names = std::min(200.f, width * .36f);
  ImGui::Spacing();
  heading(f, f.t("Panels", "面板"));
  draw_entries(f, kPanels, names);
  draw_entries(f, kMore, names);
  ImGui::Spacing();
  heading(f, f.t("Keys", "按键"));
  draw_entries(f, kKeys, names);
  ImGui::Spacing();
  heading(f, f.t("Words", "术语"));
  draw_words(f, names);
  ImGui::Spacing();
  heading(f, std::string("attnscope " ATTNSCOPE_VERSION " · ") +
                 (platform::has_threads() ? f.t("several threads", "多线程")
                                          : f.t("one thread", "单线程")));
  if (ImGui::IsKeyPressed(ImGuiKey_Escape, false) ||
      (ImGui::IsMouseClicked(0) && !ImGui::IsWindowHovered(ImGuiHoveredFlags_ChildWindows) &&
       !ImGui::IsWindowAppearing()))
    close = true;
  if (close) {
    f.ui.help_open = false;
    f.ui.help_word = nullptr;
    ImGui::CloseCurrentPopup();
  }
  ImGui::EndPopup();
}

}  // namespace attn
