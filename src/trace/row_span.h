// row_span.h - how many keys hold a part of a row's mass.
#pragma once

#include <cstdint>
#include <span>

namespace attn {

// A part p of the mass is reached at p - kSpanSlack of it: p keys of equal weight are no matter of
// rounding.
constexpr double kSpanSlack = 1e-6;

// The fewest of `weights` whose sum is at least `mass`; all of them where it never is. Reorders
// them. Takes as long as walking them some times (a quickselect by mass).
int keys_for(std::span<float> weights, double mass);

// The same from the bins (PanelLoops::bins) of the column e [n_keys][width]: e[i * width] for i <
// n_keys. `room` [n_keys] is written where the bins alone do not tell.
int keys_for(const uint64_t* bins, const float* e, int n_keys, int width, double mass, float* room);

}  // namespace attn
