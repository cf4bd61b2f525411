#include "analysis/head_profile.h"

#include <algorithm>
#include <cmath>

#include "analysis/dense.h"

namespace attn {

namespace {

void make_room(LineSums& sums, const HeadContext& c) {
  sums.columns.assign(size_t(c.a.n_key), 0);
  sums.offsets.assign(size_t(c.a.n_query + c.a.n_key), 0);
  sums.column_cells.assign(sums.columns.size(), 0);
  sums.offset_cells.assign(sums.offsets.size(), 0);
}

double length(std::span<const float> x) {
  double sum = 0;
  for (const float v : x) sum += double(v) * v;
  return std::sqrt(sum);
}

double dot(std::span<const float> x, std::span<const float> y) {
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += double(x[i]) * y[i];
  return sum;
}

}  // namespace

HeadWalk::HeadWalk(const HeadContext& context, std::span<const float> norms)
    : c_(context), norms_(norms) {
  make_room(profile_.with, c_);
  make_room(profile_.without, c_);
  profile_.has_norms = !norms.empty();
  seen_.resize(size_t(c_.a.n_key));
  before_ = seen_;
}

void HeadWalk::add_to(LineSums& sums, int query, int first_key, std::span<const float> weights,
                      double factor) {
  const int end = c_.end_of(query);
  const int diagonal = query + c_.a.n_key - 1;
  const int segment = c_.self ? c_.segments[size_t(query)] : 0;
  for (int key = first_key; key < end; ++key) {
    if (!c_.sees_all() && !c_.sees(query, key)) continue;
    const double w = weights[size_t(key)] * factor;
    sums.columns[size_t(key)] += w;
    sums.offsets[size_t(diagonal - key)] += w;
    ++sums.column_cells[size_t(key)];
    ++sums.offset_cells[size_t(diagonal - key)];
    sums.squares += w * w;
    sums.all += w;
    ++sums.n_cells;
    if (c_.self && c_.segments[size_t(key)] == segment) sums.own_segment += w;
  }
  ++sums.n_rows;
  if (query > 0 && sums.last == query - 1) {
    const auto from = [&](const std::vector<float>& x) {
      return std::span(x).subspan(size_t(first_key));
    };
    const double size = length(from(seen_)) * length(from(before_));
    if (size > 0) {
      sums.likeness += dot(from(seen_), from(before_)) / size;
      ++sums.n_pairs;
    }
  }
  sums.last = query;
}

void HeadWalk::add(int query, std::span<const float> weights) {
  const int end = c_.end_of(query), n = c_.n_seen(query);
  if (n == 0) return;
  std::ranges::fill(seen_, 0.f);
  double rest = 0, nats = 0;
  for (int key = 0; key < end; ++key) {
    if (!c_.sees_all() && !c_.sees(query, key)) continue;
    const double w = weights[size_t(key)];
    seen_[size_t(key)] = weights[size_t(key)];
    if (key > 0) rest += w;
    const double smooth = .9999 * w + .0001 / n;
    nats -= smooth * std::log(smooth);
    if (c_.is_comma_or_point[size_t(key)]) profile_.comma_or_point += w;
    if (!norms_.empty()) profile_.weighted += w * norms_[size_t(key)];
  }
  if (!norms_.empty()) profile_.weighted_first += double(seen_[0]) * norms_[0];
  profile_.smoothed_nats += nats;
  ++profile_.n_rows;
  add_to(profile_.with, query, 0, weights, 1);
  if (rest >= kLeastRest) add_to(profile_.without, query, 1, weights, 1 / rest);
  std::swap(seen_, before_);
}

std::vector<float> value_norms(const Model* model, const Attention& a, int sample, int layer,
                               int head) {
  if (!model || !a.is_computed(layer)) return {};
  if (model->weights.blocks[size_t(layer)].o.w.d_in() < int64_t(a.n_heads) * a.d_head) return {};
  // ‖v W_O‖² = v (W_O W_Oᵀ) vᵀ
  const Dense W_O = head_W_O(*model, layer, head).transpose();
  const Eigen::MatrixXd v = view(a.values(sample, layer, head)).cast<double>();
  const Eigen::VectorXd squares =
      (v * T_times_in_double(view(W_O), view(W_O))).cwiseProduct(v).rowwise().sum();
  std::vector<float> norms;
  for (const double square : squares) norms.push_back(float(std::sqrt(std::max(0., square))));
  return norms;
}

Lines lines_of(const LineSums& sums, const LineSums& uniform) {
  Lines lines;
  if (sums.all <= 0) return lines;
  const auto on_lines = [&](const std::vector<double>& mass, const std::vector<int>& n,
                            const std::vector<double>& chance, const std::vector<int>& n_chance) {
    double sum = 0;
    for (size_t i = 0; i < n.size(); ++i) {
      if (n[i] == 0 || n[i] * 4 < sums.n_rows) continue;
      const double mean = mass[i] / n[i];
      if (mean >= kLine && mean >= 2 * chance[i] / std::max(1, n_chance[i])) sum += mass[i];
    }
    return sum / sums.all;
  };
  lines.vertical = on_lines(sums.columns, sums.column_cells, uniform.columns, uniform.column_cells);
  lines.diagonal = on_lines(sums.offsets, sums.offset_cells, uniform.offsets, uniform.offset_cells);
  return lines;
}

double positional_share(const LineSums& sums) {
  if (sums.n_cells == 0) return 0;
  double of_offsets = 0;
  for (size_t i = 0; i < sums.offsets.size(); ++i) {
    if (sums.offset_cells[i] > 0)
      of_offsets += sums.offsets[i] * sums.offsets[i] / sums.offset_cells[i];
  }
  const double mean = sums.all * sums.all / double(sums.n_cells), varies = sums.squares - mean;
  if (varies <= 1e-12 * sums.squares) return 1;
  return std::clamp((of_offsets - mean) / varies, 0., 1.);
}

PatternClass pattern_class(const LineSums& sums, const LineSums& uniform) {
  const Lines lines = lines_of(sums, uniform);
  if (lines.vertical + lines.diagonal >= kHalfPattern) {
    const double least = kHalfPattern / 2;
    if (lines.vertical >= least && lines.diagonal >= least) return PatternClass::vertical_diagonal;
    return lines.vertical > lines.diagonal ? PatternClass::vertical : PatternClass::diagonal;
  }
  if (sums.all <= 0 || uniform.all <= 0) return PatternClass::heterogeneous;
  const double own = sums.own_segment / sums.all, chance = uniform.own_segment / uniform.all;
  if (own >= kHalfPattern && chance < 1 && own - chance >= (1 - chance) / 2)
    return PatternClass::block;
  return PatternClass::heterogeneous;
}

}  // namespace attn
