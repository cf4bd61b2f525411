#include "ui/opening.h"

#include <imgui.h>

#include <algorithm>
#include <new>
#include <utility>

#include "app/scratch_settings.h"
#include "base/json.h"
#include "figure/open_link.h"
#include "files/formats.h"
#include "model/dropped_id.h"
#include "platform/platform.h"
#include "ui/mirror.h"

namespace attn {
namespace {

// A model from files that has more heads than this opens with all of them in view.
constexpr int kManyHeads = 64;

constexpr double kHold_s = .025;
constexpr double kFirst_s = .5;  // longest wait of the first frame for the preferred model

// Defaults for what the link leaves out: the user's last choice, else the system preference.
State preferences() {
  State state;
  state.lang = platform::prefers_language();
  const std::string lang = platform::load("lang"), theme = platform::load("theme");
  for (size_t i = 0; i < std::size(kLangNames); ++i)
    if (lang == kLangNames[i]) state.lang = Lang(i);
  for (size_t i = 0; i < std::size(kThemeNames); ++i)
    if (theme == kThemeNames[i]) state.theme = Theme(i);
  return state;
}

bool differs_but_in_looks(State a, const State& b) {
  a.theme = b.theme;
  a.lang = b.lang;
  a.look = b.look;
  return !(a == b);
}

void follow_link(Program& program, const std::string& query) {
  Link link = open_link(query, preferences());
  show_error(*program.ui, link_notice(link));
  keep_unknown(*program.ui, std::move(link.unknown));
  program.state = std::move(link.state);
}

// The download of all files of one listed model.
struct Fetch {
  ModelEntry entry;
  std::vector<File> files;
  std::vector<float> progress;
  size_t n_done = 0;
  bool failed = false;

