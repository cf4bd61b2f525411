#include "analysis/token_scores.h"

#include <algorithm>
#include <cmath>

#include "analysis/families.h"

namespace attn {

namespace {

// Multiplications a step, some milliseconds of one thread.
constexpr double kStepWork = 2e7;

// The chosen head's rows, as many a step as take kStepWork; then what was made of them.
struct Walk {
  const Attention& a;
  int sample, layer, head, token;
  std::vector<float> rows;
  std::vector<double> out;
  std::vector<int> seen;
  int next = 0;

  explicit Walk(const Inputs& in)
      : a(in.attention()),
        sample(in.state->sample),
        layer(in.state->layer),
        head(in.state->head),
        token(in.state->token) {}
  int rows_a_step() const {
    return std::max(1,
                    int(std::min(kStepWork / (double(a.n_key) * (a.d_head + 16)), 4e6 / a.n_key)));
  }
  int n_steps() const { return (a.n_query + rows_a_step() - 1) / rows_a_step(); }
  template <class OfRow>
  bool step(OfRow of_row) {
    const int end = std::min(a.n_query, next + rows_a_step());
    rows.resize(size_t(end - next) * size_t(a.n_key));
    a.pattern_rows(sample, layer, head, next, end, {rows.data(), end - next, a.n_key});
    for (int q = next; q < end; ++q)
      of_row(q, std::span<const float>(rows).subspan(size_t(q - next) * size_t(a.n_key),
                                                     size_t(a.n_key)));
    next = end;
    return next < a.n_query;
  }
  Measure made(Axis axis) const { return {{axis}, {int(out.size())}, {out.begin(), out.end()}}; }
};

// One number a query: `of_row` of its row.
template <class OfRow>
Study by_query(const Inputs& in, OfRow of_row) {
  auto walk = std::make_shared<Walk>(in);
  return {walk->n_steps(),
          [walk, of_row] {
            return walk->step([&](int q, std::span<const float> row) {
              walk->out.push_back(of_row(*walk, q, row));
            });
          },
          [walk] { return walk->made(Axis::query); }};
}

}  // namespace

Study begin_column(const Inputs& in) {
  return by_query(in, [](const Walk& w, int, std::span<const float> row) {
    return w.token < w.a.n_key ? double(row[size_t(w.token)]) : 0;
  });
}

Study begin_row_entropy(const Inputs& in) {
  return by_query(in, [](const Walk&, int, std::span<const float> row) {
    double bits = 0;
    for (const float w : row)
      if (w > 0) bits -= double(w) * std::log2(double(w));
    return bits;
  });
}

Study begin_row_largest(const Inputs& in) {
  return by_query(in, [](const Walk&, int, std::span<const float> row) {
    return double(*std::ranges::max_element(row));
  });
}

Study begin_row_distance(const Inputs& in) {
  return by_query(in, [](const Walk&, int q, std::span<const float> row) {
    double sum = 0;
    for (size_t k = 0; k < row.size(); ++k) sum += double(row[k]) * std::abs(double(q) - double(k));
    return sum;
  });
}

Study begin_received(const Inputs& in) {
  auto walk = std::make_shared<Walk>(in);
  return {walk->n_steps(),
          [walk] {
            walk->out.resize(size_t(walk->a.n_key));
            walk->seen.resize(walk->out.size());
            return walk->step([&](int q, std::span<const float> row) {
              for (size_t k = 0; k < row.size(); ++k) {
                if (!walk->a.may_see(walk->sample, walk->layer, q, int(k))) continue;
                walk->out[k] += double(row[k]);
                ++walk->seen[k];
              }
            });
          },
          [walk] {
            for (size_t k = 0; k < walk->out.size(); ++k)
              walk->out[k] = walk->seen[k] > 0 ? walk->out[k] / walk->seen[k] : 0;
            return walk->made(Axis::key);
          }};
}

Study begin_layer_mean(const Inputs& in) {
  struct Work {
    Walk walk;
    int n_heads;
    std::vector<float> sum;

    explicit Work(const Inputs& i) : walk(i), n_heads(walk.a.n_layers * walk.a.n_heads) {}
  };
  auto work = std::make_shared<Work>(in);
  work->walk.layer = work->walk.head = 0;
  return {work->n_heads * work->walk.n_steps(),
          [work] {
            Walk& w = work->walk;
            const size_t n_key = size_t(w.a.n_key);
            work->sum.resize(size_t(w.a.n_query) * n_key);
            const bool more = w.step([&](int q, std::span<const float> row) {
              float* to = work->sum.data() + size_t(q) * n_key;
              for (size_t k = 0; k < n_key; ++k) to[k] += row[k] / float(work->n_heads);
            });
            if (more) return true;
            w.next = 0;
            if (++w.head == w.a.n_heads) {
              w.head = 0;
              ++w.layer;
            }
            return w.layer < w.a.n_layers;
          },
          [work] {
            return Measure{{Axis::query, Axis::key},
                           {work->walk.a.n_query, work->walk.a.n_key},
                           std::move(work->sum)};
          }};
}

std::span<const Metric> token_scores() {
  static const Text kShare = {"share", "份额"};
  static const Metric kScores[] = {
      {
          .id = "layer_mean",
          .group = MetricGroup::weights,
          .title = {"Mean over layers", "各层平均"},
          .sentence = {"Patterns of all heads of all layers, averaged; the rows sum to the same as "
                       "theirs",
                       "所有层所有头权重的平均；每一行的和与各头一致"},
          .axes = {Axis::query, Axis::key},
          .unit = kShare,
          .formula = {"mean over l and h of A^(l,h)[i, j]", "A^(l,h)[i, j] 对 l 与 h 取平均"},
          .source = {"Vaswani et al. 2017"},
          .reads = reads_sample,
          .needs = needs_all_layers,
          .begin = begin_layer_mean,
      },
      {
          .id = "column",
          .group = MetricGroup::weights,
          .title = {"Who attends to the chosen token", "谁关注所选词元"},
          .sentence =
              {"How much of each token's attention goes to the chosen one in the chosen head",
               "在所选头中，每个词元的注意力有多少落在所选词元上"},
          .axes = {Axis::query},
          .unit = kShare,
          .formula = {"A[:, j] of the chosen token j", "所选键 j 的 A[:, j]"},
          .source = {"Vaswani et al. 2017"},
          .reads = reads_sample | reads_layer | reads_head | reads_token,
          .begin = begin_column,
      },
      {
          .id = "received",
          .group = MetricGroup::weights,
          .title = {"Attention received", "得到的注意力"},
          .sentence = {"How much attention each token gets in the chosen head, as a mean over the "
                       "tokens that can see it",
                       "在所选头中每个词元得到的注意力，对能看到它的词元取平均"},
          .axes = {Axis::key},
          .unit = kShare,
          .formula = {"mean over i that see j of A[i, j]", "A[i, j] 对能看到 j 的 i 取平均"},
          .source = {"Clark et al. 2019; the mean is over queries that see j",
                     "Clark et al. 2019；只对能看到 j 的查询取平均"},
          .reads = reads_sample | reads_layer | reads_head,
          .begin = begin_received,
      },
      {
          .id = "row_entropy",
          .group = MetricGroup::spread,
          .title = {"Entropy of each row", "每行的熵"},
          .sentence = {"How many tokens each token spreads its attention over in the chosen head, "
                       "in bits: 0 for a single one, 1 for two equal ones",
                       "在所选头中每个词元把注意力分散到多少词元上，以比特计：只关注一个为 "
                       "0，平分给两个为 1"},
          .axes = {Axis::query},
          .high = 3e38f,
          .unit = {"bits", "比特"},
          .formula = {"-sum over j of A[i, j] log2 A[i, j]", "-Σ_j A[i, j] log2 A[i, j]"},
          .source = {"Clark et al. 2019"},
          .reads = reads_sample | reads_layer | reads_head,
          .begin = begin_row_entropy,
      },
      {
          .id = "row_largest",
          .group = MetricGroup::spread,
          .title = {"Largest weight of each row", "每行的最大权重"},
          .sentence = {"The weight of each token's strongest key in the chosen head",
                       "在所选头中每个词元最强的键的权重"},
          .axes = {Axis::query},
          .unit = kShare,
          .formula = {"max over j of A[i, j]", "A[i, j] 对 j 取最大"},
          .source = {"Voita et al. 2019 (confidence, its mean)",
                     "Voita et al. 2019（置信度即其平均）"},
          .reads = reads_sample | reads_layer | reads_head,
          .begin = begin_row_largest,
      },
      {
          .id = "row_distance",
          .group = MetricGroup::position,
          .title = {"Distance of each row", "每行的距离"},
          .sentence = {"How far away, on average, what each token attends to in the chosen head is",
                       "在所选头中每个词元所关注的位置平均有多远"},
          .axes = {Axis::query},
          .high = 3e38f,
          .unit = {"tokens", "词元"},
          .formula = {"sum over j of A[i, j] |i - j|", "Σ_j A[i, j] |i - j|"},
          .source = {"Vig & Belinkov 2019"},
          .reads = reads_sample | reads_layer | reads_head,
          .needs = needs_self,
          .begin = begin_row_distance,
      },
  };
  return kScores;
}

}  // namespace attn
