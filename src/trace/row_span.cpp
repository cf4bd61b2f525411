#include "trace/row_span.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tensor/simd.h"

namespace attn {

namespace {

// The upper edge of a bin, which is the lower edge of the previous one.
float edge(int bin) { return std::bit_cast<float>(0x3F800000 - (bin << kBinShift)); }

bool is_in(float e, int bin) {
  const int32_t at = (0x3F800000 - std::bit_cast<int32_t>(e)) >> kBinShift;
  return std::min(at, kBins - 1) == bin;
}

}  // namespace

int keys_for(std::span<float> weights, double mass) {
  int taken = 0;
  while (!weights.empty() && mass > 0) {
    const float a = weights.front(), b = weights[weights.size() / 2], c = weights.back();
    const float pivot = std::max(std::min(a, b), std::min(std::max(a, b), c));
    const auto more = std::ranges::partition(weights, [&](float x) { return x > pivot; }).begin();
    const auto less = std::partition(more, weights.end(), [&](float x) { return x == pivot; });
    double above = 0;
    for (auto x = weights.begin(); x != more; ++x) above += *x;
    const int n_above = int(more - weights.begin()), n_equal = int(less - more);
    if (above >= mass) {
      weights = weights.first(size_t(n_above));
      continue;
    }
    mass -= above;
    taken += n_above;
    if (n_equal == 0) break;  // not a number
    const double equal = double(pivot) * n_equal;
    if (equal >= mass) return taken + std::max(1, int(std::ceil(mass / pivot)));
    mass -= equal;
    taken += n_equal;
    weights = weights.subspan(size_t(n_above + n_equal));
  }
  return taken;
}

int keys_for(const uint64_t* bins, const float* e, int n_keys, int width, double mass,
             float* room) {
  constexpr uint64_t kMass = (uint64_t(1) << kBinCount) - 1;
  const double wanted = mass * kBinOne;
  int taken = 0, bin = 0;
  double above = 0;
  for (; bin < kBins; ++bin) {
    const double in_bin = double(bins[bin] & kMass);
    if (above + in_bin >= wanted) break;
    above += in_bin;
    taken += int(bins[bin] >> kBinCount);
  }
  if (bin == kBins) return std::min(taken, n_keys);
  const double rest = (wanted - above) / kBinOne, all = double(bins[bin] & kMass) / kBinOne;
  const int count = int(bins[bin] >> kBinCount);
  if (bin < kBins - 1) {
    // The k largest of the bin weigh at least k times its mean, and at most k times its upper edge
    // or the total less the lower edge for each of the others.
    const double high = edge(bin), low = edge(bin + 1);
    const double fewest = std::max(rest / high, count - (all - rest) / low);
    const int most = int(std::ceil(rest / (all / count))), least = int(std::ceil(fewest));
    if (count == 1 || least >= most) return taken + std::clamp(most, 1, count);
  }
  int n = 0;
  for (int i = 0; i < n_keys; ++i) {
    room[n] = e[int64_t(i) * width];
    n += is_in(room[n], bin);
  }
  return taken + std::max(1, keys_for({room, size_t(n)}, rest));
}

}  // namespace attn
