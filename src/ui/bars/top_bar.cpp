// top_bar.cpp - name, model, history, link, theme, language, help.
#include <algorithm>

#include "platform/platform.h"
#include "ui/action_table.h"
#include "ui/widgets.h"

namespace attn {
namespace {

const ModelEntry* chosen_model(const Frame& f) {
  for (const ModelEntry& entry : f.session.models())
    if (entry.id == f.state.model) return &entry;
  return nullptr;
}

void draw_model_menu(Frame& f, float width) {
  const ModelEntry* chosen = chosen_model(f);
  const std::string title = chosen ? chosen->title(f.lang) : f.state.model;
  ImGui::SetNextItemWidth(width);
  ImGui::SetNextWindowSizeConstraints({width, 0}, {std::max(width, 380.f), 520});
  const bool open = ImGui::BeginCombo("##model", fit_text(title, width - 46).c_str(),
                                      ImGuiComboFlags_HeightLargest);
  f.mark("model");
  if (!open) {
    item_tooltip(title);
    return;
  }
  for (const ModelEntry& entry : f.session.models()) {
    ImGui::PushID(entry.id.c_str());
    const std::string& about = f.lang == Lang::zh ? entry.about_zh : entry.about_en;
    if (ImGui::Selectable(entry.title(f.lang).c_str(), entry.id == f.state.model))
      choose_model(f, entry.id);
    f.mark("model." + entry.id);
    if (!about.empty()) item_tooltip(about);
    ImGui::PopID();
  }
  ImGui::Separator();
  if (ImGui::Selectable(f.t("Open files…", "打开文件…"))) pick_model(f, false);
  f.mark("open_files");
  if (ImGui::Selectable(f.t("Open folder…", "打开文件夹…"))) pick_model(f, true);
  f.mark("open_folder");
  heading(f, f.t("or drop them anywhere on this page", "或拖放到页面任意位置"));
  ImGui::EndCombo();
}

void draw_theme_button(Frame& f) {
  if (icon_button(f, "theme", f.ui.dark ? Icon::moon : Icon::sun, f.t("Theme (T)", "主题 (T)")))
    ImGui::OpenPopup("theme");
  if (!ImGui::BeginPopup("theme")) return;
  for (size_t i = 0; i < std::size(kThemeTitles); ++i) {
    if (ImGui::Selectable(kThemeTitles[i].in(f.lang), size_t(f.state.theme) == i))
      set_theme(f, Theme(i));
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
  const float language_width = text_width("中文") + 20;
  const float buttons = 5 * height + language_width + 5 * gap;
  const float room = ImGui::GetContentRegionAvail().x - buttons - 12;
  draw_model_menu(f, std::clamp(room, 90.f, narrow ? 999.f : 420.f));

  ImGui::SameLine();
  ImGui::SetCursorScreenPos({right - buttons, ImGui::GetCursorScreenPos().y});
  if (icon_button(f, "undo", Icon::undo, action_help(f, "undo"), f.history.can_undo())) go_back(f);
  ImGui::SameLine();
  if (icon_button(f, "redo", Icon::redo, action_help(f, "redo"), f.history.can_redo()))
    go_forward(f);
  ImGui::SameLine();
  if (icon_button(f, "link", Icon::link, action_help(f, "copy_link"))) copy_link(f);
  ImGui::SameLine();
  draw_theme_button(f);
  ImGui::SameLine();
  if (ImGui::Button(f.lang == Lang::zh ? "EN##language" : "中文##language",
                    {language_width, height}))
    set_language(f, f.lang == Lang::zh ? Lang::en : Lang::zh);
  f.mark("button.language");
  ImGui::SameLine();
  if (icon_button(f, "help", Icon::help, action_help(f, "help"))) f.ui.help_open = true;
  ImGui::EndGroup();
  ImGui::PopStyleVar();
}

}  // namespace attn
