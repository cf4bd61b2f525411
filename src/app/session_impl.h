// session_impl.h - the members of a session, shared by session.cpp (wishes, traces, memory),
// session_models.cpp and session_pictures.cpp.
#pragma once

#include "app/jobs.h"
#include "app/kept.h"
#include "app/session.h"
#include "app/wish.h"

namespace attn {

// What is shown of one text, and the work in progress for it.
struct Side {
  Shown& shown;
  std::optional<TraceKey> key = {};     // of shown.trace
  std::optional<TraceKey> failed = {};  // no trace can be made of it; `error` says why
  std::optional<Error> error = {};
  Cuts cuts = {};  // of the text of `failed`
  MapLook look = {};
  std::vector<int> watched = {};  // heads, see Session::watch
  int watched_side = 0;
  std::shared_ptr<HeadGrid> making = {};  // thumbnails, part by part
  double making_since = 0;
  EarlierGrid before = {};                              // what was shown until `making` began
  std::shared_ptr<const Activations> activations = {};  // kept for a measure
  std::weak_ptr<const Trace> activations_of = {};
  const Model* activations_by = nullptr;  // the encoder's are not those of the whole model
  int n_measured = 0, n_to_measure = 0;   // of the metrics that the state needs
};

inline uint64_t size_of(std::span<const File> files) {
  uint64_t bytes = 0;
  for (const File& file : files) bytes += file.bytes.size();
  return bytes;
}

struct Session::Impl {
  explicit Impl(std::function<void()> finished) : worker(std::move(finished)) {}

  Worker worker;
  Snapshot snapshot;
  Side side_a{snapshot};
  std::vector<ModelEntry> models;

  struct Loaded {
    std::string id;
    std::shared_ptr<const Model> model;
    std::shared_ptr<const HeadCharacters> characters = nullptr;
    std::shared_ptr<ModelProbe> probe = nullptr;  // in progress, perhaps laid aside
    uint64_t used = 0;                            // the later, the greater
  };
  std::vector<Loaded> loaded;
  uint64_t n_uses = 0;
  std::vector<std::string> asked;       // listed models returned by take_fetch()
  std::optional<std::string> to_fetch;  // the id that the state needs
  std::string wanted_model;             // State::model of the last want()
  std::optional<std::string> opened;
  std::optional<std::string> opened_text;
  File picture;        // for models that read pictures; empty: the example
  int n_pictures = 0;  // dropped so far, of which `picture` is the last
  bool opened_picture = false;
  std::vector<Lesson> lessons;
  std::optional<std::string> opened_lesson;
  bool index_known = false;  // the list is complete; until then any model may still join it
  Lang speaks = Lang::en;    // titles of jobs
  std::vector<std::pair<std::string, Error>> model_errors;  // by id
  std::vector<File> refused;  // the dropped files that ignore_unused() opens
  // Dropped models that are opened once they are wanted, from files that hold two.
  struct Waiting {
    ModelEntry entry;
    LoadWish wish;
  };
  std::vector<Waiting> waiting;

  Wanted in_hand;      // what the worker's current job makes
  Wanted out_of_room;  // what could not be made for want of memory, until something else is wanted
  Wanted without_room_once;  // what could not be made once, while nothing could be let go

  KeptTraces kept;
  Store<MapKey, std::shared_ptr<const PatternMap>> maps{bytes_of, kPictureRoom / 4};
  Store<SampleKey, std::shared_ptr<const HeadGrid>> grids{bytes_of, kPictureRoom / 8};
  Store<SharpKey, std::shared_ptr<const SharpMap>> sharp{bytes_of, kSharpRoom};
  std::shared_ptr<TileCache> tiles = std::make_shared<TileCache>(kPictureRoom / 2);
  uint64_t limit = 2'000'000'000;
  int n_undelivered = 0;  // results in a row, for want of memory
  bool released = false;  // pictures were released; their memory is free after the next frame

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
  std::shared_ptr<const HeadCharacters> characters_of(
      const std::shared_ptr<const Model>& model) const {
    for (const Loaded& l : loaded)
      if (model && l.model == model) return l.characters;
    return nullptr;
  }
  const Error* model_error(const std::string& id) const {
    for (const auto& [failed, error] : model_errors)
      if (failed == id) return &error;
    return nullptr;
  }
  template <class T>
  bool makes() const {
    return std::holds_alternative<T>(in_hand);
  }

