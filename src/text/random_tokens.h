// random_tokens.h - tokens from ids, and random tokens repeated twice, with which induction
// is measured.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace attn {

// With the names that the tokenizer has, so that special tokens and marks are known; of words
// nothing is. They are no text: many ids in a row are nothing that the tokenizer would make of what
// they spell.
Tokens tokens_of_ids(const std::vector<int>& ids, const Tokenizer* tokenizer);

// r + r, r of `length` tokens: id = 1 + draw() % (d_vocab - 1), which is torch.randint(1, d_vocab,
// (length,)) after torch.manual_seed(seed), on a CPU. Id 0 is left out: most often it is a special
// token.
std::vector<int> repeated_ids(std::mt19937& draw, int d_vocab, int length);
// The same as tokens; an error if the vocabulary has only one token or `length` is below 1.
Result<Tokens> random_repeat(const Tokenizer* tokenizer, int d_vocab, int length, uint32_t seed);

}  // namespace attn
