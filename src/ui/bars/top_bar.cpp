// top_bar.cpp - name, model, history, link, theme, language, help.
#include <algorithm>

#include "platform/platform.h"
#include "ui/action_table.h"
#include "ui/widgets.h"

namespace attn {
namespace {

const char* drop_words(const Frame& f) {
  return f.t("or drop them anywhere on this page", "或拖放到页面任意位置");
}

void draw_open_rows(Frame& f, const std::string& place) {
  if (menu_entry(f, f.t("Open files…", "打开文件…"))) pick_model(f, false);
  f.mark(place + "open_files");
  item_tooltip(f.t("model.safetensors with config.json and the tokenizer, or one GGUF file, …",
                   "model.safetensors 及 config.json、分词器文件，或单个 GGUF 文件等"));
  if (menu_entry(f, f.t("Open folder…", "打开文件夹…"))) pick_model(f, true);
  f.mark(place + "open_folder");
  item_tooltip(f.t("The folder that a model was downloaded to", "下载的模型所在的文件夹"));
  heading(f, drop_words(f));
}

// Other models that are in memory, each to be let go of.
void draw_held_rows(Frame& f) {
  bool any = false;
  for (const auto& [id, bytes] : f.session.held()) {
    const auto entry = std::ranges::find(f.session.models(), id, &ModelEntry::id);
    if (id == f.state.model || entry == f.session.models().end()) continue;
    if (!any) ImGui::Separator();
    any = true;
    const std::string row = f.t("Free the memory of ", "释放内存：") + entry->title(f.lang) +
                            " · " + human_bytes(bytes) + "##free" + id;
    if (menu_entry(f, row.c_str())) {
      f.session.let_go(std::string(id));
      f.mark("free." + id);
      return;
    }
    f.mark("free." + id);
    item_tooltip(entry->folder.empty()
                     ? f.t("To see it again, drop its files again", "再次查看时需重新拖入其文件")
                     : f.t("It is fetched again when you choose it", "再次选择时会重新获取"));
  }
}

void draw_model_menu(Frame& f, float width) {
  const ModelEntry* chosen = chosen_model(f);
  const std::string title = chosen ? chosen->title(f.lang) : f.state.model;
  ImGui::SetNextItemWidth(width);
  ImGui::SetNextWindowSizeConstraints({width, 0}, {std::max(width, 380.f), 520});
  const bool open = ImGui::BeginCombo("##model", fit_preview(title, width).c_str(),
                                      ImGuiComboFlags_HeightLargest);
  f.mark("model");
  item_says(f, Control::menu, f.t("Model", "模型"), title);
  if (!open) {
    item_tooltip(title);
    return;
  }
  for (const ModelEntry& entry : f.session.models()) {
    ImGui::PushID(entry.id.c_str());
    const std::string& about = f.lang == Lang::zh ? entry.about_zh : entry.about_en;
    if (menu_entry(f, entry.title(f.lang).c_str(), entry.id == f.state.model))
      choose_model(f, entry.id);
    f.mark("model." + entry.id);
    if (!about.empty()) item_tooltip(about);
    ImGui::PopID();
  }
  draw_held_rows(f);
  ImGui::Separator();
  draw_open_rows(f, "");
  ImGui::EndCombo();
}

// An icon, or where there is room a button with a text.
bool top_button(Frame& f, const char* name, Icon icon, const std::string& text,
                const std::string& help, float width) {
  if (text.empty()) return icon_button(f, name, icon, help);
  const bool pressed = ImGui::Button((text + "##" + name).c_str(), {width, 0});
  f.mark(std::string("button.") + name);
  item_tooltip(help);
  return pressed;
}

void draw_open_button(Frame& f, const std::string& text, float width) {
  if (top_button(f, "open", Icon::folder, text,
                 f.t("Open a model: its files or folder", "打开模型：文件或文件夹"), width))
    ImGui::OpenPopup("open");
  ImGui::SetNextWindowSizeConstraints({text_width(drop_words(f)) + 24, 0}, {999, 999});
  if (!ImGui::BeginPopup("open")) return;
  draw_open_rows(f, "open.");
  ImGui::EndPopup();
}

void draw_theme_button(Frame& f) {
  if (icon_button(f, "theme", f.ui.dark ? Icon::moon : Icon::sun, f.t("Theme (T)", "主题 (T)")))
    ImGui::OpenPopup("theme");
  if (!ImGui::BeginPopup("theme")) return;
  for (size_t i = 0; i < std::size(kThemeTitles); ++i) {
    if (menu_entry(f, kThemeTitles[i].in(f.lang), size_t(f.state.theme) == i))
      set_theme(f, Theme(i));
    if (Theme(i) == Theme::system)
      item_tooltip(f.t("As the browser or the desktop has it", "与浏览器或系统一致"));
    f.mark("theme." + std::to_string(i));
  }
  ImGui::EndPopup();
}

}  // namespace

void draw_top_bar(Frame& f) {
  const float height = ImGui::GetFrameHeight(), gap = 6;
  const float width = ImGui::GetContentRegionAvail().x;
  const bool narrow = width < 620;
  const float right = ImGui::GetCursorScreenPos().x + width;
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {gap, 8});
  ImGui::BeginGroup();
  if (width >= 480) {
    ImGui::PushFont(nullptr, 19);
    ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
    ImGui::AlignTextToFramePadding();
    const float top = ImGui::GetCursorPosY();
    ImGui::SetCursorPosY(top - 2);
    ImGui::TextUnformatted("attnscope");
    ImGui::PopStyleColor();
    ImGui::PopFont();
    ImGui::SameLine(0, 16);
    ImGui::SetCursorPosY(top);
  }
  const bool wide = width >= 900, tiny = width < 480;  // in a tiny window, some are in the search
  const std::string open = wide ? f.t("Open…", "打开…") : "";
  const std::string search = wide ? f.t("Search…  Ctrl+K", "搜索…  Ctrl+K") : "";
  const float open_width = wide ? text_width(open) + 24 : height,
              search_width = wide ? text_width(search) + 24 : height;
  const float language_width = text_width("中文") + 20;
  const int n_icons = tiny ? 3 : 5;
  const float buttons =
      float(n_icons) * (height + gap) + language_width + open_width + search_width + 2 * gap;
  const float left = ImGui::GetContentRegionAvail().x, room = left - buttons - 12;
  const bool two_rows = room < 90;
  draw_model_menu(f, two_rows ? left : std::min(room, narrow ? 999.f : 420.f));

