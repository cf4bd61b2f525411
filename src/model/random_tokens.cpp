#include "model/random_tokens.h"

#include <algorithm>

namespace attn {

Tokens tokens_of_ids(const std::vector<int>& ids, const Model& model) {
  Tokens tokens;
  for (int id : ids) {
    Token token{.id = id};
    if (model.tokenizer && id < model.tokenizer->size()) {
      token.piece = model.tokenizer->piece(id);
      token.shown = model.tokenizer->shown(id);
      token.special = model.tokenizer->is_special(id);
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

Result<Tokens> random_repeat(const Model& model, int length, uint32_t seed) {
  if (model.config.d_vocab < 2)
    return Error{model.name + ": has one token alone; random text needs two"};
  if (length < 1)
    return Error{model.name + ": reads one token alone; random text said twice needs two"};
  std::mt19937 draw(seed);
  return tokens_of_ids(repeated_ids(draw, model.config.d_vocab, length), model);
}

}  // namespace attn
