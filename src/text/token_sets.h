// token_sets.h - sets of tokens for row facts: earlier copies, special tokens, punctuation, words.
#pragma once

#include <span>
#include <vector>

#include "text/tokens.h"

namespace attn {

// For each query i, the earlier keys with the same token: keys[begin[i]] .. keys[end[i] - 1],
// ascending, all < i. Memory is linear in n, however often a token repeats.
struct EarlierCopies {
  std::vector<int> keys;        // [n_key], grouped by token
  std::vector<int> begin, end;  // [n_query]; equal begins are equal tokens
};
EarlierCopies earlier_copies(std::span<const int> query_ids, std::span<const int> key_ids);
EarlierCopies earlier_copies(const Tokens& queries, const Tokens& keys);

// Made once for all layers and heads. The sets of a token do not depend on later tokens, except
// that a word may grow at its end.
struct TokenSets {
  EarlierCopies copies;
  std::vector<int> special, punctuation;  // keys, ascending
  std::vector<int> word_begin,
      word_end;  // [n_query] keys of the query's word, itself among them; begin
                 // == end where queries are no keys or the token is no word
};
// `self`: query i is key i.
TokenSets token_sets(const Tokens& queries, const Tokens& keys, bool self);

// Whether the token is only punctuation (Unicode category P), ignoring surrounding spaces. False
// for special tokens.
bool is_punctuation(const Tokens& tokens, int i);
// For each token, the first token of its word. A word continues over tokens without a space between
// them, and ends at a space, a special token, a punctuation mark or a CJK character (a word by
// itself). Tokens that are not part of the text are words by themselves.
std::vector<int> word_begins(const Tokens& tokens);

// A number for each of n tokens, equal for equal tokens: its id or, without a vocabulary, a
// negative number for its name. Queries and keys with the same name have the same number.
struct TokenIds {
  std::vector<int> queries, keys;
};
TokenIds token_ids(const Tokens& queries, int n_query, const Tokens& keys, int n_key);

}  // namespace attn
