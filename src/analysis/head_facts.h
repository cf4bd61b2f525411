// head_facts.h - facts of single rows (RowFact): from weights, or as uniform attention would have
// them.
#pragma once

#include <span>
#include <vector>

#include "text/token_sets.h"
#include "trace/trace.h"

namespace attn {

// A row with less weight than this on keys other than the first is not counted without the sink.
constexpr double kLeastRest = .01;

// What head scores need of one sample besides its weights; made once for all heads of the layers
// that have the same window.
struct HeadContext {
  const Attention& a;
  int sample = 0, layer = 0;
  int period = 0;  // the input is r + r with r of this many tokens; 0: it is not
  int offset = 0;  // for the score of a fixed offset, A[i, i - offset]

  bool self = true;  // query i is key i
  TokenSets sets;
  TokenIds ids;
  std::vector<int> segments;  // [n_key] where the sentence of each key begins
  std::vector<char> is_special, is_punctuation, is_comma_or_point;  // [n_key]

  HeadContext(const Attention& attention, int sample, int layer, int period, int offset);
  // Every key before end_of() may be seen.
  bool sees_all() const { return a.allowed.empty() && a.reach(layer) == INT_MAX; }
  int n_seen(int query) const { return n_seen_[size_t(query)]; }  // keys that may be seen
  // Earlier visible copies of the query's token, and keys that follow such copies.
  int n_copies(int query) const { return n_copies_[size_t(query)]; }
  int n_after(int query) const { return n_after_[size_t(query)]; }
  bool has_word(int query) const {
    return has_word_[size_t(query)] != 0;
  }  // another token of its word
  bool sees(int query, int key) const;
  // The first key from which on all are masked.
  int end_of(int query) const;

 private:
  std::vector<int> n_seen_, n_copies_, n_after_;  // [n_query]
  std::vector<char> has_word_;                    // [n_query], of those that may be seen
};

// Facts of a row of weights [n_key], as row_facts.h defines them; masked cells count as 0 whatever
// they hold. kLogSum stays 0. In double: for traces without facts, and to check those with them.
void facts_of(const HeadContext& context, int query, std::span<const float> weights, float* facts);

// Facts of a row of uniform attention over the keys that it may see. Walks only the row's lists
// where the mask is causal or none and there is no window, else the whole row.
void uniform_facts(const HeadContext& context, int query, float* facts);

}  // namespace attn
