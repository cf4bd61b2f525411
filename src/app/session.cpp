#include "app/session.h"

#include <algorithm>

#include "app/jobs.h"
#include "analysis/measure.h"
#include "base/json.h"
#include "model/forward.h"

namespace attn {
namespace {

// What a trace is made from. Equal keys, equal traces.
struct TraceKey {
  std::string model, text;
  ScratchSettings scratch;  // only for "scratch"
  bool operator==(const TraceKey&) const = default;
};

std::string text_of(const Json& json, const char* lang, const std::string& otherwise) {
  if (const auto plain = json.text()) return std::string(*plain);
  if (const auto text = json.at(lang).text()) return std::string(*text);
  return otherwise;
}

}  // namespace

struct Session::Impl {
  Worker worker;
  Snapshot snapshot;
  std::vector<ModelEntry> models;

  struct Loaded {
    std::string id;
    std::shared_ptr<const Model> model;
  };
  std::vector<Loaded> loaded;
  std::vector<std::string> asked;       // listed models whose fetch has been handed out
  std::optional<std::string> to_fetch;  // the id that the state needs
  std::optional<std::string> opened;
  bool index_known = false;  // the list is whole: before, any model may still join it
  bool loading = false;  // a load job is in hand: nothing else is posted

  std::optional<TraceKey> trace_key;    // of snapshot.trace
  std::optional<TraceKey> posted_trace; // of the job in hand
  std::optional<TraceKey> failed_trace;
  std::optional<Error> trace_error;
  std::vector<std::pair<std::string, Error>> model_errors;  // by id
  bool posted_map = false, posted_grid = false;
  int map_wish[3] = {}, grid_wish = 0;

  const ModelEntry* entry(const std::string& id) const {
    for (const ModelEntry& e : models)
      if (e.id == id) return &e;
    return nullptr;
  }
  std::shared_ptr<const Model> model(const std::string& id) const {
    for (const Loaded& l : loaded)
      if (l.id == id) return l.model;
    return nullptr;
  }
  const Error* model_error(const std::string& id) const {
    for (const auto& [failed, error] : model_errors)
      if (failed == id) return &error;
    return nullptr;
  }
  void drop_posts() {
    posted_trace.reset();
    posted_map = posted_grid = false;
  }

