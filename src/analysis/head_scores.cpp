// head_scores.cpp - the walk over facts and patterns that fills the table of head scores.
#include "analysis/head_scores.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>

namespace attn {

namespace {

constexpr int64_t kStepCells = 1 << 18;  // of a pattern walked in a step
constexpr int kMostRows = 256;
constexpr Sink kSinks[] = {Sink::with, Sink::without};

// Whether the pass told facts of every row. Under a masked score they count masked cells in.
bool has_facts(const Attention& a) {
  return a.masked_score == 0 && int(a.facts.size()) == a.n_layers &&
         std::ranges::none_of(a.facts, &HeadRows::empty);
}

void merge(Mean& into, const Mean& more) {
  into.sum += more.sum;
  into.squares += more.squares;
  into.n += more.n;
}

}  // namespace

double FactRow::weight(int key) const {
  if (!weights.empty()) return double(weights[size_t(key)]);
  const Attention& a = c.a;
  const ConstMat q = a.q[size_t(layer)].head(int64_t(c.sample) * a.n_heads + head);
  const ConstMat k =
      a.k[size_t(layer)].head(int64_t(c.sample) * a.n_kv_heads + head / (a.n_heads / a.n_kv_heads));
  double score = 0;
  for (int i = 0; i < a.d_head; ++i) score += double(q(query, i)) * k(key, i);
  return std::exp(score * a.scale - fact(kLogSum));
}

double FactRow::whole() const {
  if (facts[kLargest] == 0) return 0;
  if (sink == Sink::with) return 1;
  const double rest = fact(kRest);
  return rest >= kLeastRest ? rest : 0;
}

float HeadScore::value(const Mean& mean) const {
  if (!spread) return float(mean.value());
  return mean.n > 0 ? float(std::sqrt(std::max(0., mean.squares / double(mean.n) - mean.value() * mean.value())))
                    : 0.f;
}

const HeadScore* find_head_score(std::string_view id) {
  for (const HeadScore& score : head_scores())
    if (id == score.metric.id) return &score;
  return nullptr;
}

HeadTable::HeadTable(std::vector<const HeadScore*> scores_, const Attention& a)
    : scores(std::move(scores_)), n_layers(a.n_layers), n_heads(a.n_heads) {
  means.resize(2 * scores.size() * size_t(n_layers) * size_t(n_heads));
  uniform.resize(2 * scores.size());
}

void HeadTable::add(const Trace& trace, int sample, int period, int offset) {
  HeadTableWork work(*this, trace, {sample, period, offset});
  while (work.step()) {
  }
}

std::vector<float> HeadTable::values(size_t score, Sink sink) const {
  std::vector<float> out;
  for (int i = 0; i < n_layers * n_heads; ++i) {
    const Mean& mean = means[at(score, sink, i / n_heads, i % n_heads)];
    const bool unknown = scores[score]->by_norms && mean.n == 0;
    out.push_back(unknown ? std::numeric_limits<float>::quiet_NaN() : scores[score]->value(mean));
  }
  return out;
}

float HeadTable::baseline(size_t score, Sink sink) const {
  return scores[score]->value(uniform[size_t(sink) * scores.size() + score]);
}

struct HeadTableWork::Impl {
  HeadTable& table;
  const Trace& trace;
  const Attention& a;
  HeadContext c;
  std::vector<size_t> by_facts, by_walk;  // scores
  bool told, norms = false;
  int n_rows, n_blocks;  // of a step, of a head
  int done = 0;
  HeadProfile uniform;
  std::optional<HeadWalk> walk;
  std::vector<float> v_norms, block;

  Impl(HeadTable& t, const Trace& trace_, const HeadQuestion& q)
      : table(t), trace(trace_), a(trace_.attention()), c(trace_, q.sample, q.period, q.offset),
        told(has_facts(a)) {
    assert(a.n_layers == t.n_layers && a.n_heads == t.n_heads && q.sample < a.n_samples);
    for (size_t s = 0; s < t.scores.size(); ++s) {
      (t.scores[s]->of_row ? by_facts : by_walk).push_back(s);
      norms |= t.scores[s]->by_norms;
    }
    n_rows = int(std::clamp<int64_t>(kStepCells / std::max(1, a.n_key), 1, std::max(1, std::min(kMostRows, a.n_query))));
    n_blocks = (a.n_query + n_rows - 1) / n_rows;
  }