  if (!two_rows) ImGui::SameLine();
  ImGui::SetCursorScreenPos({right - buttons, ImGui::GetCursorScreenPos().y});
  draw_open_button(f, open, open_width);
  ImGui::SameLine();
  if (top_button(f, "search", Icon::search, search, action_help(f, "search"), search_width))
    run_action(f, *find_action("search"));
  ImGui::SameLine();
  if (icon_button(f, "undo", Icon::undo, action_help(f, "undo"), f.history.can_undo())) go_back(f);
  ImGui::SameLine();
  if (!tiny) {
    if (icon_button(f, "redo", Icon::redo, action_help(f, "redo"), f.history.can_redo()))
      go_forward(f);
    ImGui::SameLine();
    if (icon_button(f, "link", Icon::link, action_help(f, "copy_link"))) copy_link(f);
    ImGui::SameLine();
  }
  draw_theme_button(f);
  ImGui::SameLine();
  if (ImGui::Button(f.lang == Lang::zh ? "EN##language" : "中文##language",
                    {language_width, height}))
    set_language(f, f.lang == Lang::zh ? Lang::en : Lang::zh);
  f.mark("button.language");
  item_tooltip(action_help(f, "language"));
  ImGui::SameLine();
  if (icon_button(f, "help", Icon::help, action_help(f, "help"))) f.ui.help_open = true;
  ImGui::EndGroup();
  ImGui::PopStyleVar();
}

}  // namespace attn
