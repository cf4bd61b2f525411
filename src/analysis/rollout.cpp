#include "analysis/rollout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "analysis/dense.h"

namespace attn {

namespace {

using Wide = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kMostFlowWork = 6e9;  // cells times edges: some minutes

void rows_to_one(Wide& m) {
  for (Eigen::Index i = 0; i < m.rows(); ++i)
    if (const double sum = m.row(i).sum(); sum > 0) m.row(i) /= sum;
}

// Rows q0 .. of Â = rownorm(A + I).
Wide with_residual(const Dense& rows, int q0) {
  Wide m = rows.cast<double>();
  for (Eigen::Index i = 0; i < m.rows(); ++i) m(i, q0 + i) += 1;
  rows_to_one(m);
  return m;
}

// Rows q0 .. q1-1 of A: means over heads, or uniform attention.
Dense mean_rows(const Attention& a, int sample, int layer, int q0, int q1) {
  Dense sum = Dense::Zero(q1 - q0, a.n_key), one = sum;
  for (int h = 0; h < a.n_heads; ++h) {
    a.pattern_rows(sample, layer, h, q0, q1, mat(one));
    sum += one;
  }
  return sum / float(a.n_heads);
}
Dense uniform_rows(const Attention& a, int sample, int layer, int q0, int q1) {
  Dense m = Dense::Zero(q1 - q0, a.n_key);
  for (int q = q0; q < q1; ++q) {
    for (int k = 0; k < a.n_key; ++k) m(q - q0, k) = a.may_see(sample, layer, q, k) ? 1.f : 0.f;
    if (const float sum = m.row(q - q0).sum(); sum > 0) m.row(q - q0) /= sum;
  }
  return m;
}
using Rows = Dense (*)(const Attention&, int sample, int layer, int q0, int q1);

// Products of Â, layer by layer, some rows a step.
struct Rollout {
  const Attention& a;
  int sample, layer;  // the last one
  int rows;           // a step
  Wide below, here;   // R of the layer before, and of this one

  Rollout(const Inputs& in)
      : a(in.attention()),
        sample(in.state->sample),
        layer(in.state->layer),
        rows(rows_a_step((int64_t(a.n_key) + int64_t(a.n_heads) * a.d_head / 2) * a.n_key * 2,
                         a.n_query)) {}
  int n_steps() const { return (layer + 1) * n_parts(a.n_query, rows); }
  void part(int i, Rows of) {
    const int parts = n_parts(a.n_query, rows), l = i / parts, q0 = i % parts * rows,
              q1 = std::min(q0 + rows, a.n_query);
    if (q0 == 0) {
      std::swap(below, here);
      here.resize(a.n_query, a.n_key);
    }
    const Wide m = with_residual(of(a, sample, l, q0, q1), q0);
    if (l == 0)
      here.middleRows(q0, q1 - q0) = m;
    else
      here.middleRows(q0, q1 - q0).noalias() = m * below;
  }
};

Measure map_of_wide(const Wide& m) { return map_measure(m.cast<float>()); }

// Max-flow in a graph of layers of n nodes, by Dinic's algorithm: distances from the source by
// breadth, then paths by depth until no more is found. Node (l, i) is l * n + i, counted from the
// input (l = 0) up; an edge goes from (l + 1, i) to (l, j) with capacity Â^l[i, j] and may be taken
// back as far as flow is on it.
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
            ++n_edges_;
          }
  }

  int64_t n_edges() const { return n_edges_; }
  void begin(int query, int key) {
    for (size_t l = 0; l < left_.size(); ++l) left_[l] = capacity_[l];
    source_ = n_nodes_ - n_ + query;
    sink_ = key;
  }
  // The flow that one more breadth-first search and its paths add; negative: there is no more.
  double phase() {
    if (!reach()) return -1;
    std::ranges::fill(next_, 0);
    double sum = 0;
    while (const double more = push(source_, std::numeric_limits<double>::infinity())) sum += more;
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
  int64_t n_edges_ = 0;
};

}  // namespace

Status too_large_for_rollout(const Inputs& in) {
  const Attention& a = in.attention();
  return too_many_bytes(in, 5 * uint64_t(a.n_query) * uint64_t(a.n_key) * sizeof(double));
}

