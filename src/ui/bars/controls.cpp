// controls.cpp - sliders, steppers and menus of the settings, built from the table of fields.
#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <optional>

#include "analysis/regroup.h"
#include "app/scratch_settings.h"
#include "platform/platform.h"
#include "ui/mirror.h"
#include "ui/panels/view_parts.h"
#include "ui/ui_state.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr float kValueWidth = 36;

float label_width() { return std::clamp((ImGui::GetWindowWidth() - 24) * .43f, 84.f, 138.f); }

// Range of a slider; links accept the field's whole range.
struct Range {
  int value, low, high, step = 1;
  bool logarithmic = false;
};

Range range_of(const Frame& f, const Field& field, int value) {
  const std::string_view key = field.key;
  const State& s = f.state;
  const auto upto = [&](int high) { return std::min(field.high, std::max(high, value)); };
  if (key == "n") {
    const int n = int(scratch_settings(s).tokens.size());
    return {n, 1, std::max(48, n)};
  }
  if (key == "d_model") return {value, s.n_heads, upto(512), s.n_heads, true};
  if (key == "heads") return {value, field.low, upto(16)};
  if (key == "batch") return {value, field.low, upto(8)};
  if (!f.trace) return {value, field.low, field.low};
  const Attention& a = f.attention();
  if (key == "sample") return {f.shown.sample, 0, a.n_samples - 1};
  if (key == "layer") return {f.shown.layer, 0, a.n_layers - 1};
  if (key == "head") return {f.shown.head, 0, a.n_heads - 1};
  if (key == "token") return {f.shown.token, 0, a.n_query - 1};
  return {value, field.low, field.high};
}

// "3 (0 to 7)"
std::string range_words(const Frame& f, const Range& r) {
  return std::to_string(r.value) + f.t(" (", "（") + std::to_string(r.low) + f.t(" to ", " 至 ") +
         std::to_string(r.high) + f.t(")", "）");
}

// Where tokens are merged or hidden: the nearest in that direction that is another group's.
int shown_token(const Frame& f, int value) {
  if (!f.read) return value;
  const std::vector<int>& groups = f.read->reading->queries.of_token;
  const int by = value < f.shown.token ? -1 : 1, now = groups[size_t(f.shown.token)];
  for (int t = value; t >= 0 && t < int(groups.size()); t += by)
    if (groups[size_t(t)] >= 0 && groups[size_t(t)] != now) return t;
  return f.shown.token;
}

// Writes `value` and adjusts settings that depend on it.
void set_field(Frame& f, const Field& field, int& member, int value) {
  const std::string_view key = field.key;
  if (key == "n") {
    State names = f.state;
    names.n_tokens = 0;
    member = value == int(scratch_settings(names).tokens.size()) ? 0 : value;
    return;
  }
  if (key == "token") return choose_token(f, shown_token(f, value));
  if (key == "d_model") value = divisible_d_model(value, f.state.n_heads, field.high);
  if (key == "d_model" || key == "heads") f.ui.d_model_before = 0;
  if (key == "heads") {
    const int before = f.state.d_model;
    f.state.d_model = divisible_d_model(before, value, 4096);
    if (f.state.d_model != before) {
      f.ui.d_model_before = before;
      f.ui.d_model_noted = f.state.d_model;
    }
  }
  if (key == "sample") f.state.locked_key = -1;
  member = value;
}

void draw_label(Frame& f, const Field& field) {
  ImGui::AlignTextToFramePadding();
  ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
  ImGui::TextUnformatted(fit_text(field.title.in(f.lang), label_width() - 6).c_str());
  ImGui::PopStyleColor();
  item_tooltip(std::string(field.title.in(f.lang)) + "\n" + field.help.in(f.lang));
  ImGui::SameLine(ImGui::GetCursorStartPos().x + label_width());
}

