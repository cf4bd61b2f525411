#include "pass/experts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pass/block_math.h"
#include "tensor/kernels.h"
#include "tensor/packed.h"

namespace attn {

std::vector<Visit> route(const Config& c, ConstMat scores) {
  std::vector<Visit> visits;
  std::vector<int> all(size_t(c.n_experts)), chosen;
  std::iota(all.begin(), all.end(), 0);
  for (int64_t row = 0; row < scores.rows; ++row) {
    const std::span<const float> of = scores.row(row);
    std::vector<char> taken(all.size(), 0);
    chosen.clear();
    for (int i = 0; i < c.n_active_experts; ++i) {
      int best = -1;
      for (const int expert : all)
        if (!taken[size_t(expert)] && (best < 0 || of[size_t(expert)] > of[size_t(best)]))
          best = expert;
      taken[size_t(best)] = 1;
      chosen.push_back(best);
    }
    const double highest = double(of[size_t(chosen[0])]);
    const auto e = [&](int expert) { return std::exp(double(of[size_t(expert)]) - highest); };
    double sum = 0;
    for (const int expert : c.shares_of_chosen ? chosen : all) sum += e(expert);
    for (const int expert : chosen) visits.push_back({int(row), expert, float(e(expert) / sum)});
  }
  std::ranges::stable_sort(visits, {}, &Visit::expert);
  return visits;
}

void gate_rows(const Config& c, Mat in, Mat gate) {
  for (int64_t i = 0; i < in.rows; ++i) {
    const std::span<float> x = in.row(i), g = gate.row(i);
    if (c.glu_limit == 0) {
      map_of(c.activation)(g.data(), in.cols);
      for (size_t j = 0; j < x.size(); ++j) x[j] *= g[j];
      continue;
    }
    const float limit = float(c.glu_limit), slope = float(c.glu_slope);
    for (size_t j = 0; j < x.size(); ++j) {
      const float most = std::min(g[j], limit);
      x[j] = (std::clamp(x[j], -limit, limit) + 1) * most / (1 + std::exp(-slope * most));
    }
  }
}

void experts_out(const Model& model, int layer, ConstMat x, Mat out) {
  const Config& c = model.config;
  const Block& b = model.weights.blocks[size_t(layer)];
  const auto floats = [](int64_t rows, int64_t cols) {
    return std::vector<float>(size_t(rows * cols));
  };
  std::vector<float> scores = floats(x.rows, c.n_experts);
  linear(x, b.router.w, b.router.b.vec(), {scores.data(), x.rows, c.n_experts});
  const std::vector<Visit> visits = route(c, ConstMat(scores.data(), x.rows, c.n_experts));
  for (int64_t i = 0; i < out.rows; ++i) std::ranges::fill(out.row(i), 0.f);
  for (size_t first = 0, last = 0; first < visits.size(); first = last) {
    while (last < visits.size() && visits[last].expert == visits[first].expert) ++last;
    const Expert& expert = b.experts[size_t(visits[first].expert)];
    const int64_t n = int64_t(last - first);
    std::vector<float> rows = floats(n, c.d_model), in = floats(n, c.d_expert), gate = in;
    const Mat read(rows.data(), n, c.d_model), inner(in.data(), n, c.d_expert),
        by(gate.data(), n, c.d_expert);
    for (int64_t i = 0; i < n; ++i)
      std::ranges::copy(x.row(visits[first + size_t(i)].row), read.row(i).begin());
    linear(read, expert.in.w, expert.in.b.vec(), inner);
    linear(read, expert.gate.w, expert.gate.b.vec(), by);
    gate_rows(c, inner, by);
    linear(inner, expert.out.w, expert.out.b.vec(), read);
    for (int64_t i = 0; i < n; ++i) {
      const Visit& visit = visits[first + size_t(i)];
      const std::span<float> to = out.row(visit.row);
      for (size_t j = 0; j < to.size(); ++j) to[j] += visit.share * read.row(i)[j];
    }
  }
}

}  // namespace attn
