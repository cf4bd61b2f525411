// head_panel.cpp - the inspector: what the chosen head does, and its rank among all heads by every
// measure; and the list of heads.
#include <algorithm>
#include <cmath>

#include "figure/figure_text.h"
#include "figure/head_words.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

void draw_rectangle(Frame& f) {
  const std::vector<std::string>& lines = rectangle_lines(f);
  if (lines.empty()) return;
  heading(f, f.t("Rectangle", "矩形区域"));
  for (const std::string& line : lines) explained(f, line);
  if (ImGui::Button(f.t("Remove##rectangle", "移除##rectangle"))) f.state.rectangle.clear();
  f.mark("button.no_rectangle");
  item_tooltip(f.t("Removes the rectangle from the map (Esc)", "从热力图上移除矩形（Esc）"));
  ImGui::Spacing();
}

// One measure: title, value, and a track with a dot at its percentile. A click opens its details.
void draw_measure(Frame& f, const HeadsTable& table, const HeadColumn& column, size_t at) {
  const Metric& m = *column.metric;
  const float width = ImGui::GetContentRegionAvail().x, size = ImGui::GetFontSize(),
              height = size + 15;
  const ImVec2 min = ImGui::GetCursorScreenPos();
  ImGui::PushID(m.id);
  if (ImGui::InvisibleButton("##measure", {width, height}, ImGuiButtonFlags_EnableNav))
    f.ui.open_measure = f.ui.open_measure == m.id ? "" : m.id;
  f.mark(std::string("measure.") + m.id);
  item_says(f, Control::button, m.title.in(f.lang), value_text(&m, column.values[at]));
  const bool open = f.ui.open_measure == m.id;
  ImDrawList* list = ImGui::GetWindowDrawList();
  if (ImGui::IsItemHovered() || open)
    list->AddRectFilled({min.x - 5, min.y - 2}, {min.x + width + 5, min.y + height - 2},
                        rgb(f.colors().accent, open ? .13f : .08f), 6);
  const float value = column.values[at];
  const float percentile = has_places(column.values) ? percentile_of(column.values, at) : NAN;
  const std::string number = value_text(&m, value);
  const float number_width = text_width(number);
  list->AddText(min, rgb(f.colors().text),
                fit_text(m.title.in(f.lang), width - number_width - 10).c_str());
  list->AddText({min.x + width - number_width, min.y}, rgb(f.colors().text), number.c_str());
  const float y = min.y + size + 5;
  list->AddRectFilled({min.x, y - 1}, {min.x + width, y + 1}, rgb(f.colors().line), 1);
  if (std::isfinite(percentile)) {
    const float x = min.x + 4 + percentile * (width - 8);
    list->AddRectFilled({min.x, y - 1}, {x, y + 1}, rgb(f.colors().accent, .6f), 1);
    list->AddCircleFilled({x, y}, 4, rgb(f.colors().accent), 16);
  }
  if (ImGui::IsItemHovered()) {
    std::string says = std::string(m.title.in(f.lang)) + "\n" + m.sentence.in(f.lang);
    if (std::isfinite(percentile))
      says += std::string("\n") + f.t("Higher than ", "高于其他头中的 ") +
              percent_text(percentile, 0) + f.t(" of the other heads; rank ", "；排第 ") +
              std::to_string(rank_of(column.values, at)) + f.t(" of ", "，共 ") +
              std::to_string(table.size());
    tooltip(says);
  }
  if (open) {
    ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
    if (std::isfinite(percentile))
      explained(f, std::string(f.t("Percentile ", "百分位 ")) + percent_text(percentile, 0) +
                       f.t(", rank ", "，排第 ") + std::to_string(rank_of(column.values, at)) +
                       f.t(" of ", "，共 ") + std::to_string(table.size()) +
                       f.t(" heads; median ", " 个头；中位数 ") +
                       value_text(&m, median_of(column.values)));
    explained(f, m.sentence.in(f.lang));
    if (*m.formula.en) wrapped(std::string(f.t("Formula: ", "公式：")) + formula_of(m, f.lang));
    if (*m.source.en) wrapped(std::string(f.t("Source: ", "来源：")) + source_of(m, f.lang));
    ImGui::PopStyleColor();
    if (ImGui::Button(f.t("Colour the grid", "为网格着色"))) f.state.measure = m.id;
    f.mark("button.colour_grid");
    item_tooltip(
        f.t("Shows this measure of every head in the grid", "在网格中显示每个头的这一度量"));
    ImGui::SameLine();
    if (ImGui::Button(f.t("Show in list", "在列表中查看"))) {
      f.state.measure = m.id;
      f.state.panel = Panel::list;
    }
    item_tooltip(f.t("Sorts all heads by this measure", "按这一度量为所有头排序"));
    ImGui::Dummy({1, 2});
  }
  ImGui::PopID();
}

