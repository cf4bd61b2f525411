// action_table.cpp - the table of actions.
#include "ui/action_table.h"

#include <iterator>

#include "figure/views.h"
#include "platform/platform.h"

namespace attn {
namespace {

bool in_view(const Frame& f, std::string_view view) { return middle_view(f.state).id == view; }
bool has_trace(const Frame& f) { return f.trace; }
bool learns(const Frame& f) { return f.state.panel == Panel::learn; }
bool in_chain(const Frame& f) { return f.trace && in_view(f, "chain"); }

bool has_target(const Frame& f) {
  const Metric* metric = middle_view(f.state).metric(f.shown);
  return f.trace && f.snap.model && metric && (metric->reads & reads_target);
}

void zoom(Frame& f, float factor) {
  if (in_view(f, "wall")) return zoom_wall(f, factor);
  zoom_map(f, factor, zoom_center(f));
}

constexpr Text same(const char* keys) { return {keys, keys}; }

}  // namespace

// In the order of the help.
std::span<const Action> actions() {
  static constexpr Action kActions[] = {
      {
          .id = "search",
          .title = {"Search actions, views, measures, models…", "搜索操作、视图、度量、模型…"},
          .keys = same("Ctrl+K"),
          .chords = {{ImGuiKey_K, Chord::command}},
          .run = [](Frame& f) { f.ui.palette_open = true; },
          .in_text = true,
      },
      {
          .id = "move_cell",
          .title = {"Move the chosen cell", "移动所选单元格"},
          .keys = same("← → ↑ ↓"),
      },
      {
          .id = "previous_head",
          .title = {"Previous head", "上一个头"},
          .keys = same("[  ,"),
          .chords = {{ImGuiKey_LeftBracket, Chord::none}, {ImGuiKey_Comma}},
          .run = [](Frame& f) { step_head(f, -1); },
          .can = has_trace,
          .repeats = true,
      },
      {
          .id = "next_head",
          .title = {"Next head", "下一个头"},
          .keys = same("]  ."),
          .chords = {{ImGuiKey_RightBracket, Chord::none}, {ImGuiKey_Period}},
          .run = [](Frame& f) { step_head(f, 1); },
          .can = has_trace,
          .repeats = true,
      },
      {
          .id = "previous_layer",
          .title = {"Previous layer", "上一层"},
          .keys = same("{  PageUp"),
          .chords = {{ImGuiKey_LeftBracket, Chord::shift}, {ImGuiKey_PageUp}},
          .run = [](Frame& f) { step_layer(f, -1); },
          .can = has_trace,
          .repeats = true,
      },
      {
          .id = "next_layer",
          .title = {"Next layer", "下一层"},
          .keys = same("}  PageDown"),
          .chords = {{ImGuiKey_RightBracket, Chord::shift}, {ImGuiKey_PageDown}},
          .run = [](Frame& f) { step_layer(f, 1); },
          .can = has_trace,
          .repeats = true,
      },
      {
          .id = "next_part",
          .title = {"Encoder, decoder, cross-attention, pooling: the next of these",
                    "编码器、解码器、交叉注意力、池化：切换到下一个"},
          .keys = same("P"),
          .chords = {{ImGuiKey_P, Chord::none}},
          .run = [](Frame& f) { choose_part(f, (f.shown.part + 1) % int(f.trace->parts.size())); },
          .can = [](const Frame& f) { return f.trace && f.trace->parts.size() > 1; },
      },
      {
          .id = "zoom_in",
          .title = {"Zoom in", "放大"},
          .keys = same("+"),
          .chords = {{ImGuiKey_Equal}, {ImGuiKey_KeypadAdd}},
          .run = [](Frame& f) { zoom(f, 1.25f); },
          .can = has_trace,
          .repeats = true,
      },
      {
          .id = "zoom_out",
          .title = {"Zoom out", "缩小"},
          .keys = {"−", "−"},
          .chords = {{ImGuiKey_Minus}, {ImGuiKey_KeypadSubtract}},
          .run = [](Frame& f) { zoom(f, .8f); },
          .can = has_trace,
          .repeats = true,
      },
      {
          .id = "fit",
          .title = {"Show all of the map", "显示整张热力图"},
          .keys = same("F"),
          .chords = {{ImGuiKey_F}},
          .run = fit_map,
          .can = has_trace,
      },
      {
          .id = "pan",
          .title = {"Pan the map, zoom at the pointer", "平移热力图，以指针为中心缩放"},
          .keys = {"Drag, wheel", "拖动、滚轮"},
      },
      {
          .id = "views",
          .title = {"The views, in the order of their tabs", "按标签顺序切换视图"},
          .keys = same("1 … 9"),
      },
      {
          .id = "open_map",
          .title = {"With all heads in view: open the map of the chosen one",
                    "在“所有头”中：打开所选头的热力图"},
          .keys = {"Enter", "回车"},
          .chords = {{ImGuiKey_Enter}},
          .run = open_map,
          .can = [](const Frame& f) { return f.trace && in_view(f, "wall"); },
      },
      {
          .id = "next_stage",
          .title = {"Next step of the chain", "推导的下一步"},
          .keys = same("N"),
          .chords = {{ImGuiKey_N, Chord::none}},
          .run = [](Frame& f) { step_chain(f, 1); },
          .can = in_chain,
          .repeats = true,
      },
      {
          .id = "previous_stage",
          .title = {"Previous step of the chain", "推导的上一步"},
          .keys = same("Shift+N"),
          .chords = {{ImGuiKey_N, Chord::shift}},
          .run = [](Frame& f) { step_chain(f, -1); },
          .can = in_chain,
          .repeats = true,
      },
      {
          .id = "rectangle",
          .title = {"Select a rectangle of the map: its weight, entropy, distance",
                    "在热力图上框选矩形：其权重之和、熵与距离"},
          .keys = {"Shift+drag, Shift+arrows", "Shift+拖动、Shift+方向键"},
      },
      {
          .id = "units",
          .title = {"Switch between tokens, words, sentences and spans",
                    "切换词元、词、句子、片段"},
          .keys = same("W"),
          .chords = {{ImGuiKey_W}},
          .run =
              [](Frame& f) {
                f.state.units = Units((int(f.state.units) + 1) % int(std::size(kUnitNames)));
              },
      },
      {
          .id = "specials",
          .title = {"Show or hide special tokens", "显示或隐藏特殊词元"},
          .keys = same("S"),
          .chords = {{ImGuiKey_S}},
          .run =
              [](Frame& f) {
                const bool shown = f.state.specials == Specials::shown;
                f.state.specials = shown ? Specials::hidden : Specials::shown;
              },
      },
      {
          .id = "span",
          .title = {"Mark the span from the chosen token to this one",
                    "标记从所选词元到此词元的片段"},
          .keys = {"Shift+click a token", "Shift+单击词元"},
      },
      {
          .id = "lock",
          .title = {"Lock a cell", "锁定单元格"},
          .keys = {"Click", "单击"},
      },
      {
          .id = "unlock",
          .title = {"Unlock the cell, remove the rectangle", "取消锁定单元格，移除矩形"},
          .keys = same("Esc"),
          .chords = {{ImGuiKey_Escape}},
          .run =
              [](Frame& f) {
                f.state.locked_key = -1;
                f.state.rectangle.clear();
              },
          .can =
              [](const Frame& f) { return f.state.locked_key >= 0 || !f.state.rectangle.empty(); },
      },
      {
          .id = "learn",
          .title = {"Open or close the tutorial and lessons", "打开或关闭教程与课程"},
          .keys = same("G"),
          .chords = {{ImGuiKey_G}},
          .run = [](Frame& f) { f.state.panel = learns(f) ? Panel::token : Panel::learn; },
      },
      {
          .id = "next_page",
          .title = {"Next page of the tutorial", "教程的下一页"},
          .keys = same("J"),
          .chords = {{ImGuiKey_J}},
          .run = [](Frame& f) { step_place(f, 1); },
          .can = learns,
          .repeats = true,
      },
      {
          .id = "previous_page",
          .title = {"Previous page of the tutorial", "教程的上一页"},
          .keys = same("K"),
          .chords = {{ImGuiKey_K}},
          .run = [](Frame& f) { step_place(f, -1); },
          .can = learns,
          .repeats = true,
      },
      {
          .id = "prompt",
          .title = {"Go to the text box", "跳到文本框"},
          .keys = same("/"),
          .chords = {{ImGuiKey_Slash, Chord::none}},
          .run = [](Frame&) { platform::focus_prompt(); },
      },
      {
          .id = "find",
          .title = {"Find in the text, or go to a position", "在文本中查找，或跳到某个位置"},
          .keys = same("Ctrl+F"),
          .chords = {{ImGuiKey_F, Chord::command}},
          .run = open_find,
          .can = has_trace,
          .in_text = true,
      },
      {
          .id = "controls",
          .title = {"Next control, press it, move a slider", "切换控件、按下、移动滑块"},
          .keys = {"Tab, Enter, ← →", "Tab、回车、← →"},
      },
      {
          .id = "text_version",
          .title = {"Go to the text version of the screen, for screen readers",
                    "进入画面的文字版（供屏幕阅读器使用）"},
          .keys = {"Esc, then Tab", "Esc 之后按 Tab"},
      },
      {
          .id = "undo",
          .title = {"Undo", "撤销"},
          .keys = same("Ctrl+Z"),
          .chords = {{ImGuiKey_Z, Chord::command}},
          .run = go_back,
          .can = [](const Frame& f) { return f.history.can_undo(); },
          .repeats = true,
      },
      {
          .id = "redo",
          .title = {"Redo", "重做"},
          .keys = same("Ctrl+Shift+Z  Ctrl+Y"),
          .chords = {{ImGuiKey_Z, Chord::command_shift}, {ImGuiKey_Y, Chord::command}},
          .run = go_forward,
          .can = [](const Frame& f) { return f.history.can_redo(); },
          .repeats = true,
      },
      {
          .id = "target",
          .title = {"Choose the target token…", "选择目标词元…"},
          .run = [](Frame& f) { f.ui.opens_target = true; },
          .can = has_target,
      },
      {
          .id = "copy_link",
          .title = {"Copy a link to this view", "复制当前视图的链接"},
          .run = copy_link,
      },
      {
          .id = "open_files",
          .title = {"Open the files of a model…", "打开模型文件…"},
          .run = [](Frame& f) { pick_model(f, false); },
      },
      {
          .id = "open_folder",
          .title = {"Open the folder of a model…", "打开模型文件夹…"},
          .run = [](Frame& f) { pick_model(f, true); },
      },
      {
          .id = "retry",
          .title = {"Retry the failed download", "重试失败的下载"},
          .keys = same("R"),
          .chords = {{ImGuiKey_R}},
          .run = retry,
          .can = can_retry,
      },
      {
          .id = "theme",
          .title = {"Switch between the light and the dark theme", "切换浅色与深色主题"},
          .keys = same("T"),
          .chords = {{ImGuiKey_T}},
          .run = [](Frame& f) { set_theme(f, f.ui.dark ? Theme::light : Theme::dark); },
      },
      {
          .id = "language",
          .title = {"Switch the language: 中文", "切换语言：English"},
          .keys = same("L"),
          .chords = {{ImGuiKey_L}},
          .run = [](Frame& f) { set_language(f, f.lang == Lang::zh ? Lang::en : Lang::zh); },
      },
      {
          .id = "help",
          .title = {"Help: panels, keys, glossary", "帮助：面板、按键、术语"},
          .keys = same("?"),
          .chords = {{ImGuiKey_Slash, Chord::shift}},
          .run = [](Frame& f) { f.ui.help_open = true; },
      },
  };
  return kActions;
}

const Action* find_action(std::string_view id) {
  for (const Action& action : actions())
    if (action.id == id) return &action;
  return nullptr;
}

bool can_run(const Frame& f, const Action& action) {
  return action.run && (!action.can || action.can(f));
}

void run_action(Frame& f, const Action& action) {
  f.ui.last_action = action.id;
  action.run(f);
}

std::string action_help(const Frame& f, std::string_view id) {
  const Action& action = *find_action(id);
  const std::string_view keys = action.keys.in(f.lang);
  const std::string first(keys.substr(0, keys.find("  ")));
  const std::string title = action.title.in(f.lang);
  return first.empty() ? title : title + f.t(" (", "（") + first + f.t(")", "）");
}

}  // namespace attn
