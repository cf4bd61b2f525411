#include "app/session.h"

#include <algorithm>

#include <chrono>

#include "analysis/measure.h"
#include "app/jobs.h"
#include "base/json.h"
#include "model/forward.h"

namespace attn {
namespace {

// Of what is kept for going back; the picture on screen comes on top where it is larger.
constexpr uint64_t kKeptBytes = 256'000'000;
constexpr size_t kKeptTraces = 8;
constexpr uint64_t kTileBytes = kPictureRoom / 2;
constexpr uint64_t kMeasureBytes = 32'000'000;
constexpr uint64_t kPictureBytes = kPictureRoom / 4;  // of maps, and of thumbnails
// A map that takes no longer than about a millisecond is made within the frame that asks for it.
constexpr double kAtOnce = 1e7;
// Thumbnails take the old ones' place one by one only where all of them take longer.
constexpr double kPatience_s = 0.25;

double now_s() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

uint64_t bytes_of(const PatternMap& m) { return (m.values.size() + m.row_max.size()) * sizeof(float); }
uint64_t bytes_of(const HeadGrid& g) { return g.values.size() * sizeof(float); }

// The newest first; of kPictureBytes in all, but always one.
template <class T>
void keep(std::vector<std::shared_ptr<const T>>& kept, std::shared_ptr<const T> picture) {
  kept.insert(kept.begin(), std::move(picture));
  uint64_t bytes = 0;
  size_t n = 0;
  while (n < kept.size() && (n == 0 || bytes + bytes_of(*kept[n]) <= kPictureBytes))
    bytes += bytes_of(*kept[n++]);
  kept.resize(n);
}

// What the memory did not allow, in a sentence; "" when all layers are there.
std::string note_of(const Trace& trace, Lang lang) {
  const Attention& a = trace.attention();
  int first = -1, last = -1;
  for (int l = 0; l < a.n_layers; ++l) {
    if (!a.is_kept(l)) continue;
    if (first < 0) first = l;
    last = l;
  }
  if (last - first + 1 == a.n_layers) return "";
  const std::string from = std::to_string(first), to = std::to_string(last);
  return tr(lang, "The memory has no room for all layers of this text: it keeps layers ",
            "内存放不下这段文本的所有层：保留第 ") +
         from + tr(lang, " to ", " 至 ") + to +
         tr(lang, ", and choosing another runs the model again", " 层，选择其他层会重新运行模型");
}

bool is_kept(const Trace& trace, int layer) {
  const Attention& a = trace.attention();
  return a.is_kept(std::clamp(layer, 0, a.n_layers - 1));
}

std::string text_of(const Json& json, const char* lang, const std::string& otherwise) {
  if (const auto plain = json.text()) return std::string(*plain);
  if (const auto text = json.at(lang).text()) return std::string(*text);
  return otherwise;
}

}  // namespace

struct Session::Impl {
  explicit Impl(std::function<void()> finished) : worker(std::move(finished)) {}

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
  Lang speaks = Lang::en;  // titles of jobs

  std::optional<TraceKey> trace_key;    // of snapshot.trace
  std::optional<TraceKey> failed_trace;
  std::optional<Error> trace_error;
  std::vector<std::pair<std::string, Error>> model_errors;  // by id

  // The job in hand.
  enum class Posted { none, trace, map, tiles, grid, measures };
  Posted posted = Posted::none;
  TraceKey posted_trace;
  int posted_layer = 0;
  MapKey posted_map;  // of a map or of tiles
  std::vector<MeasureKey> posted_measures;
  std::shared_ptr<const Activations> activations;  // that a measure needed
  std::weak_ptr<const Trace> activations_of;
  int n_measured = 0, n_to_measure = 0;  // of the metrics that the state needs

  KeptTraces kept;
  std::vector<std::shared_ptr<const PatternMap>> kept_maps;
  std::vector<std::shared_ptr<const HeadGrid>> kept_grids;
  std::shared_ptr<TileCache> tiles = std::make_shared<TileCache>(kTileBytes);
  std::shared_ptr<HeadGrid> making;  // thumbnails, part by part
  double making_since = 0;
  MapLook look;
  uint64_t limit = 2'000'000'000;
  bool released = false;  // pictures were given up: their memory is free after the next frame

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
  void post(Posted kind, Job job) {
    worker.post(std::move(job));
    posted = kind;
  }
  void cancel() {
    worker.cancel();
    posted = Posted::none;
  }

