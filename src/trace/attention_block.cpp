#include "trace/attention_block.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "trace/activations.h"
#include "trace/place_scores.h"
#include "trace/row_span.h"

namespace attn {

namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
// Up to this many queries are processed one by one, with keys in the lanes.
constexpr int kFewQueries = 2;
// Rows of per-query values besides a panel's weights: the SoftSums, then factor, highest, and two
// spare rows.
constexpr int kFactorRow = kSoftSums, kHighestRow = kSoftSums + 1, kSmallRows = kSoftSums + 4;
constexpr double kLog2E = 1.4426950408889634;

// Uninitialized memory, aligned to cache lines.
class Scratch {
 public:
  explicit Scratch(int64_t n)
      : floats_(static_cast<float*>(::operator new(size_t(n) * sizeof(float), kLine))) {}
  Scratch(const Scratch&) = delete;
  ~Scratch() { ::operator delete(floats_, kLine); }
  float* at() { return floats_; }

 private:
  static constexpr std::align_val_t kLine{64};
  float* floats_;
};

// The number of leading keys that any query before q1 can see; later keys are neither read nor
// computed.
int n_seen_before(const Attention& a, int layer, int q1) {
  if (a.masked_score != 0) return a.n_key;
  if (a.mask == Mask::causal) return std::min(q1, a.n_key);
  return int(std::min<int64_t>(a.n_key, int64_t(q1) + a.reach(layer)));
}

// The first key that is computed for queries from q0 on: 0, or one before all of their windows,
// since the loops give the first key a sum of its own. Where sums are cut does not depend on it.
int first_seen_from(const Attention& a, int layer, int q0) {
  if (a.reaches.empty() || a.masked_score != 0) return 0;
  const int64_t last = std::min<int64_t>(int64_t(q0) - a.reach(layer), a.n_key) - 1;
  return int(std::max<int64_t>(0, last) / kSumKeys * kSumKeys);
}

// The softmax of some queries, before division by the sum.
struct Softened {
  const float* e;  // [key][width], from first_key on
  int width, first_key, n_keys;
  const float* sums;            // [kAllE, and with facts the other SoftSum][width]
  const float* factor;          // [width] 1 / (Σ e + sink); 0 for a fully masked row
  const float* sink = nullptr;  // [width] e of the learned sink, which is no key; null: none

  float whole(int lane) const { return sink ? sums[lane] + sink[lane] : sums[lane]; }
  float at(int key, int lane) const { return key < first_key ? 0 : e[int64_t(key) * width + lane]; }
  const float* seen() const { return e + int64_t(first_key) * width; }
  int n_computed() const { return n_keys - first_key; }
};

// One head of one sample, with memory for one panel.
class HeadBlock {
 public:
  HeadBlock(const AttentionLoops& loops, const Attention& a, int sample, int layer, int head)
      : loops_(loops),
        a_(a),
        sample_(sample),
        layer_(layer),
        head_(head),
        row_(int64_t(sample) * a.n_heads + head) {
    assert(layer >= 0 && layer < a.n_layers && head >= 0 && head < a.n_heads && sample >= 0 &&
           sample < a.n_samples);
    q_ = a.queries(sample, layer, head);
    k_ = a.keys(sample, layer, head);
  }

  // Allocates for panels of queries before q1.
  void make_room(int q1, bool with_z) {
    const int64_t width = loops_.wide.width, d = a_.d_head;
    const int64_t e = (int64_t(n_seen_before(a_, layer_, q1)) + 1) * width, q = d * width;
    const int64_t small = kSmallRows * int64_t(kMostPanel);
    memory_.emplace(e + q + (with_z ? q : 0) + small + place_floats(a_, int(width)));
    e_ = memory_->at();
    packed_q_ = e_ + e;
    z_ = packed_q_ + q;
    small_ = z_ + (with_z ? q : 0);
    places_ = small_ + small;
  }
  static int64_t floats_needed(const AttentionLoops& loops, const Attention& a) {
    return (int64_t(a.n_key) + 1 + 2 * a.d_head) * loops.wide.width +
           kSmallRows * int64_t(kMostPanel) + place_floats(a, loops.wide.width);
  }

