// tokenizer_records.h - the parts of a tokenizer, independent of the file they were read from.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer_steps.h"
#include "text/tokenizer_vocabulary.h"

namespace attn {

enum class SubwordKind {
  bpe,         // merges adjacent pieces in the order in which merges were learned
  word_piece,  // greedy longest match
  unigram,     // the segmentation with the highest score
  word_level,  // whole words only
};

// Ids of two pieces and of the merged piece. The index in the list is the rank; lower ranks merge
// first.
struct BpeMerge {
  int left = -1, right = -1, merged = -1;
};

// A vocabulary and the model that splits words into its pieces.
struct SubwordRecords {
  SubwordKind kind = SubwordKind::bpe;
  Vocabulary vocabulary;
  std::vector<double> scores;    // unigram: log probability of every id
  std::vector<BpeMerge> merges;  // bpe: by rank; see add_merge
  int unknown = -1;              // id of the unknown token; -1: none

  std::string continuing_prefix;   // of pieces that continue a word ("##")
  std::string end_of_word_suffix;  // of pieces that end a word ("</w>")
  bool fuse_unknown = false;       // adjacent unknown characters become one token
  bool byte_fallback = false;      // unknown characters become byte pieces <0x00> … <0xFF>
  bool ignore_merges = false;      // words that are pieces are not split
  int64_t most_characters = 100;   // word_piece: longer words are unknown

  // Adds the next merge. If one of its three pieces is not in the vocabulary, adds nothing and
  // returns that piece. `continuing_prefix` is respected: "a" and "##b" become "ab".
  std::optional<std::string> add_merge(std::string_view left, std::string_view right);
};

// A token that is found in the text before all other steps.
struct AddedToken {
  int id = -1;  // overridden by the vocabulary's id for the content, if any
  std::string content;
  bool special = false;
  bool single_word = false;             // matches only whole words
  bool lstrip = false, rstrip = false;  // also matches whitespace on that side
  bool normalized = false;              // matched in the normalized text
};

struct TokenizerRecords {
  std::string file = "tokenizer.json";  // the source, for errors
  SubwordRecords model;
  std::vector<AddedToken> added;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  Decoder decoder;
};

// From a Hugging Face tokenizer.json. Unknown kinds and steps are an error that names them; `file`
// begins every error sentence.
Result<TokenizerRecords> read_tokenizer_json(const Json& json, std::string_view file);

}  // namespace attn
