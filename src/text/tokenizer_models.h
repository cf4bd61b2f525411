// tokenizer_models.h - the models that split words into pieces of the vocabulary, one file each.
#pragma once

#include <array>
#include <string>

#include "text/tokenizer_records.h"

namespace attn {

// Byte pair encoding (Sennrich et al. 2016): repeatedly applies the merge that was learned first.
// Byte-level, and SentencePiece's with byte fallback for unknown characters.
SubwordModel make_bpe(SubwordRecords records);
// Greedy longest match (Wu et al. 2016, as in BERT).
SubwordModel make_word_piece(SubwordRecords records);
// The most likely segmentation (Kudo 2018), by the Viterbi algorithm.
SubwordModel make_unigram(SubwordRecords records);
// Whole words only.
SubwordModel make_word_level(SubwordRecords records);

// The model of any kind, after checking that all ids in use are in the vocabulary. `where` begins
// the error sentence.
Result<SubwordModel> make_subword_model(SubwordRecords records, const std::string& where);

// The ids of <0x00> … <0xFF>; -1 for those that the vocabulary lacks.
std::array<int, 256> ids_of_bytes(const Vocabulary& vocabulary);

}  // namespace attn