  // Queries from .. from+n-1 in the lanes, at most a wide panel.
  const PanelLoops& panel_for(int n) const {
    return n > loops_.narrow.width ? loops_.wide : loops_.narrow;
  }
  Softened panel(int from, int n, bool facts);
  // One query, in a panel of width 1.
  Softened row(int query, bool facts);

  // z [n, d_head] for the last result of panel() or row().
  void values(const Softened& w, int n, Mat z);
  void facts(const Softened& w, const TokenSets& tokens, int from, int n);

 private:
  void change_scores(int from, int n, int width, int begin, int end);
  bool changes_scores() const { return a_.adds_distance() || a_.cap > 0; }
  void mask_given(int from, int n, int width, int begin, int end, float* highest);
  void divide(Softened& w, int n, const float* highest);
  void edit_cells(Softened& w, int from, int n);
  // Σ e of each query over sets of tokens.
  struct Sets {
    float special[kMostPanel] = {}, punctuation[kMostPanel] = {}, same_word[kMostPanel] = {};
    float duplicate[kMostPanel] = {}, induction[kMostPanel] = {}, strong[kMostPanel] = {};
  };
  void copied(const Softened& w, const EarlierCopies& copies, int from, int n, Sets& sets);
  void listed(const Softened& w, std::span<const int> keys, int n, float* out);
  void same_word(const Softened& w, const TokenSets& tokens, int from, int n, float* out);
  void spans(const Softened& w, int n, float* half, float* most);

