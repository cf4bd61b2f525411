// prompt_row.cpp - the text box, the examples, and the strip of tokens.
#include <algorithm>
#include <cmath>
#include <utility>

#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/views.h"
#include "platform/platform.h"
#include "ui/focus.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr float kChipGap = 5;

float chip_height(const Frame& f) { return f.ui.touch ? kTouchSide : ImGui::GetFontSize() + 9; }

const ModelEntry* entry_of(const Frame& f) {
  for (const ModelEntry& entry : f.session.models())
    if (entry.id == f.state.model) return &entry;
  return nullptr;
}

std::string& edited_text(State& state) {
  return state.model == "scratch" ? state.tokens : state.text;
}

// The text of the random tokens, for display: tokenized again it would give other tokens, so
// editing it ends the random mode.
std::string random_text(const Frame& f) {
  if (f.snap.period == 0 || !f.trace) return "";
  std::string text;
  for (const Token& token : f.queries()) text += token.shown;
  return text;
}

// Keeps the box in step with the state: the draft while the state still holds it, else the state's
// text, or the model's own example.
void sync_draft(Frame& f) {
  UiState& ui = f.ui;
  const bool random = f.state.repeat > 0 && f.state.model != "scratch";
  const std::string text = random ? random_text(f) : edited_text(f.state);
  if (ui.draft_model == f.state.model && ui.draft_text == text) return;
  const ModelEntry* entry = entry_of(f);
  // A listed model's example is unknown until the list arrives: then the box is filled again.
  const bool settled = entry || !text.empty() || f.state.model == "scratch";
  ui.draft_model = settled ? f.state.model : "";
  ui.draft_text = text;
  ui.draft = random ? text : text.empty() && entry ? entry->default_text : text;
}

// A text box under the cursor; true when the text was changed.
bool text_box(Frame& f, const char* id, std::string& text, ImVec2 size, const char* label) {
  const ImVec2 at = ImGui::GetCursorScreenPos(), end = {at.x + size.x, at.y + size.y};
  bool changed = false;
  // The page's own text box would cover menus and dialogs.
  if (ImGui::IsPopupOpen("", ImGuiPopupFlags_AnyPopup) || f.ui.help_open) {
    ImDrawList* list = ImGui::GetWindowDrawList();
    list->AddRectFilled(at, end, rgb(f.colors().field), 8);
    list->PushClipRect(at, end, true);
    list->AddText(nullptr, 0, {at.x + 12, at.y + 9}, rgb(f.colors().text), text.c_str(), nullptr,
                  size.x - 24);
    list->PopClipRect();
  } else {
    changed = platform::prompt_box(id, text, {at.x, at.y}, {end.x, end.y}, label, f.ui.dark);
    if (changed) f.ui.typed_at = ImGui::GetTime();
    ImGui::SetCursorScreenPos(at);
  }
  ImGui::Dummy(size);
  f.mark({id, {at.x, at.y}, {end.x, end.y}, false, {}, {}});
  return changed;
}

void draw_prompt(Frame& f, float width, float height) {
  const bool scratch = f.state.model == "scratch";
  const char* label = scratch ? f.t("Token names, separated by spaces", "词元名称，以空格分隔")
                              : f.t("Text for the model", "模型读入的文本");
  if (!text_box(f, "prompt", f.ui.draft, {width, height}, label)) return;
  edited_text(f.state) = f.ui.draft;
  f.state.repeat = 0;
  f.ui.draft_text = f.ui.draft;
  if (scratch) f.state.n_tokens = 0;
}

bool has_decoder(const Frame& f) {
  return f.snap.model && f.snap.model->encoder && f.state.model != "scratch";
}

// What a decoder reads: typed, or what the model writes.
std::string target_label(const Frame& f) {
  std::string label = f.t("Text for the decoder", "解码器读入的文本");
  if (f.trace && f.state.pair.empty() && f.snap.current)
    label = f.t("The model writes: ", "模型输出：") + f.trace->own().query_tokens[0].text;
  return label;
}

// Models that read a text from both sides read pairs of texts.
bool offers_pair(const Frame& f) {
  if (has_decoder(f)) return false;  // its box is always there
  const bool reads_both_ways = f.snap.model && f.snap.model->config.mask != Mask::causal;
  return f.state.model != "scratch" && (reads_both_ways || !f.state.pair.empty());
}

