// jobs.h - the session's long work as jobs: load a model, run it, make maps and thumbnails.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analysis/head_character.h"
#include "app/kept.h"
#include "app/shown.h"
#include "app/tiles.h"
#include "app/worker.h"

namespace attn {

using TraceResult = Result<TracePair>;
using LoadResult = Result<std::shared_ptr<const Model>>;

struct LoadWish {
  std::vector<File> files;
  std::string name;
  bool ignore_unused = false, read_text = false;  // as in ModelLoad
};
// Each `done` runs on the thread that polls the worker. Errors come through it, in `lang`.
// `refused` are the files again where tensors of the layers are not used and `ignore_unused` is
// false.
Job load_job(LoadWish wish, Lang lang,
             std::function<void(LoadResult, std::vector<File> refused)> done);

// Bytes that a trace and its computation may take; beyond `room` only once older traces, the
// pictures on screen and other models are let go. `model` is what the model takes of `limit`.
struct Room {
  uint64_t room = 0, with_release = 0;
  uint64_t model = 0, limit = 0;
};
struct MadeTrace {
  TraceResult result;
  bool release_first = false;  // nothing was made: it fits once something else is let go
  Cuts cuts = {};              // of a text that is too long for the model
};
Job scratch_job(ScratchSettings settings, Room room, Lang lang,
                std::function<void(MadeTrace)> done);
// Where the q, k and v of all layers do not fit, those nearest to `layer` are kept. `earlier` are
// traces of the same model; a beginning shared with one of them is not computed again.
struct ForwardWish {
  std::shared_ptr<const Model> model;
  std::string text, pair;  // `pair`: the second text, or empty
  int layer = 0;
  Room room;
  std::vector<std::shared_ptr<const Trace>> earlier;
  int repeat = 0;  // number of random tokens, repeated twice (at most the context length), that
                   // replace the text
  uint32_t repeat_seed = 0;
  Edits edits;  // made while the model runs
  Cut cut = Cut::none;
  File picture;  // of models that read pictures; empty: the example
};
Job forward_job(ForwardWish wish, Lang lang, std::function<void(MadeTrace)> done);

// A whole pattern, [n_query, n_key], `rows_a_step` rows per step.
Job map_job(std::shared_ptr<const Trace> trace, MapKey key, int rows_a_step, Lang lang,
            std::function<void(std::shared_ptr<const PatternMap>)> done);
Job tile_job(std::shared_ptr<const Trace> trace, MapKey key, TileStrip strip, EarlierStrip before,
             Lang lang, std::function<void(std::vector<std::shared_ptr<const Tile>>)> done);

// Thumbnails of at most kGridSide cells a side. A part holds heads from .. to-1, counted through
// all layers, values [to - from, side_q, side_k]; a step takes at most kWorkAStep per thread, or
// one row of cells. A job takes the sizes, and other sizes for the same heads make sharper maps.
// Rows of cells that `before` has are copied.
HeadGrid empty_grid(std::shared_ptr<const Trace> trace, int part, int sample);
// Without values.
HeadGrid grid_sizes(std::shared_ptr<const Trace> trace, int part, int sample, int side = kGridSide);
// Heads in a part: about 50 ms of work.
int heads_a_part(const Attention& a);
// The thumbnails of an earlier trace, of whose causal patterns the first n_rows are the same.
struct EarlierGrid {
  std::shared_ptr<const HeadGrid> grid;
  int n_rows = 0;
};
struct GridPart {
  int from = 0, to = 0;
  std::vector<float> values;
};
Job grid_job(HeadGrid sizes, int from, int to, EarlierGrid before, Lang lang,
             std::function<void(GridPart)> done);

// Continues a probe; a job that is cancelled leaves it where it is, for the next one.
Job probe_job(std::shared_ptr<ModelProbe> probe, Lang lang,
              std::function<void(std::shared_ptr<const HeadCharacters>)> done);

}  // namespace attn
