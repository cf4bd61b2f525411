// regroup.h - measures as people read them: words for sub-words, special tokens left out, means
// over heads or layers.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"

namespace attn {

enum class Merge { sum, mean, largest };

// Tokens begin .. end-1.
struct TokenSpan {
  int begin = 0, end = 0;
  bool operator==(const TokenSpan&) const = default;
};
// Neighbouring tokens that count as one.
struct Groups {
  std::vector<int> of_token;       // [n] the group of each token, ascending from 0; -1: left out
  std::vector<std::string> names;  // [group] their text
  std::vector<TokenSpan> places;   // [group] from its first token to its last
  int size() const { return int(names.size()); }
  // The group of a token or, where that is left out, of the next that is not (else the last). -1:
  // there are none.
  int nearest(int token) const;
};
Groups words_of(const Tokens& tokens);      // as word_begins() of token_sets.h cuts them
Groups sentences_of(const Tokens& tokens);  // ended by . ! ? 。 ！ ？ or a special token
// One group for each span of tokens begin .. end-1, in order and apart; tokens outside are by
// themselves. What overlaps or leaves the text is left out.
Groups spans_of(const Tokens& tokens, std::vector<TokenSpan> spans);
// Without the tokens whose flag is set; what remains of a group stays one.
Groups without(const Groups& groups, const std::vector<char>& flags, const Tokens& tokens);
std::vector<char> special_flags(const Tokens& tokens);

// "2-5.7-9" or "2-5,7": both ends included, separated by a dot or a comma. An error is a sentence.
Result<std::vector<TokenSpan>> read_spans(std::string_view text);
std::string write_spans(std::vector<TokenSpan> spans);
// These and one more; where it is one of them, it goes; those that it touches make way.
std::vector<TokenSpan> with_span(std::vector<TokenSpan> spans, TokenSpan span);

// What a state asks for: State::units, spans, specials and, of a pair, between. `regroups`:
// anything but tokens as the model reads them.
bool regroups(const State& state);
enum class PairSide { query, key };
Groups groups_of(const Tokens& tokens, const State& state, PairSide side);
// clamped(); where special tokens are hidden, the chosen token is one that is not (the next, else
// the last), and no hidden key is locked.
State visible(const State& state, const Trace& trace);
// Groups as if they were tokens: their text, their place in it and their positions, no ids.
Tokens tokens_of(const Groups& groups, const Tokens& tokens);
// One sample to read measures by: names, sizes and mask are those of the groups of
// `sample`, a group being seen where any token of it is. It has no q, k and v.
Pairs pairs_of(const Groups& queries, const Groups& keys, const Pairs& tokens, int sample,
               int layer);

// In words: how groups are made of tokens; "" where each token is one.
std::string regroup_words(const State& state, bool adds_up, Lang lang);
// "3 hidden special tokens", or of a pair "12 hidden tokens".
std::string hidden_words(const State& state, int n_hidden, Lang lang);
// "3 hidden special tokens hold 0.430 of the weight"
std::string hidden_words(const State& state, int n_hidden, double mass, Lang lang);

// Keys and queries of a group as one. What goes to a word is what goes to its parts, so weights are
// summed over keys; what comes from it is the mean over its parts as queries (Clark et al. 2019).
// Rows that summed to 1 still do. Cells that are NaN are left out; a group of nothing else is NaN.
Measure merged(const Measure& m, const Groups& queries, const Groups& keys,
               Merge over_keys = Merge::sum, Merge over_queries = Merge::mean);

// Queries and keys whose flag is set are left out. Nothing is renormalised: rows then sum to what
// is left.
Measure hidden(const Measure& m, const std::vector<char>& queries, const std::vector<char>& keys);

// merged() of {query, key} numbers a row at a time, so that they need not all be there at once.
class RowMerger {
 public:
  RowMerger(const Groups& queries, const Groups& keys, Merge over_keys = Merge::sum,
            Merge over_queries = Merge::mean);
  // Rows of all queries, in order; rows of queries that are left out may be skipped.
  void add(int query, std::span<const float> row);
  Measure take();
  // Of each group of queries, the mean over its rows of what goes to keys that are left out. Call
  // after take().
  const std::vector<float>& hidden() const { return hidden_; }

 private:
  void finish();

  const Groups &queries_, &keys_;
  Merge over_keys_, over_queries_;
  Measure made_;
  std::vector<float> hidden_;
  int group_ = -1, n_rows_ = 0;
  double hidden_sum_ = 0;
  std::vector<double> row_, sums_;
  std::vector<int> row_counts_, counts_;
};

// The mean along the first axis of this name, which the result no longer has; without such an axis
// the measure is returned unchanged.
Measure mean_over(const Measure& m, Axis axis);

}  // namespace attn
