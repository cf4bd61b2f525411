#include "pass/rope.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace attn {

namespace {

// yarn: the pair that turns so many times in the original context.
double pair_turning(const Config& c, double times) {
  return c.rope_dims * std::log(c.rope_original_n_ctx / (times * 2 * std::numbers::pi)) /
         (2 * std::log(c.rope_theta));
}

}  // namespace

std::vector<double> rope_radians(const Config& c, int layer, int n) {
  const bool local = c.is_local(layer) && c.rope_local_theta > 0;
  double theta = local ? c.rope_local_theta : c.rope_theta;
  const RopeScaling scaling = local ? RopeScaling::none : c.rope_scaling;
  if (scaling == RopeScaling::dynamic && n > c.rope_original_n_ctx)
    theta *= std::pow(c.rope_factor * n / c.rope_original_n_ctx - (c.rope_factor - 1),
                      c.rope_dims / (c.rope_dims - 2.));
  double from = 0, to = 0;  // yarn: pairs between these are stretched more and more
  if (scaling == RopeScaling::yarn) {
    from = pair_turning(c, c.rope_beta_fast);
    to = pair_turning(c, c.rope_beta_slow);
    if (c.rope_truncates) from = std::floor(from), to = std::ceil(to);
    from = std::max(from, 0.);
    to = std::min(to, c.rope_dims - 1.);
    if (from == to) to += 0.001;
  }
  std::vector<double> out(size_t(c.rope_dims / 2));
  for (size_t j = 0; j < out.size(); ++j) {
    const double plain = std::pow(theta, -2.0 * double(j) / c.rope_dims);
    switch (scaling) {
      case RopeScaling::none:
      case RopeScaling::dynamic:
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
      case RopeScaling::yarn: {
        const double stretched = std::clamp((double(j) - from) / (to - from), 0.0, 1.0);
        out[j] = plain * (1 - stretched + stretched / c.rope_factor);
        break;
      }
      case RopeScaling::longrope:
        out[j] = plain / double((n > c.rope_original_n_ctx ? c.rope_long : c.rope_short)[j]);
        break;
    }
  }
  return out;
}

void turn(std::span<const double> radians, double amplitude, int64_t position,
          std::span<float> cosines, std::span<float> sines) {
  for (size_t j = 0; j < radians.size(); ++j) {
    cosines[j] = float(amplitude * std::cos(double(position) * radians[j]));
    sines[j] = float(amplitude * std::sin(double(position) * radians[j]));
  }
}

}  // namespace attn