  const AttentionLoops& loops_;
  const Attention& a_;
  int sample_, layer_, head_;
  int64_t row_;
  ConstMat q_, k_;
  std::optional<Scratch> memory_;
  float *e_ = nullptr, *packed_q_ = nullptr, *z_ = nullptr, *small_ = nullptr, *places_ = nullptr;
  float sink_[kMostPanel];
  std::vector<float> room_;     // for one row
  std::vector<uint64_t> bins_;  // [panel][kBins]
};

// What follows the scaling of scores, before the mask.
void HeadBlock::change_scores(int from, int n, int width, int begin, int end) {
  if (!a_.place_rows.empty())
    add_place_scores(width == 1 ? nullptr : &panel_for(n), a_, sample_, layer_, head_, from, n,
                     begin, end, packed_q_, places_, e_);
  for (int i = 0; i < n && !a_.bias.empty(); ++i) {
    const float* row = a_.bias_row(layer_, head_, from + i);
    for (int key = begin; key < end; ++key) e_[int64_t(key) * width + i] += row[key];
  }
  for (int64_t i = int64_t(begin) * width; i < int64_t(end) * width && a_.cap > 0; ++i)
    e_[i] = a_.capped(e_[i]);
}

// Replaces or removes masked scores cell by cell, and raises `highest` to those of the rest.
void HeadBlock::mask_given(int from, int n, int width, int begin, int end, float* highest) {
  const float masked = a_.masked_score != 0 ? a_.masked_score : kMinusInfinity;
  for (int key = begin; key < end; ++key) {
    float* s = e_ + int64_t(key) * width;
    for (int i = 0; i < n; ++i) {
      if (!a_.may_see(sample_, layer_, from + i, key)) s[i] = masked;
      if (s[i] > highest[i]) highest[i] = s[i];
    }
  }
}

// `highest` [width] was subtracted from the scores.
void HeadBlock::divide(Softened& w, int n, const float* highest) {
  float* factor = small_ + kFactorRow * kMostPanel;
  std::fill_n(factor, kMostPanel, 0.f);
  if (const float* score = a_.sink_of(layer_, head_)) {
    constexpr float kMost = 80;  // above it, all weights are 0 to any digit
    for (int i = 0; i < n; ++i) sink_[i] = std::exp(std::min(*score - highest[i], kMost));
    w.sink = sink_;
  }
  for (int i = 0; i < n; ++i) factor[i] = w.sums[i] == 0 ? 0 : 1 / w.whole(i);
  w.factor = factor;
}

// The first of two places where edits act: cells of the pattern. In rows that one touches, e
// becomes the weight itself and the factor 1; then cells are set. What the mask hides stays hidden.
void HeadBlock::edit_cells(Softened& w, int from, int n) {
  float* factor = small_ + kFactorRow * kMostPanel;
  for (const Edit& edit : a_.edits) {
    if (edit.kind != Edit::Kind::cells || edit.at.layer != layer_ || edit.at.head != head_)
      continue;
    const CellRect& r = edit.rect;
    for (int query = std::max(from, r.q0); query < std::min(from + n, r.q1 + 1); ++query) {
      const int lane = query - from;
      float* column = e_ + lane;
      for (int key = w.first_key; key < w.n_keys; ++key) {
        float& e = column[int64_t(key) * w.width];
        if (e != 0) e *= factor[lane];  // 0 of masked cells stays 0, also where the row is NaN
        if (key >= r.k0 && key <= r.k1 && a_.may_see(sample_, layer_, query, key)) e = edit.by;
      }
      factor[lane] = 1;
    }
  }
}

Softened HeadBlock::panel(int from, int n, bool facts) {
  const PanelLoops& loops = panel_for(n);
  const int width = loops.width, n_keys = n_seen_before(a_, layer_, from + n);
  const int first = first_seen_from(a_, layer_, from), reach = a_.reach(layer_);
  Softened w{e_, width, first, n_keys, small_, nullptr};
  float *highest = small_ + kHighestRow * kMostPanel, *unused = highest + kMostPanel;
  loops.to_columns(a_.d_head, q_.row(from).data(), q_.stride, n, a_.scale_of(layer_), packed_q_);
  std::fill_n(highest, 2 * kMostPanel, kMinusInfinity);
  const auto scores = [&](int begin, int end, float* most) {
    if (begin < end)
      loops.scores(a_.d_head, packed_q_, k_.row(begin).data(), k_.stride, end - begin,
                   e_ + int64_t(begin) * width, most);
  };
  if (!a_.allowed.empty() || a_.masked_score != 0 || changes_scores()) {
    scores(first, n_keys, unused);
    change_scores(from, n, width, first, n_keys);
    mask_given(from, n, width, first, n_keys, highest);
  } else if (reach != INT_MAX) {
    // Keys begin .. end-1 are in the windows of the whole panel.
    const int begin = std::clamp(from + n - 1 - reach, first, n_keys);
    const int end = std::clamp(from + (a_.mask == Mask::causal ? 1 : reach + 1), begin, n_keys);
    scores(begin, end, highest);
    scores(first, begin, unused);
    scores(end, n_keys, unused);
    mask_given(from, n, width, first, begin, highest);
    mask_given(from, n, width, end, n_keys, highest);
  } else if (a_.mask == Mask::causal) {
    // Keys up to `from` are visible to the whole panel; only later keys need the mask.
    const int seen_by_all = std::min(from + 1, n_keys);
    scores(0, seen_by_all, highest);
    scores(seen_by_all, n_keys, unused);
    loops.mask(from, seen_by_all, n_keys - seen_by_all, e_ + int64_t(seen_by_all) * width, highest);
  } else {
    scores(0, n_keys, highest);
  }
  for (int i = 0; i < width; ++i) {
    if (highest[i] == kMinusInfinity) highest[i] = 0;  // fully masked: e = 0 everywhere
  }
  (facts ? loops.soften_facts : loops.soften)(from - first, n_keys - first, highest,
                                              e_ + int64_t(first) * width, small_);
  if (facts) std::copy_n(highest, width, small_ + kHighest * width);
  divide(w, n, highest);
  if (!a_.edits.empty()) edit_cells(w, from, n);
  return w;
}

Softened HeadBlock::row(int query, bool facts) {
  const int n_keys = n_seen_before(a_, layer_, query + 1);
  const int first = first_seen_from(a_, layer_, query);
  Softened w{e_, 1, first, n_keys, small_, nullptr};
  for (int i = 0; i < a_.d_head; ++i) packed_q_[i] = q_(query, i) * a_.scale_of(layer_);
  assert(k_.stride == a_.d_head);  // dots_f32 reads k as one contiguous block
  simd().product.dots_f32(a_.d_head, packed_q_, k_.row(first).data(), n_keys - first, e_ + first);
  change_scores(query, 1, 1, first, n_keys);
  if (!a_.allowed.empty() || a_.masked_score != 0 || query > a_.reach(layer_)) {
    float highest = 0;
    mask_given(query, 1, 1, first, n_keys, &highest);
  }
  float sums[kSoftSums] = {};
  const bool tells = facts || !a_.sinks.empty();  // kHighest
  (tells ? loops_.row_soften_facts : loops_.row_soften)(query - first, n_keys - first, e_ + first,
                                                        sums);
  std::copy_n(sums, int(kSoftSums), small_);
  divide(w, 1, small_ + kHighest);
  if (!a_.edits.empty()) edit_cells(w, query, 1);
  return w;
}

void HeadBlock::values(const Softened& w, int n, Mat z) {
  if (a_.d_head == 0) return;
  const ConstMat v = a_.values(sample_, layer_, head_);
  if (w.width == 1) {
    loops_.row_values(a_.d_head, w.n_computed(), w.seen(), v.row(w.first_key).data(), v.stride,
                      z.data);
    for (float& x : z.row(0)) x *= w.factor[0];
    return;
  }
  const PanelLoops& loops = panel_for(n);
  const int first = int(w.first_key / keys_a_value_sum(a_.d_head) * keys_a_value_sum(a_.d_head));
  std::fill(e_ + int64_t(first) * w.width, e_ + int64_t(w.first_key) * w.width, 0.f);
  loops.values(a_.d_head, w.n_keys - first, e_ + int64_t(first) * w.width, v.row(first).data(),
               v.stride, z_);
  loops.to_rows(a_.d_head, z_, w.factor, n, z.data, z.stride);
}

// Sums e over earlier copies of each query's token, and over the keys right after them. Queries
// with the same token share one sum over the keys before the panel, so that n_keys bounds the work.
void HeadBlock::copied(const Softened& w, const EarlierCopies& copies, int from, int n,
                       Sets& sets) {
  bool done[kMostPanel] = {};
  float at[kMostPanel] = {}, behind[kMostPanel] = {}, strong[kMostPanel] = {},
        least[kMostPanel] = {};
  for (int i = 0; i < n; ++i) least[i] = kInductionLeast * w.whole(i);
  for (int i = 0; i < n; ++i) {
    if (done[i]) continue;
    const size_t query = size_t(from + i);
    // The key right after a copy may be in the window where the copy is not.
    const int* first = std::lower_bound(copies.keys.data() + copies.begin[query],
                                        copies.keys.data() + copies.end[query], w.first_key);
    // All queries of the panel see keys up to from - 1 and the keys right after them; n_keys may be
    // smaller.
    const int* last = std::lower_bound(first, copies.keys.data() + copies.end[query],
                                       std::min(from, w.n_keys - 1));
    const auto add_behind = [&](float x, int lane, float& all, float& some) {
      all += x;
      if (x >= least[lane]) some += x;
    };
    if (w.width > 1) {
      panel_for(n).copied(last - first, first, w.e, least, at, behind, strong);
    } else {
      at[0] = behind[0] = strong[0] = 0;
      for (const int* key = first; key < last; ++key) {
        at[0] += w.at(*key, 0);
        add_behind(w.at(*key + 1, 0), 0, behind[0], strong[0]);
      }
    }
    for (int j = i; j < n; ++j) {
      if (copies.begin[size_t(from + j)] != copies.begin[query]) continue;
      done[j] = true;
      sets.duplicate[j] = at[j];
      sets.induction[j] = behind[j];
      sets.strong[j] = strong[j];
      const int* end = copies.keys.data() + copies.end[size_t(from + j)];
      for (const int* key = last; key < end; ++key) {
        if (*key < w.n_keys) sets.duplicate[j] += w.at(*key, j);
        if (*key + 1 < w.n_keys)
          add_behind(w.at(*key + 1, j), j, sets.induction[j], sets.strong[j]);
      }
    }
  }
}

void HeadBlock::listed(const Softened& w, std::span<const int> keys, int n, float* out) {
  keys = keys.subspan(size_t(std::ranges::lower_bound(keys, w.first_key) - keys.begin()));
  const auto end = std::ranges::lower_bound(keys, w.n_keys);
  if (w.width > 1) {
    panel_for(n).listed(end - keys.begin(), keys.data(), w.e, out);
  } else {
    for (auto key = keys.begin(); key != end; ++key) out[0] += w.at(*key, 0);
  }
}

void HeadBlock::same_word(const Softened& w, const TokenSets& tokens, int from, int n, float* out) {
  for (int i = 0; i < n; ++i) {
    const int query = from + i, end = std::min(tokens.word_end[size_t(query)], w.n_keys);
    for (int key = tokens.word_begin[size_t(query)]; key < end; ++key) {
      if (key != query) out[i] += w.at(key, i);
    }
  }
}

// The number of keys that hold 50 and 90 % of the mass.
void HeadBlock::spans(const Softened& w, int n, float* half, float* most) {
  const int n_keys = w.n_computed();
  room_.resize(size_t(n_keys));
  const double parts[] = {0.5 - kSpanSlack, 0.9 - kSpanSlack};
  const bool binned = w.width > 1;
  if (binned) {
    bins_.assign(size_t(w.width * kBins), 0);
    panel_for(n).bins(n_keys, w.seen(), bins_.data());
  }
  for (int i = 0; i < n; ++i) {
    int found[2] = {};
    for (int k = 0; k < 2 && w.sums[i] > 0; ++k) {
      const double mass = parts[k] * w.sums[i];
      if (binned) {
        found[k] =
            keys_for(bins_.data() + i * kBins, w.seen() + i, n_keys, w.width, mass, room_.data());
      } else {
        std::copy_n(w.seen(), n_keys, room_.data());
        found[k] = keys_for(room_, mass);
      }
    }
    half[i] = float(found[0]);
    most[i] = float(found[1]);
  }
}

void HeadBlock::facts(const Softened& w, const TokenSets& tokens, int from, int n) {
  const Mat rows = a_.facts[size_t(layer_)].head_to_fill(row_);
  Sets sets;
  copied(w, tokens.copies, from, n, sets);
  listed(w, tokens.special, n, sets.special);
  listed(w, tokens.punctuation, n, sets.punctuation);
  same_word(w, tokens, from, n, sets.same_word);
  float half[kMostPanel], most[kMostPanel];
  spans(w, n, half, most);
  for (int i = 0; i < n; ++i) {
    const int query = from + i;
    float* row = rows.row(query).data();
    const float factor = w.factor[i];
    const auto sum_of = [&](SoftSum of) { return double(w.sums[of * w.width + i]); };
    // The first key that was computed is key 0, or one before the window, whose weight is 0.
    const double sum = w.whole(i), rest = sum_of(kRestE), first = w.at(w.first_key, i);
    const double kept = sum_of(kAllE) / sum;  // less than 1 with a sink
    const auto weight = [&](int key) {
      return key >= 0 && key < w.n_keys ? w.at(key, i) * factor : 0.f;
    };
    // A = e / sum and log e = score - highest, so -Σ A log2 A needs no logarithm of a cell.
    const auto bits = [](double e, double x) {
      if (e == 0) return 0.f;
      const double entropy = std::log2(e) - x / e * kLog2E;
      return float(entropy > 0 ? entropy : entropy <= 0 ? 0 : NAN);
    };
    std::fill_n(row, kRowFacts, 0.f);
    if (sum_of(kAllE) == 0) continue;
    row[kEntropy] = bits(sum_of(kAllE), sum_of(kRestX) + first * sum_of(kFirstX));
    if (w.sink) row[kEntropy] = float(kept * (double(row[kEntropy]) - std::log2(kept)));
    row[kDistance] = float((sum_of(kRestFar) + first * query) / sum);
    row[kDistance2] = float((sum_of(kRestFar2) + first * query * query) / sum);
    row[kLargest] = factor;  // the highest score has e = 1
    row[kSelf] = weight(query);
    row[kPrevious] = weight(query - 1);
    row[kNext] = weight(query + 1);
    row[kFirst] = weight(0);
    row[kRest] = float(rest / sum);
    row[kRestEntropy] = bits(rest, sum_of(kRestX));
    row[kRestDistance] = float(sum_of(kRestFar) / sum);
    row[kRestDistance2] = float(sum_of(kRestFar2) / sum);
    row[kRestLargest] = float(sum_of(kRestMost) / sum);
    row[kLogSum] = float(sum_of(kHighest) + std::log(sum));
    row[kSpan50] = half[i];
    row[kSpan90] = most[i];
    row[kSameWord] = sets.same_word[i] * factor;
    row[kSpecial] = sets.special[i] * factor;
    row[kPunctuation] = sets.punctuation[i] * factor;
    row[kDuplicate] = sets.duplicate[i] * factor;
    row[kInduction] = sets.induction[i] * factor;
    row[kInductionMass] = sets.strong[i] * factor;
  }
}

// The second place where edits act: z [n, d_head] of queries from q0 on, before W_O.
void edit_z(const Attention& a, int layer, int head, int q0, Mat z) {
  for (const Edit& edit : a.edits) {
    if (edit.at.layer != layer || edit.at.head != head) continue;
    for (int64_t i = 0; i < z.rows; ++i) {
      const std::span<float> row = z.row(i);
      switch (edit.kind) {
        case Edit::Kind::off:
          std::ranges::fill(row, 0.f);
          break;
        case Edit::Kind::scale:
          for (float& x : row) x *= edit.by;
          break;
        case Edit::Kind::replace:
          std::copy_n(edit.from->z(layer).row(q0 + i).data() + int64_t(head) * a.d_head, a.d_head,
                      row.data());
          break;
        case Edit::Kind::cells:  // has acted on the pattern
          break;
      }
    }
  }
}

}  // namespace