// What the head does whatever the text, by the probe of its model.
void draw_general(Frame& f) {
  heading(f, f.t("In general (by a fixed probe)", "一般而言（固定的探测文本）"));
  const auto all = general(f);
  if (all) {
    explained(f, general_words(*all, f.shown.layer, f.shown.head, f.lang));
    ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
    wrapped(probe_words(*all, f.lang));
    ImGui::PopStyleColor();
  } else if (!f.snap.characters) {
    wrapped(f.t("Probing the model…", "正在探测模型…"));
  } else {
    wrapped(
        f.t("This model could not be probed: too little memory is free, or it accepts too few "
            "tokens.",
            "无法探测该模型：可用内存不足，或它可接受的词元太少。"));
  }
  ImGui::Spacing();
}

// The role by the scores of this text; and what the confidence is.
void draw_role(Frame& f, const HeadRole& role) {
  const char* how = role.confidence >= .7f   ? f.t("high", "高")
                    : role.confidence >= .4f ? f.t("medium", "中")
                                             : f.t("low", "低");
  std::string says = std::string(f.t("Its scores in this text: ", "这段文本中的度量：")) +
                     role.name.in(f.lang) + f.t(", confidence ", "，置信度 ") +
                     percent_text(role.confidence, 0) + f.t(" (", "（") + how + f.t("). ", "）。");
  if (role.score) {
    const Metric& m = role.score->metric;
    says += std::string(f.t("The score ", "度量“")) + m.title.in(f.lang) + f.t(" is ", "”为 ") +
            value_text(&m, role.value) +
            f.t("; uniform attention would give ", "；均匀的注意力则为 ") +
            value_text(&m, role.baseline) + f.t(". ", "。");
  }
  says += role.role == Role::nothing
              ? f.t("Confidence: how far all scores are from the least that names a role.",
                    "置信度：所有度量距离得出角色所需的最低值有多远。")
              : f.t("Confidence: how far the score is from uniform attention, 0 %, towards the "
                    "highest possible, 100 %.",
                    "置信度：该度量从均匀注意力（0 %）到最高值（100 %）之间所处的位置。");
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  explained(f, says);
  ImGui::PopStyleColor();
}

// What the head does in this text, by its pattern; and at the chosen token.
void draw_here(Frame& f, const HeadRole* role) {
  heading(f, f.t("In this text", "在这段文本中"));
  if (!f.attention().is_kept(f.shown.layer)) return wrapped(not_kept(f, f.shown.layer));
  const HereCache& c = here_words(f);
  if (!c.rows.empty()) explained(f, c.rows);
  if (!c.token.empty()) explained(f, c.token);
  if (role) draw_role(f, *role);
  if (f.attention().n_query < 16)
    explained(
        f, std::string(f.t("The text has only ", "文本只有 ")) +
               std::to_string(f.attention().n_query) +
               f.t(" tokens; a longer text is more reliable.", " 个词元；更长的文本结果更可靠。"));
  ImGui::Spacing();
}

}  // namespace

const HereCache& here_words(const Frame& f) {
  HereCache& c = f.ui.here;
  const MapKey key{f.shown.site(), f.snap.trace, f.shown.sample};
  if (c.map == key && c.query == f.shown.token && c.lang == f.lang) return c;
  const HereInput input{f.attention(), f.shown.sample, f.shown.layer,
                        f.shown.head,  f.shown.token,  f.row()};
  const HeadHere here = head_here(input);
  return c = {key, f.shown.token, f.lang, rows_words(here, f.lang),
              token_words(here, input, f.lang)};
}

