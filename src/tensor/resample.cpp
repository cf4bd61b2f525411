#include "tensor/resample.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace attn {

namespace {

double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

double sinc(double x) {
  return x == 0 ? 1 : std::sin(x * std::numbers::pi) / (x * std::numbers::pi);
}

double kernel(Resample kind, double x) {
  switch (kind) {
    case Resample::nearest:
      break;
    case Resample::lanczos:
      return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    case Resample::bilinear:
      return std::max(0., 1 - std::abs(x));
    case Resample::bicubic:
      return cubic(x, -0.5);
  }
  return 1;
}

// Places are summed up, as Pillow does, which decides between two samples equally far.
Taps nearest_taps(int n_in, int n_out) {
  Taps taps{.most = 1, .n = std::vector<int>(size_t(n_out), 1)};
  taps.weights.assign(size_t(n_out), 1);
  const double step = double(n_in) / n_out;
  double at = step * 0.5;
  for (int i = 0; i < n_out; ++i, at += step) taps.first.push_back(std::min(n_in - 1, int(at)));
  return taps;
}

}  // namespace

Taps smooth_taps(int n_in, int n_out, Resample kind) {
  static constexpr double kReach[] = {0, 3, 1, 2};
  const double scale = double(n_in) / n_out, wide = std::max(1., scale);
  const double reach = kReach[int(kind)] * wide;
  if (kind == Resample::nearest) return nearest_taps(n_in, n_out);
  Taps taps{.most = int(std::ceil(reach)) * 2 + 1};
  taps.weights.resize(size_t(n_out) * size_t(taps.most));
  for (int i = 0; i < n_out; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, int(center - reach + 0.5));
    const int end = std::min(n_in, int(center + reach + 0.5));
    double* const to = taps.weights.data() + size_t(i) * size_t(taps.most);
    double sum = 0;
    for (int j = first; j < end; ++j)
      sum += to[j - first] = kernel(kind, (j - center + 0.5) / wide);
    for (int j = first; j < end && sum != 0; ++j) to[j - first] /= sum;
    taps.first.push_back(first);
    taps.n.push_back(end - first);
  }
  return taps;
}

Taps plain_bicubic_taps(int n_in, int n_out) {
  Taps taps{.most = 4};
  taps.weights.resize(size_t(n_out) * 4);
  const double scale = double(n_in) / n_out;
  for (int i = 0; i < n_out; ++i) {
    const double at = (i + 0.5) * scale - 0.5;
    const int left = int(std::floor(at)) - 1, first = std::clamp(left, 0, std::max(0, n_in - 4));
    for (int j = 0; j < 4; ++j) {
      const int from = std::clamp(left + j, 0, n_in - 1) - first;
      taps.weights[size_t(i) * 4 + size_t(from)] += cubic(at - (left + j), -0.75);
    }
    taps.first.push_back(first);
    taps.n.push_back(std::min(4, n_in - first));
  }
  return taps;
}

}  // namespace attn