// Opens the box of the second text, or removes it with its text.
void draw_pair_button(Frame& f) {
  const bool open = f.ui.pair_open;
  if (icon_button(f, "pair", open ? Icon::minus : Icon::plus,
                  open ? f.t("Remove the second text", "移除第二段文本")
                       : f.t("Add a second text: the model reads both as a pair",
                             "添加第二段文本：模型将两段作为一对读入"))) {
    f.ui.pair_open = !open;
    f.state.pair.clear();
    f.state.between = Between::all;
    f.ui.pair_opened = !open;
  }
}

constexpr int kRandomTokens = 50;  // as in published induction scores

// Repeated twice, so that the second half can be predicted from the first: the stripe scores need
// this.
void draw_random_tokens(Frame& f, float width) {
  const auto entry = [&](const char* name, int seed, const std::string& title, const char* help) {
    if (menu_entry(f, fit_text(title, width - 30).c_str())) {
      f.state.repeat = kRandomTokens;
      f.state.repeat_seed = seed;
      f.state.locked_key = -1;
      f.state.rectangle.clear();
      f.ui.wants_last_token = true;
    }
    f.mark(name);
    item_tooltip(help);
  };
  const auto title = [&](int seed) {
    return std::string(f.t("Random tokens, repeated (seed ", "随机词元，重复两遍（种子 ")) +
           std::to_string(seed) + f.t(")", "）");
  };
  const char* help =
      f.t("50 random tokens, then the same 50 again: induction heads show a stripe, and the stripe "
          "scores can be computed",
          "50 个随机词元，再原样重复一遍：归纳头会显出一条斜线，对角线分数也可以计算");
  const int seed = f.state.repeat > 0 ? f.state.repeat_seed : 0;
  entry("random_tokens", seed, title(seed), help);
  if (f.state.repeat > 0 && seed < 2147483647)
    entry("random_tokens.next", seed + 1, title(seed + 1), help);
  ImGui::Separator();
}

void draw_examples(Frame& f, const ModelEntry& entry, float width) {
  if (ImGui::Button(f.t("Examples", "示例"), {width, 0})) ImGui::OpenPopup("examples");
  f.mark("button.examples");
  item_tooltip(f.t("Texts for this model, with what to look at", "适合该模型的文本及其看点"));
  const float menu_width = std::min(420.f, ImGui::GetMainViewport()->Size.x - 40);
  ImGui::SetNextWindowSizeConstraints({0, 0}, {menu_width, 480});
  if (!ImGui::BeginPopup("examples")) return;
  draw_random_tokens(f, menu_width);
  for (size_t i = 0; i < entry.examples.size(); ++i) {
    const Example& e = entry.examples[i];
    const std::string& title = f.lang == Lang::zh ? e.title_zh : e.title_en;
    const std::string& look = f.lang == Lang::zh ? e.look_zh : e.look_en;
    ImGui::PushID(int(i));
    if (menu_entry(f, fit_text(title, menu_width - 30).c_str())) show_example(f.state, e);
    f.mark("example." + std::to_string(i));
    if (!look.empty()) {
      item_tooltip(look);
      ImGui::PushFont(nullptr, kSmallText);
      ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().faint));
      ImGui::PushTextWrapPos(menu_width - 16);
      ImGui::TextUnformatted(look.c_str());
      ImGui::PopTextWrapPos();
      ImGui::PopStyleColor();
      ImGui::PopFont();
    }
    ImGui::PopID();
  }
  ImGui::EndPopup();
}

// What to look at, while an example's text and head are on screen.
void draw_look(Frame& f, const ModelEntry& entry) {
  if (f.state.repeat > 0) return;
  const std::string& text = f.state.text.empty() ? entry.default_text : f.state.text;
  for (const Example& e : entry.examples) {
    if (e.text != text || e.layer != f.state.layer || e.head != f.state.head) continue;
    const std::string& look = f.lang == Lang::zh ? e.look_zh : e.look_en;
    ImGui::PushFont(nullptr, kSmallText);
    ImGui::PushStyleColor(ImGuiCol_Text, rgb(f.colors().accent));
    ImGui::PushTextWrapPos(0);
    ImGui::TextUnformatted(look.c_str());
    ImGui::PopTextWrapPos();
    ImGui::PopStyleColor();
    ImGui::PopFont();
    return;
  }
}