void draw_head_panel(Frame& f) {
  if (!f.trace) return draw_no_trace(f);
  const HeadsTable& table = heads_table(f);
  heading(f, f.t("Head inspector", "注意力头详情"));
  ImGui::BeginChild("inspector", {0, 0}, kTabPasses);
  if (table.columns.empty() || table.n_layers != f.attention().n_layers) {
    heading(f, f.t("Computing…", "正在计算…"));
    return ImGui::EndChild();
  }
  const std::string title = head_name(f.shown.layer, f.shown.head);
  const auto& roles = f.snap.roles;
  const bool known = roles && roles->part == f.shown.part &&
                     int(roles->roles.size()) == table.size() && roles->n_heads == table.n_heads;
  // Random weights have none.
  const HeadRole* role = known && f.snap.model ? &roles->at(f.shown.layer, f.shown.head) : nullptr;
  ImGui::PushFont(nullptr, 17);
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
  wrapped(title);
  ImGui::PopStyleColor();
  ImGui::PopFont();
  ImGui::PushFont(nullptr, 14);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {8, 4});
  if (!f.snap.model)
    explained(f, f.t("These weights are random, so the heads have no meaning.",
                     "这些权重是随机的，因此各头没有实际含义。"));
  if (const int group = f.attention().n_sharing(); group > 1) {
    const int first = f.shown.head / group * group;
    explained(f, std::string(f.t("Shares keys and values with heads ", "与以下各头共享键和值：")) +
                     std::to_string(first) + f.t(" to ", " 至 ") +
                     std::to_string(first + group - 1) + f.t(".", "。"));
  }
  ImGui::Spacing();
  if (f.snap.model) draw_general(f);
  draw_here(f, role);
  draw_rectangle(f);
  heading(f, f.t("All measures, and its rank among all heads", "各项度量，及其在所有头中的位置"));
  ImGui::Spacing();
  const size_t at = size_t(f.shown.layer * table.n_heads + f.shown.head);
  for (const HeadColumn& column : table.columns) draw_measure(f, table, column, at);
  // Measures that are unavailable here, with the reason.
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  for (const Metric* metric : head_metrics())
    if (const auto made = f.snap.measure(metric, f.shown); made && made->error)
      wrapped(made->error->message);
  ImGui::PopStyleColor();
  ImGui::PopStyleVar();
  ImGui::PopFont();
  ImGui::EndChild();
}

void draw_list_panel(Frame& f) {
  if (!f.trace) return draw_no_trace(f);
  const float width = ImGui::GetContentRegionAvail().x, half = std::floor((width - 8) * .5f);
  const View& view = *find_view("list");
  const Metric* metric = view.metric(f.shown);
  metric_menu(f, "list_measure", f.state.measure, view, nullptr, half);
  ImGui::SameLine();
  ImGui::SetNextItemWidth(width - half - 8);
  if (ImGui::BeginCombo("##order", kOrderTitles[size_t(f.state.order)].in(f.lang))) {
    for (size_t i = 0; i < std::size(kOrderTitles); ++i) {
      if (menu_entry(f, kOrderTitles[i].in(f.lang), size_t(f.state.order) == i))
        f.state.order = Order(i);
      f.mark("choice.order." + std::to_string(i));
    }
    ImGui::EndCombo();
  }
  f.mark("choice.order");
  item_tooltip(f.t("The order of the heads", "各头的排列顺序"));
  draw_filter_box(f, width);
  ImGui::PushFont(nullptr, 14);
  if (const auto filter = parse_filter(f.state.filter, f.lang); !filter) {
    ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().warn));
    wrapped(filter.error().message);
    ImGui::PopStyleColor();
  }
  draw_target(f, ".list", metric);
  const auto made = f.snap.last_measure(metric, f.shown);
  ImGui::BeginChild("list", {0, 0}, kTabPasses);
  if (made && !made->error)
    draw_view(f, "##list", f.ui.list, {"list", made, nullptr, &heads_table(f), 0});
  else
    draw_missing(f, made);
  ImGui::EndChild();
  ImGui::PopFont();
}

}  // namespace attn
