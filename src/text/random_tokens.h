// random_tokens.h - tokens from ids, and random tokens repeated twice, with which induction
// is measured.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace attn {

// With pieces from the tokenizer, so that special tokens and punctuation are known, but no words.
// They have no text: the tokenizer would usually not produce these ids from what they spell.
Tokens tokens_of_ids(const std::vector<int>& ids, const Tokenizer* tokenizer);

// r + r with r of `length` tokens: id = 1 + draw() % (d_vocab - 1), equal to torch.randint(1,
// d_vocab, (length,)) on the CPU after torch.manual_seed(seed). Id 0, usually a special token, is
// left out.
std::vector<int> repeated_ids(std::mt19937& draw, int d_vocab, int length);
// The same as tokens; an error if the vocabulary has only one token or `length` is below 1.
Result<Tokens> random_repeat(const Tokenizer* tokenizer, int d_vocab, int length, uint32_t seed);

}  // namespace attn
