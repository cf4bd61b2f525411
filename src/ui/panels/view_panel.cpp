// view_panel.cpp - the middle: the map, or another view in its place.
#include <algorithm>
#include <utility>

#include "figure/caption.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/views.h"
#include "ui/action_table.h"
#include "ui/canvas.h"
#include "ui/focus.h"
#include "ui/map/map_view.h"
#include "ui/panels/save_menu.h"
#include "ui/panels/view_parts.h"
#include "ui/widgets.h"

namespace attn {
namespace {

// Names the head, or what the measure describes instead.
std::string drawn_title(const State& at, const Metric* metric) {
  return metric ? figure_title(metric, at) : site_name(nullptr, at);
}

Result<SavedView> drawn_view(const Frame& f) {
  const ViewCache& c = f.ui.canvas;
  if (c.figure.shapes.empty() || !c.first || c.view != f.state.view)
    return Error{f.t("Nothing to save yet", "尚无可保存的内容")};
  return SavedView{c.view, c.first, c.second, c.is_pattern, c.width, c.height};
}

void draw_save(Frame& f) {
  draw_save(f, [&] { return drawn_view(f); });
}

void title(const Frame& f, const std::string& text, float less) {
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(fit_text(text, ImGui::GetContentRegionAvail().x - less).c_str());
  (void)f;
}

template <class Fill>
void scrolling(const char* id, Fill&& fill) {
  ImGui::BeginChild(id, {0, 0}, kTabPasses);
  ImGui::PushFont(nullptr, 14);
  fill(ImGui::GetContentRegionAvail().y - 4);
  ImGui::PopFont();
  ImGui::EndChild();
}

// Wraps values that are already there as a measure, as if computed in the background.
std::shared_ptr<const MadeMeasure> at_hand(Frame& f, std::vector<Axis> axes, std::vector<int> shape,
                                           std::span<const float> values, const Site& site,
                                           int token) {
  auto& kept = f.ui.at_hand;
  const MapKey key{site, f.snap.trace, f.shown.sample};
  if (kept && f.ui.at_hand_drawn.lock() == f.drawn() && f.ui.at_hand_of == key &&
      kept->measure.axes == axes && kept->key.token == token &&
      kept->measure.values.size() == values.size())
    return kept;
  auto made = std::make_shared<MadeMeasure>();
  made->key.token = token;
  made->measure = {std::move(axes), std::move(shape), {values.begin(), values.end()}};
  f.ui.at_hand_of = key;
  f.ui.at_hand_drawn = f.drawn();
  kept = std::move(made);
  return kept;
}

void draw_lines(Frame& f, const View& view) {
  const float width = ImGui::GetContentRegionAvail().x;
  const State at = focused(f);
  const bool previews = is_previewing(f);
  const Metric* shown = previews ? nullptr : view.metric(f.shown);
  title(f,
        drawn_title(at, shown) +
            (previews ? f.t("  (preview)", "（预览）") : f.t(" · lines", " · 连线")),
        width * .66f);
  ImGui::SameLine(width * .36f);
  slider(f, "##mass", f.state.mass, 1, 100, std::max(60.f, width * .3f));
  f.mark("slider.mass");
  item_says(f, Control::slider, f.t("Attention drawn", "绘制比例"),
            std::to_string(f.state.mass) + " %");
  item_tooltip(f.t("Percentage of each query's attention that is drawn, strongest first",
                   "画出每个查询注意力的百分之多少，从最强的开始"));
  draw_save(f);
  const PatternMap* map = previews ? preview_source(f).exact : f.snap.map.get();
  std::shared_ptr<const MadeMeasure> made = shown ? f.shown_made(shown) : nullptr;
  if (!shown && map && f.is_of(*map) && map->site() == at.site() && map->sample == f.shown.sample &&
      map->is_whole())
    made = at_hand(f, view.axes, {map->n_query, map->n_key}, map->values, at.site(), f.shown.token);
  draw_reading_words(f, shown);
  scrolling("lines", [&](float height) {
    if (const std::string no = reading_error(f); !no.empty()) return wrapped(no);
    if (made && !made->error && f.pairs().n_query <= 512)
      return draw_view(f, "##lines", f.ui.canvas,
                       {view.id, made, nullptr, nullptr, height, !shown, 0, &at});
    if (f.pairs().n_query > 512)
      return wrapped(f.t("Lines are drawn for up to 512 tokens; use the map for longer texts",
                         "连线最多支持 512 个词元；更长的文本请看热力图"));
    draw_missing(f, made);
  });
}

void draw_neuron(Frame& f, const View& view) {
  title(f,
        drawn_title(f.shown, nullptr) +
            f.t(" · query and key, dimension by dimension", " · 查询与键，逐维展示"),
        240);
  // The same score of one key, and all steps after it.
  const char* chain = f.t("Step by step", "逐步推导");
  ImGui::SameLine(ImGui::GetWindowWidth() - ImGui::GetStyle().WindowPadding.x -
                  text_width(f.t("Save", "保存")) - text_width(chain) - 48);
  if (ImGui::Button(chain)) f.state.view = "chain";
  f.mark("button.chain");
  item_tooltip(find_view("chain")->sentence.in(f.lang));
  draw_save(f);
  scrolling("neuron", [&](float) {
    const std::span<const float> row = f.row();
    if (row.empty()) return wrapped(not_kept(f, f.shown.layer));
    draw_view(
        f, "##neuron", f.ui.canvas,
        {view.id, at_hand(f, view.axes, {int(row.size())}, row, f.shown.site(), f.shown.token),
         nullptr, nullptr, 0, true});
  });
}

// The patch under the mouse takes the place of the chosen one.
void draw_picture(Frame& f, const View& view) {
  const State at = focused(f);
  title(f, drawn_title(at, nullptr) + " · " + view.title.in(f.lang), 110);
  draw_save(f);
  scrolling("picture", [&](float height) {
    const FocusRow row = focus_row(f, at);
    if (row.values.empty()) return wrapped(not_kept(f, at.layer));
    draw_view(f, "##picture", f.ui.canvas,
              {.view = view.id,
               .measure =
                   at_hand(f, view.axes, {int(row.values.size())}, row.values, at.site(), at.token),
               .height = height,
               .is_pattern = true,
               .at = &at});
  });
}

constexpr double kStep_s = 4;  // that a step of the chain is shown while it plays

void play_chain(Frame& f) {
  UiState& ui = f.ui;
  if (ui.chain_next < 0 || ImGui::GetTime() < ui.chain_next) return;
  step_chain(f, 1);
  if (ui.chain_step >= 0) ui.chain_next = ImGui::GetTime() + kStep_s;
}

void draw_chain_buttons(Frame& f) {
  UiState& ui = f.ui;
  const bool plays = ui.chain_next >= 0;
  const float side = ImGui::GetFrameHeight(), gap = ImGui::GetStyle().ItemSpacing.x;
  const float save = text_width(f.t("Save", "保存")) + 20;
  ImGui::SameLine(ImGui::GetWindowWidth() - ImGui::GetStyle().WindowPadding.x - save -
                  3 * (side + gap));
  if (icon_button(f, "chain_previous", Icon::previous, action_help(f, "previous_stage"),
                  ui.chain_step >= 0))
    step_chain(f, -1);
  ImGui::SameLine();
  if (icon_button(f, "chain_play", plays ? Icon::pause : Icon::play,
                  plays ? f.t("Pause", "暂停") : f.t("Walk through the steps", "逐步播放"))) {
    if (!plays && ui.chain_step < 0) step_chain(f, 1);
    ui.chain_next = plays ? -1 : ImGui::GetTime() + kStep_s;
  }
  ImGui::SameLine();
  if (icon_button(f, "chain_next", Icon::next, action_help(f, "next_stage"))) step_chain(f, 1);
}

// All but the step that is shown is covered by the background, and the step is scrolled into view
// (at once: nothing slides).
void draw_chain_step(Frame& f, ImVec2 origin) {
  UiState& ui = f.ui;
  const Figure& figure = ui.canvas.figure;
  ui.n_chain_steps = int(figure.steps.size());
  if (ui.chain_step >= ui.n_chain_steps) ui.chain_step = -1;
  const bool moved = ui.chain_step != ui.chain_scrolled_to;
  ui.chain_scrolled_to = ui.chain_step;
  if (ui.chain_step < 0) return;
  const Vec2 step = figure.steps[size_t(ui.chain_step)];
  const auto cover = [&](float from, float to) {
    if (from < to)
      ImGui::GetWindowDrawList()->AddRectFilled({origin.x - 4, origin.y + from},
                                                {origin.x + figure.size.x + 4, origin.y + to},
                                                rgb(f.colors().panel, .78f));
  };
  f.mark({"chain.step." + std::to_string(ui.chain_step),
          {origin.x, origin.y + step.x},
          {origin.x + figure.size.x, origin.y + step.y}});
  cover(0, step.x);
  cover(step.y, figure.size.y);
  const float room = ImGui::GetWindowHeight();
  if (moved) ImGui::SetScrollY(std::max(0.f, (step.x + step.y - room) / 2));
}

void draw_chain(Frame& f, const View& view) {
  play_chain(f);
  title(f, site_name(nullptr, f.shown) + " · " + view.title.in(f.lang), 230);
  draw_chain_buttons(f);
  draw_save(f);
  scrolling("chain", [&](float) {
    if (!f.attention().is_kept(f.shown.layer)) return wrapped(not_kept(f, f.shown.layer));
    // Without what the heads write, the steps before it are shown already.
    auto made = f.snap.measure(view.metric(f.shown), f.shown);
    if (!made) made = at_hand(f, view.axes, {0, 0}, {}, f.shown.site(), f.shown.token);
    const ImVec2 origin = ImGui::GetCursorScreenPos();
    draw_view(f, "##chain", f.ui.canvas, {view.id, made});
    draw_chain_step(f, origin);
  });
}

// Only models have roles.
void draw_dot_colors(Frame& f) {
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(f.t("Dot colour", "点的颜色"));
  ImGui::SameLine();
  const std::string titles[] = {kDotTitles[0].in(f.lang), kDotTitles[1].in(f.lang)};
  int chosen = int(f.state.dots);
  const char* const helps[] = {f.t("Each dot has the colour of its layer", "点的颜色表示所在的层"),
                               f.t("Each dot has the colour of what the head does in this text",
                                   "点的颜色表示该头在这段文本中的角色")};
  if (segmented(f, "dots", titles, chosen, 160, helps)) f.state.dots = Dots(chosen);
}

void draw_scatter(Frame& f, const View& view) {
  const float width = ImGui::GetContentRegionAvail().x;
  const bool below = width < 420;  // the second menu
  const float menu = below ? width - 110 : std::floor((width - 110 - 40) / 2);
  const Metric *x = view.metric(f.shown), *y = view.second_metric(f.shown);
  metric_menu(f, "scatter_y", f.state.*view.second, view, nullptr, menu);
  if (below) draw_save(f);
  if (!below) ImGui::SameLine();
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(f.t("vs", "对"));
  ImGui::SameLine();
  metric_menu(f, "scatter_x", f.state.*view.chosen, view, nullptr,
              below ? ImGui::GetContentRegionAvail().x : menu);
  if (!below) draw_save(f);
  draw_target(f, "", x && (x->reads & reads_target) ? x : y);
  if (f.snap.model) draw_dot_colors(f);
  const auto first = f.snap.last_measure(x, f.shown), second = f.snap.last_measure(y, f.shown);
  scrolling("scatter", [&](float height) {
    if (!first || first->error) return draw_missing(f, first);
    if (!second || second->error) return draw_missing(f, second);
    draw_view(f, "##scatter", f.ui.canvas, {view.id, first, second, &heads_table(f), height});
  });
}

// Scrolls both ways; the names of layers and tokens stay at the edges.
void draw_lens(Frame& f, const View& view, const std::shared_ptr<const MadeMeasure>& made) {
  ImGui::BeginChild("lens", {0, 0}, kTabPasses, ImGuiWindowFlags_HorizontalScrollbar);
  ImGui::PushFont(nullptr, 14);
  // Not what ImGui has left, which grows with what was drawn before.
  const float bar = ImGui::GetStyle().ScrollbarSize, high = ImGui::GetContentRegionAvail().y - bar;
  const float width = std::floor(ImGui::GetWindowWidth() - (ImGui::GetScrollMaxY() > 0 ? bar : 0));
  ViewInput input{made->measure, f.pairs(), f.shown, width, ImGui::GetFontSize() + 3};
  input.height = high;
  input.model = f.stack();
  const LensLayout at = lens_layout(input);
  // It opens at its left; a token chosen elsewhere after that is scrolled into view.
  const bool opens = f.ui.lens_scrolled_to < 0;
  if (opens) ImGui::SetScrollX(0);
  if (std::exchange(f.ui.lens_scrolled_to, f.shown.token) != f.shown.token && !opens) {
    const float x = at.left + float(f.shown.token) * at.wide, from = ImGui::GetScrollX();
    if (x < from + at.left || x + at.wide > from + input.width)
      ImGui::SetScrollX(std::max(0.f, x - at.left - (input.width - at.left - at.wide) / 2));
  }
  const ImVec2 origin = ImGui::GetCursorScreenPos();
  draw_view(f, "##lens", f.ui.canvas, {view.id, made, nullptr, nullptr, high, false, width});
  draw_pinned(f, f.ui.canvas.figure, {origin.x, origin.y}, {at.left, at.top},
              at.top + at.high * float(f.attention().n_layers) + 2);
  ImGui::PopFont();
  ImGui::EndChild();
}

void draw_scrolling(Frame& f, const View& view, const std::shared_ptr<const MadeMeasure>& made) {
  scrolling(view.id, [&](float height) {
    draw_view(f, ("##" + std::string(view.id)).c_str(), f.ui.canvas,
              {view.id, made, nullptr, nullptr, height});
  });
}

// A measure computed in the background, with a menu where there is a choice.
template <void (*draw)(Frame&, const View&, const std::shared_ptr<const MadeMeasure>&)>
void draw_measured(Frame& f, const View& view) {
  const Metric* metric = view.metric(f.shown);
  if (view.chosen)
    metric_menu(f, view.id, f.state.*view.chosen, view, nullptr,
                std::min(260.f, ImGui::GetContentRegionAvail().x - 110));
  else
    title(f, metric ? metric->title.in(f.lang) : "", 110);
  draw_save(f);
  draw_target(f, "", metric);
  if (!metric) return wrapped(f.t("No measure fits this view", "没有适用于该视图的度量"));
  ImGui::PushFont(nullptr, 14);
  explained(f, metric->sentence.in(f.lang));
  ImGui::PopFont();
  const auto made = f.snap.measure(metric, f.shown);
  if (!made || made->error) return draw_missing(f, made);
  draw(f, view, made);
}

// A view that is more than a menu of measures and a figure.
struct Page {
  std::string_view view;
  void (*draw)(Frame&, const View&);
};
constexpr Page kPages[] = {
    {"wall", [](Frame& f, const View&) { draw_wall_panel(f); }},
    {"map", [](Frame& f, const View&) { draw_map_panel(f); }},
    {"lines", draw_lines},
    {"neuron", draw_neuron},
    {"picture", draw_picture},
    {"chain", draw_chain},
    {"scatter", draw_scatter},
    {"lens", draw_measured<draw_lens>},
};

}  // namespace

void draw_view_tabs(Frame& f) {
  const auto views = tabs_for(f.state, !f.trace || f.snap.model != nullptr, f.of_picture());
  std::vector<std::string> titles;
  std::vector<std::string> sentences;
  for (const View* view : views) {
    const auto middle = middle_views();
    const auto n = std::ranges::find(middle, view) - middle.begin() + 1;
    titles.emplace_back(view->tab.in(f.lang));
    sentences.push_back(view->sentence.in(f.lang));
    if (n <= 9) sentences.back() += f.t(" (", "（") + std::to_string(n) + f.t(")", "）");
  }
  std::vector<const char*> helps;
  for (const std::string& sentence : sentences) helps.push_back(sentence.c_str());
  int chosen = int(std::ranges::find(views, &middle_view(f.state)) - views.begin());
  const float width = ImGui::GetContentRegionAvail().x;
  float needed = 0;
  for (const std::string& t : titles) needed += segment_width(f, t);
  if (needed <= width) {
    segmented(f, "view", titles, chosen, width, helps);
  } else {  // a menu, rather than names cut short
    ImGui::SetNextItemWidth(width);
    if (ImGui::BeginCombo("##view", titles[size_t(chosen)].c_str(),
                          ImGuiComboFlags_HeightLargest)) {
      for (size_t i = 0; i < titles.size(); ++i) {
        if (menu_entry(f, titles[i].c_str(), int(i) == chosen)) chosen = int(i);
        f.mark("view." + std::to_string(i));
        item_tooltip(helps[i]);
      }
      ImGui::EndCombo();
    }
    f.mark("view");
    item_says(f, Control::menu, f.t("View", "视图"), titles[size_t(chosen)]);
  }
  f.state.view = views[size_t(chosen)]->id;
}

// The two models of the files that were dropped.
static void draw_twins(Frame& f) {
  const ModelEntry* const entry = chosen_model(f);
  if (!entry || entry->twins == Twins::none) return;
  const bool adapter = entry->twins == Twins::adapter;
  std::vector<std::string> titles = {f.t("Pictures", "图片"), f.t("Text", "文本")};
  const char* helps[] = {f.t("The part of the model that reads pictures", "模型中读入图片的部分"),
                         f.t("The part of the model that reads text", "模型中读入文本的部分")};
  if (adapter) {
    titles = {f.t("With the adapter", "含适配器"), f.t("Without", "不含")};
    helps[0] = f.t("The base model with the adapter merged into its weights",
                   "适配器已合并进权重的基础模型");
    helps[1] = f.t("The base model as it was before the adapter", "未加适配器的基础模型");
  }
  int chosen = entry->second;
  if (segmented(f, "twin", titles, chosen, ImGui::GetContentRegionAvail().x, helps))
    choose_twin(f, *entry);
}

void draw_parts(Frame& f) {
  draw_twins(f);
  if (!f.trace || f.trace->parts.size() < 2) return;
  std::vector<std::string> titles;
  for (const Text& title : kPartTitles) titles.emplace_back(title.in(f.lang));
  const char* helps[] = {f.t("What the encoder's tokens attend to in their own text (P)",
                             "编码器的词元在自身文本中关注什么 (P)"),
                         f.t("What the decoder's tokens attend to among those before them (P)",
                             "解码器的词元关注之前的哪些词元 (P)"),
                         f.t("What the decoder's tokens attend to in the encoder's text (P)",
                             "解码器的词元关注编码器文本中的什么 (P)")};
  if (f.trace->parts.size() == 2) {
    titles = {kPartTitles[0].in(f.lang), kPoolingTitle.in(f.lang)};
    helps[0] = f.t("What patches attend to in the picture (P)", "图块关注图片中的什么 (P)");
    helps[1] = f.t("What the learned query of the pooling head attends to, after all layers (P)",
                   "池化头中可学习的查询在所有层之后关注什么 (P)");
  }
  int chosen = f.shown.part;
  if (segmented(f, "part", titles, chosen, ImGui::GetContentRegionAvail().x, helps))
    choose_part(f, chosen);
}

void draw_view_panel(Frame& f) {
  const View& view = middle_view(f.state);
  if (view.id != std::string_view("lens")) f.ui.lens_scrolled_to = -1;
  if (view.id != std::string_view("wall")) f.session.watch({}, 0);
  if (!f.trace) return draw_map_panel(f.reads());
  Frame& reads = view.groups ? f.reads() : f;
  for (const Page& page : kPages)
    if (page.view == view.id) return page.draw(reads, view);
  draw_measured<draw_scrolling>(reads, view);
}

}  // namespace attn