// Room for the longest value: a clipped number would be misread.
float value_width(const Range& r) {
  return std::max(kValueWidth, text_width(std::to_string(r.high)) + 4);
}

// − value +
std::optional<int> stepper(Frame& f, const Field& field, const Range& r) {
  std::optional<int> chosen;
  const std::string name = field.key;
  ImGui::PushItemFlag(ImGuiItemFlags_ButtonRepeat, true);
  if (icon_button(f, (name + ".less").c_str(), Icon::minus, f.t("Less", "减小"), r.value > r.low))
    chosen = std::max(r.low, r.value - r.step);
  if (ImGui::IsItemActive()) platform::keep_finger(true);
  item_says(f, Control::button, field.title.in(f.lang), f.t("less", "减小"));
  ImGui::SameLine(0, 0);
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const std::string text = std::to_string(r.value);
  const float width = value_width(r);
  ImGui::Dummy({width, ImGui::GetFrameHeight()});
  ImGui::GetWindowDrawList()->AddText(
      {at.x + (width - text_width(text)) / 2, at.y + ImGui::GetStyle().FramePadding.y},
      rgb(f.colors().text), text.c_str());
  ImGui::SameLine(0, 0);
  if (icon_button(f, (name + ".more").c_str(), Icon::plus, f.t("More", "增大"), r.value < r.high))
    chosen = std::min(r.high, r.value + r.step);
  if (ImGui::IsItemActive()) platform::keep_finger(true);
  item_says(f, Control::button, field.title.in(f.lang), f.t("more", "增大"));
  ImGui::PopItemFlag();
  return chosen;
}

void draw_seed(Frame& f, const Field& field, int& value) {
  draw_label(f, field);
  const float side = ImGui::GetFrameHeight();
  const float room = ImGui::GetContentRegionAvail().x - side - 6;
  int typed = value;
  ImGui::SetNextItemWidth(room);
  if (ImGui::InputInt("##seed", &typed, 0, 0)) value = std::clamp(typed, field.low, field.high);
  f.mark("seed");
  item_tooltip(field.help.in(f.lang));
  ImGui::SameLine(0, 6);
  // Full period: every seed comes up once.
  if (icon_button(f, "new_seed", Icon::dice, f.t("New seed", "换一个种子")))
    value = int((int64_t(value) * 48271 + 11) % 2147483647);
}

void edit(Frame& f, const Field& field, int& value) {
  if (std::string_view(field.key) == "seed") return draw_seed(f, field, value);
  const Range r = range_of(f, field, value);
  const bool may_be_one =
      std::string_view(field.key) == "sample" || std::string_view(field.key) == "layer";
  if (may_be_one && r.high < 1) return;
  ImGui::PushID(field.key);
  draw_label(f, field);
  ImGui::BeginDisabled(r.high <= r.low);
  const float steps = 2 * ImGui::GetFrameHeight() + value_width(r), least = f.ui.touch ? 44 : 40;
  if (ImGui::GetContentRegionAvail().x < steps + 6 + least) ImGui::NewLine();  // below the label
  int chosen = r.value;
  if (slider(f, "##slider", chosen, r.low, std::max(r.high, r.low + 1),
             std::max(least, ImGui::GetContentRegionAvail().x - steps - 6), r.logarithmic, r.step))
    set_field(f, field, value, chosen);
  f.mark(std::string("slider.") + field.key);
  item_says(f, Control::slider, field.title.in(f.lang), range_words(f, r));
  item_tooltip(std::string(field.title.in(f.lang)) + " " + std::to_string(r.value) + "\n" +
               field.help.in(f.lang));
  ImGui::SameLine(0, 6);
  if (const auto stepped = stepper(f, field, r)) set_field(f, field, value, *stepped);
  ImGui::EndDisabled();
  ImGui::PopID();
  if (std::string_view(field.key) == "heads" && f.ui.d_model_before > 0 &&
      f.ui.d_model_noted == f.state.d_model)
    wrapped(d_model_note(f.ui.d_model_before, f.state.d_model, f.state.n_heads, f.lang));
}

