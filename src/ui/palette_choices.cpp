// palette_choices.cpp - the rows of the command palette, from the tables they are in.
#include <algorithm>

#include "figure/chapters.h"
#include "figure/exporters.h"
#include "figure/views.h"
#include "platform/platform.h"
#include "ui/action_table.h"
#include "ui/command_palette.h"
#include "ui/panels/view_parts.h"

namespace attn {
namespace {

struct Rows {
  const Frame& f;
  std::vector<Choice> all = {};

  Choice& add(const char* group, const char* kind, const std::string& id, const char* en,
              const char* zh, void (*run)(Frame&, const Choice&)) {
    Choice c{.row = {.name = std::string("palette.") + kind + "." + id,
                     .group = group,
                     .title = f.t(en, zh),
                     .found = {id, f.lang == Lang::zh ? en : zh}},
             .run = run,
             .id = id};
    all.push_back(std::move(c));
    return all.back();
  }
  Choice& add(const char* group, const char* kind, const std::string& id, const Text& title,
              void (*run)(Frame&, const Choice&)) {
    return add(group, kind, id, title.en, title.zh, run);
  }
};

void run_row(Frame& f, const Choice& c) { run_action(f, *static_cast<const Action*>(c.of)); }

void add_actions(Rows& rows) {
  const char* group = rows.f.t("Actions", "操作");
  for (const Action& action : actions()) {
    if (!can_run(rows.f, action) || action.id == std::string_view("search")) continue;
    Choice& c = rows.add(group, "action", action.id, action.title, run_row);
    c.of = &action;
    c.row.keys = action.keys.in(rows.f.lang);
  }
}

void show_view(Frame& f, const char* id) {
  f.state.view = id;
  f.ui.tab = Tab::map;
}

void add_views(Rows& rows) {
  const auto shown =
      tabs_for(rows.f.state, !rows.f.trace || rows.f.snap.model != nullptr, rows.f.of_picture());
  int n = 0;
  for (const View* view : middle_views()) {
    ++n;
    if (std::ranges::find(shown, view) == shown.end()) continue;
    Choice& c = rows.add(rows.f.t("Views", "视图"), "view", view->id, view->tab,
                         [](Frame& f, const Choice& row) { show_view(f, row.id.c_str()); });
    c.row.help = view->sentence.in(rows.f.lang);
    for (const char* title : {view->title.en, view->title.zh}) c.row.found.emplace_back(title);
    if (n <= 9) c.row.keys = std::to_string(n);
  }
}

void add_panels(Rows& rows) {
  for (size_t i = 0; i < std::size(kPanelTitles); ++i) {
    Choice& c = rows.add(rows.f.t("Panels", "面板"), "panel", kPanelNames[i], kPanelTitles[i],
                         [](Frame& f, const Choice& row) { open_panel(f, Panel(row.value)); });
    c.value = int(i);
    c.row.help = kPanelHelps[i].in(rows.f.lang);
  }
}

// Where a measure is shown: in the present view if it can, else in the list of heads, another view
// or the text; null: nowhere.
const View* place_of(const Metric& metric, const State& state) {
  const View& now = middle_view(state);
  if (now.chosen && now.offers(metric)) return &now;
  for (const char* id : {"list", "map", "strip"})
    if (const View* view = find_view(id); view->offers(metric)) return view;
  for (const View* view : middle_views())
    if (view->offers(metric)) return view;
  return nullptr;
}

void show_measure(Frame& f, const Choice& c) {
  const Metric& metric = *static_cast<const Metric*>(c.of);
  const View& view = *place_of(metric, f.state);
  if (view.chosen) f.state.*view.chosen = metric.id;
  if (view.in_middle()) return show_view(f, view.id);
  if (view.id == std::string_view("list")) return open_panel(f, Panel::list);
  toast(f, f.t("The text is coloured by: ", "文本已着色：") + std::string(metric.title.in(f.lang)));
}

void add_measures(Rows& rows) {
  const Frame& f = rows.f;
  const Inputs inputs{f.stack(), f.trace,       &f.shown,
                      nullptr,   f.snap.period, f.snap.scratch ? &f.snap.scratch->module : nullptr};
  for (const Metric& m : metrics()) {
    if (!place_of(m, f.state)) continue;
    Choice& c = rows.add(f.t("Measures", "度量"), "measure", m.id, m.title, show_measure);
    c.of = &m;
    c.row.help = m.sentence.in(f.lang);
    if (const Status no = missing(m, inputs)) c.row.why_not = no->message;
  }
}

void add_models(Rows& rows) {
  const Frame& f = rows.f;
  for (const ModelEntry& entry : f.session.models()) {
    if (entry.id == f.state.model) {
      for (size_t i = 0; i < entry.examples.size(); ++i) {
        const Example& e = entry.examples[i];
        Choice& c = rows.add(
            f.t("Examples", "示例"), "example", std::to_string(i), e.title_en.c_str(),
            e.title_zh.c_str(), [](Frame& g, const Choice& row) {
              for (const ModelEntry& present : g.session.models())
                if (present.id == g.state.model && size_t(row.value) < present.examples.size())
                  show_example(g.state, present.examples[size_t(row.value)]);
            });
        c.value = int(i);
        c.row.help = f.t(e.look_en.c_str(), e.look_zh.c_str());
        c.row.found.push_back(f.t("Example", "示例"));
      }
    }
  }
  for (const ModelEntry& entry : f.session.models()) {
    Choice& c = rows.add(f.t("Models", "模型"), "model", entry.id, entry.title_en.c_str(),
                         entry.title_zh.c_str(),
                         [](Frame& g, const Choice& row) { choose_model(g, row.id); });
    c.row.help = f.t(entry.about_en.c_str(), entry.about_zh.c_str());
  }
}

// One of the values of a setting with names.
template <class E>
void choose_setting(Frame& f, std::string_view key, E& member, int value) {
  member = E(value);
  if (key == "theme") set_theme(f, f.state.theme);
  if (key == "lang") set_language(f, f.state.lang);
}

void run_setting(Frame& f, const Choice& c) {
  for_each_field(f.state, [&](auto& member, const Field& field) {
    if constexpr (std::is_enum_v<std::remove_reference_t<decltype(member)>>)
      if (c.id == field.key) choose_setting(f, field.key, member, c.value);
  });
}

void add_settings(Rows& rows) {
  const Frame& f = rows.f;
  const char* group = f.t("Settings", "设置");
  State state = f.state;
  for_each_field(state, [&](auto& member, const Field& field) {
    if constexpr (std::is_enum_v<std::remove_reference_t<decltype(member)>>) {
      if (field.key == std::string_view("panel")) return;
      for (size_t i = 0; i < field.titles.size(); ++i) {
        if (size_t(member) == i) continue;
        const std::string en = std::string(field.title.en) + ": " + field.titles[i].en,
                          zh = std::string(field.title.zh) + "：" + field.titles[i].zh;
        Choice& c = rows.add(group, "setting", std::string(field.key) + "." + field.names[i],
                             en.c_str(), zh.c_str(), run_setting);
        c.id = field.key;
        c.value = int(i);
        c.row.help = field.help.in(f.lang);
      }
    }
  });
}

void add_exporters(Rows& rows) {
  if (!rows.f.trace) return;
  for (const Exporter& format : exporters()) {
    if (!format.figure && !format.measure) continue;
    const std::string en = std::string("Save: ") + format.title.en,
                      zh = std::string("保存：") + format.title.zh;
    rows.add(rows.f.t("Save", "保存"), "save", format.id, en.c_str(), zh.c_str(),
             [](Frame& f, const Choice& row) {
               f.ui.save_as = row.id;
               f.ui.tab = Tab::map;
             });
  }
}

void add_pages(Rows& rows) {
  const Frame& f = rows.f;
  const auto open = [](Frame& g, const Choice& row) {
    open_panel(g, Panel::learn);
    open_place(g, row.id);
  };
  const char* group = f.t("Learn", "学习");
  for (const Chapter& chapter : chapters())
    rows.add(group, "learn", chapter.id, chapter.title, open).row.help = chapter.about.in(f.lang);
  for (const Lesson& lesson : f.session.lessons())
    rows.add(group, "learn", lesson.id, lesson.title.en.c_str(), lesson.title.zh.c_str(), open)
        .row.help = lesson.about.in(f.lang);
}

void add_words(Rows& rows) {
  for (const Word& word : glossary()) {
    Choice& c = rows.add(rows.f.t("Glossary", "术语"), "word", word.name.en, word.name,
                         [](Frame& f, const Choice& row) {
                           f.ui.help_word = static_cast<const Word*>(row.of);
                           f.ui.help_open = true;
                         });
    c.of = &word;
    c.row.help = word.says.in(rows.f.lang);
  }
}

}  // namespace

std::vector<Choice> choices(const Frame& f) {
  Rows rows{f};
  add_views(rows);
  add_actions(rows);
  add_models(rows);
  add_panels(rows);
  add_measures(rows);
  add_settings(rows);
  add_exporters(rows);
  add_pages(rows);
  add_words(rows);
  return std::move(rows.all);
}

}  // namespace attn
