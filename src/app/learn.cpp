#include "app/learn.h"

#include <optional>

#include "figure/report.h"

namespace attn {

bool ChapterKey::operator==(const ChapterKey& o) const {
  return chapter == o.chapter && !trace.owner_before(o.trace) && !o.trace.owner_before(trace) &&
         site() == o.site() && sample == o.sample && token == o.token &&
         locked_key == o.locked_key && lang == o.lang;
}

ChapterKey chapter_key(const Chapter& chapter, const std::shared_ptr<const Trace>& trace,
                       const State& at) {
  return {at.site(), &chapter, trace, at.sample, at.token, at.locked_key, at.lang};
}

Job chapter_job(const Chapter& chapter, std::shared_ptr<const Model> model,
                std::shared_ptr<const Trace> trace, const State& at,
                std::function<void(std::shared_ptr<const MadeChapter>)> done) {
  struct Work {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Trace> trace;
    State at;
    std::optional<MeanOfHeads> mean = {};
  };
  auto made = std::make_shared<MadeChapter>();
  made->key = chapter_key(chapter, trace, at);
  const int n_steps = chapter.of_mean ? trace->at(at).n_heads : 1;
  auto work = std::make_shared<Work>(Work{std::move(model), std::move(trace), at});
  return {tr(at.lang, "Writing the chapter", "正在生成本章内容"), n_steps,
          [made, work] {
            const Inputs in{stack_of(work->model, work->at.part), work->trace.get(), &work->at};
            if (made->key.chapter->of_mean) {
              if (!work->mean) work->mean = MeanOfHeads{in};
              if (work->mean->step()) return true;
              made->blocks = head_mean_report(*work->mean);
            } else {
              made->blocks = made->key.chapter->blocks(in);
            }
            return false;
          },
          [made, done = std::move(done)] { done(made); }};
}

}  // namespace attn