// A strip of the palette's colours.
void draw_swatch(const Frame& f, Palette palette, ImVec2 min, ImVec2 max) {
  const auto colors = palette_colors(palette);
  const int n = 24;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const bool reversed = palette == Palette::greys && !f.ui.dark;
  for (int i = 0; i < n; ++i) {
    const int at = reversed ? n - 1 - i : i;
    const float step = (max.x - min.x) / float(n);
    list->AddRectFilled({min.x + float(i) * step, min.y}, {min.x + float(i + 1) * step, max.y},
                        rgb(colors[size_t(at * 255 / (n - 1))]));
  }
}

template <class E>
  requires std::is_enum_v<E>
void edit(Frame& f, const Field& field, E& value) {
  ImGui::PushID(field.key);
  draw_label(f, field);
  const bool is_palette = std::is_same_v<E, Palette>;
  const float width = ImGui::GetContentRegionAvail().x, line = ImGui::GetFontSize();
  ImGui::SetNextItemWidth(width);
  const bool open = ImGui::BeginCombo(
      "##choice", fit_preview(field.titles[size_t(value)].in(f.lang), width).c_str());
  f.mark(std::string("choice.") + field.key);
  item_says(f, Control::menu, field.title.in(f.lang), field.titles[size_t(value)].in(f.lang));
  if (!open) item_tooltip(std::string(field.title.in(f.lang)) + "\n" + field.help.in(f.lang));
  if (is_palette) {
    const ImVec2 max = ImGui::GetItemRectMax(), min = ImGui::GetItemRectMin();
    const float end = max.x - ImGui::GetFrameHeight() - 6;
    const float start =
        std::max(end - 60, min.x + 20 + text_width(field.titles[size_t(value)].in(f.lang)));
    if (end - start > 20) draw_swatch(f, f.state.palette, {start, min.y + 9}, {end, max.y - 9});
  }
  if (open) {
    for (size_t i = 0; i < field.titles.size(); ++i) {
      if (menu_entry(f, field.titles[i].in(f.lang), size_t(value) == i)) value = E(i);
      f.mark(std::string("choice.") + field.key + "." + std::to_string(i));
      if (is_palette) {
        const ImVec2 max = ImGui::GetItemRectMax();
        draw_swatch(f, Palette(i), {max.x - 90, max.y - line + 1}, {max.x - 10, max.y - 5});
      }
    }
    ImGui::EndCombo();
  }
  ImGui::PopID();
}

// The menu of measures of tokens.
void edit_strip(Frame& f, const Field& field, std::string& id) {
  ImGui::PushID(field.key);
  draw_label(f, field);
  metric_menu(f, "strip", id, *find_view("strip"), f.t("Attention weights", "注意力权重"),
              ImGui::GetContentRegionAvail().x);
  ImGui::PopID();
}

// The text box of the marked spans; other text fields have no control here.
void edit(Frame& f, const Field& field, std::string& value) {
  if (std::string_view(field.key) == "strip") return edit_strip(f, field, value);
  if (std::string_view(field.key) != "spans" || f.state.units != Units::spans) return;
  ImGui::PushID(field.key);
  draw_label(f, field);
  const bool wrong = !read_spans(value);
  if (wrong) ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().warn));
  ImGui::SetNextItemWidth(ImGui::GetContentRegionAvail().x);
  ImGui::InputTextWithHint("##spans", "2-5, 7-9", &value);
  f.mark("spans");
  if (wrong) ImGui::PopStyleColor();
  item_tooltip(
      f.t("Ranges of tokens to merge, such as 2-5, 7-9; or Shift+click tokens below the text",
          "要合并的词元范围，例如 2-5, 7-9；也可以按住 Shift 单击文本下方的词元"));
  ImGui::PopID();
}

