#include "analysis/head_facts.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "trace/row_span.h"

namespace attn {

namespace {

// A sentence ends after a special token or after a token that ends in one of these.
bool ends_sentence(const Tokens& tokens, int i) {
  const Token& t = tokens.items[size_t(i)];
  if (t.special) return true;
  std::string_view text = t.shown;
  while (text.ends_with(' ')) text.remove_suffix(1);
  for (const std::string_view end : {".", "!", "?", "。", "！", "？", "⏎"})
    if (text.ends_with(end)) return true;
  return false;
}

bool is_comma_or_point(const Token& t) {
  std::string_view text = t.shown;
  while (text.starts_with(' ')) text.remove_prefix(1);
  return text == "," || text == ".";
}

double squares_up_to(int64_t n) { return double(n) * double(n + 1) * double(2 * n + 1) / 6; }
double sum_up_to(int64_t n) { return double(n) * double(n + 1) / 2; }

int n_below(const std::vector<int>& sorted, int key) {
  return int(std::ranges::lower_bound(sorted, key) - sorted.begin());
}

}  // namespace

HeadContext::HeadContext(const Attention& a_, int sample_, int layer_, int period_, int offset_)
    : a(a_), sample(sample_), layer(layer_), period(period_), offset(offset_) {
  const Tokens &queries = a.query_tokens[size_t(sample)], &keys = a.key_tokens[size_t(sample)];
  self = !a.is_across() && a.n_query == a.n_key;
  sets = token_sets(queries, keys, self);
  ids = token_ids(queries, a.n_query, keys, a.n_key);
  // Where there are fewer names than rows, what they say still has to reach all of them.
  sets.copies = earlier_copies(ids.queries, ids.keys);
  sets.word_begin.resize(size_t(a.n_query));
  sets.word_end.resize(size_t(a.n_query));
  is_special.assign(size_t(a.n_key), 0);
  is_punctuation = is_comma_or_point = is_special;
  const auto mark = [&](const std::vector<int>& list, std::vector<char>& out) {
    for (const int key : list)
      if (key < a.n_key) out[size_t(key)] = 1;
  };
  mark(sets.special, is_special);
  mark(sets.punctuation, is_punctuation);
  int begin = 0;
  for (int key = 0; key < a.n_key; ++key) {
    segments.push_back(begin);
    if (key >= keys.size()) continue;
    is_comma_or_point[size_t(key)] = attn::is_comma_or_point(keys.items[size_t(key)]);
    if (ends_sentence(keys, key)) begin = key + 1;
  }
  for (int query = 0; query < a.n_query; ++query) {
    const size_t i = size_t(query);
    int n = end_of(query);
    for (int key = 0; !sees_all() && key < end_of(query); ++key)
      n -= !a.may_see(sample, layer, query, key);
    n_seen_.push_back(n);
    const auto copy = sets.copies.keys.begin();
    const auto count = [&](int step) {
      return int(std::count_if(copy + sets.copies.begin[i], copy + sets.copies.end[i],
                               [&](int key) { return sees(query, key + step); }));
    };
    n_copies_.push_back(count(0));
    n_after_.push_back(count(1));
    bool word = false;
    for (int key = sets.word_begin[i]; key < sets.word_end[i]; ++key)
      word |= key != query && sees(query, key);
    has_word_.push_back(word);
  }
}

int HeadContext::end_of(int query) const {
  return a.mask == Mask::causal ? std::min(query + 1, a.n_key) : a.n_key;
}

bool HeadContext::sees(int query, int key) const {
  return key >= 0 && key < end_of(query) && (sees_all() || a.may_see(sample, layer, query, key));
}

void facts_of(const HeadContext& c, int query, std::span<const float> weights, float* facts) {
  double f[kRowFacts] = {};
  const int id = c.ids.queries[size_t(query)], end = c.end_of(query);
  std::vector<float> seen;
  double all = 0;
  bool any = false;
  for (int key = 0; key < end; ++key) {
    if (!c.sees(query, key)) continue;
    any = true;
    const double w = weights[size_t(key)], far = std::abs(query - key);
    const double bits = w > 0 ? -w * std::log2(w) : 0;
    seen.push_back(weights[size_t(key)]);
    all += w;
    f[kEntropy] += bits;
    f[kDistance] += w * far;
    f[kDistance2] += w * far * far;
    f[kLargest] = std::max(f[kLargest], w);
    if (key > 0) {
      f[kRest] += w;
      f[kRestEntropy] += bits;
      f[kRestDistance] += w * far;
      f[kRestDistance2] += w * far * far;
      f[kRestLargest] = std::max(f[kRestLargest], w);
    }
    if (key == query) f[kSelf] = w;
    if (key == query - 1) f[kPrevious] = w;
    if (key == query + 1) f[kNext] = w;
    if (key == 0) f[kFirst] = w;
    if (key != query && key >= c.sets.word_begin[size_t(query)] &&
        key < c.sets.word_end[size_t(query)])
      f[kSameWord] += w;
    if (c.is_special[size_t(key)]) f[kSpecial] += w;
    if (c.is_punctuation[size_t(key)]) f[kPunctuation] += w;
    if (key < query && c.ids.keys[size_t(key)] == id) f[kDuplicate] += w;
    if (key >= 1 && key <= query && c.ids.keys[size_t(key) - 1] == id) {
      f[kInduction] += w;
      if (weights[size_t(key)] >= kInductionLeast) f[kInductionMass] += w;
    }
  }
  // Σ -w/r log(w/r) = (Σ -w log w) / r + log r
  if (f[kRest] > 0)
    f[kRestEntropy] = std::max(0., f[kRestEntropy] / f[kRest] + std::log2(f[kRest]));
  if (any) {
    std::vector<float> copy = seen;
    f[kSpan50] = keys_for(copy, (.5 - kSpanSlack) * all);
    f[kSpan90] = keys_for(seen, (.9 - kSpanSlack) * all);
  }
  for (int i = 0; i < kRowFacts; ++i) facts[i] = float(f[i]);
}

void uniform_facts(const HeadContext& c, int query, float* facts) {
  std::fill_n(facts, kRowFacts, 0.f);
  const int n = c.n_seen(query);
  if (n == 0) return;
  const float w = 1 / float(n);
  if (!c.sees_all()) {
    std::vector<float> row(size_t(c.a.n_key), w);
    return facts_of(c, query, row, facts);
  }
  // Keys 0 .. n-1.
  const auto cell = [&](int key) { return key >= 0 && key < n ? w : 0.f; };
  const auto share = [&](int count) { return float(count) * w; };
  facts[kEntropy] = std::log2(float(n));
  const int64_t left = query, past = int64_t(n) - 1 - query;
  double far = sum_up_to(left), far2 = squares_up_to(left);
  if (past >= 0) {
    far += sum_up_to(past);
    far2 += squares_up_to(past);
  } else {
    far -= sum_up_to(-past - 1);
    far2 -= squares_up_to(-past - 1);
  }
  facts[kDistance] = float(far / n);
  facts[kDistance2] = float(far2 / n);
  facts[kLargest] = w;
  facts[kSelf] = cell(query);
  facts[kPrevious] = cell(query - 1);
  facts[kNext] = cell(query + 1);
  facts[kFirst] = w;
  facts[kRest] = share(n - 1);
  facts[kRestEntropy] = n > 1 ? std::log2(float(n - 1)) : 0;
  facts[kRestDistance] = float((far - query) / n);
  facts[kRestDistance2] = float((far2 - double(query) * query) / n);
  facts[kRestLargest] = n > 1 ? w : 0;
  facts[kSpan50] = float(std::ceil((.5 - kSpanSlack) * n));
  facts[kSpan90] = float(std::ceil((.9 - kSpanSlack) * n));
  const int word = std::min(c.sets.word_end[size_t(query)], n) - c.sets.word_begin[size_t(query)];
  facts[kSameWord] = share(std::max(0, word - 1));
  facts[kSpecial] = share(n_below(c.sets.special, n));
  facts[kPunctuation] = share(n_below(c.sets.punctuation, n));
  const EarlierCopies& copies = c.sets.copies;
  int n_copies = 0, n_behind = 0;
  for (int i = copies.begin[size_t(query)]; i < copies.end[size_t(query)]; ++i) {
    n_copies += copies.keys[size_t(i)] < n;
    n_behind += copies.keys[size_t(i)] + 1 < n;
  }
  facts[kDuplicate] = share(n_copies);
  facts[kInduction] = share(n_behind);
  facts[kInductionMass] = w >= kInductionLeast ? facts[kInduction] : 0;
}

}  // namespace attn
