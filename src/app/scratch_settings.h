// scratch_settings.h - the settings of the attention from scratch, from the state.
#pragma once

#include <string>

#include "pass/scratch.h"
#include "state/state.h"

namespace attn {

// Token names are State::tokens split at spaces, then truncated or extended (x7, x8, …) to n_tokens
// where that is not 0.
ScratchSettings scratch_settings(const State& state);

// The d_model nearest to this one that the heads divide, up to `most`.
int divisible_d_model(int d_model, int n_heads, int most);
// "d_model is now 65 (was 64): 5 heads must divide it"
std::string d_model_note(int before, int now, int n_heads, Lang lang);

}  // namespace attn
