// head_scores.cpp - the table of head scores, and the walk over the patterns that fills them.
//
// Notation: A[i, j] is the weight of query i on key j, t the tokens, both counted from 0. The same
// definitions made web/models/bookworm-2m/head_scores.json with PyTorch (measure.py, train.py).
#include "analysis/head_scores.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

namespace attn {

namespace {

constexpr int64_t kBlockFloats = 1 << 20;  // of a pattern held at a time: 4 MB
constexpr int kMostRows = 256;

void add_cell(const PatternRow& row, int key, Mean& mean) {
  if (key < 0 || key >= row.n_seen() || !row.sees(key)) return;
  mean.sum += row.weights[size_t(key)];
  ++mean.n;
}

// Σ_j f(A[i, j], j) over the keys that the row sees.
template <class F>
void add_sum(const PatternRow& row, Mean& mean, F&& f) {
  double sum = 0;
  bool any = false;
  for (int key = 0; key < row.n_seen(); ++key) {
    if (!row.sees(key)) continue;
    any = true;
    sum += f(double(row.weights[size_t(key)]), key);
  }
  if (!any) return;
  mean.sum += sum;
  ++mean.n;
}

// Mean over the diagonal of A[i, i-1].
void add_previous_token(const PatternRow& r, Mean& m) { add_cell(r, r.query - 1, m); }

// Mean over the diagonal of A[i, i].
void add_self(const PatternRow& r, Mean& m) { add_cell(r, r.query, m); }

// Mean over i of A[i, 0].
void add_first_token(const PatternRow& r, Mean& m) { add_cell(r, 0, m); }

// Mean over i of Σ A[i, j] over j < i with t_j = t_i.
void add_duplicate_token(const PatternRow& r, Mean& m) {
  const int id = r.query_ids[size_t(r.query)];
  add_sum(r, m, [&](double w, int j) {
    return j < r.query && r.key_ids[size_t(j)] == id ? w : 0;
  });
}

// Mean over i of Σ A[i, j] over 1 <= j <= i with t_(j-1) = t_i; j = i where a token stands twice in
// a row.
void add_induction(const PatternRow& r, Mean& m) {
  const int id = r.query_ids[size_t(r.query)];
  add_sum(r, m, [&](double w, int j) {
    return j >= 1 && j <= r.query && r.key_ids[size_t(j) - 1] == id ? w : 0;
  });
}

// Mean over i of Σ_j A[i, j] |i - j|, in tokens.
void add_distance(const PatternRow& r, Mean& m) {
  add_sum(r, m, [&](double w, int j) { return w * std::abs(r.query - j); });
}

// Mean over i of -Σ_j A[i, j] log2 A[i, j], in bits; 0 log 0 = 0.
void add_entropy(const PatternRow& r, Mean& m) {
  add_sum(r, m, [](double w, int) { return w > 0 ? -w * std::log2(w) : 0; });
}

// Means over the whole diagonals A[i, i-(period-1)] and A[i, i-period].
void add_induction_stripe(const PatternRow& r, Mean& m) {
  if (r.period > 0) add_cell(r, r.query - (r.period - 1), m);
}
void add_duplicate_stripe(const PatternRow& r, Mean& m) {
  if (r.period > 0) add_cell(r, r.query - r.period, m);
}

// Whether the pass told facts of every row. Under a masked score they count masked cells in.
bool has_facts(const Attention& a) {
  return a.masked_score == 0 && int(a.facts.size()) == a.n_layers &&
         std::ranges::none_of(a.facts, &HeadRows::empty);
}

// Whether the row adds to a score: its cell may be seen, or anything at all.
bool counts(const Attention& a, int sample, int query, int fact, float largest) {
  const int key = fact == kSelf ? query : fact == kPrevious ? query - 1 : 0;
  if (fact == kSelf || fact == kPrevious || fact == kFirst)
    return key >= 0 && key < a.n_key && a.may_see(sample, query, key);
  return largest != 0;
}

// The score of all heads in the state's sample.
template <size_t kScore>
Measure compute(const Inputs& in) {
  const Attention& a = in.trace->attention();
  HeadTable table({&head_scores()[kScore]}, a);
  table.add(*in.trace, in.state->sample, 0);
  return {{Axis::layer, Axis::head}, {a.n_layers, a.n_heads}, table.values(0)};
}

// A number for each token: its id or, where there is no vocabulary, one below 0 for its name.
std::vector<int> numbers_of(const Tokens& tokens, int n, std::map<std::string, int>& names) {
  std::vector<int> out;
  for (int i = 0; i < n; ++i) {
    const Token token = i < tokens.size() ? tokens.items[size_t(i)] : Token{};
    const std::string name = i < tokens.size() ? token.shown : "#" + std::to_string(i);
    out.push_back(token.id >= 0 ? token.id
                                : names.try_emplace(name, -1 - int(names.size())).first->second);
  }
  return out;
}

}  // namespace

int PatternRow::n_seen() const {
  const int n = int(weights.size());
  return attention.mask == Mask::causal ? std::min(query + 1, n) : n;
}

bool PatternRow::sees(int key) const {
  return attention.allowed.empty() || attention.may_see(sample, query, key);
}

std::span<const HeadScore> head_scores() {
  static const std::vector<Axis> kAxes = {Axis::layer, Axis::head};
  static const HeadScore kScores[] = {
      {{"previous_token",
        {"Previous token", "前一个词元"},
        {"Mean weight on the token just before, A[i, i−1] (stripe score of TransformerLens' "
         "Main_Demo)",
         "对前一个词元的平均权重 A[i, i−1]（TransformerLens Main_Demo 的对角线分数）"},
        kAxes,
        0,
        1,
        compute<0>},
       {"prev", "前一个"},
       add_previous_token,
       kPrevious},
      {{"self",
        {"Itself", "自身"},
        {"Mean weight of a token on itself, A[i, i] (self_attention_score of HeadVis; Clark et al. "
         "2019)",
         "词元对自身的平均权重 A[i, i]（HeadVis 的 self_attention_score；Clark 等，2019）"},
        kAxes,
        0,
        1,
        compute<1>},
       {"self", "自身"},
       add_self,
       kSelf},
      {{"first_token",
        {"First token", "首个词元"},
        {"Mean weight on the first token, A[i, 0]: the attention sink (Xiao et al. 2023)",
         "对首个词元的平均权重 A[i, 0]：注意力汇聚（Xiao 等，2023）"},
        kAxes,
        0,
        1,
        compute<2>},
       {"first", "首个"},
       add_first_token,
       kFirst},
      {{"duplicate_token",
        {"Earlier copies", "先前的相同词元"},
        {"Weight on earlier copies of the token, mean over all tokens (duplicate token of "
         "TransformerLens' head_detector)",
         "对先前相同词元的权重，对所有词元取平均（TransformerLens head_detector 的 duplicate "
         "token）"},
        kAxes,
        0,
        1,
        compute<3>},
       {"copies", "相同"},
       add_duplicate_token,
       kDuplicate},
      {{"induction",
        {"After earlier copies", "先前相同词元之后"},
        {"Weight on the tokens that followed earlier copies, mean over all tokens (induction of "
         "TransformerLens' head_detector)",
         "对紧随先前相同词元之后的词元的权重，对所有词元取平均（TransformerLens head_detector 的 "
         "induction）"},
        kAxes,
        0,
        1,
        compute<4>},
       {"after", "其后"},
       add_induction,
       kInduction},
      {{"distance",
        {"Distance", "距离"},
        {"Mean distance |i − j| of what is looked at, in tokens (qk_distance of HeadVis)",
         "所关注位置的平均距离 |i − j|，以词元计（HeadVis 的 qk_distance）"},
        kAxes,
        0,
        2147483648.f,
        compute<5>},
       {"dist", "距离"},
       add_distance,
       kDistance},
      {{"entropy",
        {"Entropy", "熵"},
        {"Mean entropy of the rows in bits, −Σ A log2 A; 0: one key each (Clark et al. 2019, "
         "without their smoothing)",
         "各行的平均熵，以比特计，−Σ A log2 A；0 表示每行只看一个键（Clark 等，2019，不作平滑）"},
        kAxes,
        0,
        31,  // log2 of the most keys that an int counts
        compute<6>},
       {"bits", "熵"},
       add_entropy,
       kEntropy},
      {{"induction_stripe",
        {"Induction stripe", "归纳对角线"},
        {"Repeated input of period p: mean of A[i, i−(p−1)] over the whole diagonal "
         "(TransformerLens' Main_Demo; Olsson et al. 2022)",
         "周期为 p 的重复输入：A[i, i−(p−1)] 在整条对角线上的平均（TransformerLens "
         "Main_Demo；Olsson 等，2022）"},
        kAxes,
        0,
        1,
        nullptr},
       {"induct", "归纳"},
       add_induction_stripe},
      {{"duplicate_stripe",
        {"Duplicate stripe", "重复对角线"},
        {"Repeated input of period p: mean of A[i, i−p] over the whole diagonal (TransformerLens' "
         "Main_Demo)",
         "周期为 p 的重复输入：A[i, i−p] 在整条对角线上的平均（TransformerLens Main_Demo）"},
        kAxes,
        0,
        1,
        nullptr},
       {"dupl", "重复"},
       add_duplicate_stripe},
  };
  return kScores;
}

const HeadScore* find_head_score(std::string_view id) {
  for (const HeadScore& score : head_scores())
    if (id == score.metric.id) return &score;
  return nullptr;
}

HeadTable::HeadTable(std::vector<const HeadScore*> scores_, const Attention& a)
    : scores(std::move(scores_)), n_layers(a.n_layers), n_heads(a.n_heads) {
  means.resize(scores.size() * size_t(n_layers) * size_t(n_heads));
}

void HeadTable::add(const Trace& trace, int sample, int period) {
  const Attention& a = trace.attention();
  assert(a.n_layers == n_layers && a.n_heads == n_heads && sample < a.n_samples);
  std::vector<size_t> walked;
  for (size_t s = 0; s < scores.size(); ++s) {
    if (scores[s]->fact != kRowFacts && has_facts(a)) {
      add_facts(a, sample, s);
    } else {
      walked.push_back(s);
    }
  }
  if (!walked.empty()) walk(trace, sample, period, walked);
}

void HeadTable::add_facts(const Attention& a, int sample, size_t score) {
  const int fact = scores[score]->fact;
  for (int layer = 0; layer < n_layers; ++layer) {
    for (int head = 0; head < n_heads; ++head) {
      const ConstMat rows = a.facts[size_t(layer)].head(int64_t(sample) * n_heads + head);
      Mean& sum = mean(score, layer, head);
      for (int query = 0; query < a.n_query; ++query) {
        if (!counts(a, sample, query, fact, rows(query, kLargest))) continue;
        sum.sum += double(rows(query, fact));
        ++sum.n;
      }
    }
  }
}

void HeadTable::walk(const Trace& trace, int sample, int period, const std::vector<size_t>& some) {
  const Attention& a = trace.attention();
  std::map<std::string, int> names;
  const std::vector<int> query_ids = numbers_of(trace.queries[size_t(sample)], a.n_query, names);
  const std::vector<int> key_ids = numbers_of(trace.keys[size_t(sample)], a.n_key, names);
  const int64_t fitting = kBlockFloats / std::max(1, a.n_key);
  const int most = std::max(1, std::min(kMostRows, a.n_query));
  const int n_rows = int(std::clamp<int64_t>(fitting, 1, most));
  std::vector<float> block(size_t(n_rows) * size_t(a.n_key));
  for (int layer = 0; layer < n_layers; ++layer) {
    if (!a.is_kept(layer)) continue;
    for (int head = 0; head < n_heads; ++head) {
      for (int q0 = 0; q0 < a.n_query; q0 += n_rows) {
        const int q1 = std::min(q0 + n_rows, a.n_query);
        const Mat rows{block.data(), q1 - q0, a.n_key};
        a.pattern_rows(sample, layer, head, q0, q1, rows);
        for (int q = q0; q < q1; ++q) {
          const PatternRow row{a, sample, q, rows.row(q - q0), query_ids, key_ids, period};
          for (const size_t s : some) scores[s]->add(row, mean(s, layer, head));
        }
      }
    }
  }
}

std::vector<float> HeadTable::values(size_t score) const {
  const size_t n_all = size_t(n_layers) * size_t(n_heads);
  std::vector<float> out;
  for (size_t i = 0; i < n_all; ++i) out.push_back(float(means[score * n_all + i].value()));
  return out;
}

}  // namespace attn
