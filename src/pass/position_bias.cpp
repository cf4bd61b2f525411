#include "pass/position_bias.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace attn {

int relative_bucket(int ahead, int n_buckets, int furthest, bool earlier) {
  const int side = earlier ? n_buckets : n_buckets / 2, exact = side / 2;
  const int distance = earlier ? std::max(0, -ahead) : std::abs(ahead);
  const int first = !earlier && ahead > 0 ? side : 0;
  if (distance < exact) return first + distance;
  // The slack keeps distances at the edge of a range in it, whatever the last digit of a logarithm.
  const double share = std::log(double(distance) / exact) / std::log(double(furthest) / exact);
  return first + std::min(side - 1, exact + int(share * (side - exact) + 1e-6));
}

namespace {

// Press et al. 2022: slopes fall geometrically; where heads are no power of two, those of the next
// lower one, then every other of the next higher one's.
double alibi_slope(const Config& c, int head) {
  int lower = 1;
  while (2 * lower <= c.n_heads) lower *= 2;
  return head < lower ? std::exp2(-8.0 * (head + 1) / lower)
                      : std::exp2(-8.0 * (2 * (head - lower) + 1) / (2 * lower));
}

std::vector<float> alibi(const Config& c, int n) {
  std::vector<float> bias;
  for (int head = 0; head < c.n_heads; ++head) {
    const double slope = alibi_slope(c, head);
    for (int ahead = 1 - n; ahead < n; ++ahead) bias.push_back(float(slope * ahead));
  }
  return bias;
}

}  // namespace

void add_sinusoids(int64_t place, bool whole, std::span<float> x) {
  const size_t half = x.size() / 2;
  const double n = double(std::max<size_t>(1, whole ? half - 1 : half));
  for (size_t i = 0; i < half; ++i) {
    const double angle = double(place) * std::pow(10000., -double(i) / n);
    x[i] += float(std::sin(angle));
    x[half + i] += float(std::cos(angle));
  }
}

// transformers computes the logarithms in float32, whatever the weights are.
int distance_row(const Config& c, int ahead) {
  const int most = c.n_places / 2, middle = most / 2, distance = std::abs(ahead);
  float bucket = float(distance);
  if (c.places_furthest > 0 && distance > middle) {
    const float whole = std::log(float((c.places_furthest - 1) / double(middle)));
    const float share = std::log(float(distance) / float(middle)) / whole;
    bucket = std::ceil(share * float(middle - 1)) + float(middle);
  }
  const int side = int(std::min(bucket, float(most)));
  return std::clamp(ahead > 0 ? most - side : most + side, 0, 2 * most - 1);
}

std::vector<int> place_rows(const Config& c, int n) {
  std::vector<int> rows;
  for (int ahead = 1 - n; c.n_places > 0 && ahead < n; ++ahead)
    rows.push_back(distance_row(c, ahead) - first_place(c, n));
  return rows;
}

std::vector<float> position_bias(const Model& model, int n) {
  const Config& c = model.config;
  if (c.alibi) return alibi(c, n);
  if (c.n_relative_buckets == 0) return {};
  const size_t n_heads = size_t(c.n_heads), width = size_t(2 * n - 1);
  const size_t n_layers = c.relative_by_layer ? size_t(c.n_layers) : 1;
  std::vector<float> of_bucket(n_heads), bias(n_layers * n_heads * width);
  for (size_t i = 0; i < n_layers * width; ++i) {
    const size_t layer = i / width, at = i % width;
    const int bucket = relative_bucket(int(at) + 1 - n, c.n_relative_buckets, c.relative_furthest,
                                       c.relative_earlier);
    if (c.relative_by_layer)
      std::copy_n(model.weights.blocks[layer].relative_bias.data + size_t(bucket) * n_heads,
                  n_heads, of_bucket.begin());
    else
      model.weights.relative_bias.row(bucket, of_bucket);
    for (size_t head = 0; head < n_heads; ++head)
      bias[(layer * n_heads + head) * width + at] = of_bucket[head];
  }
  return bias;
}

}  // namespace attn