void attend(const AttentionLoops& loops, const Attention& a, const TokenSets& tokens, int sample,
            int layer, int head, int q0, int q1, Mat z) {
  assert(0 <= q0 && q1 <= a.n_query && z.rows == q1 - q0 && z.cols == a.d_head);
  if (q0 >= q1) return;
  const bool facts = !a.facts.empty() && !a.facts[size_t(layer)].empty();
  assert(!facts || !changes_cells(a.edits));  // facts follow from scores, as long as rows do
  HeadBlock block(loops, a, sample, layer, head);
  block.make_room(q1, true);
  const bool few = q1 - q0 <= kFewQueries;
  for (int from = q0; from < q1;) {
    const int n = few ? 1 : std::min(loops.wide.width, q1 - from);
    const Softened w = few ? block.row(from, facts) : block.panel(from, n, facts);
    if (facts) block.facts(w, tokens, from, n);
    block.values(w, n, z.rows_of(from - q0, from - q0 + n));
    from += n;
  }
  if (!a.edits.empty()) edit_z(a, layer, head, q0, z);
}

void attend(const Attention& a, const TokenSets& tokens, int sample, int layer, int head, int q0,
            int q1, Mat z) {
  attend(simd().attention, a, tokens, sample, layer, head, q0, q1, z);
}

