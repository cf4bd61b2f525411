// session.h - turns what the user chose into what is on screen: models, traces, maps, all by key.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/shown.h"
#include "app/worker.h"
#include "base/bytes.h"
#include "state/state.h"

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

// What all of it holds, and what it may hold, in bytes.
struct MemoryUse {
  uint64_t weights = 0, traces = 0, pictures = 0, limit = 0;
  uint64_t used() const { return weights + traces + pictures; }
};

// All that a frame draws: what is shown of a text, and how it stands with what the state asks for.
struct Snapshot : Shown {
  MemoryUse memory;
  int n_traces = 0;        // so many were computed so far
  int n_measures = 0;      // likewise
  bool current = false;    // everything shown is what the state asks for
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