  // Weights are nearly all of the bytes.
  float part_done() const {
    float done = 0, all = 0;
    for (size_t i = 0; i < progress.size(); ++i) {
      const float size = is_weights(find_format(entry.files[i])) ? 40.f : 1.f;
      done += size * progress[i];
      all += size;
    }
    return all > 0 ? done / all : 1;
  }
};

void fetch_model(Program& program, ModelEntry entry) {
  auto fetch = std::make_shared<Fetch>();
  fetch->entry = std::move(entry);
  const size_t n = fetch->entry.files.size();
  for (const std::string& name : fetch->entry.files) fetch->files.push_back({name, {}});
  fetch->progress.resize(n);
  show_fetching(*program.ui, 0);
  Program* p = &program;
  for (size_t i = 0; i < n; ++i) {
    const std::string name = fetch->entry.files[i];
    auto more = [p, fetch, i](float progress) {
      if (fetch->failed) return;
      fetch->progress[i] = progress;
      show_fetching(*p->ui, fetch->part_done());
      platform::wake();
    };
    auto done = [p, fetch, i](Result<Bytes> bytes) {
      platform::wake();
      if (fetch->failed) return;
      if (!bytes) {
        fetch->failed = true;
        p->fetched_first.clear();
        show_fetching(*p->ui, -1);
        p->session.bring_error(fetch->entry.id, bytes.error());
        return;
      }
      fetch->progress[i] = 1;
      fetch->files[i].bytes = std::move(*bytes);
      show_fetching(*p->ui, fetch->part_done());
      if (++fetch->n_done < fetch->files.size()) return;
      show_fetching(*p->ui, -1);
      if (std::exchange(p->fetched_first, {}) == fetch->entry.id) p->first_is_here = true;
      p->session.bring(fetch->entry.id, std::move(fetch->files));
    };
    platform::fetch("models/" + fetch->entry.folder + "/" + name, more, done);
  }
}

// Files that a link was waiting for are shown as it says; others of the same name, too, and said.
void show_opened(Program& program, const std::string& id) {
  const std::string wanted = program.state.model;
  const auto is = read_dropped_id(id), was = read_dropped_id(wanted);
  const bool again = is && was && is->name == was->name &&
                     std::ranges::none_of(program.session.models(), [&](const ModelEntry& entry) {
                       return entry.id == wanted && entry.id != id;
                     });
  show_error(*program.ui, "");
  if (!again) {
    program.just_opened = id;
    return show_model(program, id);
  }
  program.state.model = id;
  program.preferred.clear();
  if (id != wanted && !was->content.empty())
    show_error(*program.ui, "The link was made for other files named \"" + was->name + "\" (" +
                                was->content + ", not " + is->content +
                                "); what is shown may differ from it");
}

bool goes_to_preferred(const Program& program) {
  return !program.preferred.empty() && (program.demonstrated || program.first_is_here);
}

void fetch_index(Program& program) {
  Program* p = &program;
  platform::fetch(
      "models/index.json", [](float) {},
      [p](Result<Bytes> index) {
        platform::wake();
        p->index_read = true;
        if (!index) return p->session.no_index();  // a site without an index of models
        if (const Status wrong = p->session.add_index(index->text()))
          show_error(*p->ui, wrong->message);
        const auto& models = p->session.models();
        const bool untouched = !differs_but_in_looks(p->state, p->first);
        const auto listed = std::ranges::find_if(
            models, [](const ModelEntry& entry) { return !entry.files.empty(); });
        if (listed == models.end() || !untouched || p->names_model) return;
        p->preferred = p->fetched_first = listed->id;
        fetch_model(*p, *listed);
      });
}

// The lessons of lessons/index.json, {"lessons": ["rows.json", …]}, one after the other.
void fetch_lesson(Program& program, std::shared_ptr<std::vector<std::string>> names, size_t i) {
  if (i == names->size()) return;
  Program* p = &program;
  const std::string name = (*names)[i];
  platform::fetch(
      "lessons/" + name, [](float) {},
      [p, names, i, name](Result<Bytes> bytes) {
        platform::wake();
        const Status wrong =
            bytes ? p->session.add_lesson({name, std::move(*bytes)}) : Status(bytes.error());
        if (wrong) show_error(*p->ui, wrong->message);
        fetch_lesson(*p, names, i + 1);
      });
}

void fetch_lessons(Program& program) {
  Program* p = &program;
  platform::fetch(
      "lessons/index.json", [](float) {},
      [p](Result<Bytes> index) {
        if (!index) return;  // a site without lessons
        const Result<Json> json = Json::parse(index->text(), "lessons/index.json");
        if (!json) return show_error(*p->ui, json.error().message);
        auto names = std::make_shared<std::vector<std::string>>();
        for (size_t i = 0; i < json->at("lessons").size(); ++i)
          if (const auto name = json->at("lessons").at(i).text()) names->emplace_back(*name);
        fetch_lesson(*p, names, 0);
      });
}

}  // namespace

void open_program(Program& program) {
  Program* p = &program;
  program.session.limit_memory(platform::memory_limit());
  program.state = preferences();
  follow_link(program, platform::get_query());
  program.first = program.state;
  program.history = History(program.state);
  program.query = link_of(*program.ui, program.state);
  // Settings of the demonstration in the link name it, too.
  program.names_model = platform::get_query().find("model=") != std::string::npos ||
                        !(scratch_settings(program.first) == ScratchSettings{});
  fetch_index(program);
  platform::on_room([p](uint64_t bytes) { p->session.make_room(bytes); });
  platform::on_drop([p](Result<std::vector<File>> files) {
    p->session.open_read(std::move(files));
    platform::wake();
  });
  platform::on_query([p](std::string query) {
    follow_link(*p, query);
    platform::wake();
  });
  platform::on_ask([p](const std::string& what) {
    if (what == "mirror") return mirror(*p->ui, p->session, p->state, p->history);
    if (!what.starts_with("act ")) return answer(what, *p->ui, p->session, p->state);
    p->ui->acts.push_back(what.substr(4));
    platform::wake();
    return std::string("true");
  });
}

void show_model(Program& program, const std::string& id) {
  enter_model(*program.ui, program.session, program.state, id);
  program.preferred.clear();
}

void follow_opening(Program& program) {
  Session& session = program.session;
  if (const auto entry = session.take_fetch(); entry && entry->id != program.fetched_first) {
    try {
      fetch_model(program, *entry);
    } catch (const std::bad_alloc&) {  // the session would wait for it
      show_fetching(*program.ui, -1);
      session.bring_error(entry->id, Error{memory_is_used_up(program.state.lang)});
    }
  }
  if (const auto id = session.take_opened()) show_opened(program, *id);
  if (program.state.panel == Panel::learn && !std::exchange(program.asked_lessons, true))
    fetch_lessons(program);
  if (session.take_lesson()) {
    show_error(*program.ui, "");
    program.state = lesson_state(session.lessons().back(), 0, program.state);
    program.preferred.clear();
  }
  if (session.take_picture()) {
    show_error(*program.ui, "");
    if (session.reads_pictures(program.state.model)) program.state.view = "picture";
    program.state.locked_key = -1;
    program.preferred.clear();
  }
  if (const auto text = session.take_text()) {
    show_error(*program.ui, "");
    enter_text(*program.ui, program.state, *text);
    program.preferred.clear();
  }

  const Snapshot& snap = session.snapshot();
  if (program.just_opened == program.state.model)
    if (const std::string ids = session.ids_for(program.state.model, program.state.text);
        !ids.empty())
      enter_text(*program.ui, program.state, ids);
  if (snap.current && snap.model && program.just_opened == program.state.model) {
    program.just_opened.clear();
    const Config& c = snap.model->config;
    if (c.reads_pictures())
      program.state.view = "picture";
    else if (c.n_layers * c.n_heads > kManyHeads && program.state.view == "map")
      program.state.view = "wall";
  }
  if (snap.current && snap.scratch) program.demonstrated = true;
  if (program.preferred.empty()) return;
  if (differs_but_in_looks(program.state, program.first)) {
    program.preferred.clear();
  } else if (goes_to_preferred(program) && snap.error) {
    show_error(*program.ui, snap.error->message, std::exchange(program.preferred, {}));
  } else if (snap.model) {
    // The link's text and head apply to this model.
    if (differs_but_in_looks(program.first, preferences()))
      program.state.model = std::exchange(program.preferred, {});
    else
      show_model(program, std::string(program.preferred));
    program.history = History(program.state);
  }
}

bool holds_frame(Program& program) {
  const double now_s = ImGui::GetTime();
  const Snapshot& snap = program.session.snapshot();
  const bool may_come = !program.names_model && !(snap.model && snap.current) && !snap.error &&
                        (snap.model || !program.index_read || !program.preferred.empty());
  program.holds_first = program.holds_first && may_come && now_s < kFirst_s;
  if (program.holds_first) return true;
  if (!program.session.makes_picture()) {
    program.held_since_s = -1;
    program.picture_slow = false;
  } else if (!program.picture_slow) {
    if (program.held_since_s < 0) program.held_since_s = now_s;
    program.picture_slow = now_s - program.held_since_s > kHold_s;
    return !program.picture_slow;
  }
  return false;
}

State wish(const Program& program) {
  State state = program.state;
  if (goes_to_preferred(program)) state.model = program.preferred;
  return state;
}

void settle(Program& program) {
  if (!is_settled(*program.ui)) return;
  program.history.commit(program.state);
  const std::string query = link_of(*program.ui, program.state);
  if (query == program.query) return;
  program.query = query;
  platform::set_query(query, false);
}

}  // namespace attn
