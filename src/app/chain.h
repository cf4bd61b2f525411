// chain.h - studies one after the other, as one.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "analysis/measure.h"

namespace attn {

class Chain {
 public:
  // `step`, where there is one, until it says false; then `done` once.
  struct Link {
    std::function<bool()> step;
    std::function<void()> done;
  };
  // `next` is asked when the link before is done, since it may need what that one made. Nothing
  // ends the chain.
  explicit Chain(std::function<std::optional<Link>()> next) : next_(std::move(next)) {}

  bool step() {  // false: nothing is left
    if (!link_) link_ = next_();
    if (!link_) return false;
    if (link_->step && link_->step()) return true;
    const auto done = std::move(link_->done);
    link_.reset();
    done();
    return true;
  }
  // Between two links the rest can be left to another chain.
  bool is_between() const { return !link_; }

 private:
  std::function<std::optional<Link>()> next_;
  std::optional<Link> link_;
};

inline Chain::Link link_of(Study study, std::function<void(Measure)> done) {
  return {std::move(study.step),
          [take = std::move(study.take), done = std::move(done)] { done(take()); }};
}

}  // namespace attn