int64_t attend_work(const Attention& a, int layer, int q0, int q1) {
  // The softmax of a cell costs about 16 multiplications.
  constexpr int64_t kSoftmax = 16;
  const int middle = q0 + (q1 - q0) / 2;
  const int64_t n_keys = n_seen_before(a, layer, middle + 1) - first_seen_from(a, layer, middle);
  const int64_t n_products = a.place_rows.empty() ? 2 : 5;  // of d_head numbers a cell, at most
  return int64_t(q1 - q0) * n_keys * (n_products * int64_t(a.d_head) + kSoftmax);
}

QueryParts::QueryParts(const Attention& a, int layer, int from, int to, int64_t most_work)
    : q0(from), q1(to) {
  const int panel = simd().attention.wide.width;
  while (each > panel && work(a, layer) > most_work) each /= 2;
  n = (q1 - q0 + each - 1) / each;
  // What is left over goes with the part before it where the whole block is computed by panels.
  const int rest = (q1 - q0) % each;
  n -= rest > 0 && rest <= kFewQueries && rest != (q1 - q0) % kBlockQueries;
}

int64_t QueryParts::work(const Attention& a, int layer) const {
  return attend_work(a, layer, std::max(q0, q1 - each), q1);
}

int64_t attend_floats(const Attention& a) { return HeadBlock::floats_needed(simd().attention, a); }

