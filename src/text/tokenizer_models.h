// tokenizer_models.h - the models that cut a word into pieces of the vocabulary, one file each.
#pragma once

#include "text/tokenizer_steps.h"

namespace attn {

// Byte pair encoding (Sennrich et al. 2016): of all neighbours that may be merged, always those
// whose merge was learnt first. Byte-level, and SentencePiece's with its bytes for what is unknown.
Result<SubwordModel> read_bpe(const Section& section);
// The longest piece that fits, again and again (Wu et al. 2016, as in BERT).
Result<SubwordModel> read_word_piece(const Section& section);
// The most likely cut (Kudo 2018), by Viterbi's algorithm.
Result<SubwordModel> read_unigram(const Section& section);
// Whole words alone.
Result<SubwordModel> read_word_level(const Section& section);

}  // namespace attn
