// scratch_settings.h - what the attention from scratch is to be made of, as the state says it.
#pragma once

#include "pass/scratch.h"
#include "state/state.h"

namespace attn {

// The settings of the attention from scratch that this state asks for: `tokens` cut at blanks, then
// cut short, or lengthened with x7, x8, …, to n_tokens.
ScratchSettings scratch_settings(const State& state);

}  // namespace attn
