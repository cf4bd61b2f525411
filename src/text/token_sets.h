// token_sets.h - what the facts of rows ask about tokens: earlier copies, special ones, marks,
// words.
#pragma once

#include <span>
#include <vector>

#include "text/tokens.h"

namespace attn {

// For each query i the earlier keys with its token: keys[begin[i]] .. keys[end[i] - 1], ascending,
// all < i. Grows with n, however often a token is repeated.
struct EarlierCopies {
  std::vector<int> keys;        // [n_key], those of one token side by side
  std::vector<int> begin, end;  // [n_query]; equal begins are equal tokens
};
EarlierCopies earlier_copies(std::span<const int> query_ids, std::span<const int> key_ids);
EarlierCopies earlier_copies(const Tokens& queries, const Tokens& keys);

// Made once for all layers and heads. What it says of a token depends on no later one, as long as a
// word grows at its end.
struct TokenSets {
  EarlierCopies copies;
  std::vector<int> special, punctuation;  // keys, ascending
  std::vector<int> word_begin,
      word_end;  // [n_query] keys of the query's word, itself among them; begin
                 // == end where queries are no keys or the token is no word
};
// `self`: query i is key i.
TokenSets token_sets(const Tokens& queries, const Tokens& keys, bool self);

// Nothing but punctuation marks (Unicode's P), ignoring spaces around them. False for special
// tokens.
bool is_punctuation(const Tokens& tokens, int i);
// For each token where its word begins, i itself if it begins one. A word goes on over tokens
// without a space between them, and ends at a space, a special token, a punctuation mark or a CJK
// character (which is a word by itself). Tokens that are no piece of the text are words by
// themselves.
std::vector<int> word_begins(const Tokens& tokens);

// A number for each of n tokens, equal for equal tokens: its id or, where there is no vocabulary,
// one below 0 for its name. The same names of queries and keys have the same number.
struct TokenIds {
  std::vector<int> queries, keys;
};
TokenIds token_ids(const Tokens& queries, int n_query, const Tokens& keys, int n_key);

}  // namespace attn
