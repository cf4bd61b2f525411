// rope.h - the angles of rotary positions.
#pragma once

#include <span>
#include <vector>

#include "model/config.h"

namespace attn {

// Radians a position of each pair, [rope_dims / 2], in a layer, for a text of n tokens. Su et al.
// 2021; the scalings stretch the wavelengths for texts longer than those of training (linear: Chen
// et al. 2023; yarn: Peng et al. 2023; longrope: Ding et al. 2024; Llama 3.1), dynamic and longrope
// by the length of the text.
std::vector<double> rope_radians(const Config& config, int layer, int n);

// Cosines and sines of one position's angles times `amplitude`, [rope_dims / 2]. In double: as
// floats angles lose digits at late positions.
void turn(std::span<const double> radians, double amplitude, int64_t position,
          std::span<float> cosines, std::span<float> sines);

}  // namespace attn
