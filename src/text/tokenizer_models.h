// tokenizer_models.h - the models that cut a word into pieces of the vocabulary, one file each.
#pragma once

#include <array>
#include <string>

#include "text/tokenizer_records.h"

namespace attn {

// Byte pair encoding (Sennrich et al. 2016): of all neighbours that may be merged, always those
// whose merge was learnt first. Byte-level, and SentencePiece's with its bytes for what is unknown.
SubwordModel make_bpe(SubwordRecords records);
// The longest piece that fits, again and again (Wu et al. 2016, as in BERT).
SubwordModel make_word_piece(SubwordRecords records);
// The most likely cut (Kudo 2018), by Viterbi's algorithm.
SubwordModel make_unigram(SubwordRecords records);
// Whole words only.
SubwordModel make_word_level(SubwordRecords records);

// Of any kind, after what no reader may get wrong has been checked: ids that are used are in the
// vocabulary. `where` begins the error sentence.
Result<SubwordModel> make_subword_model(SubwordRecords records, const std::string& where);

// The ids of <0x00> … <0xFF>; -1 for those that the vocabulary lacks.
std::array<int, 256> ids_of_bytes(const Vocabulary& vocabulary);

}  // namespace attn