  bool walks() const { return !by_walk.empty() || !told; }
  int n_steps() const { return 1 + (walks() ? a.n_layers * a.n_heads * n_blocks : a.n_layers); }

  void add_row(int layer, int head, int query, std::span<const float> facts, std::span<const float> weights) {
    for (const Sink sink : kSinks) {
      const FactRow row{c, layer, head, query, facts, weights, sink};
      for (const size_t s : by_facts) {
        if (sink == Sink::with || table.scores[s]->sink_aware)
          table.scores[s]->of_row(row, table.means[table.at(s, sink, layer, head)]);
      }
    }
  }

  void add_uniform() {
    float facts[kRowFacts];
    std::vector<float> weights(size_t(a.n_key));
    for (int query = 0; query < a.n_query; ++query) {
      uniform_facts(c, query, facts);
      std::ranges::fill(weights, facts[kLargest]);
      for (const Sink sink : kSinks) {
        const FactRow row{c, 0, 0, query, facts, weights, sink};
        for (const size_t s : by_facts) {
          if (sink == Sink::with || table.scores[s]->sink_aware)
            table.scores[s]->of_row(row, table.uniform[size_t(sink) * table.scores.size() + s]);
        }
      }
    }
    if (by_walk.empty()) return;
    uniform = uniform_profile(c);
    add_profile(uniform, [&](size_t s, Sink sink) -> Mean& {
      return table.uniform[size_t(sink) * table.scores.size() + s];
    });
  }

  template <class F>
  void add_profile(const HeadProfile& p, F&& mean) {
    for (const Sink sink : kSinks) {
      for (const size_t s : by_walk) {
        const HeadScore& score = *table.scores[s];
        if (sink == Sink::without && !score.sink_aware) continue;
        merge(mean(s, sink), sink == Sink::with ? score.of_head(p, p.with, uniform.with)
                                                : score.of_head(p, p.without, uniform.without));
      }
    }
  }

  void add_facts(int layer) {
    for (int head = 0; head < a.n_heads; ++head) {
      const ConstMat rows = a.facts[size_t(layer)].head(int64_t(c.sample) * a.n_heads + head);
      for (int query = 0; query < a.n_query; ++query) add_row(layer, head, query, rows.row(query), {});
    }
  }

  void walk_rows(int layer, int head, int part) {
    if (!a.is_kept(layer)) return;
    const int q0 = part * n_rows, q1 = std::min(q0 + n_rows, a.n_query);
    if (part == 0) {
      v_norms = norms ? value_norms(trace, c.sample, layer, head) : std::vector<float>();
      walk.emplace(c, v_norms);
    }
    block.resize(size_t(n_rows) * size_t(a.n_key));
    const Mat rows{block.data(), q1 - q0, a.n_key};
    a.pattern_rows(c.sample, layer, head, q0, q1, rows);
    float facts[kRowFacts];
    for (int q = q0; q < q1; ++q) {
      const std::span<const float> row = rows.row(q - q0);
      if (!told) {
        facts_of(c, q, row, facts);
        add_row(layer, head, q, facts, row);
      }
      if (!by_walk.empty()) walk->add(q, row);
    }
    if (q1 == a.n_query)
      add_profile(walk->profile(), [&](size_t s, Sink sink) -> Mean& {
        return table.means[table.at(s, sink, layer, head)];
      });
  }

  bool step() {
    const int at = done++;
    if (at == 0) {
      if (a.n_query > 0 && a.n_key > 0) add_uniform();
      if (told && walks()) {
        for (int layer = 0; layer < a.n_layers; ++layer) add_facts(layer);
      }
    } else if (walks()) {
      const int head = (at - 1) / n_blocks;
      walk_rows(head / a.n_heads, head % a.n_heads, (at - 1) % n_blocks);
    } else {
      add_facts(at - 1);
    }
    return done < n_steps() && a.n_key > 0;
  }
};

HeadTableWork::HeadTableWork(HeadTable& table, const Trace& trace, const HeadQuestion& question)
    : impl_(std::make_unique<Impl>(table, trace, question)) {}
HeadTableWork::~HeadTableWork() = default;
int HeadTableWork::n_steps() const { return impl_->n_steps(); }
bool HeadTableWork::step() { return impl_->step(); }

}  // namespace attn
