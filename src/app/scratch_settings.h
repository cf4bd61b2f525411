// scratch_settings.h - the settings of the attention from scratch, from the state.
#pragma once

#include "pass/scratch.h"
#include "state/state.h"

namespace attn {

// Token names are State::tokens split at spaces, then truncated or extended (x7, x8, …) to n_tokens
// where that is not 0.
ScratchSettings scratch_settings(const State& state);

}  // namespace attn
