// head_scores.cpp - the walk over facts and patterns that fills the table of head scores.
#include "analysis/head_scores.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>

namespace attn {

namespace {

constexpr int64_t kBlockCells = 1 << 18;  // of a pattern computed at once
constexpr int kMostRows = 256;
constexpr int64_t kStepCells =
    1 << 14;  // walked in a step: each is a logarithm and some sums in double
constexpr int kStepFacts = 1 << 10;  // rows of facts in a step: each is asked by every score
constexpr Sink kSinks[] = {Sink::with, Sink::without};

// Whether the trace has facts of every row. Where a masked score is replaced by a number, they
// include masked cells.
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
  const ConstMat q = a.queries(c.sample, layer, head);
  const ConstMat k = a.keys(c.sample, layer, head);
  double score = 0;
  for (int i = 0; i < a.d_head; ++i) score += double(q(query, i)) * k(key, i);
  const float with_bias =
      float(score * a.scale_of(layer)) + float(a.distance_score(c.sample, layer, head, query, key));
  return std::exp(double(a.capped(with_bias)) - fact(kLogSum));
}

double FactRow::whole() const {
  if (facts[kLargest] == 0) return 0;
  if (sink == Sink::with) return 1;
  const double rest = fact(kRest);
  return rest >= kLeastRest ? rest : 0;
}

float HeadScore::value(const Mean& mean) const {
  if (!spread) return float(mean.value());
  return mean.n > 0 ? float(std::sqrt(std::max(
                          0., mean.squares / double(mean.n) - mean.value() * mean.value())))
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
  for (int layer = 0; layer < n_layers && !a.reaches.empty(); ++layer) {
    const auto same = std::ranges::find(a.reaches, a.reaches[size_t(layer)]) - a.reaches.begin();
    windows.push_back(same < layer ? windows[size_t(same)] : layer == 0 ? 0 : n_windows());
  }
  uniform.resize(2 * scores.size() * size_t(n_windows()));
}

void HeadTable::add(const Model* model, const Attention& a, int sample, int period, int offset) {
  HeadTableWork work(*this, model, a, {sample, period, offset});
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

float HeadTable::baseline(size_t score, Sink sink, int layer) const {
  const int window = windows.empty() ? 0 : windows[size_t(layer)];
  return scores[score]->value(uniform[size_t(2 * window + int(sink)) * scores.size() + score]);
}

struct HeadTableWork::Impl {
  HeadTable& table;
  const Model* model;
  const Attention& a;
  int sample;
  std::vector<HeadContext> contexts;      // [window]
  std::vector<size_t> by_facts, by_walk;  // scores
  bool told, norms = false;
  int n_rows, n_block, n_parts;  // rows of a step, rows of a block, steps of a head
  int at_uniform = 0, at_facts = 0, at_walk = 0;  // steps done
  std::vector<HeadProfile> uniform;               // [window]
  std::optional<HeadWalk> walk;
  std::vector<float> v_norms, block, alike;

  Impl(HeadTable& t, const Model* model_, const Attention& a_, const HeadQuestion& q)
      : table(t), model(model_), a(a_), sample(q.sample), told(has_facts(a)) {
    for (int window = 0; window < t.n_windows(); ++window) {
      const auto layer = std::ranges::find(t.windows, window) - t.windows.begin();
      contexts.emplace_back(a, sample, t.windows.empty() ? 0 : int(layer), q.period, q.offset);
    }
    assert(a.n_layers == t.n_layers && a.n_heads == t.n_heads && q.sample < a.n_samples);
    for (size_t s = 0; s < t.scores.size(); ++s) {
      (t.scores[s]->of_row ? by_facts : by_walk).push_back(s);
      norms |= t.scores[s]->by_norms;
    }
    const auto rows_of = [&](int64_t cells) {
      return int(std::clamp<int64_t>(cells / std::max(1, a.n_key), 1,
                                     std::max(1, std::min(kMostRows, a.n_query))));
    };
    n_rows = rows_of(kStepCells);
    n_block = rows_of(kBlockCells) / n_rows * n_rows;
    n_parts = (a.n_query + n_rows - 1) / n_rows;
  }

  bool walks() const { return !by_walk.empty() || !told; }
  int n_facts() const {
    return told ? a.n_layers * a.n_heads * ((a.n_query + kStepFacts - 1) / kStepFacts) : 0;
  }
  int n_walk() const { return walks() ? a.n_layers * a.n_heads * n_parts : 0; }
  int n_uniform() const { return n_parts * int(contexts.size()); }
  int n_steps() const { return n_uniform() + n_facts() + n_walk(); }
  int window_of(int layer) const {
    return table.windows.empty() ? 0 : table.windows[size_t(layer)];
  }
  const HeadContext& context(int layer) const { return contexts[size_t(window_of(layer))]; }

  void add_row(int layer, int head, int query, std::span<const float> facts,
               std::span<const float> weights) {
    for (const Sink sink : kSinks) {
      const FactRow row{context(layer), layer, head, query, facts, weights, sink};
      for (const size_t s : by_facts) {
        if (sink == Sink::with || table.scores[s]->sink_aware)
          table.scores[s]->of_row(row, table.means[table.at(s, sink, layer, head)]);
      }
    }
  }

  void add_uniform(int window, int part) {
    const HeadContext& c = contexts[size_t(window)];
    if (part == 0) walk.emplace(c, std::span<const float>());
    float facts[kRowFacts];
    alike.resize(size_t(a.n_key));
    for (int query = part * n_rows; query < std::min((part + 1) * n_rows, a.n_query); ++query) {
      uniform_facts(c, query, facts);
      std::ranges::fill(alike, facts[kLargest]);
      for (const Sink sink : kSinks) {
        const FactRow row{c, c.layer, 0, query, facts, alike, sink};
        for (const size_t s : by_facts) {
          if (sink == Sink::with || table.scores[s]->sink_aware)
            table.scores[s]->of_row(row, table.uniform_mean(s, sink, window));
        }
      }
      if (!by_walk.empty()) walk->add(query, alike);
    }
    if (by_walk.empty() || part + 1 < n_parts) return;
    uniform.push_back(walk->profile());
    add_profile(uniform.back(), window,
                [&](size_t s, Sink sink) -> Mean& { return table.uniform_mean(s, sink, window); });
  }

  template <class F>
  void add_profile(const HeadProfile& p, int window, F&& mean) {
    const HeadProfile& even = uniform[size_t(window)];
    for (const Sink sink : kSinks) {
      for (const size_t s : by_walk) {
        const HeadScore& score = *table.scores[s];
        if (sink == Sink::without && !score.sink_aware) continue;
        merge(mean(s, sink), sink == Sink::with ? score.of_head(p, p.with, even.with)
                                                : score.of_head(p, p.without, even.without));
      }
    }
  }

  void add_facts(int part) {
    const int parts = (a.n_query + kStepFacts - 1) / kStepFacts, head = part / parts,
              q0 = part % parts * kStepFacts;
    const int layer = head / a.n_heads, h = head % a.n_heads;
    const ConstMat rows = a.facts[size_t(layer)].head(int64_t(sample) * a.n_heads + h);
    for (int q = q0; q < std::min(q0 + kStepFacts, a.n_query); ++q)
      add_row(layer, h, q, rows.row(q), {});
  }

  void walk_rows(int layer, int head, int part) {
    if (!a.is_kept(layer)) return;
    const int q0 = part * n_rows, q1 = std::min(q0 + n_rows, a.n_query);
    if (part == 0) {
      v_norms = norms ? value_norms(model, a, sample, layer, head) : std::vector<float>();
      walk.emplace(context(layer), v_norms);
    }
    const int in_block = q0 % n_block;
    if (in_block == 0) {
      block.resize(size_t(n_block) * size_t(a.n_key));
      const int end = std::min(q0 + n_block, a.n_query);
      a.pattern_rows(sample, layer, head, q0, end, {block.data(), end - q0, a.n_key});
    }
    const ConstMat rows{block.data(), in_block + q1 - q0, a.n_key};
    float facts[kRowFacts];
    for (int q = q0; q < q1; ++q) {
      const std::span<const float> weights = rows.row(in_block + q - q0);
      if (!told) {
        facts_of(context(layer), q, weights, facts);
        add_row(layer, head, q, facts, weights);
      }
      if (!by_walk.empty()) walk->add(q, weights);
    }
    if (q1 == a.n_query && !by_walk.empty())
      add_profile(walk->profile(), window_of(layer), [&](size_t s, Sink sink) -> Mean& {
        return table.means[table.at(s, sink, layer, head)];
      });
  }

  bool step() {
    if (a.n_key == 0) return false;
    if (at_uniform < n_uniform()) {
      add_uniform(at_uniform / n_parts, at_uniform % n_parts);
      ++at_uniform;
    } else if (at_facts < n_facts()) {
      add_facts(at_facts++);
    } else if (at_walk < n_walk()) {
      const int head = at_walk / n_parts;
      walk_rows(head / a.n_heads, head % a.n_heads, at_walk++ % n_parts);
    }
    return at_uniform + at_facts + at_walk < n_steps();
  }
};

HeadTableWork::HeadTableWork(HeadTable& table, const Model* model, const Attention& attention,
                             const HeadQuestion& question)
    : impl_(std::make_unique<Impl>(table, model, attention, question)) {}
HeadTableWork::~HeadTableWork() = default;
int HeadTableWork::n_steps() const { return impl_->n_steps(); }
bool HeadTableWork::step() { return impl_->step(); }

}  // namespace attn
