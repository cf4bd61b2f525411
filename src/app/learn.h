// learn.h - a chapter of the tutorial made for the state on screen, and the job that makes it.
#pragma once

#include <functional>
#include <memory>

#include "app/worker.h"
#include "figure/chapters.h"

namespace attn {

// A chapter, and what of the state it tells. Does not keep the trace alive.
struct ChapterKey : Site {
  const Chapter* chapter = nullptr;
  std::weak_ptr<const Trace> trace = {};
  int sample = 0, token = 0, locked_key = -1;
  Lang lang = Lang::en;

  bool operator==(const ChapterKey& other) const;
};
// `at` must be clamped to the trace.
ChapterKey chapter_key(const Chapter& chapter, const std::shared_ptr<const Trace>& trace,
                       const State& at);

struct MadeChapter {
  ChapterKey key;
  TextBlocks blocks;
};
// The layer of the state must be kept. `model` may be null.
Job chapter_job(const Chapter& chapter, std::shared_ptr<const Model> model,
                std::shared_ptr<const Trace> trace, const State& at,
                std::function<void(std::shared_ptr<const MadeChapter>)> done);

}  // namespace attn
