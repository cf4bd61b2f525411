// regroup.h - measures as people read them: words for sub-words, special tokens left out, means over heads or layers.
#pragma once

#include <string>
#include <vector>

#include "analysis/measure.h"

namespace attn {

enum class Merge { sum, mean, largest };

// Neighbouring tokens that count as one.
struct Groups {
  std::vector<int> of_token;       // [n] the group of each token, ascending from 0
  std::vector<std::string> names;  // [group] their text
  int size() const { return int(names.size()); }
};
Groups words_of(const Tokens& tokens);      // as word_begins() of token_sets.h cuts them
Groups sentences_of(const Tokens& tokens);  // ended by . ! ? 。 ！ ？ or a special token
// One group for each span of tokens begin .. end-1, in order and apart; tokens outside are by themselves. What overlaps
// or leaves the text is left out.
struct TokenSpan {
  int begin, end;
};
Groups spans_of(const Tokens& tokens, std::vector<TokenSpan> spans);

// Keys and queries of a group as one. What goes to a word is what goes to its parts, so weights are summed over keys; what
// comes from it is the mean over its parts as queries (Clark et al. 2019). Rows that summed to 1 still do. Cells that are
// NaN are left out; a group of nothing else is NaN.
Measure merged(const Measure& m, const Groups& queries, const Groups& keys, Merge over_keys = Merge::sum,
               Merge over_queries = Merge::mean);

// Queries and keys whose flag is set are left out. Nothing is renormalised: rows then sum to what is left.
Measure hidden(const Measure& m, const std::vector<char>& queries, const std::vector<char>& keys);
std::vector<char> special_flags(const Tokens& tokens);

// The mean along the first axis of this name, which is gone then; without such an axis the measure as it is.
Measure mean_over(const Measure& m, Axis axis);

}  // namespace attn