// The values that colour the chips.
struct StripColors {
  State at;                        // the cell in focus
  std::span<const float> values;   // [n_query] or [n_key]; empty until computed
  const Metric* metric = nullptr;  // null: weights
  bool is_row = true;              // of at.token, as the map has it; else one value per token
  ValueRange range;
  float most = 0;
};

StripColors strip_colors(const Frame& f) {
  StripColors c;
  c.at = focused(f);
  c.metric = find_view("strip")->metric(f.shown);
  c.is_row = !c.metric;
  if (c.is_row) {
    const FocusRow row = focus_row(f, c.at);
    c.metric = row.metric;
    c.values = row.values;
    if (row.made) c.range = range_of(row.metric, row.made->measure.values);
  } else if (const auto made =
                 (f.base ? f.base : &f)->snap.measure(c.metric, f.base ? f.base->shown : f.shown);
             made && !made->error) {
    StripValues& kept = f.ui.strip_values;
    if (kept.of != made || kept.reading != f.reading) {
      kept = {made, f.reading, made->measure.values};
      if (f.reading)
        kept.values = merged(made->measure, f.reading->queries, f.reading->keys,
                             c.metric->high > 1 || !c.metric->adds_up ? Merge::mean : Merge::sum)
                          .values;
    }
    c.values = kept.values;
    c.range = range_of(c.metric, c.values);
  }
  c.most = most_of(c.values);
  return c;
}

// Where queries and keys are other tokens, and each have a strip.
bool is_cross(const Frame& f) { return f.attention().is_across(); }

std::string chip_tooltip(const Frame& f, const std::vector<Token>& tokens, int i,
                         const StripColors& c) {
  const Token& token = tokens[size_t(i)];
  std::string says = f.t("token ", "词元 ") + position_text(tokens, i) + f.t(" ", "") +
                     quoted_token(f.lang, token.shown);
  if (token.id >= 0) says += f.t(", id ", "，编号 ") + std::to_string(token.id);
  if (size_t(i) >= c.values.size()) return says;
  const float value = c.values[size_t(i)];
  std::string number;
  if (c.metric)
    number = std::string(c.metric->title.in(f.lang)) + " " + value_text(c.metric, value) +
             (*c.metric->unit.en ? " " : "") + c.metric->unit.in(f.lang);
  if (!c.is_row) return says + "\n" + number;
  const CellText cell =
      cell_text(f.pairs(), f.shown, c.at.token, i, std::isfinite(value) ? value : 0);
  return says + "\n" +
         (c.metric ? measured_sentence(f.lang, cell, number, false) : cell_sentence(f.lang, cell));
}

void draw_chip(Frame& f, bool keys, int i, const std::string& text, float width,
               const StripColors& colors) {
  const float height = chip_height(f);
  const ImVec2 min = ImGui::GetCursorScreenPos(), max = {min.x + width, min.y + height};
  ImGui::PushID(i);
  const bool clicked = ImGui::InvisibleButton("##chip", {width, height});
  ImGui::PopID();
  if (clicked && keys)
    lock_cell(f, f.shown.token, i);
  else if (clicked)
    ImGui::GetIO().KeyShift && !is_cross(f) ? mark_span(f, i) : choose_token(f, i);
  f.mark((keys ? "key." : "chip.") + std::to_string(i));
  const bool chosen = i == colors.at.token && !keys, hovered = ImGui::IsItemHovered();
  if (hovered) {
    tooltip(chip_tooltip(f, keys ? f.keys() : f.queries(), i, colors));
    if (keys || !is_cross(f)) point_at(f, f.shown.token, i);
  }
  if (!ImGui::IsRectVisible(min, max)) return;

  // From neutral (weight 0) to the accent colour (1).
  const float value = size_t(i) < colors.values.size() ? colors.values[size_t(i)] : NAN;
  const float colored = colors.metric ? colors.range.colored(f.state.scale, value, colors.most)
                                      : scale_position(f.state.scale, value, colors.most);
  const bool diverges = colored >= kDiverging;
  const float place = diverges ? 1 : colored > 0 ? colored : 0;
  const uint32_t back =
      diverges ? f.palette_color(colored) : mix(f.colors().field, f.colors().accent, place);
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, max, rgb(hovered ? mix(back, f.colors().accent, .15f) : back), 6);
  if (i == colors.at.locked_key && (keys || !is_cross(f)))
    list->AddRect({min.x + 1, min.y + 1}, {max.x - 1, max.y - 1}, rgb(f.colors().accent), 6, 0, 3);
  if (chosen)
    list->AddRect({min.x + 1, min.y + 1}, {max.x - 1, max.y - 1}, rgb(f.colors().text), 6, 0, 2);
  list->AddText(
      {min.x + (width - text_width(text)) / 2, min.y + (height - ImGui::GetFontSize()) / 2},
      place > .25f ? ink_on(back) : rgb(f.colors().text), text.c_str());
}