  void want(const State& state);
  // The first thing the state needs that is missing: a trace, then what is made from the trace on
  // screen. Shows cached results on the way, and makes at once what takes a moment.
  std::optional<Wish> first_missing(Side& side, const State& state);
  // Posts the wish's job in place of any other, unless it is in hand already; without a wish, the
  // job in hand is cancelled.
  void follow(std::optional<Wish> wish);

  // Key of the state's trace; nothing while its model is not loaded: it is then fetched, or
  // snapshot.error says why it cannot be.
  std::optional<TraceKey> trace_key(const State& state);
  Error absent(const std::string& id) const;  // why a model that is not in the list is not shown
  std::optional<Wish> missing_trace(Side& side, const TraceKey& key, const State& state);
  void take_trace(Side& side, const TraceKey& key, MadeTrace made);
  void show(Side& side, const TraceKey& key, const TracePair& pair);
  void forget_pictures_of_lost_traces();
  // Lets go of older traces and the pictures, and when there are none, of the model that was not
  // used for longest. False if only the wanted model is left.
  bool release();
  // Lets go of all traces and pictures that are not on screen. False if there are none.
  bool release_unseen();
  bool let_go_of_oldest();
  void make_room(uint64_t bytes);
  void let_go(const std::string& id);
  void run_out_of_memory(Wanted wanted);
  void say_memory_is_used_up(std::optional<Error>& where);
  uint64_t weight_bytes() const;  // of all models, and of files that wait
  Room room() const;
  void measure_memory();
  void take_picture(File file);
  void retry(const std::string& id);
  void open_files(std::vector<File> files, bool ignore_unused);
  void fail_to_open();
  // Without an error: for want of memory.
  void fail_to_bring(const std::string& id, std::optional<Error> error);
  void open_waiting(const std::string& id);
  void add_dropped(ModelEntry added);
  // `dropped`: its line in the menu, and what else the files hold; null: a listed model.
  struct Dropped {
    ModelEntry entry;
    std::optional<Waiting> other;
  };
  void post_load(std::string id, LoadWish wish, std::shared_ptr<Dropped> dropped);

  void take_model(const std::string& id, std::shared_ptr<const Model> model, Dropped* dropped);

  // The first missing item of each kind for the trace on screen; `at` is clamped to that trace.
  std::optional<Wish> missing_map(Side& side, const State& at);
  std::optional<Wish> missing_tiles(Side& side, const MapKey& key, const MapLook& at, int level);
  std::optional<Wish> missing_large_map(Side& side, const MapKey& key);
  EarlierGrid earlier_grid(const Shown& shown) const;
  EarlierStrip earlier_strip(const Shown& shown, const MapKey& key, const TileStrip& strip) const;
  std::optional<Wish> missing_reading(Side& side, const Metric* metric, const State& at);
  std::optional<Wish> missing_read_weights(Side& side, const State& at);
  std::optional<Wish> missing_measures(Side& side, const State& at);
  std::optional<Wish> missing_chapter(Side& side, const State& at);
  std::optional<Wish> missing_read_measure(Side& side, const State& at);
  std::optional<Wish> missing_grid(Side& side, const State& at);
  std::optional<Wish> missing_sharp(Side& side, const State& at);
  // After everything that the screen needs. A probe that was laid aside continues.
  std::optional<Wish> missing_characters(Side& side);
  void take_measures(Side& side, MadeMeasures made, const Model* by);
  // Before the worker opens files: what it was making is given up.
  void begin_to_open();
  // Opens the files of a model in an archive, once they are unpacked.
  void post_unpack(File archive);
  void take_part(Side& side, GridPart part);
};

}  // namespace attn
