// session.h - turns what the user chose into what is on screen: models, traces, maps, all by key.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/measures.h"
#include "app/reading.h"
#include "app/tiles.h"
#include "app/worker.h"
#include "base/bytes.h"
#include "model/model.h"
#include "pass/scratch.h"
#include "state/state.h"
#include "trace/trace.h"

namespace attn {

// One line of the model menu.
struct Example {
  std::string text, title_en, title_zh;
  std::string look_en, look_zh;  // what is to be seen, and where
  int layer = 0, head = 0, token = 0;
};
struct ModelEntry {
  std::string id;  // State::model
  std::string title_en, title_zh;
  std::string about_en, about_zh;  // a sentence
  std::string folder;              // under models/ of the page; "" for dropped ones
  std::vector<std::string> files;  // of the folder, to fetch
  std::string card;                // address of its model card, from models/; "" when it has none
  std::string default_text;
  std::vector<Example> examples;

  const std::string& title(Lang lang) const { return lang == Lang::zh ? title_zh : title_en; }
};

// One pattern, [n_query, n_key]. Those of more than kWholeCells have no values here: see
// Snapshot::tiles.
inline constexpr int64_t kWholeCells = 512 * 512;
struct PatternMap : Site {
  std::shared_ptr<const Trace> trace;
  int sample = 0, n_query = 0, n_key = 0;
  std::vector<float> values;
  std::vector<float> row_max;                        // [n_query]
  Pool pool = Pool::largest;                         // of one in tiles
  std::shared_ptr<const Reading> reading = nullptr;  // whose groups are its rows and columns

  bool is_whole() const { return !values.empty(); }
  MapKey key() const { return {site(), trace, sample, pool}; }
};

// Thumbnails of all heads: [layer, head, side_q, side_k]; each cell the largest weight it covers.
// The first n_ready of them, counted through all layers, are there; those of layers that are not
// kept stay empty.
struct HeadGrid {
  std::shared_ptr<const Trace> trace;
  int part = 0, sample = 0, n_layers = 0, n_heads = 0, side_q = 0, side_k = 0, n_ready = 0;
  std::vector<float> values;
};

// What maps, tiles and thumbnails together may take, in bytes.
inline constexpr uint64_t kPictureRoom = 128'000'000;

// What all of it holds, and what it may hold, in bytes.
struct MemoryUse {
  uint64_t weights = 0, traces = 0, pictures = 0, limit = 0;
  uint64_t used() const { return weights + traces + pictures; }
};

// All that a frame draws; every pointer may be null until its job is done, and then stays until
// the next is ready, so that nothing flickers.
struct Snapshot {
  std::shared_ptr<const Model> model;         // null for the attention from scratch
  std::shared_ptr<const ScratchRun> scratch;  // null for a model
  std::shared_ptr<const Trace> trace;
  std::shared_ptr<const PatternMap> map;
  std::shared_ptr<const HeadGrid> grid;
  std::shared_ptr<const TileCache> tiles;  // of maps that are not whole
  // What was computed of metrics, the newest first: for this trace, and for earlier ones until
  // theirs are there.
  std::vector<std::shared_ptr<const MadeMeasure>> measures;
  // Where tokens are not shown as the model reads them: how they are grouped, and maps of the
  // groups, the newest first.
  std::shared_ptr<const Reading> reading;
  std::vector<std::shared_ptr<const ReadMap>> read_maps;
  std::shared_ptr<const ReadMap> read_map(const Metric* metric, const State& at) const;
  std::shared_ptr<const HeadRoles>
      roles;         // where the inspector is open; of an earlier trace until its own are there
  std::string text;  // that the trace was made of
  int period = 0;    // it is so many random tokens, said twice; 0: it is a text
  std::string note;  // what the memory did not allow, in a sentence; "" when all is there
  MemoryUse memory;
  int n_traces = 0;  // so many were computed so far
  // That of this metric for this place, `at` being clamped; null while it is not there.
  std::shared_ptr<const MadeMeasure> measure(const Metric* metric, const State& at) const;
  // The same, or else the last of it that has as many layers and heads, so that a text that is
  // typed does not flicker.
  std::shared_ptr<const MadeMeasure> last_measure(const Metric* metric, const State& at) const;
  bool current = false;    // everything above is what the state asks for
  bool can_retry = false;  // `error` is that of a listed model: Session::retry asks for it again
  std::string busy;        // title of the job in hand; "" when idle
  float progress = 0;
  double busy_seconds = 0;
  Worker::Longest longest_step;     // of all jobs so far
  std::optional<Error> error;       // why the state could not be followed; the old picture stays
  std::optional<Error> file_error;  // of the last files dropped; stays until dismissed
};

class Session {
 public:
  // `finished` is called, on another thread, when pump() has something to deliver; not without
  // threads, where pump() does the work.
  explicit Session(std::function<void()> finished = {});

  // Once a frame. Starts the first thing that is missing; never waits.
  void want(const State& state);
  // Delivers finished work; without threads, works for `budget_ms`. True if the snapshot changed.
  bool pump(double budget_ms = 8);
  const Snapshot& snapshot() const;
  // The trace or the map that the state asks for is being made: what is on screen is about to be
  // replaced.
  bool makes_picture() const;
  // The part of the big map in view. True when it has moved: tiles for it are made with the next
  // want().
  bool look(const MapLook& look);
  // Bytes that weights, traces and pictures may take together; 2 GB when nobody says.
  void limit_memory(uint64_t bytes);

  // The attention from scratch first, then the listed ones, then those dropped.
  const std::vector<ModelEntry>& models() const;
  // From models/index.json. What is wrong in it is an error; good entries are still taken.
  Status add_index(std::string_view json);
  // There is no such file: a model that is not in the list is unknown from now on.
  void no_index();
  // The listed model that `want` needs and whose files nobody has brought yet; asks once per model.
  std::optional<ModelEntry> take_fetch();
  // Files of a listed model, or why they could not be had.
  void bring(const std::string& id, std::vector<File> files);
  void bring_error(const std::string& id, Error error);
  // Asks again for a listed model that failed; `want` does the same where another model was wanted
  // in between.
  void retry(const std::string& id);
  // Files dropped or chosen. When they are a model it is loaded in the background and joins the
  // list; take_opened() then gives its id once, and the caller puts it into State::model. When they
  // are not, or could not be read, file_error says why and nothing else changes. Replaces what was
  // said of the files before.
  void open(std::vector<File> files);
  void open_read(Result<std::vector<File>> files);
  std::optional<std::string> take_opened();
  void dismiss_error();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace attn