Study begin_rollout(const Inputs& in) {
  auto r = std::make_shared<Rollout>(in);
  return in_parts(
      r->n_steps(), [r](int i) { r->part(i, mean_rows); }, [r] { return map_of_wide(r->here); });
}

Study begin_rollout_relative(const Inputs& in) {
  auto r = std::make_shared<Rollout>(in), even = std::make_shared<Rollout>(in);
  return in_parts(
      2 * r->n_steps(),
      [=](int i) {
        i < r->n_steps() ? r->part(i, mean_rows) : even->part(i - r->n_steps(), uniform_rows);
      },
      [=] {
        Wide m = r->here;
        for (Eigen::Index i = 0; i < m.size(); ++i) {
          const double chance = even->here.data()[i];
          m.data()[i] = chance > 0 ? m.data()[i] / chance : 0;
        }
        rows_to_one(m);
        return map_of_wide(m);
      });
}

Status too_large_for_flow(const Inputs& in) {
  const Attention& a = in.attention();
  // Each cell is a flow that walks all edges some times.
  const double edges =
      double(a.n_query) * a.n_key * (in.state->layer + 1) * (a.mask == Mask::causal ? .5 : 1);
  const double work = double(a.n_query) * a.n_key * edges;
  if (const Status e = too_many_bytes(in, uint64_t(edges * 40))) return e;
  if (work <= kMostFlowWork) return {};
  const int most =
      int(std::sqrt(std::sqrt(kMostFlowWork / (work / std::pow(double(a.n_query), 4)))));
  const Lang lang = in.state->lang;
  return Error{tr(lang, ": would take many minutes for ", "：对 ") + std::to_string(a.n_query) +
               tr(lang, " tokens after layer ", " 个词元、第 ") + std::to_string(in.state->layer) +
               tr(lang, "; use up to ", " 层需要许多分钟；请使用不超过 ") + std::to_string(most) +
               tr(lang, " tokens, or an earlier layer", " 个词元的文本，或选择更靠前的层")};
}

Study begin_flow(const Inputs& in) {
  struct Work {
    const Attention& a;
    int sample, rows;  // rows of Â a step
    std::vector<Wide> layers;
    std::unique_ptr<FlowGraph> graph;
    Dense flows;
    Eigen::Index cell = 0;
    bool begun = false;
    int64_t walked = 0;  // edges in this step, about

    bool prepare(int i) {
      const int parts = n_parts(a.n_query, rows), l = i / parts, q0 = i % parts * rows,
                q1 = std::min(q0 + rows, a.n_query);
      if (l >= int(layers.size())) return false;
      if (q0 == 0) layers[size_t(l)].resize(a.n_query, a.n_key);
      layers[size_t(l)].middleRows(q0, q1 - q0) =
          with_residual(mean_rows(a, sample, l, q0, q1), q0);
      return true;
    }
    bool flow() {
      constexpr int64_t kEdges = 1 << 17;  // a step
      for (walked = 0; walked < kEdges && cell < flows.size(); walked += 4 * graph->n_edges()) {
        if (!begun) graph->begin(int(cell / flows.cols()), int(cell % flows.cols()));
        begun = true;
        if (const double more = graph->phase(); more >= 0) {
          flows.data()[cell] += float(more);
          continue;
        }
        begun = false;
        ++cell;
      }
      return cell < flows.size();
    }
  };
  const Attention& a = in.attention();
  const int rows = rows_a_step(int64_t(a.n_heads) * a.d_head * a.n_key, a.n_query),
            n_layers = in.state->layer + 1;
  auto work = std::make_shared<Work>(
      Work{a, in.state->sample, rows, std::vector<Wide>(size_t(n_layers)), nullptr, {}});
  const int first = n_layers * n_parts(a.n_query, rows);
  auto at = std::make_shared<int>(0);
  // A flow takes about three breadth-first searches; the number is not known in advance.
  return {first + 1 + a.n_query * a.n_key,
          [work, at] {
            if (work->prepare(*at)) {
              ++*at;
              return true;
            }
            if (work->graph) return work->flow();
            work->graph = std::make_unique<FlowGraph>(std::move(work->layers));
            work->layers.clear();
            work->flows = Dense::Zero(work->a.n_query, work->a.n_key);
            return true;
          },
          [work] {
            Wide m = work->flows.cast<double>();
            rows_to_one(m);
            return map_of_wide(m);
          }};
}

}  // namespace attn