void block_pattern(const AttentionLoops& loops, const Attention& a, int sample, int layer, int head,
                   int q0, int q1, Mat out) {
  assert(0 <= q0 && q1 <= a.n_query && out.rows == q1 - q0 && out.cols == a.n_key);
  if (q0 >= q1) return;
  HeadBlock block(loops, a, sample, layer, head);
  block.make_room(q1, false);
  const bool few = q1 - q0 <= kFewQueries;
  for (int from = q0; from < q1;) {
    const int n = few ? 1 : std::min(loops.wide.width, q1 - from);
    const Softened w = few ? block.row(from, false) : block.panel(from, n, false);
    const Mat rows = out.rows_of(from - q0, from - q0 + n);
    if (few) {
      for (int key = w.first_key; key < w.n_keys; ++key) rows.data[key] = w.e[key] * w.factor[0];
    } else {
      block.panel_for(n).to_rows(w.n_computed(), w.seen(), w.factor, n, rows.data + w.first_key,
                                 rows.stride);
    }
    for (int i = 0; i < n; ++i) {
      const std::span<float> row = rows.row(i);
      std::fill_n(row.begin(), w.first_key, 0.f);
      std::fill(row.begin() + w.n_keys, row.end(), 0.f);
      // Masked cells are 0 even if the rest of the row is NaN.
      if (!std::isnan(w.factor[i]) || a.masked_score != 0) continue;
      for (int key = 0; key < w.n_keys; ++key) {
        if (!a.may_see(sample, layer, from + i, key)) row[size_t(key)] = 0;
      }
    }
    from += n;
  }
}

