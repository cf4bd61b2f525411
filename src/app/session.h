// session.h - turns the state into what is on screen: models, traces, maps, each cached by key.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/shown.h"
#include "app/worker.h"
#include "base/bytes.h"
#include "figure/lesson.h"
#include "state/state.h"

namespace attn {

// A text of a listed model, with the head and token to look at.
struct Example {
  std::string text, title_en, title_zh;
  std::string look_en, look_zh;  // what to look at
  int layer = 0, head = 0, token = 0;
};
// Files that hold two models: one with an adapter and without it, or the parts of CLIP and SigLIP
// that read pictures and texts.
enum class Twins { none, adapter, towers };
// One line of the model menu.
struct ModelEntry {
  std::string id;  // State::model
  std::string title_en, title_zh;
  std::string about_en, about_zh;  // a sentence
  std::string folder;              // under models/ of the page; "" for dropped ones
  std::vector<std::string> files;  // in the folder, to fetch
  std::string card;                // its model card, relative to models/; "" when it has none
  std::string default_text;
  std::vector<Example> examples;
  Twins twins = Twins::none;
  std::string twin;     // id of the other model of the same files
  bool second = false;  // without the adapter, or the part that reads texts

  const std::string& title(Lang lang) const { return lang == Lang::zh ? title_zh : title_en; }
};

// Memory in use and its limit, in bytes.
struct MemoryUse {
  uint64_t weights = 0, traces = 0, pictures = 0, limit = 0;
  uint64_t used() const { return weights + traces + pictures; }
};

// The sentence for it, with what to do.
const char* memory_is_used_up(Lang lang);

// Everything a frame draws: the pictures of a text, and the progress toward the wanted state.
struct Snapshot : Shown {
  MemoryUse memory;
  int n_traces = 0;         // computed so far
  int n_measures = 0;       // likewise
  bool current = false;     // everything shown matches the state
  bool can_ignore = false;  // Session::ignore_unused() opens the model of `file_error` all the same
  bool can_retry = false;   // `error` is that of a listed model: Session::retry asks for it again
  std::string busy;         // title of the job in hand; "" when idle
  float progress = 0;
  double busy_seconds = 0;
  Worker::Longest longest_step;     // of all jobs so far
  std::optional<Error> error;       // why the state cannot be shown; the old picture stays
  Cuts cuts;                        // where `error` is that the text is too long for the model
  std::string model_id;             // State::model of the picture
  bool stale = false;               // the picture is of another model or text than the state's
  std::optional<Error> file_error;  // of the last files dropped; stays until dismissed
};

// Where the memory runs out, want(), pump() and open() do not throw: pictures that are not on
// screen are let go and the work is done once more; where that does not help, `error` or
// `file_error` says so, and the old picture stays. Other calls may throw std::bad_alloc, and have
// then done nothing.
class Session {
 public:
  // `finished` is called on another thread when pump() has something to deliver; without threads
  // it is never called, and pump() does the work.
  explicit Session(std::function<void()> finished = {});

  // Once a frame. Starts the first thing that is missing; never waits.
  void want(const State& state);
  // Delivers finished work; without threads, works for `budget_ms`. True if the snapshot changed.
  bool pump(double budget_ms = 8);
  const Snapshot& snapshot() const;
  // Whether the wanted trace or map is being made, so that the picture is about to be replaced.
  bool makes_picture() const;
  // Sets the part of the big map in view. True when it has moved; the next want() makes its tiles.
  bool look(const MapLook& look);
  // Sets the heads, counted through all layers, that are shown larger than their thumbnails, and
  // how many cells a side they have room for; together at most kSharpRoom. True when changed; the
  // next want() makes them.
  bool watch(std::vector<int> heads, int side);
  // Bytes that weights, traces and pictures may take together; 2 GB by default.
  void limit_memory(uint64_t bytes);

  // Lets go of models that were not used for longest, but not of the wanted one, until `bytes` more
  // fit or no other is left.
  void make_room(uint64_t bytes);
  // The models in memory, and what their weights take.
  struct Held {
    std::string id;
    uint64_t bytes = 0;
  };
  std::vector<Held> held() const;
  void let_go(const std::string& id);
  // Where the memory is used up: lets go of all traces and pictures that are not on screen; where
  // there are none, with `models`, of the model that was not used for longest.
  void let_go_unseen(bool models);

  // The attention from scratch first, then the listed ones, then those dropped.
  const std::vector<ModelEntry>& models() const;
  // Adds the entries of models/index.json. A faulty entry is an error; the others are still added.
  Status add_index(std::string_view json);
  // There is no index: from now on a model that is not in the list is an error.
  void no_index();
  // The listed model that want() needs and whose files are missing; returned once per model.
  std::optional<ModelEntry> take_fetch();
  // Delivers the files of a listed model, or why the download failed.
  void bring(const std::string& id, std::vector<File> files);
  void bring_error(const std::string& id, Error error);
  // Requests a failed listed model again; want() does so itself where another model was wanted in
  // between.
  void retry(const std::string& id);
  // Files dropped or chosen. A model among them is loaded in the background and joins the list;
  // take_opened() then returns its id once, for State::model. Other files with the same name are
  // another model. Otherwise file_error says what the files are and nothing else changes. Replaces
  // the file_error of earlier files.
  void open(std::vector<File> files);
  void open_read(Result<std::vector<File>> files);
  std::optional<std::string> take_opened();
  // The content of a text file that was dropped or chosen, once.
  std::optional<std::string> take_text();
  // Whether a picture was dropped or chosen, once.
  bool take_picture();
  // Whether this loaded model reads pictures rather than text.
  bool reads_pictures(const std::string& id) const;
  // A text for a model without a tokenizer, in place of one that is not of ids; "" for others.
  std::string ids_for(const std::string& id, std::string_view text) const;
  // Back to the example.
  void forget_picture();
  // Opens the dropped model that was refused for tensors of its layers that are not used.
  void ignore_unused();
  void dismiss_error();

  // The lessons of the page, then those dropped; one replaces an earlier one of the same id.
  const std::vector<Lesson>& lessons() const;
  // A lesson file of the page; an error names the file, the field and the repair.
  Status add_lesson(const File& file);
  // The id of a lesson that was dropped or chosen, once.
  std::optional<std::string> take_lesson();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace attn
