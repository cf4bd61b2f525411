#include "ui/mirror.h"

#include <algorithm>
#include <charconv>

#include "figure/caption.h"
#include "figure/figure_text.h"
#include "figure/head_words.h"
#include "figure/views.h"
#include "platform/platform.h"
#include "ui/focus.h"
#include "ui/panels/view_parts.h"

namespace attn {
namespace {

constexpr int kMostRows = 32;

void write_views(const Frame& f, JsonWriter& json) {
  json.object(JsonLayout::tight).text("id", "view").text("label", f.t("View", "视图"));
  json.text("chosen", middle_view(f.state).id).key("tabs").array(JsonLayout::tight);
  for (const View* view : tabs_for(f.state, !f.trace || f.snap.model != nullptr, f.of_picture())) {
    json.object(JsonLayout::tight).text("id", view->id).text("label", view->tab.in(f.lang));
    json.text("help", view->sentence.in(f.lang)).end();
  }
  json.end().end();
}

void write_panels(const Frame& f, JsonWriter& json) {
  json.object(JsonLayout::tight).text("id", "panel").text("label", f.t("Panel", "面板"));
  json.text("chosen", kPanelNames[size_t(f.state.panel)]).key("tabs").array(JsonLayout::tight);
  for (size_t i = 0; i < std::size(kPanelTitles); ++i) {
    json.object(JsonLayout::tight).text("id", kPanelNames[i]);
    json.text("label", kPanelTitles[i].in(f.lang)).text("help", kPanelHelps[i].in(f.lang)).end();
  }
  json.end().end();
}

std::string number(const FocusRow& row, float value) {
  return row.metric ? value_text(row.metric, value) : weight_text(value);
}

// The locked cell, else the largest of the chosen row: "L1 H2 · Weight 0.5123, 51.23 % · query 13
// “Toad” → key 5 “and”".
std::string cell_words(const Frame& f, const FocusRow& row) {
  if (row.values.empty()) return "";
  const bool locked = f.shown.locked_key >= 0 && f.shown.locked_key < int(row.values.size());
  const int key = locked ? f.shown.locked_key : top_keys(row.values, 1)[0].key;
  const float value = row.values[size_t(key)];
  const CellText cell = cell_text(f.pairs(), f.shown, f.shown.token, key, value);
  std::string says = site_name(row.metric, f.shown);
  if (!says.empty()) says += " · ";
  if (!locked) says += f.t("Largest of the row: ", "该行最大值：");
  if (!row.metric) return says + cell_sentence(f.lang, cell);
  return says + measured_sentence(
                    f.lang, cell,
                    std::string(row.metric->title.in(f.lang)) + " " + number(row, value), false);
}

// The row of the chosen token: all keys in order, or the largest of many.
void write_row(const Frame& f, JsonWriter& json, const FocusRow& row) {
  json.text("caption", row_title(row.metric, f.shown, f.pairs()));
  json.key("columns").array(JsonLayout::tight).text("#").text(f.t("Key", "键"));
  json.text(row.metric ? f.t("Value", "数值") : f.t("Weight", "权重")).end();
  std::vector<Peak> peaks = top_keys(row.values, kMostRows);
  const int more = int(row.values.size()) - int(peaks.size());
  if (more <= 0) std::ranges::sort(peaks, {}, &Peak::key);
  json.key("rows").array(JsonLayout::tight);
  for (const Peak& peak : peaks) {
    const bool masked =
        !f.pairs().may_see(f.shown.sample, f.shown.layer, f.shown.token, peak.key) &&
        !(peak.weight > 0);
    json.array(JsonLayout::tight).text(position_text(f.keys(), peak.key));
    json.text(quoted_token(f.lang, f.keys()[size_t(peak.key)].shown));
    json.text(masked ? f.t("masked", "已掩码") : number(row, peak.weight));
    json.integer(peak.key).end();
  }
  json.end();
  if (more > 0)
    json.text("more", f.t("The largest are listed; keys left out: ", "仅列出最大的；未列出的键：") +
                          std::to_string(more));
}

void write_head(const Frame& f, JsonWriter& json) {
  json.text("site", site_words(nullptr, f.shown)).key("head").array(JsonLayout::tight);
  if (const auto all = general(f))
    json.text(f.t("In general: ", "一般而言：") +
              general_words(*all, f.shown.layer, f.shown.head, f.lang));
  if (f.attention().is_kept(f.shown.layer)) {
    const HereCache& here = here_words(f);
    if (!here.rows.empty()) json.text(f.t("In this text: ", "在这段文本中：") + here.rows);
    if (!here.token.empty()) json.text(here.token);
  }
  json.end();
}

void write_shown(Frame& f, JsonWriter& json) {
  write_head(f, json);
  std::optional<Frame> groups = reading_frame(f);
  const Frame& reads = groups ? *groups : f;
  const FocusRow row = focus_row(reads, reads.shown);
  json.text("cell", cell_words(reads, row));
  if (!row.values.empty()) write_row(reads, json, row);
}

}  // namespace

std::string mirror(UiState& ui, Session& session, State& state, History& history) {
  const Snapshot& snap = session.snapshot();
  Frame f{ui,    session,   state, history, snap, ui.emptied ? nullptr : snap.trace.get(),
          state, state.lang};
  if (f.trace) f.shown = visible(state, *f.trace);
  JsonWriter json;
  json.object(JsonLayout::tight).text("title", f.t("Text version", "文字版"));
  json.text("model", snap.model                 ? snap.model->name
                     : state.model == "scratch" ? f.t("Attention from scratch", "从零实现的注意力")
                                                : state.model);
  json.text("text", snap.text).text("size", size_words(f)).text("status", doing(f).says);
  json.key("errors").array(JsonLayout::tight);
  for (const std::string& message : errors_of(f)) json.text(message);
  json.end();
  if (can_retry(f)) json.text("retry", f.t("Retry", "重试"));
  json.key("tablists").array(JsonLayout::tight);
  write_views(f, json);
  write_panels(f, json);
  json.end();
  write_controls(f, json);
  if (f.trace) write_shown(f, json);
  return json.end().take();
}

void act(Frame& f, const std::string& what) {
  const size_t space = std::min(what.find(' '), what.size());
  const std::string id = what.substr(0, space),
                    value = what.substr(std::min(space + 1, what.size()));
  int number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  if (id == "retry") return retry(f);
  if (id == "view" && find_view(value) && find_view(value)->in_middle()) f.state.view = value;
  const auto panel = std::ranges::find(kPanelNames, std::string_view(value));
  if (id == "panel" && panel != std::end(kPanelNames))
    f.state.panel = Panel(panel - std::begin(kPanelNames));
  Frame& reads = f.reads();
  if (id == "cell" && f.trace && number >= 0 && number < reads.pairs().n_key)
    lock_cell(reads, reads.shown.token, number);
  set_control(f, id, number);
}

void speak(Frame& f) {
  UiState& ui = f.ui;
  if (ui.focus_says != ui.focus_said) {
    ui.focus_said = ui.focus_says;
    platform::announce(ui.focus_said, platform::Spoken::control);
  }
  if (!f.trace) return;
  const auto is_same = [&](const State& a, const State& b) {
    return a.site() == b.site() && a.sample == b.sample && a.token == b.token &&
           a.locked_key == b.locked_key;
  };
  const State before = std::exchange(ui.choice_said, f.shown);
  const bool first = before.model != f.shown.model || before.text != f.shown.text;
  if (first || is_same(before, f.shown) || ui.point_query >= 0) return;
  const Frame& reads = f.reads();
  platform::announce(cell_words(reads, focus_row(reads, reads.shown)), platform::Spoken::cell);
}

}  // namespace attn
