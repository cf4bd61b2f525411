// row_span.h - the number of keys that hold a given share of a row's mass.
#pragma once

#include <cstdint>
#include <span>

namespace attn {

// A share p counts as reached at p - kSpanSlack, so that rounding does not matter for equal
// weights.
constexpr double kSpanSlack = 1e-6;

// The smallest number of `weights` whose sum is at least `mass`, or all of them. Reorders them.
// Linear time on average (quickselect by mass).
int keys_for(std::span<float> weights, double mass);

// The same from the bins (PanelLoops::bins) of one column of e [n_keys][width]: e[i * width] for
// i < n_keys. `room` [n_keys] is scratch memory for when the bins alone do not decide.
int keys_for(const uint64_t* bins, const float* e, int n_keys, int width, double mass, float* room);

}  // namespace attn
