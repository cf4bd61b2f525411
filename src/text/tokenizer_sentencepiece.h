// tokenizer_sentencepiece.h - SentencePiece's model files (sentencepiece_model.proto).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_records.h"

namespace attn {

enum class PieceType { normal = 1, unknown, control, user_defined, unused, byte };

struct SentencePiece {
  std::string_view text;
  float score = 0;
  PieceType type = PieceType::normal;
};

// What a tokenizer needs of a ModelProto; views into the file.
struct SentencePieceModel {
  std::vector<SentencePiece> pieces;  // by id
  bool is_bpe = false;                // else unigram
  bool byte_fallback = false;
  int64_t unk_id = 0, bos_id = 1, eos_id = 2;  // -1: none
  std::string_view unk_piece = "<unk>", bos_piece = "<s>", eos_piece = "</s>";
  std::string_view charsmap;  // of normalizers::precompiled; empty: none
  bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
};

// `file` begins every error sentence.
Result<SentencePieceModel> read_sentencepiece(std::string_view bytes, const std::string& file);

// Byte pair encoding. Which pieces merge is not in the file: every piece that is two others in a
// row is a merge. They are ranked by the id of the merged piece, or of normal pieces by score.
enum class MergeRank { by_id, by_score };
SubwordRecords bpe_records(const std::vector<SentencePiece>& pieces, MergeRank rank);

SubwordRecords unigram_records(const std::vector<SentencePiece>& pieces);

// From pieces, in which blanks are written as ▁, to their text. `bytes`: there are pieces like
// <0xE6>; `prefix`: the text was given a blank in front.
Decoder piece_decoder(bool bytes, bool prefix);

}  // namespace attn
