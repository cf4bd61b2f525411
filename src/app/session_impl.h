// session_impl.h - what a session holds, for the files that share it: session.cpp (traces, memory),
// session_models.cpp and session_pictures.cpp.
#pragma once

#include "app/jobs.h"
#include "app/kept.h"
#include "app/session.h"

namespace attn {

// Bytes of tiles that are kept; the rest of kPictureRoom is for whole maps and thumbnails.
constexpr uint64_t kTileBytes = kPictureRoom / 2;

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
  std::string wanted_model;             // State::model of the last want()
  std::optional<std::string> opened;
  bool index_known = false;  // the list is whole: before, any model may still join it
  bool loading = false;      // a load job is in hand: nothing else is posted
  Lang speaks = Lang::en;    // titles of jobs

  std::optional<TraceKey> trace_key;  // of snapshot.trace
  std::optional<TraceKey> failed_trace;
  std::optional<Error> trace_error;
  std::vector<std::pair<std::string, Error>> model_errors;  // by id

  // The job in hand.
  enum class Posted { none, trace, map, tiles, grid, measures, reading };
  Posted posted = Posted::none;
  TraceKey posted_trace;
  int posted_layer = 0;
  MapKey posted_map;  // of a map or of tiles
  std::vector<MeasureKey> posted_measures;
  MeasureKey posted_reading;
  std::shared_ptr<const Reading> posted_reading_of;
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
  // True when a job for it is in hand. `only_whole`: nothing where it would be tiles.
  bool want_map(const MapKey& key, bool only_whole);
  bool want_tiles(const MapKey& key, const MapLook& at, int level);
  bool want_large_map(const MapKey& key);
  bool want_grid(const State& at);
  bool want_measures(const State& at);
  bool want_reading(const Metric* metric, const State& at);
  void take_measures(MadeMeasures result);
  void take_part(GridPart part);
  void measure_memory();
  void post_load(std::string id, std::string name, std::vector<File> files, bool dropped);
};

}  // namespace attn