bool has_specials(const Frame& f) {
  return f.trace && std::ranges::any_of(f.attention().query_tokens[size_t(f.shown.sample)].items,
                                        &Token::special);
}

using Keys = std::vector<std::string_view>;

const Keys kScratchKeys = {"n", "d_model", "heads", "batch", "seed", "mask"};

Keys view_keys(const Frame& f) {
  Keys keys = {"sample", "layer", "head", "token"};
  // The token names of the demonstration are already words.
  if (f.snap.model || regroups(f.state)) keys.insert(keys.end(), {"units", "spans"});
  if (has_specials(f) || f.state.specials == Specials::hidden) keys.emplace_back("special");
  if (!f.state.pair.empty() && !(f.snap.model && f.snap.model->encoder))
    keys.emplace_back("between");
  keys.insert(keys.end(), {"strip", "palette", "scale"});
  return keys;
}

// A control for screen readers: a number in its range, or a choice.
void write_control(const Frame& f, JsonWriter& json, const Field& field, int value) {
  const Range r = range_of(f, field, value);
  if (r.high <= r.low) return;
  json.object(JsonLayout::tight).text("id", field.key).text("label", field.title.in(f.lang));
  json.integer("min", r.low).integer("max", r.high).integer("step", r.step);
  json.integer("value", r.value).text("says", range_words(f, r)).end();
}

template <class E>
  requires std::is_enum_v<E>
void write_control(const Frame& f, JsonWriter& json, const Field& field, E value) {
  json.object(JsonLayout::tight).text("id", field.key).text("label", field.title.in(f.lang));
  json.key("options").array(JsonLayout::tight);
  for (const Text& title : field.titles) json.text(title.in(f.lang));
  json.end().integer("value", int(value)).end();
}

void write_control(const Frame&, JsonWriter&, const Field&, const std::string&) {}

void set_control(Frame& f, const Field& field, int& value, int chosen) {
  const Range r = range_of(f, field, value);
  set_field(f, field, value, std::clamp(chosen, r.low, r.high));
}

template <class E>
  requires std::is_enum_v<E>
void set_control(Frame&, const Field& field, E& value, int chosen) {
  value = E(std::clamp(chosen, 0, int(field.titles.size()) - 1));
}

void set_control(Frame&, const Field&, std::string&, int) {}

// What is done with the fields of these keys: they are written, set to a number, or drawn.
struct Walk {
  JsonWriter* json = nullptr;
  std::optional<int> chosen = {};
};

// One walk for all, since each instance of it is large.
void walk_fields(Frame& f, const Keys& keys, const Walk& walk = {}) {
  for_each_field(f.state, [&](auto& value, const Field& field) {
    if (std::ranges::find(keys, std::string_view(field.key)) == keys.end()) return;
    if (walk.json)
      write_control(f, *walk.json, field, value);
    else if (walk.chosen)
      set_control(f, field, value, *walk.chosen);
    else
      edit(f, field, value);
  });
}

void draw_fields(Frame& f, const Keys& keys) {
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {8, 4});
  walk_fields(f, keys);
  ImGui::PopStyleVar();
}

}  // namespace

void draw_scratch_controls(Frame& f) {
  heading(f, f.t("Module and random input", "模块与随机输入"));
  draw_fields(f, kScratchKeys);
}

void draw_view_controls(Frame& f) {
  heading(f, f.t("Display", "显示内容"));
  draw_fields(f, view_keys(f));
}

void write_controls(Frame& f, JsonWriter& json) {
  Keys keys = view_keys(f);
  if (f.state.model == "scratch") keys.insert(keys.end(), kScratchKeys.begin(), kScratchKeys.end());
  json.key("controls").array(JsonLayout::tight);
  walk_fields(f, keys, {.json = &json});
  json.end();
}

void set_control(Frame& f, std::string_view key, int value) {
  walk_fields(f, {key}, {.chosen = value});
}

}  // namespace attn
