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

constexpr Entry kKeys[] = {
    {{"← → ↑ ↓", "← → ↑ ↓"}, {"Move the chosen cell", "移动所选单元格"}},
    {{"[  ]   or  ,  .", "[  ]   或  ,  ."}, {"Previous, next head", "上一个、下一个头"}},
    {{"{  }   or  PgUp PgDn", "{  }   或  PgUp PgDn"}, {"Previous, next layer", "上一层、下一层"}},
    {{"+  −  F", "+  −  F"}, {"Zoom in, zoom out, show all", "放大、缩小、显示全部"}},
    {{"Drag, wheel", "拖动、滚轮"}, {"Pan the map, zoom at the mouse", "平移大图，在光标处缩放"}},
    {{"Click, Esc", "单击、Esc"}, {"Lock a cell, unlock it", "锁定单元格，取消锁定"}},
    {{"/", "/"}, {"Go to the text", "跳到文本框"}},
    {{"Tab, Enter, ← →", "Tab、Enter、← →"},
     {"Through the controls, press one, move a slider", "在控件间切换、按下、移动滑块"}},
    {{"Ctrl+Z  Ctrl+Shift+Z", "Ctrl+Z  Ctrl+Shift+Z"}, {"Undo, redo", "撤销、重做"}},
    {{"T  L  ?", "T  L  ?"}, {"Theme, language, this help", "主题、语言、本帮助"}},
};

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
  if (f.ui.help_open && !ImGui::IsPopupOpen(id)) ImGui::OpenPopup(id);
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
  ImGui::Spacing();
  heading(f, f.t("Keys", "按键"));
  draw_entries(f, kKeys, names);
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
    ImGui::CloseCurrentPopup();
  }
  ImGui::EndPopup();
}

}  // namespace attn