  bool want_trace(const State& state);
  void take_trace(const TraceKey& key, int layer, MadeTrace made);
  void show(const TraceKey& key, const TracePair& pair);
  void forget_pictures_of_lost_traces();
  void release();
  Room room() const;
  // True when a job for it is in hand.
  bool want_map(const MapKey& key);
  bool want_tiles(const MapKey& key, const MapLook& at, int level);
  bool want_large_map(const MapKey& key);
  bool want_grid(int sample);
  bool want_measures(const State& at);
  void take_measures(MadeMeasures result);
  void take_part(GridPart part);
  void measure_memory();
  void post_load(std::string id, std::string name, std::vector<File> files, bool dropped, Lang lang);
};

Session::Session(std::function<void()> finished)
    : impl_(std::make_shared<Impl>(std::move(finished))) {
  impl_->snapshot.tiles = impl_->tiles;
  ModelEntry scratch;
  scratch.id = "scratch";
  scratch.title_en = "Attention from scratch";
  scratch.title_zh = "从零实现的注意力";
  impl_->models.push_back(std::move(scratch));
}

std::shared_ptr<const MadeMeasure> Snapshot::measure(const Metric* metric, const State& at) const {
  if (!metric || !trace) return nullptr;
  const MeasureKey key = measure_key(*metric, trace, at);
  for (const auto& made : measures)
    if (made->key == key) return made;
  return nullptr;
}

std::shared_ptr<const MadeMeasure> Snapshot::last_measure(const Metric* metric, const State& at) const {
  if (auto made = measure(metric, at)) return made;
  if (!trace) return nullptr;
  const std::vector<int> sizes = {trace->attention().n_layers, trace->attention().n_heads};
  for (const auto& made : measures)
    if (made->key.metric == metric && made->measure.shape == sizes) return made;
  return nullptr;
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
  const bool in_hand = posted == Posted::trace;
  if (trace_key == key && is_kept(*snapshot.trace, state.layer)) {
    if (in_hand) cancel();  // typed, and taken back before it was done
    return true;
  }
  if (const TracePair* pair = kept.find(key, state.layer)) {
    if (posted != Posted::none) cancel();
    show(key, *pair);
    return true;
  }
  if (failed_trace == key) {
    snapshot.error = trace_error;
    return false;
  }
  if (in_hand && posted_trace == key && posted_layer == state.layer) return false;
  if (std::exchange(released, false)) return false;

  posted_trace = key;
  posted_layer = state.layer;
  auto done = [this, key, layer = state.layer](MadeTrace made) {
    take_trace(key, layer, std::move(made));
  };
  post(Posted::trace,
       runs ? forward_job({runs, key.text, state.layer, room(), kept.of(key.model)}, state.lang, done)
            : scratch_job(key.scratch, room(), state.lang, done));
  return false;
}

void Session::Impl::take_trace(const TraceKey& key, int, MadeTrace made) {
  posted = Posted::none;
  if (made.release_first) return release();
  if (!made.result) {
    failed_trace = key;
    trace_error = made.result.error();
    return;
  }
  ++snapshot.n_traces;
  failed_trace.reset();
  kept.put(key, *made.result);
  show(key, *made.result);
  kept.trim(kKeptTraces, std::min(kKeptBytes, limit / 8));
  forget_pictures_of_lost_traces();
}

void Session::Impl::show(const TraceKey& key, const TracePair& pair) {
  trace_key = key;
  snapshot.trace = pair.trace;
  snapshot.model = pair.trace->model;
  snapshot.scratch = pair.scratch;
  snapshot.text = key.text;
}

void Session::Impl::forget_pictures_of_lost_traces() {
  const auto lost = [&](const auto& picture) { return !kept.holds(picture->trace); };
  std::erase_if(kept_maps, lost);
  std::erase_if(kept_grids, lost);
  if (activations && !kept.holds(activations_of.lock())) activations.reset();
}

// All but the weights. The interface forgets the rest when it sees that there is no trace.
void Session::Impl::release() {
  kept = {};
  activations.reset();
  snapshot.measures.clear();
  snapshot.roles.reset();
  forget_pictures_of_lost_traces();
  making.reset();
  trace_key.reset();
  snapshot.trace.reset();
  snapshot.model.reset();
  snapshot.scratch.reset();
  snapshot.map.reset();
  snapshot.grid.reset();
  released = true;
}

void Session::Impl::measure_memory() {
  MemoryUse& m = snapshot.memory;
  m = {0, kept.bytes(), tiles->bytes(), limit};
  for (const Loaded& l : loaded) m.weights += l.model->weight_bytes;
  for (const auto& map : kept_maps) m.pictures += bytes_of(*map);
  for (const auto& grid : kept_grids) m.pictures += bytes_of(*grid);
  for (const auto& made : snapshot.measures) m.pictures += made->measure.values.size() * sizeof(float);
}

Room Session::Impl::room() const {
  uint64_t weights = 0;
  for (const Loaded& l : loaded) weights += l.model->weight_bytes;
  const auto left = [&](uint64_t bytes) { return limit > bytes ? limit - bytes : 0; };
  const uint64_t taken = weights + kPictureRoom;
  return {left(taken + kept.bytes()), left(taken)};
}

bool Session::Impl::want_map(const MapKey& key) {
  const Attention& a = snapshot.trace->attention();
  if (int64_t(a.n_query) * a.n_key > kWholeCells) return want_large_map(key);
  if (posted == Posted::map && !(posted_map == key)) cancel();
  if (snapshot.map && snapshot.map->key() == key) return false;
  const auto it = std::ranges::find_if(kept_maps, [&](const auto& m) { return m->key() == key; });
  if (it != kept_maps.end()) {
    std::rotate(kept_maps.begin(), it, it + 1);
    snapshot.map = kept_maps.front();
    return false;
  }
  if (posted == Posted::map && posted_map == key) return true;
  const auto done = [this](std::shared_ptr<const PatternMap> map) {
    if (posted == Posted::map) posted = Posted::none;
    keep(kept_maps, map);
    snapshot.map = std::move(map);
  };
  if (pattern_work(a, a.n_query) <= kAtOnce) {
    Job job = map_job(snapshot.trace, key, 32, Lang::en, done);
    while (job.step()) {
    }
    job.deliver();
    return false;
  }
  posted_map = key;
  post(Posted::map, map_job(snapshot.trace, key, 256, speaks, done));
  return true;
}

// All tiles of a level that are seen; the missing ones of a row of them are one job.
bool Session::Impl::want_tiles(const MapKey& key, const MapLook& at, int level) {
  std::optional<TileStrip> missing;
  for (TileStrip strip : strips_in_view(at, snapshot.trace->attention(), level)) {
    int first = strip.col1, last = strip.col0;
    for (int col = strip.col0; col < strip.col1; ++col) {
      if (tiles->get(key, {level, strip.row, col})) continue;
      first = std::min(first, col);
      last = col + 1;
    }
    if (first < last && !missing) missing = TileStrip{level, strip.row, first, last};
  }
  if (!missing) return false;
  if (posted == Posted::tiles && posted_map == key) return true;
  posted_map = key;
  post(Posted::tiles, tile_job(snapshot.trace, key, *missing, speaks,
                               [this, key](std::vector<std::shared_ptr<const Tile>> made) {
                                 posted = Posted::none;
                                 for (auto& tile : made) tiles->put(key, std::move(tile));
                               }));
  return true;
}

bool Session::Impl::want_large_map(const MapKey& key) {
  const Attention& a = snapshot.trace->attention();
  const int coarsest = overview_level(a.n_query, a.n_key);
  const auto show_it = [&] {
    auto map = std::make_shared<PatternMap>();
    *map = {snapshot.trace, key.sample, key.layer, key.head, a.n_query, a.n_key, {}, {}};
    snapshot.map = std::move(map);
  };
  // Another head takes the place of the one on screen when its overview is whole.
  if (!snapshot.map || snapshot.map->trace != snapshot.trace) show_it();
  if (want_tiles(key, whole_map(a), coarsest)) return true;
  if (!(snapshot.map->key() == key)) show_it();
  const int level = level_for(look, a.n_query, a.n_key);
  return level < coarsest && look.q1 <= float(a.n_query) + 1 && look.k1 <= float(a.n_key) + 1 &&
         want_tiles(key, look, level);
}

bool Session::Impl::want_grid(int sample) {
  const auto right = [&](const auto& g) {
    return g && g->trace == snapshot.trace && g->sample == sample;
  };
  const auto whole = [](const HeadGrid& g) { return g.n_ready == g.n_layers * g.n_heads; };
  if (posted == Posted::grid && !right(making)) cancel();
  if (right(snapshot.grid) && whole(*snapshot.grid)) return false;
  const auto it = std::ranges::find_if(kept_grids, right);
  if (it != kept_grids.end()) {
    std::rotate(kept_grids.begin(), it, it + 1);
    snapshot.grid = kept_grids.front();
    return false;
  }
  if (!right(making)) {
    making = std::make_shared<HeadGrid>(empty_grid(snapshot.trace, sample));
    making_since = now_s();
  }
  if (posted == Posted::grid) return true;
  const int n = making->n_layers * making->n_heads, from = making->n_ready;
  const int to = std::min(n, from + heads_a_part(snapshot.trace->attention()));
  post(Posted::grid, grid_job(snapshot.trace, sample, from, to, speaks,
                              [this](GridPart part) { take_part(std::move(part)); }));
  return true;
}

bool Session::Impl::want_measures(const State& at) {
  std::vector<MeasureKey> missing;
  const std::vector<const Metric*> wanted = wanted_metrics(at);
  for (const Metric* metric : wanted)
    if (!snapshot.measure(metric, at)) missing.push_back(measure_key(*metric, snapshot.trace, at));
  n_to_measure = int(wanted.size());
  n_measured = n_to_measure - int(missing.size());
  const auto& roles = snapshot.roles;
  const bool no_roles = at.panel == Panel::head &&
                        (!roles || roles->trace.lock() != snapshot.trace || roles->sample != at.sample);
  if (posted == Posted::measures) {
    if (missing == posted_measures && (!missing.empty() || no_roles)) return true;
    cancel();
  }
  if (missing.empty() && no_roles) {
    posted_measures.clear();
    post(Posted::measures, role_job(snapshot.trace, at.sample, speaks, [this](std::shared_ptr<const HeadRoles> made) {
           posted = Posted::none;
           snapshot.roles = std::move(made);
         }));
    return true;
  }
  if (missing.empty()) return false;
  posted_measures = missing;
  const bool still = activations_of.lock() == snapshot.trace;
  post(Posted::measures, measure_job({snapshot.trace, at, std::move(missing), still ? activations : nullptr, room().room},
                                     speaks, [this](MadeMeasures made) { take_measures(std::move(made)); }));
  return true;
}

void Session::Impl::take_measures(MadeMeasures result) {
  posted = Posted::none;
  auto& all = snapshot.measures;
  const auto& made = result.made;
  if (result.activations) {
    activations = std::move(result.activations);
    activations_of = snapshot.trace;
  }
  all.insert(all.begin(), made.begin(), made.end());
  uint64_t bytes = 0;
  size_t n = 0;
  const auto bytes_of = [](const MadeMeasure& m) { return 256 + m.measure.values.size() * sizeof(float); };
  while (n < all.size() && (n < made.size() || bytes + bytes_of(*all[n]) <= kMeasureBytes))
    bytes += bytes_of(*all[n++]);
  all.resize(n);
}

void Session::Impl::take_part(GridPart part) {
  posted = Posted::none;
  const size_t cells = size_t(making->side_q) * size_t(making->side_k);
  std::ranges::copy(part.values, making->values.begin() + int64_t(size_t(part.from) * cells));
  making->n_ready = part.to;
  if (part.to == making->n_layers * making->n_heads) {
    snapshot.grid = std::move(making);
    keep(kept_grids, snapshot.grid);
  } else if (now_s() - making_since > kPatience_s) {
    snapshot.grid = making;
  }
}

void Session::want(const State& state) {
  Impl& s = *impl_;
  s.speaks = state.lang;
  s.snapshot.error.reset();
  s.to_fetch.reset();
  s.snapshot.current = false;
  if (!s.loading) {
    const bool trace_is_right = s.want_trace(state);
    if (s.snapshot.trace && s.posted != Impl::Posted::trace) {
      const State at = clamped(state, *s.snapshot.trace);
      const bool kept = s.snapshot.trace->attention().is_kept(at.layer);
      const bool busy = (kept && s.want_map({s.snapshot.trace, at.sample, at.layer, at.head})) ||
                        s.want_measures(at) || s.want_grid(at.sample);
      s.snapshot.current = trace_is_right && !busy && !s.worker.busy();
    }
  }
  s.tiles->drop_lost();
  s.snapshot.note = s.snapshot.trace ? note_of(*s.snapshot.trace, state.lang) : "";
  s.measure_memory();
  s.snapshot.busy = s.worker.title();
  s.snapshot.progress = s.worker.progress();
  if (s.posted == Impl::Posted::measures && !s.posted_measures.empty())
    s.snapshot.progress = (float(s.n_measured) + s.snapshot.progress * float(s.posted_measures.size())) /
                          float(s.n_to_measure);
  s.snapshot.busy_seconds = s.worker.seconds();
}

bool Session::look(const MapLook& look) {
  const bool moved = !(impl_->look == look);
  impl_->look = look;
  return moved;
}

void Session::limit_memory(uint64_t bytes) { impl_->limit = bytes; }

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
  posted = Posted::none;
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
    kept.drop_model(id);
    forget_pictures_of_lost_traces();
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
