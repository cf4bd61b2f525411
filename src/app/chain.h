// chain.h - runs studies one after the other, as one study.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "analysis/measure.h"

namespace attn {

class Chain {
 public:
  // Calls `step` (if any) until it returns false, then `done` once.
  struct Link {
    std::function<bool()> step;
    std::function<void()> done;
  };
  // `next` is called when the previous link is done, since it may need its result; nullopt ends
  // the chain.
  explicit Chain(std::function<std::optional<Link>()> next) : next_(std::move(next)) {}

  bool step() {  // false: the chain has ended
    if (!link_) link_ = next_();
    if (!link_) return false;
    if (link_->step && link_->step()) return true;
    const auto done = std::move(link_->done);
    link_.reset();
    done();
    return true;
  }
  // Between two links the rest can be handed to another chain.
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
