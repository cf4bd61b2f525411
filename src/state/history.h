// history.h - undo and redo over past states.
#pragma once

#include <vector>

#include "state/state.h"

namespace attn {

class History {
 public:
  explicit History(State first = {}) : states_{std::move(first)} {}

  // Adds `state` if it differs from the current one, and discards what was undone. True if it
  // differed. A change of theme or language only is applied to all states, not added.
  bool commit(const State& state);
  bool can_undo() const { return at_ > 0; }
  bool can_redo() const { return at_ + 1 < states_.size(); }
  const State& undo();  // the previous state, or the current one when there is none
  const State& redo();
  const State& current() const { return states_[at_]; }

 private:
  static constexpr size_t kMost = 200;
  std::vector<State> states_;
  size_t at_ = 0;
};

}  // namespace attn