void block_pattern(const Attention& a, int sample, int layer, int head, int q0, int q1, Mat out) {
  block_pattern(simd().attention, a, sample, layer, head, q0, q1, out);
}

static bool sees_any(const Attention& a, int sample, int layer, int query, int begin, int end) {
  for (int key = begin; key < end; ++key) {
    if (a.may_see(sample, layer, query, key)) return true;
  }
  return false;
}

void block_pooled(const Attention& a, int sample, int layer, int head, const CellSpan& rows,
                  const CellSpan& cols, int row0, int row1, Mat largest, Mat sum) {
  assert(0 <= rows.from && rows.to <= a.n_query && 0 <= cols.from);
  for (const Mat& m : {largest, sum}) {
    for (int64_t i = row0; m.data && i < row1; ++i) std::ranges::fill(m.row(i), 0.f);
  }
  if (row0 >= row1 || rows.from >= rows.to || cols.from >= cols.to) return;
  HeadBlock block(simd().attention, a, sample, layer, head);
  const int q1 = rows.end(row1 - 1);
  block.make_room(q1, false);
  float most[kMostPanel], all[kMostPanel];
  for (int from = rows.begin(row0); from < q1;) {
    const int n = std::min(simd().attention.wide.width, q1 - from);
    const Softened w = block.panel(from, n, false);
    while (row0 < row1 && rows.end(row0) <= from) ++row0;
    for (int col = 0; col < cols.n && cols.begin(col) < w.n_keys; ++col) {
      const int begin = std::max(w.first_key, cols.begin(col));
      const int n_keys = std::min(w.n_keys, cols.end(col)) - begin;
      if (n_keys <= 0) continue;
      block.panel_for(n).pool(n_keys, w.e + int64_t(begin) * w.width, most, all);
      for (int row = row0; row < row1 && rows.begin(row) < from + n; ++row) {
        const int last = std::min(from + n, rows.end(row)) - from;
        for (int i = std::max(from, rows.begin(row)) - from; i < last; ++i) {
          // NaN stays, as long as the cell covers a weight that is not masked.
          const bool broken = std::isnan(w.factor[i]);
          if (broken && !sees_any(a, sample, layer, from + i, begin, begin + n_keys)) continue;
          float& m = largest(row, col);
          if (broken) m = w.factor[i];
          if (most[i] * w.factor[i] > m) m = most[i] * w.factor[i];
          if (sum.data) sum(row, col) += all[i] * w.factor[i];
        }
      }
    }
    from += n;
  }
}

}  // namespace attn
