#include "pass/rope.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace attn {

std::vector<double> rope_radians(const Config& c, int layer) {
  const double theta =
      c.is_local(layer) && c.rope_local_theta > 0 ? c.rope_local_theta : c.rope_theta;
  std::vector<double> out(size_t(c.rope_dims / 2));
  for (size_t j = 0; j < out.size(); ++j) {
    const double plain = std::pow(theta, -2.0 * double(j) / c.rope_dims);
    switch (c.rope_scaling) {
      case RopeScaling::none:
        out[j] = plain;
        break;
      case RopeScaling::linear:
        out[j] = plain / c.rope_factor;
        break;
      case RopeScaling::llama3: {
        // How often the wave fits into the original context: few times, stretched; often, kept.
        const double n_waves = c.rope_original_n_ctx * plain / (2 * std::numbers::pi);
        const double low = c.rope_low_freq_factor, high = c.rope_high_freq_factor;
        const double kept = std::clamp((n_waves - low) / (high - low), 0.0, 1.0);
        out[j] = plain * (kept + (1 - kept) / c.rope_factor);
        break;
      }
    }
  }
  return out;
}

void turn(std::span<const double> radians, int64_t position, std::span<float> cosines,
          std::span<float> sines) {
  for (size_t j = 0; j < radians.size(); ++j) {
    cosines[j] = float(std::cos(double(position) * radians[j]));
    sines[j] = float(std::sin(double(position) * radians[j]));
  }
}

}  // namespace attn
