#include "analysis/head_distance.h"

#include <algorithm>
#include <cmath>
#include <memory>

namespace attn {

namespace {

constexpr int64_t kStepCells = 1 << 16;  // logarithms a step

struct Distances {
  const Attention& a;
  int sample, n_heads, n_rows = 0;
  int query = 0, head = 0;      // next: the row, and the head that is compared with those behind it
  std::vector<int> seen;        // keys that the row may see
  size_t n_parts = 0;           // of a row: `seen`, and the learned sink where there is one
  std::vector<float> weights;   // [n_key]
  std::vector<double> smooth;   // [head, n_parts]
  std::vector<double> entropy;  // [head] of the smoothed row, nats
  std::vector<double> sums;     // [head, head]

  explicit Distances(const Inputs& in)
      : a(in.attention()),
        sample(in.state->sample),
        n_heads(a.n_layers * a.n_heads),
        weights(size_t(a.n_key)),
        entropy(size_t(n_heads)),
        sums(size_t(n_heads) * size_t(n_heads)) {}

  int heads_a_step() const {
    return int(std::clamp<int64_t>(kStepCells / std::max<int64_t>(1, int64_t(n_heads) * a.n_key), 1,
                                   n_heads));
  }
  int steps_a_row() const { return (n_heads + heads_a_step() - 1) / heads_a_step(); }
  int n_steps() const { return std::max(1, a.n_query * steps_a_row()); }

  // In any layer: windows differ between layers, and a weight outside of one is 0.
  bool sees(int key) const {
    for (int layer = 0; layer < (a.reaches.empty() ? 1 : a.n_layers); ++layer)
      if (a.may_see(sample, layer, query, key)) return true;
    return false;
  }
  void take_row() {
    seen.clear();
    for (int key = 0; key < a.n_key; ++key)
      if (sees(key)) seen.push_back(key);
    n_parts = seen.empty() ? 0 : seen.size() + !a.sinks.empty();
    smooth.resize(size_t(n_heads) * n_parts);
    n_rows += !seen.empty();
    double* out = smooth.data();
    for (int h = 0; h < n_heads; ++h) {
      a.pattern_rows(sample, h / a.n_heads, h % a.n_heads, query, query + 1,
                     {weights.data(), 1, a.n_key});
      double sum = 0, rest = 1;
      const auto add = [&](double weight) {
        const double p = .999 * weight + .001 / double(n_parts);
        sum -= p * std::log(p);
        *out++ = p;
      };
      for (const int key : seen) {
        rest -= double(weights[size_t(key)]);
        add(double(weights[size_t(key)]));
      }
      if (n_parts > seen.size()) add(std::max(0., rest));
      entropy[size_t(h)] = sum;
    }
  }

  bool step() {
    if (a.n_query == 0) return false;
    if (head == 0) take_row();
    for (const int end = std::min(head + heads_a_step(), n_heads); head < end; ++head) {
      const double* p = smooth.data() + size_t(head) * n_parts;
      for (int other = head + 1; other < n_heads; ++other) {
        const double* q = smooth.data() + size_t(other) * n_parts;
        double mixed = 0;  // entropy of M
        for (size_t j = 0; j < n_parts; ++j) {
          const double m = (p[j] + q[j]) / 2;
          mixed -= m * std::log(m);
        }
        sums[size_t(head * n_heads + other)] +=
            mixed - (entropy[size_t(head)] + entropy[size_t(other)]) / 2;
      }
    }
    if (head == n_heads) {
      head = 0;
      ++query;
    }
    return query < a.n_query;
  }

  Measure take() const {
    Measure m{{Axis::layer, Axis::head, Axis::layer, Axis::head},
              {a.n_layers, a.n_heads, a.n_layers, a.n_heads},
              std::vector<float>(sums.size())};
    for (int i = 0; i < n_heads; ++i) {
      for (int j = i + 1; j < n_heads; ++j) {
        const float d = float(std::max(0., sums[size_t(i * n_heads + j)] / std::max(1, n_rows)));
        m.values[size_t(i * n_heads + j)] = m.values[size_t(j * n_heads + i)] = d;
      }
    }
    return m;
  }
};

}  // namespace

Status too_large_for_distances(const Inputs& in) {
  const Attention& a = in.attention();
  const uint64_t n = uint64_t(a.n_layers) * uint64_t(a.n_heads);
  return too_many_bytes(in, n * n * 12);
}

Study begin_head_distance(const Inputs& in) {
  auto work = std::make_shared<Distances>(in);
  return {work->n_steps(), [work] { return work->step(); }, [work] { return work->take(); }};
}

}  // namespace attn
