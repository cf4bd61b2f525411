// jobs.h - the session's long work as jobs: load, run, and make the maps that are looked at.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/session.h"
#include "app/worker.h"

namespace attn {

struct TracePair {
  std::shared_ptr<const Trace> trace;
  std::shared_ptr<const ScratchRun> scratch;  // null for a model
};
using TraceResult = Result<TracePair>;
using LoadResult = Result<std::shared_ptr<const Model>>;

// Each `done` runs on the thread that polls the worker.
Job load_job(std::vector<File> files, std::string name, Lang lang,
             std::function<void(LoadResult)> done);
Job scratch_job(ScratchSettings settings, Lang lang, std::function<void(TraceResult)> done);
Job forward_job(std::shared_ptr<const Model> model, std::string text, Lang lang,
                std::function<void(TraceResult)> done);
// A whole pattern, a block of rows a step.
Job map_job(std::shared_ptr<const Trace> trace, int sample, int layer, int head, Lang lang,
            std::function<void(std::shared_ptr<const PatternMap>)> done);
// All thumbnails of a sample, a layer a step; at most kGridSide cells a side, max-pooled.
inline constexpr int kGridSide = 64;
Job grid_job(std::shared_ptr<const Trace> trace, int sample, Lang lang,
             std::function<void(std::shared_ptr<const HeadGrid>)> done);

}  // namespace attn
