#include "state/history.h"

namespace attn {

bool History::commit(const State& state) {
  const State& now = states_[at_];
  if (state == now) return false;
  State as_before = state;
  as_before.theme = now.theme;
  as_before.lang = now.lang;
  as_before.look = now.look;
  const bool same_content = as_before == now;
  // Theme, language and zoom are no step, and undoing one does not bring the old ones back.
  for (State& s : states_) {
    s.theme = state.theme;
    s.lang = state.lang;
    s.look = state.look;
  }
  if (same_content) return true;
  states_.resize(at_ + 1);
  states_.push_back(state);
  if (states_.size() > kMost) states_.erase(states_.begin());
  at_ = states_.size() - 1;
  return true;
}

const State& History::undo() {
  if (at_ > 0) --at_;
  return states_[at_];
}

const State& History::redo() {
  if (at_ + 1 < states_.size()) ++at_;
  return states_[at_];
}

}  // namespace attn
