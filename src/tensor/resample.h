// resample.h - which samples of a line, with which weights, make each sample of another length.
#pragma once

#include <vector>

namespace attn {

enum class Resample { nearest, lanczos, bilinear, bicubic };  // numbered as in Pillow

// Sample i of the new line is the sum of weights[i * most + j] times sample first[i] + j.
struct Taps {
  int most = 0;
  std::vector<int> first, n;    // [n_out]
  std::vector<double> weights;  // [n_out, most]
};
// As Pillow and torch with antialias: kernels widen where the line becomes shorter.
Taps smooth_taps(int n_in, int n_out, Resample kind);
// As torch's bicubic without antialias and with align_corners false: four samples (a = -0.75),
// those at the ends repeated.
Taps plain_bicubic_taps(int n_in, int n_out);

}  // namespace attn
