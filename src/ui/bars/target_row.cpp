// target_row.cpp - menus of the token to measure and of the token to compare it with.
#include <imgui_internal.h>

#include <algorithm>

#include "analysis/target.h"
#include "figure/figure_text.h"
#include "figure/heads_table.h"
#include "model/label_head.h"
#include "platform/platform.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr int kMost = 40;  // tokens listed

// The model's own predictions after the chosen token, with their probabilities.
std::vector<Peak> own_guesses(const Frame& f) {
  const auto made = f.snap.measure(next_measure(), f.shown);
  if (!made || made->error) return {};
  return top_keys(made->measure.values, 10);
}

bool has_labels(const Frame& f) { return !f.snap.model->config.labels.names.empty(); }

std::string chance_text(const Model& model, float value) {
  return model.config.labels.scale == LabelScale::plain ? value_text(next_measure(), value)
                                                        : percent_text(value, 1);
}

const std::vector<int>& choices(Frame& f, const std::string& text) {
  TokenChoices& c = f.ui.target_choices;
  if (c.text == text && c.model.lock() == f.snap.model) return c.tokens;
  c = {f.snap.model, text, outputs_beginning(*f.snap.model, text, kMost)};
  return c.tokens;
}

void draw_box(Frame& f, float width) {
  const ImVec2 at = ImGui::GetCursorScreenPos(),
               end = {at.x + width, at.y + ImGui::GetFrameHeight()};
  if (platform::prompt_box(
          "target", f.ui.target_draft, {at.x, at.y}, {end.x, end.y},
          has_labels(f) ? f.t("Find a label", "查找标签") : f.t("Find a token", "查找词元"),
          f.ui.dark, true))
    ImGui::SetNavCursorVisible(true);  // Enter chooses the first
  if (ImGui::IsWindowAppearing()) platform::focus_prompt("target");
  ImGui::SetCursorScreenPos(at);
  ImGui::Dummy({width, end.y - at.y});
  f.mark({"target_text", {at.x, at.y}, {end.x, end.y}, false, {}, {}});
}

// One line of the list: the token, and its probability or id at the right.
void draw_choice(Frame& f, const std::string& name, int i, std::string& chosen,
                 const std::string& value, std::string text, const std::string& right) {
  ImGui::PushID(i);
  const float width = ImGui::GetContentRegionAvail().x;
  const ImVec2 at = ImGui::GetCursorScreenPos();
  if (menu_entry(f, "##token", chosen == value)) chosen = value;
  if (i == 0) ImGui::SetItemDefaultFocus();
  f.mark(name + "." + std::to_string(i));
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float right_width = text_width(right);
  list->AddText(at, rgb(f.colors().text), fit_text(text, width - right_width - 8).c_str());
  list->AddText({at.x + width - right_width, at.y}, rgb(f.colors().faint), right.c_str());
  ImGui::PopID();
}

// Before anything is typed: none, the chosen token, and the model's predictions.
void draw_expected(Frame& f, const std::string& name, std::string& chosen, const char* none) {
  int i = 0;
  draw_choice(f, name, i++, chosen, "", none, "");
  const Model& model = *f.snap.model;
  if (!chosen.empty()) draw_choice(f, name, i++, chosen, chosen, quoted_token(f.lang, chosen), "");
  const std::vector<Peak> peaks = own_guesses(f);
  if (!peaks.empty()) heading(f, f.t("Model predictions here", "模型在此处的预测"));
  for (const Peak& p : peaks)
    draw_choice(f, name, i++, chosen, name_of_output(model, p.key),
                quoted_token(f.lang, output_name(model, p.key)), chance_text(model, p.weight));
}

void draw_found(Frame& f, const std::string& name, std::string& chosen) {
  const Model& model = *f.snap.model;
  const std::string& text = f.ui.target_draft;
  const int exact = output_named(model, text);
  int i = 0;
  const auto line = [&](int token) {
    draw_choice(f, name, i++, chosen, name_of_output(model, token),
                quoted_token(f.lang, output_name(model, token)), "#" + std::to_string(token));
  };
  if (exact >= 0) line(exact);
  for (const int token : choices(f, text))
    if (token != exact) line(token);
  if (i == 0) {
    State asked = f.shown;
    asked.target = text;
    asked.foil.clear();
    if (const Status no = bad_target({f.stack(), f.trace, &asked})) {
      ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().warn));
      wrapped(no->message);
      ImGui::PopStyleColor();
    }
  }
}

void draw_menu(Frame& f, const std::string& name, std::string& chosen, const std::string& preview,
               const char* none, const char* help, float width) {
  ImGui::PushID(name.c_str());
  ImGui::SetNextItemWidth(width);
  ImGui::SetNextWindowSizeConstraints({280, 0}, {320, 380});
  if (f.ui.opens_target && name == "choice.target") {
    f.ui.opens_target = false;
    ImGui::OpenPopupEx(ImHashStr("##ComboPopup", 0, ImGui::GetID("##target")));
  }
  const bool open = ImGui::BeginCombo("##target", fit_preview(preview, width).c_str(),
                                      ImGuiComboFlags_HeightLargest);
  f.mark(name);
  if (!open) item_tooltip(help);
  if (open) {
    if (ImGui::IsWindowAppearing()) f.ui.target_draft.clear();
    draw_box(f, 264);
    f.ui.target_draft.empty() ? draw_expected(f, name, chosen, none) : draw_found(f, name, chosen);
    ImGui::EndCombo();
  }
  ImGui::PopID();
}

}  // namespace

void draw_target(Frame& read, const char* place, const Metric* metric) {
  Frame& f = read.base ? *read.base : read;
  if (!metric || !(metric->reads & reads_target) || !f.snap.model ||
      (!f.snap.model->tokenizer && !has_labels(f)) || !f.trace)
    return;
  const char *about = f.t("Target", "目标"), *minus = f.t("minus", "减去");
  const float all = ImGui::GetContentRegionAvail().x;
  const float words = text_width(about) + text_width(minus);
  const bool below = f.ui.touch && all < 420;  // the second menu
  const float width = below ? all - words : std::clamp((all - words - 24) / 2, 60.f, 220.f);
  std::string guess = f.t("most likely:", "概率最高：");
  if (const auto own = own_guesses(f); !own.empty())
    guess += " " + quoted_token(f.lang, output_name(*f.snap.model, own[0].key));
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {8, 8});
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(about);
  ImGui::SameLine();
  draw_menu(f, std::string("choice.target") + place, f.state.target,
            f.state.target.empty() ? guess : quoted_token(f.lang, f.state.target),
            has_labels(f) ? f.t("The most likely label", "概率最高的标签")
                          : f.t("The most likely token", "概率最高的词元"),
            has_labels(f) ? f.t("The label to measure", "要度量的标签")
                          : f.t("The token to measure", "要度量的词元"),
            width);
  if (!below) ImGui::SameLine();
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(minus);
  ImGui::SameLine();
  draw_menu(
      f, std::string("choice.foil") + place, f.state.foil,
      f.state.foil.empty() ? f.t("nothing", "无") : quoted_token(f.lang, f.state.foil),
      f.t("Nothing", "无"),
      has_labels(f)
          ? f.t("The label to compare with: measures then show what favours the target over it",
                "用于对比的标签：度量将显示什么使模型偏向目标而非该标签")
          : f.t("The token to compare with: measures then show what favours the target over this "
                "token",
                "用于对比的词元：度量将显示什么使模型偏向目标而非该词元"),
      width);
  ImGui::PopStyleVar();
}

}  // namespace attn
