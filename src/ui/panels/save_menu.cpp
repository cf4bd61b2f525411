#include "ui/panels/save_menu.h"

#include <cmath>
#include <utility>

#include "figure/exporters.h"
#include "figure/views.h"
#include "platform/glyphs.h"
#include "platform/platform.h"
#include "ui/widgets.h"

namespace attn {
namespace {

constexpr float kErrorSeconds = 8;

// The note on merged and hidden tokens that `attnscope plot` writes.
std::string note_of(const Frame& f, const Metric* metric) {
  if (!f.reading) return "";
  std::string note = regroup_words(f.shown, !metric || metric->adds_up, f.lang);
  const auto map = f.base->snap.read_map(nullptr, f.base->shown);
  if (f.reading->n_hidden > 0 && map && !map->error)
    note += (note.empty() ? "" : "; ") +
            hidden_words(f.shown, f.reading->n_hidden, map->hidden_mean, f.lang);
  return note;
}

Figure figure_of(const Frame& f, const SavedView& s, const Caption& caption) {
  ViewInput input{s.first->measure, f.pairs(), f.shown, s.width};
  input.height = std::floor(s.height);
  input.attention = &f.attention();
  input.model = f.stack();
  input.metric = s.is_pattern ? nullptr : s.first->key.metric;
  input.heads = s.heads;
  HeadMaps maps;
  if (const auto& grid = f.snap.grid; grid && grid->is_whole() && f.is_of(*grid)) {
    maps = {grid->side_q, grid->side_k, grid->values};
    input.maps = &maps;
  }
  if (s.second) {
    input.second = &s.second->measure;
    input.second_metric = s.second->key.metric;
  }
  Figure figure = find_view(s.view)->figure(input);
  add_caption(figure, caption, input.line_height);
  return figure;
}

Result<std::string> contents(const Frame& f, const SavedView& s, const Exporter& format) {
  // Values without a metric are the view's usual ones: the weights.
  const Metric* metric = s.first->key.metric;
  if (!metric) metric = find_view(s.view)->usual_metric();
  std::vector<std::string> notes;
  if (f.snap.model) {
    notes = f.snap.model->warnings;
    notes.insert(notes.end(), f.snap.model->notes.begin(), f.snap.model->notes.end());
  }
  Status status;
  const std::string out = written([&](ByteSink& sink) {
    if (!format.figure) {
      status = format.measure(
          {*metric, s.first->measure, f.pairs(), f.shown,
           f.snap.model ? f.snap.model->name : "scratch", note_of(f, s.first->key.metric), notes},
          sink);
      return;
    }
    ExportStyle style;
    style.palette = f.state.palette;
    style.dark = f.ui.dark;
    style.letters = platform::letters();
    const Caption caption = caption_of(*metric, s.second ? s.second->key.metric : nullptr,
                                       {f.stack(), f.trace, &f.shown}, f.pairs(),
                                       note_of(f, s.first->key.metric), find_view(s.view));
    const Figure figure = figure_of(f, s, caption);
    status = format.figure({figure, style, caption}, sink);
  });
  if (status) return *status;
  return out;
}

void save(Frame& f, const Result<SavedView>& saved, const Exporter& format) {
  const Result<std::string> made =
      saved ? contents(f, *saved, format) : Result<std::string>(saved.error());
  if (!made) {
    toast(f, made.error().message);
    f.ui.toast_until = ImGui::GetTime() + kErrorSeconds;
    return;
  }
  platform::save_file("attnscope-" + saved->view + format.ending, *made);
  toast(f, format.figure ? f.t("Figure saved", "图片已保存") : f.t("Data saved", "数据已保存"));
}

}  // namespace

void draw_save_menu(Frame& f, const std::function<Result<SavedView>()>& saved) {
  if (const Exporter* asked = find_exporter(std::exchange(f.ui.save_as, "")))
    save(f, saved(), *asked);
  if (!ImGui::BeginPopup("save")) return;
  bool pictures = true;
  for (const Exporter& format : exporters()) {
    if (!format.figure && !format.measure) continue;
    if (pictures && !format.figure) ImGui::Separator();
    pictures = format.figure;
    if (menu_entry(f, format.title.in(f.lang))) save(f, saved(), format);
    f.mark(std::string("save.") + format.id);
    item_tooltip(format.figure ? f.t("The figure as it is on screen", "屏幕上的图片")
                               : f.t("The numbers of the figure", "图片中的数值"));
  }
  ImGui::EndPopup();
}

void draw_save(Frame& f, const std::function<Result<SavedView>()>& saved) {
  const char* text = f.t("Save", "保存");
  const float width = text_width(text) + 20;
  ImGui::SameLine(ImGui::GetWindowWidth() - ImGui::GetStyle().WindowPadding.x - width);
  if (ImGui::Button(text, {width, 0})) ImGui::OpenPopup("save");
  f.mark("button.save");
  item_tooltip(f.t("Save the figure or its data", "保存图片或数据"));
  draw_save_menu(f, saved);
}

}  // namespace attn
