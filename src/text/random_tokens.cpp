#include "text/random_tokens.h"

#include <algorithm>

namespace attn {

Tokens tokens_of_ids(const std::vector<int>& ids, const Tokenizer* tokenizer) {
  Tokens tokens;
  for (int id : ids) {
    Token token{.id = id};
    if (tokenizer && id < tokenizer->size()) {
      token.piece = tokenizer->piece(id);
      token.shown = tokenizer->shown(id);
      token.special = tokenizer->is_special(id);
    }
    tokens.items.push_back(std::move(token));
  }
  return tokens;
}

std::vector<int> repeated_ids(std::mt19937& draw, int d_vocab, int length) {
  std::vector<int> ids(size_t(length), 0);
  for (int& id : ids) id = 1 + int(draw() % uint32_t(d_vocab - 1));
  ids.resize(2 * ids.size());
  std::copy_n(ids.begin(), length, ids.begin() + length);
  return ids;
}

Result<Tokens> random_repeat(const Tokenizer* tokenizer, int d_vocab, int length, uint32_t seed) {
  if (d_vocab < 2)
    return Error{"The vocabulary has only one token; random tokens need at least two"};
  if (length < 1)
    return Error{
        "The model's context length is one token; repeated random tokens need at least two"};
  std::mt19937 draw(seed);
  return tokens_of_ids(repeated_ids(draw, d_vocab, length), tokenizer);
}

}  // namespace attn