  bool want_trace(const State& state);
  void want_map(const State& state);
  void post_load(std::string id, std::string name, std::vector<File> files, bool dropped, Lang lang);
};

Session::Session() : impl_(std::make_shared<Impl>()) {
  ModelEntry scratch;
  scratch.id = "scratch";
  scratch.title_en = "Attention from scratch";
  scratch.title_zh = "从零实现的注意力";
  impl_->models.push_back(std::move(scratch));
}

const Snapshot& Session::snapshot() const { return impl_->snapshot; }
const std::vector<ModelEntry>& Session::models() const { return impl_->models; }

// True when the trace on screen is the one asked for.
bool Session::Impl::want_trace(const State& state) {
  TraceKey key{state.model, state.text, {}};
  std::shared_ptr<const Model> runs;
  if (state.model == "scratch") {
    key.text.clear();
    key.scratch = scratch_settings(state);
  } else {
    const ModelEntry* listed = entry(state.model);
    runs = model(state.model);
    if (!runs) {
      if (const Error* error = model_error(state.model))
        snapshot.error = *error;
      else if (!listed && index_known)
        snapshot.error = Error{"The model \"" + state.model +
                               "\" is not in the list; drop its files here or choose another"};
      else if (listed && std::find(asked.begin(), asked.end(), state.model) == asked.end())
        to_fetch = state.model;
      return false;
    }
    if (key.text.empty()) key.text = listed ? listed->default_text : "";
  }
  if (trace_key == key) {
    if (posted_trace) {  // typed, and taken back before it was done
      worker.cancel();
      drop_posts();
    }
    return true;
  }
  if (failed_trace == key) {
    snapshot.error = trace_error;
    return false;
  }
  if (posted_trace == key) return false;

  drop_posts();
  posted_trace = key;
  auto done = [this, key](TraceResult result) {
    posted_trace.reset();
    if (!result) {
      failed_trace = key;
      trace_error = result.error();
      return;
    }
    trace_key = key;
    failed_trace.reset();
    snapshot.trace = result->trace;
    snapshot.model = result->trace->model;
    snapshot.scratch = result->scratch;
    snapshot.text = key.text;
  };
  worker.post(runs ? forward_job(runs, key.text, state.lang, done)
                   : scratch_job(key.scratch, state.lang, done));
  return false;
}

void Session::Impl::want_map(const State& wanted) {
  const State state = clamped(wanted, *snapshot.trace);
  const PatternMap* map = snapshot.map.get();
  const int wish[3] = {state.sample, state.layer, state.head};
  const bool same_wish = std::equal(wish, wish + 3, map_wish);
  const bool map_is_right = map && map->trace == snapshot.trace && map->sample == wish[0] &&
                            map->layer == wish[1] && map->head == wish[2];
  if (!map_is_right) {
    if (posted_map && same_wish) return;
    drop_posts();
    std::copy(wish, wish + 3, map_wish);
    posted_map = true;
    worker.post(map_job(snapshot.trace, wish[0], wish[1], wish[2], state.lang,
                        [this](std::shared_ptr<const PatternMap> done) {
                          posted_map = false;
                          snapshot.map = std::move(done);
                        }));
    return;
  }
  const HeadGrid* grid = snapshot.grid.get();
  if (grid && grid->trace == snapshot.trace && grid->sample == wish[0]) return;
  if (posted_grid && grid_wish == wish[0]) return;
  drop_posts();
  grid_wish = wish[0];
  posted_grid = true;
  worker.post(grid_job(snapshot.trace, wish[0], state.lang,
                       [this](std::shared_ptr<const HeadGrid> done) {
                         posted_grid = false;
                         snapshot.grid = std::move(done);
                       }));
}

void Session::want(const State& state) {
  Impl& s = *impl_;
  s.snapshot.error.reset();
  s.to_fetch.reset();
  s.snapshot.current = false;
  if (!s.loading) {
    const bool trace_is_right = s.want_trace(state);
    if (s.snapshot.trace && !s.posted_trace) {
      s.want_map(state);
      s.snapshot.current = trace_is_right && !s.worker.busy();
    }
  }
  s.snapshot.busy = s.worker.title();
  s.snapshot.progress = s.worker.progress();
  s.snapshot.busy_seconds = s.worker.seconds();
}

bool Session::pump(double budget_ms) { return impl_->worker.poll(budget_ms); }

void Session::no_index() { impl_->index_known = true; }

Status Session::add_index(std::string_view json) {
  impl_->index_known = true;
  const Result<Json> index = Json::parse(json, "models/index.json");
  if (!index) return index.error();
  const Json list = index->at("models");
  if (!list.is_array())
    return Error{"models/index.json: \"models\" must be a list of models"};
  Status wrong;
  for (size_t i = 0; i < list.size(); ++i) {
    const Json item = list.at(i);
    ModelEntry entry;
    entry.id = text_of(item.at("id"), "", "");
    entry.folder = text_of(item.at("folder"), "", entry.id);
    for (size_t f = 0; f < item.at("files").size(); ++f)
      if (const auto name = item.at("files").at(f).text()) entry.files.emplace_back(*name);
    if (entry.id.empty() || entry.files.empty()) {
      wrong = Error{"models/index.json: model " + std::to_string(i) +
                    " needs an \"id\" and a list of \"files\""};
      continue;
    }
    if (impl_->entry(entry.id)) continue;
    entry.title_en = text_of(item.at("title"), "en", entry.id);
    entry.title_zh = text_of(item.at("title"), "zh", entry.title_en);
    entry.about_en = text_of(item.at("description"), "en", "");
    entry.about_zh = text_of(item.at("description"), "zh", entry.about_en);
    entry.card = text_of(item.at("card"), "", "");
    entry.default_text = text_of(item.at("default_text"), "", "");
    const Json examples = item.at("examples");
    for (size_t e = 0; e < examples.size(); ++e) {
      const Json from = examples.at(e);
      Example example;
      example.text = text_of(from.at("text"), "", "");
      example.title_en = text_of(from.at("title"), "en", example.text);
      example.title_zh = text_of(from.at("title"), "zh", example.title_en);
      example.look_en = text_of(from.at("look"), "en", "");
      example.look_zh = text_of(from.at("look"), "zh", example.look_en);
      auto number = [&](const char* key) { return int(from.at(key).integer().value_or(0) & 0xfffff); };
      example.layer = number("layer");
      example.head = number("head");
      example.token = number("token");
      if (!example.text.empty()) entry.examples.push_back(std::move(example));
    }
    impl_->models.push_back(std::move(entry));
  }
  return wrong;
}

std::optional<ModelEntry> Session::take_fetch() {
  if (!impl_->to_fetch) return std::nullopt;
  const std::string id = *std::exchange(impl_->to_fetch, std::nullopt);
  impl_->asked.push_back(id);
  return *impl_->entry(id);
}

void Session::Impl::post_load(std::string id, std::string name, std::vector<File> files,
                              bool dropped, Lang lang) {
  drop_posts();
  loading = true;
  worker.post(load_job(std::move(files), name, lang, [this, id, name, dropped](LoadResult result) {
    loading = false;
    if (!result) {
      if (dropped)
        snapshot.file_error = result.error();
      else
        model_errors.emplace_back(id, result.error());
      return;
    }
    std::erase_if(loaded, [&](const Loaded& l) { return l.id == id; });
    loaded.push_back({id, *result});
    if (!dropped) return;
    if (!entry(id)) {
      ModelEntry added;
      added.id = id;
      added.title_en = added.title_zh = name;
      models.push_back(std::move(added));
    }
    if (trace_key && trace_key->model == id) trace_key.reset();  // another model by the same name
    if (failed_trace && failed_trace->model == id) failed_trace.reset();
    snapshot.file_error.reset();
    opened = id;
  }));
}

void Session::bring(const std::string& id, std::vector<File> files) {
  impl_->post_load(id, id, std::move(files), false, Lang::en);
}

void Session::bring_error(const std::string& id, Error error) {
  impl_->model_errors.emplace_back(id, std::move(error));
}

void Session::open(std::vector<File> files) {
  if (files.empty()) return;
  if (!looks_like_model(files)) {
    impl_->snapshot.file_error =
        Error{std::string(base_name(files.front().name)) +
              ": not a model; drop config.json, model.safetensors and tokenizer.json together, or "
              "the folder that holds them"};
    return;
  }
  const std::string& path = files.front().name;
  const size_t slash = path.find('/');
  const std::string name = slash == std::string::npos ? "dropped model" : path.substr(0, slash);
  std::string id = "file:" + name;
  impl_->post_load(std::move(id), name, std::move(files), true, Lang::en);
}

std::optional<std::string> Session::take_opened() {
  return std::exchange(impl_->opened, std::nullopt);
}

void Session::dismiss_error() { impl_->snapshot.file_error.reset(); }

}  // namespace attn