// Measured once per trace and width.
const StripCache& lay_out_strip(Frame& f, bool keys, float room) {
  StripCache& c = keys ? f.ui.key_strip : f.ui.strip;
  const float line = chip_height(f) + kChipGap;
  if (c.drawn.lock() == f.drawn() && c.part == f.shown.part && c.sample == f.shown.sample &&
      c.room == room && c.line == line)
    return c;
  c = {f.drawn(), f.shown.part, f.shown.sample, room, line, {}, {}, {}, {}};
  float x = 0, y = 0;
  for (const Token& token : keys ? f.keys() : f.queries()) {
    c.texts.push_back(fit_text(visible_token(token.shown), std::min(220.f, room - 16)));
    c.widths.push_back(std::max(f.ui.touch ? kTouchSide : 24, text_width(c.texts.back()) + 14));
    if (x > 0 && x + c.widths.back() > room) {
      x = 0;
      y += line;
    }
    c.x.push_back(x);
    c.y.push_back(y);
    x += c.widths.back() + kChipGap;
  }
  return c;
}

// `colors`: of the chips of keys, or of both where they are the same tokens.
void draw_strip(Frame& f, bool keys, int most_lines, const StripColors& colors) {
  const StripCache& c =
      lay_out_strip(f, keys, ImGui::GetContentRegionAvail().x - ImGui::GetStyle().ScrollbarSize);
  const float line = c.line;
  const int n_lines = int((c.y.empty() ? 0 : c.y.back()) / line + 1.5f);
  const float height = float(std::min(n_lines, most_lines)) * line + (n_lines > most_lines ? 8 : 0);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::BeginChild(keys ? "key_strip" : "strip", {0, height}, kTabPasses,
                    n_lines > most_lines ? 0 : ImGuiWindowFlags_NoScrollbar);
  ImGui::PopStyleVar();
  // The arrow keys choose tokens; Tab skips the strip.
  ImGui::PushItemFlag(ImGuiItemFlags_NoTabStop, true);
  const ImVec2 origin = ImGui::GetCursorPos();
  // Lines far out of sight are skipped; a script that clicks one must scroll first.
  const float from = ImGui::GetScrollY() - 20 * line, to = ImGui::GetScrollY() + height + 20 * line;
  const size_t first = size_t(std::ranges::lower_bound(c.y, from) - c.y.begin());
  for (size_t i = first; i < c.texts.size() && c.y[i] <= to; ++i) {
    ImGui::SetCursorPos({origin.x + c.x[i], origin.y + c.y[i]});
    draw_chip(f, keys, int(i), c.texts[i], c.widths[i], colors);
  }
  ImGui::SetCursorPos({origin.x, origin.y + float(n_lines) * line - kChipGap});
  ImGui::Dummy({1, 0});
  ImGui::PopItemFlag();
  if (!keys && f.ui.scrolled_to != f.shown.token && size_t(f.shown.token) < c.y.size()) {
    f.ui.scrolled_to = f.shown.token;
    const float top = c.y[size_t(f.shown.token)];
    if (top < ImGui::GetScrollY() || top + line > ImGui::GetScrollY() + height)
      ImGui::SetScrollY(std::max(0.f, top - line));
  }
  ImGui::EndChild();
}

// One strip of tokens; of cross-attention two, the queries above their keys.
void draw_strips(Frame& f, int most_lines) {
  StripColors colors = strip_colors(f);
  if (!is_cross(f)) return draw_strip(f, false, most_lines, colors);
  const int each = std::max(1, most_lines - 1);
  StripColors plain{.at = colors.at};
  const bool of_keys = !colors.metric || colors.is_row || colors.metric->axes[0] == Axis::key;
  draw_strip(f, false, each, of_keys ? plain : colors);
  draw_strip(f, true, each, of_keys ? colors : plain);
}

