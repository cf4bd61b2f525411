// help.cpp - the dialog with the keys and what each panel shows.
#include <algorithm>

#include "platform/platform.h"
#include "ui/action_table.h"
#include "ui/widgets.h"

namespace attn {
namespace {

struct Entry {
  Text name, says;
};

constexpr Entry kPanels[] = {
    {{"Big map", "热力图"},
     {"The attention of one head. Each row is a query, each column a key; the colour is the weight "
      "after the softmax, so every row sums to 1 (with a learned sink, to less). Striped cells are "
      "masked",
      "一个头的注意力。每行是一个查询，每列是一个键；颜色表示 softmax 之后的权重，因此每行之和为 "
      "1（有可学习的汇聚项时小于 1）。"
      "带条纹的单元格已被掩码"}},
    {{"All heads", "所有头"},
     {"The maps of all heads of all layers. Zooming in on one opens it as the map; zooming out of "
      "the whole map leads back. The menu writes a measure into each map, and the filter of the "
      "list dims the others",
      "所有层、所有头的热力图。放大到只剩一个头时会打开它的热力图，从整张热力图继续缩小则返回。"
      "菜单可在每张图上标出某个度量，列表的筛选条件会使其他头变暗"}},
    {{"Grid", "网格"},
     {"A small map of every head: one row per layer, one column per head",
      "每个头一张小图：每行是一层，每列是一个头"}},
    {{"Token strip", "词元条"},
     {"The tokens as the model sees them. The outlined token is the query; the stronger the tint "
      "of another token, the more the query attends to it",
      "模型看到的词元。带边框的是查询；某个词元的底色越深，查询对它的关注越多"}},
    {{"Row", "权重行"},
     {"The weights of the chosen query, with a check that they sum to 1",
      "所选查询的各个权重，并检查其和是否为 1"}},
    {{"Compare", "对比"},
     {"What the same query attends to in every head of the layer: its three strongest keys",
      "同一查询在该层每个头中最关注的三个键"}},
};

constexpr Entry kMore[] = {
    {{"Head", "头"},
     {"What the chosen head does, and all its measures; the dot marks its rank among all heads. "
      "Click a measure for its description, formula and source",
      "说明所选的头有什么作用，并列出其各项度量；圆点表示它在所有头中的位置。"
      "单击度量可查看说明、公式与来源"}},
    {{"List", "列表"},
     {"All heads, sorted by a measure. The filter takes conditions separated by spaces: induction "
      "> 0.5 L5 H0-3. The beginning of a measure's name is enough, and the list then shows that "
      "measure",
      "按某个度量排序的所有头。筛选条件以空格分隔：induction > 0.5 L5 H0-3。"
      "度量只需写出名称的开头，列表随即显示该度量"}},
    {{"Learn", "学习"},
     {"The tutorial in eight chapters with the numbers on screen, and lessons with questions and "
      "answers. A lesson is a JSON file; drop your own onto the page",
      "用屏幕上的数讲解的八章教程，以及带问题与答案的课程。课程是 JSON "
      "文件，可以拖放自己的到页面"}},
    {{"Lines", "连线"},
     {"Queries on the left, keys on the right; the stronger the line, the larger the weight",
      "左侧为查询，右侧为键；线越深，权重越大"}},
    {{"Neuron", "神经元"},
     {"How each score is computed: q, k and their products, dimension by dimension",
      "每个分数如何计算：逐维展示 q、k 及其乘积"}},
    {{"Scatter", "散点"},
     {"Two measures plotted against each other, one dot per head",
      "两个度量的散点图，每点代表一个头"}},
};

// The glossary, then every measure; scrolls to the word the help was opened for.
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

void draw_entry(const Frame& f, const Text& name, const Text& says, float name_width) {
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
  ImGui::PushTextWrapPos(name_width);
  ImGui::TextUnformatted(name.in(f.lang));
  ImGui::PopTextWrapPos();
  ImGui::PopStyleColor();
  ImGui::SameLine(name_width + 12);
  wrapped(says.in(f.lang));
  ImGui::Dummy({0, 0});
}

void draw_entries(const Frame& f, std::span<const Entry> entries, float name_width) {
  for (const Entry& entry : entries) draw_entry(f, entry.name, entry.says, name_width);
}

void draw_keys(const Frame& f, float name_width) {
  for (const Action& action : actions())
    if (*action.keys.en) draw_entry(f, action.keys, action.title, name_width);
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
      f.t("Every attention head of a transformer, live, on your own machine: the text you type and "
          "the models you open never leave it",
          "在你自己的电脑上实时查看 Transformer 的每一个注意力头：输入的文本和打开的模型都不会离开"
          "这台电脑"));
  const float names = std::min(200.f, width * .36f);
  ImGui::Spacing();
  heading(f, f.t("Panels", "面板"));
  draw_entries(f, kPanels, names);
  draw_entries(f, kMore, names);
  ImGui::Spacing();
  heading(f, f.t("Keys", "按键"));
  draw_keys(f, names);
  ImGui::Spacing();
  heading(f, f.t("Glossary", "术语"));
  draw_words(f, names);
  ImGui::Spacing();
  heading(f, std::string("attnscope " ATTNSCOPE_VERSION " · ") +
                 (platform::has_threads() ? f.t("multithreaded", "多线程")
                                          : f.t("single-threaded", "单线程")));
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
