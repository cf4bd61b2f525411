#include "ui/panels/view_parts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/head_cells.h"
#include "figure/glossary.h"
#include "ui/canvas.h"
#include "ui/focus.h"
#include "ui/widgets.h"

namespace attn {
namespace {

// The part in view, with a margin to scroll before the figure is rebuilt.
ViewPart part_in_sight() {
  const float step = 2000;
  const float top = std::floor(ImGui::GetScrollY() / step) * step,
              left = std::floor(ImGui::GetScrollX() / step) * step;
  return {top - step, top + 2 * step + ImGui::GetWindowHeight(), left - step,
          left + 2 * step + ImGui::GetWindowWidth()};
}

Figure make_figure(const Frame& f, const ViewCache& c, const HeadsTable* heads) {
  ViewInput input{c.first->measure, f.pairs(), c.state, c.width, c.line_height, c.part};
  input.height = c.height;
  input.least_row = f.ui.touch ? kTouchSide : 0;
  input.attention = &f.attention();
  input.model = f.stack();
  input.metric = c.is_pattern ? nullptr : c.first->key.metric;
  if (c.second) {
    input.second = &c.second->measure;
    input.second_metric = c.second->key.metric;
  }
  input.heads = heads;
  return find_view(c.view)->figure(input);
}

}  // namespace

const Figure& view_figure(Frame& f, ViewCache& c, const FigureWish& wish) {
  const float width = std::floor(wish.width > 0 ? wish.width : ImGui::GetContentRegionAvail().x);
  const float line = ImGui::GetFontSize() + 3;
  const ViewPart part = part_in_sight();
  const size_t n_columns = wish.heads ? wish.heads->columns.size() : 0;
  const void* general = wish.heads ? wish.heads->general.get() : nullptr;
  const State& at = wish.at ? *wish.at : f.shown;
  if (c.drawn.lock() == f.drawn() && c.view == wish.view && c.first == wish.measure &&
      c.second == wish.second && c.state == at && c.width == width && c.height == wish.height &&
      c.line_height == line && c.touch == f.ui.touch && c.part == part &&
      c.n_columns == n_columns && c.general == general)
    return c.figure;
  c.drawn = f.drawn();
  c.view = wish.view;
  c.first = wish.measure;
  c.second = wish.second;
  c.state = at;
  c.width = width;
  c.height = wish.height;
  c.line_height = line;
  c.touch = f.ui.touch;
  c.part = part;
  c.n_columns = n_columns;
  c.general = general;
  c.is_pattern = wish.is_pattern;
  c.figure = make_figure(f, c, wish.heads);
  return c.figure;
}

void draw_view(Frame& f, const char* id, ViewCache& cache, const FigureWish& wish) {
  const HitArea* hovered = nullptr;
  const Figure& figure = view_figure(f, cache, wish);
  const HitArea* hit = draw_figure(f, id, figure, &hovered);
  f.mark(wish.view);
  if (&cache == &f.ui.canvas)  // the size of a saved picture
    f.mark({"picture", {}, {cache.width, std::floor(cache.height)}, false, {}, {}});
  if (hovered && hovered->site) {
    f.ui.next_hover_layer = hovered->site->layer;
    f.ui.next_hover_head = hovered->site->head;
    if (middle_view(f.state).id != std::string_view("map"))
      draw_head_preview(f, hovered->site->layer, hovered->site->head);
  }
  if (hovered && hovered->query >= 0) point_at(f, hovered->query, hovered->key);
  if (!hit) return;
  if (hit->token >= 0) return append_token(f, hit->token);
  if (hit->site) choose_head(f, hit->site->layer, hit->site->head);
  if (hit->query >= 0 && hit->key >= 0) return lock_cell(f, hit->query, hit->key);
  if (hit->query >= 0) choose_token(f, hit->query);
}

std::shared_ptr<const HeadCharacters> general(const Frame& f) {
  const auto& all = f.snap.characters;
  const Attention& a = f.attention();
  const bool fits = all && f.shown.part == 0 && all->n_layers == a.n_layers &&
                    all->n_heads == a.n_heads && all->size() > 0;
  return fits ? all : nullptr;
}

const HeadsTable& heads_table(Frame& f) {
  UiState& ui = f.ui;
  std::vector<std::shared_ptr<const MadeMeasure>> found;
  for (const Metric* metric : head_metrics()) {
    auto made = f.snap.last_measure(metric, f.shown);
    if (made && !made->error) found.push_back(std::move(made));
  }
  if (found == ui.heads_from && ui.heads_table.n_heads > 0) {
    ui.heads_table.general = general(f);
    return ui.heads_table;
  }
  ui.heads_from = found;
  ui.heads_table = {f.attention().n_layers, f.attention().n_heads, {}, general(f)};
  for (const auto& made : found)
    if (made->measure.values.size() == size_t(ui.heads_table.size()))
      ui.heads_table.columns.push_back({made->key.metric, made->measure.values});
  return ui.heads_table;
}

namespace {

// "" is the id of `none`. The rows of a group stand together.
std::vector<SearchRow> metric_rows(const Frame& f, const std::string& name, const View& view,
                                   const char* none) {
  std::vector<SearchRow> rows;
  if (none) rows.push_back({.name = name, .title = none, .found = {""}});
  for (size_t group = 0; group < std::size(kMetricGroups); ++group)
    for (const Metric& m : metrics())
      if (size_t(m.group) == group && view.offers(m))
        rows.push_back({.name = name + m.id,
                        .group = kMetricGroups[group].in(f.lang),
                        .title = m.title.in(f.lang),
                        .found = {m.id, f.lang == Lang::zh ? m.title.en : m.title.zh},
                        .help = m.sentence.in(f.lang)});
  return rows;
}

// True when another was chosen.
bool draw_metric_rows(Frame& f, const std::string& name, std::string& id, const View& view,
                      const char* none, float width) {
  SearchList& s = f.ui.search;
  if (ImGui::IsWindowAppearing()) {
    std::vector<SearchRow> rows = metric_rows(f, name, view, none);
    const auto of_id = [&](const SearchRow& row) { return row.found.front() == id; };
    const int at = int(std::ranges::find_if(rows, of_id) - rows.begin());
    s.open(std::move(rows), at);
  }
  const float line = ImGui::GetTextLineHeightWithSpacing();
  const int chosen = draw_search_list(f, f.t("Search measures", "搜索度量"), width,
                                      std::min(400.f, line * float(s.rows.size() + 6)));
  if (chosen < 0) return false;
  ImGui::CloseCurrentPopup();
  const std::string& now = s.rows[size_t(chosen)].found.front();
  return std::exchange(id, now) != now;
}

}  // namespace

bool metric_menu(Frame& f, const char* name, std::string& id, const View& view, const char* none,
                 float width) {
  bool changed = false;
  ImGui::PushID(name);
  // The second of two menus defaults to another metric than the first.
  const bool second = view.second && &id == &(f.state.*view.second);
  const Metric* shown = none && id.empty() ? nullptr
                        : second           ? view.second_metric(f.shown)
                                           : view.metric(f.shown);
  const std::string title = shown ? shown->title.in(f.lang) : none ? none : "–";
  ImGui::SetNextItemWidth(width);
  const bool open = ImGui::BeginCombo("##metric", fit_preview(title, width).c_str(),
                                      ImGuiComboFlags_HeightLargest);
  f.mark(std::string("choice.") + name);
  item_says(f, Control::menu, f.t("Measure", "度量"), title);
  if (!open && shown)
    item_tooltip(std::string(shown->title.in(f.lang)) + "\n" + shown->sentence.in(f.lang));
  if (open) {
    const float room = std::clamp(width - 20, 300.f, 340.f);
    changed = draw_metric_rows(f, std::string("choice.") + name + ".", id, view, none, room);
    ImGui::EndCombo();
  }
  ImGui::PopID();
  return changed;
}

void explained(Frame& f, std::string_view text) {
  const float room = ImGui::GetContentRegionAvail().x;
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float size = ImGui::GetFontSize();
  const char* end = text.data() + text.size();
  for (const char* line = text.data(); line < end;) {
    const char* stop = line_end(line, end, room);
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const std::string_view part(line, size_t(stop - line));
    list->AddText(at, ImGui::GetColorU32(ImGuiCol_Text), line, stop);
    for (FoundWord found = find_word(part, 0, f.lang); found.word;
         found = find_word(part, found.end, f.lang)) {
      const float from = at.x + text_width(part.substr(0, found.begin));
      const float to = at.x + text_width(part.substr(0, found.end));
      const bool over =
          ImGui::IsWindowHovered() && ImGui::IsMouseHoveringRect({from, at.y}, {to, at.y + size});
      const ImU32 color = rgb(f.colors().accent, over ? 1.f : .45f);
      for (float x = from; x < to; x += 4)
        list->AddLine({x, at.y + size}, {std::min(x + 2, to), at.y + size}, color);
      if (!over) continue;
      tooltip(std::string(found.word->name.in(f.lang)) + ": " + found.word->says.in(f.lang));
      ImGui::SetMouseCursor(ImGuiMouseCursor_Hand);
      if (ImGui::IsMouseReleased(0)) {  // a finger that comes down may scroll
        f.ui.help_word = found.word;
        f.ui.help_open = true;
      }
    }
    ImGui::Dummy({room, size});
    line = stop;
    while (line < end && (*line == ' ' || *line == '\n')) ++line;
  }
}

const std::vector<std::pair<int, int>>& score_cells(const Frame& f) {
  ScoreCells& c = f.ui.score_cells;
  if (c.metric == f.ui.open_measure && c.drawn.lock() == f.drawn() && c.part == f.shown.part &&
      c.sample == f.shown.sample && c.offset == f.shown.offset)
    return c.cells;
  c = {f.ui.open_measure, f.drawn(), f.shown.part, f.shown.sample, f.shown.offset, {}};
  const Metric* metric = find_metric(f.ui.open_measure);
  if (!metric) return c.cells;
  for (const ScoreCell& cell :
       cells_of(*metric, {f.stack(), f.trace, &f.shown, nullptr, f.snap.period}))
    c.cells.emplace_back(cell.query, cell.key);
  return c.cells;
}

void draw_missing(Frame& f, const std::shared_ptr<const MadeMeasure>& made) {
  if (made && made->error) return wrapped(made->error->message);
  heading(f, f.t("Computing…", "正在计算…"));
}

}  // namespace attn
