#include "app/learn.h"

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
  auto made = std::make_shared<MadeChapter>();
  made->key = chapter_key(chapter, trace, at);
  return {tr(at.lang, "Writing the chapter", "正在生成本章内容"), 1,
          [made, model = std::move(model), trace = std::move(trace), at] {
            made->blocks = made->key.chapter->blocks({model.get(), trace.get(), &at});
            return false;
          },
          [made, done = std::move(done)] { done(made); }};
}

}  // namespace attn
