// jobs.h - the session's long work as jobs: load, run, and make the maps that are looked at.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/kept.h"
#include "app/shown.h"
#include "app/tiles.h"
#include "app/worker.h"

namespace attn {

using TraceResult = Result<TracePair>;
using LoadResult = Result<std::shared_ptr<const Model>>;

// Each `done` runs on the thread that polls the worker.
Job load_job(std::vector<File> files, std::string name, Lang lang,
             std::function<void(LoadResult)> done);

// What may be spent on a trace and on making it; more than `room` only once what is on screen was
// given up.
struct Room {
  uint64_t room = 0, with_release = 0;
};
struct MadeTrace {
  TraceResult result;
  bool release_first = false;  // nothing was made: it fits once older pictures are given up
};
Job scratch_job(ScratchSettings settings, Room room, Lang lang,
                std::function<void(MadeTrace)> done);
// Where not all layers' q, k and v fit, those nearest to `layer` are kept. `earlier` are traces of
// the same model, whose beginnings need not be computed again.
struct ForwardWish {
  std::shared_ptr<const Model> model;
  std::string text;
  int layer = 0;
  Room room;
  std::vector<std::shared_ptr<const Trace>> earlier;
  int repeat = 0;  // so many random tokens, said twice (fewer where the model reads fewer), in the
                   // place of the text
  uint32_t repeat_seed = 0;
  Edits edits;  // made while the model runs
};
Job forward_job(ForwardWish wish, Lang lang, std::function<void(MadeTrace)> done);

// A whole pattern, `rows_a_step` rows a step.
Job map_job(std::shared_ptr<const Trace> trace, MapKey key, int rows_a_step, Lang lang,
            std::function<void(std::shared_ptr<const PatternMap>)> done);
Job tile_job(std::shared_ptr<const Trace> trace, MapKey key, TileStrip strip, Lang lang,
             std::function<void(std::vector<std::shared_ptr<const Tile>>)> done);

// Thumbnails of at most kGridSide cells a side. A part: heads from .. to-1, counted through all
// layers, values [to - from, side_q, side_k]; each step takes no more than kWorkAStep a thread, or
// one row of cells.
inline constexpr int kGridSide = 64;
HeadGrid empty_grid(std::shared_ptr<const Trace> trace, int part, int sample);
// How many heads are worth a part: about a twentieth of a second.
int heads_a_part(const Attention& a);
struct GridPart {
  int from = 0, to = 0;
  std::vector<float> values;
};
Job grid_job(std::shared_ptr<const Trace> trace, int part, int sample, int from, int to, Lang lang,
             std::function<void(GridPart)> done);

}  // namespace attn
