// rope.h - the angles of rotary positions.
#pragma once

#include <span>
#include <vector>

#include "model/config.h"

namespace attn {

// Radians a position of each pair, [rope_dims / 2], in a layer. Su et al. 2021; the scalings
// stretch the wavelengths for texts longer than those of training (linear: Chen et al. 2023;
// Llama 3.1).
std::vector<double> rope_radians(const Config& config, int layer);

// Cosines and sines of one position's angles, [rope_dims / 2]. In double: as floats angles lose
// digits at late positions.
void turn(std::span<const double> radians, int64_t position, std::span<float> cosines,
          std::span<float> sines);

}  // namespace attn