// What stands in place of the text box.
void draw_picture_row(Frame& f) {
  const Patches* of = f.of_picture() ? f.attention().key_tokens[0].patches.get() : nullptr;
  const auto n = [](int i) { return std::to_string(i); };
  const auto by = [&](int a, int b) { return n(a) + " × " + n(b); };
  if (ImGui::Button(f.t("Choose a picture…", "选择图片…"))) pick_model(f, false);
  f.mark("button.picture");
  item_tooltip(f.t("A PNG or JPEG file; or drop one anywhere on this page",
                   "PNG 或 JPEG 文件；也可拖放到页面任意位置"));
  ImGui::SameLine();
  if (of && !of->name.empty()) {
    if (ImGui::Button(f.t("Example", "示例图片"))) f.session.forget_picture();
    f.mark("button.example_picture");
    item_tooltip(f.t("Back to the small example picture", "回到内置的示例图片"));
    ImGui::SameLine();
  }
  if (!of) return ImGui::NewLine();
  const std::string name = of->name.empty() ? f.t("example picture", "示例图片") : of->name;
  const std::string says = name + f.t(", ", "，") + by(of->width, of->height) + " → " +
                           by(of->picture.width, of->picture.height) + f.t(" pixels, ", " 像素，") +
                           by(of->rows(), of->columns()) + f.t(" patches", " 图块");
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(fit_text(says, ImGui::GetContentRegionAvail().x).c_str());
  f.mark("picture_words");
}

}  // namespace

void draw_prompt_row(Frame& f) {
  if (f.session.reads_pictures(f.state.model)) {
    if (ImGui::GetMainViewport()->Size.y >= 700)
      heading(f, f.t("Picture for the model", "模型读入的图片"));
    draw_picture_row(f);
    if (f.trace) draw_strips(f.reads(), 1);
    return;
  }
  const ImVec2 window = ImGui::GetMainViewport()->Size;
  const ModelEntry* entry = entry_of(f);
  if (window.y >= 700)
    heading(f, f.state.model == "scratch"
                   ? f.t("Token names, separated by spaces (their vectors are random)",
                         "词元名称，以空格分隔（其向量是随机的）")
               : f.state.repeat > 0 ? f.t("Random tokens, repeated; the tokenizer would "
                                          "split this text differently",
                                          "随机词元，重复两遍；若当作文本，分词器会作不同的切分")
               : has_decoder(f)     ? f.t("Text for the encoder, and text for the decoder",
                                          "编码器读入的文本，以及解码器读入的文本")
                                    : f.t("Text for the model", "模型读入的文本"));
  const bool examples = f.state.model != "scratch";
  const float examples_width = text_width(f.t("Examples", "示例")) + 24;
  const bool offers = offers_pair(f);
  f.ui.pair_open = has_decoder(f) || (offers && (f.ui.pair_open || !f.state.pair.empty()));
  const float all = ImGui::GetContentRegionAvail().x - (examples ? examples_width + 8 : 0) -
                    (offers ? ImGui::GetFrameHeight() + 8 : 0);
  const float width = f.ui.pair_open ? std::floor((all - 8) / 2) : all;
  // Two lines where the text needs them and there is room.
  sync_draft(f);
  const bool two_lines = window.y >= 600 && text_width(f.ui.draft) > width - 24;
  const float height = two_lines ? 62 : window.y >= 700 || f.ui.touch ? 44 : 38;
  draw_prompt(f, width, height);
  if (f.ui.pair_open) {
    ImGui::SameLine(0, 8);
    const std::string label = has_decoder(f) ? fit_text(target_label(f), 1.7f * width - 60)
                                             : f.t("Second text", "第二段文本");
    text_box(f, "pair", f.state.pair, {width, height}, label.c_str());
    if (std::exchange(f.ui.pair_opened, false)) platform::focus_prompt("pair");
  }
  if (offers) {
    ImGui::SameLine(0, 8);
    draw_pair_button(f);
  }
  if (examples) {
    ImGui::SameLine(0, 8);
    draw_examples(f, entry ? *entry : ModelEntry{}, examples_width);
  }
  if (f.trace)
    draw_strips(f.reads(), f.ui.touch ? (window.y >= 700 ? 2 : 1) : window.y >= 700 ? 3 : 2);
  if (examples && entry && window.y >= 560) draw_look(f, *entry);
}

}  // namespace attn
