#include "analysis/rollout.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "analysis/dense.h"

namespace attn {

namespace {

using Wide = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void rows_to_one(Wide& m) {
  for (Eigen::Index i = 0; i < m.rows(); ++i)
    if (const double sum = m.row(i).sum(); sum > 0) m.row(i) /= sum;
}

Wide with_residual(const Dense& mean) {
  Wide m = mean.cast<double>();
  m.diagonal().array() += 1;
  rows_to_one(m);
  return m;
}

// Looks at all that it may see alike.
Dense uniform(const Attention& a, int sample) {
  Dense m = Dense::Zero(a.n_query, a.n_key);
  for (int q = 0; q < a.n_query; ++q) {
    for (int k = 0; k < a.n_key; ++k) m(q, k) = a.may_see(sample, q, k) ? 1.f : 0.f;
    if (const float sum = m.row(q).sum(); sum > 0) m.row(q) /= sum;
  }
  return m;
}

Wide rollout_of(const Inputs& in) {
  Wide r;
  for (int l = 0; l <= in.state->layer; ++l) {
    const Wide one = with_residual(head_mean_pattern(in.trace->attention(), in.state->sample, l));
    r = l == 0 ? one : Wide(one * r);
  }
  return r;
}

Measure map_of_wide(const Wide& m) { return map_measure(m.cast<float>()); }

// Max-flow in a graph of layers of n nodes, by Dinic's algorithm: distances from the source by breadth, then paths by
// depth until no more is found. Node (l, i) is l * n + i, counted from the input (l = 0) up; an edge goes from
// (l + 1, i) to (l, j) with capacity Â^l[i, j] and may be taken back as far as flow is on it.
class FlowGraph {
 public:
  explicit FlowGraph(std::vector<Wide> layers) : capacity_(std::move(layers)), left_(capacity_) {
    n_ = int(capacity_[0].rows());
    n_nodes_ = n_ * (int(capacity_.size()) + 1);
    depth_.resize(size_t(n_nodes_));
    next_.resize(size_t(n_nodes_));
    // Only edges that are there at all are walked.
    down_.resize(size_t(n_nodes_));
    up_.resize(size_t(n_nodes_));
    for (int l = 0; l < int(capacity_.size()); ++l)
      for (int i = 0; i < n_; ++i)
        for (int j = 0; j < n_; ++j)
          if (capacity_[size_t(l)](i, j) > 0) {
            down_[size_t((l + 1) * n_ + i)].push_back(j);
            up_[size_t(l * n_ + j)].push_back(i);
          }
  }

  double flow(int query, int key) {
    for (size_t l = 0; l < left_.size(); ++l) left_[l] = capacity_[l];
    source_ = n_nodes_ - n_ + query;
    sink_ = key;
    double sum = 0;
    while (reach()) {
      std::ranges::fill(next_, 0);
      while (const double more = push(source_, std::numeric_limits<double>::infinity())) sum += more;
    }
    return sum;
  }

 private:
  static constexpr double kNothing = 1e-12;

  int n_down(int node) const { return int(down_[size_t(node)].size()); }
  int n_edges(int node) const { return n_down(node) + int(up_[size_t(node)].size()); }
  // The node that edge e of `node` leads to, and what may still go that way.
  int to(int node, int e) const {
    const int l = node / n_;
    return e < n_down(node) ? (l - 1) * n_ + down_[size_t(node)][size_t(e)]
                            : (l + 1) * n_ + up_[size_t(node)][size_t(e - n_down(node))];
  }
  double left(int node, int other) const {
    const int l = node / n_, i = node % n_, j = other % n_;
    if (other < node) return left_[size_t(l - 1)](i, j);
    return capacity_[size_t(l)](j, i) - left_[size_t(l)](j, i);
  }
  void use(int node, int other, double amount) {
    const int l = node / n_, i = node % n_, j = other % n_;
    if (other < node)
      left_[size_t(l - 1)](i, j) -= amount;
    else
      left_[size_t(l)](j, i) += amount;
  }

  bool reach() {
    std::ranges::fill(depth_, -1);
    queue_.assign(1, source_);
    depth_[size_t(source_)] = 0;
    for (size_t at = 0; at < queue_.size(); ++at) {
      const int node = queue_[at];
      if (node == sink_) return true;
      for (int e = 0; e < n_edges(node); ++e) {
        const int other = to(node, e);
        if (depth_[size_t(other)] >= 0 || left(node, other) <= kNothing) continue;
        depth_[size_t(other)] = depth_[size_t(node)] + 1;
        queue_.push_back(other);
      }
    }
    return false;
  }

  // As much of `most` as goes from here to the sink along shortest paths.
  double push(int node, double most) {
    if (node == sink_) return most;
    double sum = 0;
    for (int& e = next_[size_t(node)]; e < n_edges(node); ++e) {
      const int other = to(node, e);
      if (depth_[size_t(other)] != depth_[size_t(node)] + 1) continue;
      const double may = std::min(most - sum, left(node, other));
      if (may <= kNothing) continue;
      const double went = push(other, may);
      if (went <= 0) continue;
      use(node, other, went);
      sum += went;
      if (most - sum <= kNothing) return sum;
    }
    return sum;
  }

  std::vector<Wide> capacity_, left_;
  std::vector<std::vector<int>> down_, up_;
  std::vector<int> depth_, next_, queue_;
  int n_ = 0, n_nodes_ = 0, source_ = 0, sink_ = 0;
};

}  // namespace

Measure rollout(const Inputs& in) { return map_of_wide(rollout_of(in)); }

Measure rollout_against_uniform(const Inputs& in) {
  const Wide one = with_residual(uniform(in.trace->attention(), in.state->sample));
  Wide even = one;
  for (int l = 0; l < in.state->layer; ++l) even = one * even;
  Wide r = rollout_of(in);
  for (Eigen::Index i = 0; i < r.size(); ++i)
    r.data()[i] = even.data()[i] > 0 ? r.data()[i] / even.data()[i] : 0;
  rows_to_one(r);
  return map_of_wide(r);
}

Study begin_flow(const Inputs& in) {
  struct Work {
    FlowGraph graph;
    Dense flows;
    Eigen::Index at = 0;  // cells done
  };
  std::vector<Wide> layers;
  for (int l = 0; l <= in.state->layer; ++l)
    layers.push_back(with_residual(head_mean_pattern(in.trace->attention(), in.state->sample, l)));
  const Attention& a = in.trace->attention();
  auto work = std::make_shared<Work>(Work{FlowGraph(std::move(layers)), Dense::Zero(a.n_query, a.n_key)});
  constexpr int kCells = 4;  // a step
  const Eigen::Index n = work->flows.size();
  return {int((n + kCells - 1) / kCells),
          [work, n] {
            for (int i = 0; i < kCells && work->at < n; ++i, ++work->at)
              work->flows.data()[work->at] = float(
                  work->graph.flow(int(work->at / work->flows.cols()), int(work->at % work->flows.cols())));
            return work->at < n;
          },
          [work] {
            Wide m = work->flows.cast<double>();
            rows_to_one(m);
            return map_of_wide(m);
          }};
}

}  // namespace attn
