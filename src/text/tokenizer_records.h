// tokenizer_records.h - what a tokenizer is made of, whichever kind of file it was read from.
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
  bpe,         // neighbours that may be merged, in the order in which merges were learned
  word_piece,  // the longest piece that fits, again and again
  unigram,     // the cut of the highest score
  word_level,  // whole words only
};

// Ids of two pieces and of what they become. Lower ranks, their place in the list, merge first.
struct BpeMerge {
  int left = -1, right = -1, merged = -1;
};

// A vocabulary and the rule by which words are cut into its pieces.
struct SubwordRecords {
  SubwordKind kind = SubwordKind::bpe;
  Vocabulary vocabulary;
  std::vector<double> scores;    // of unigram: log probabilities by id, one for every id
  std::vector<BpeMerge> merges;  // of bpe, by rank; see add_merge
  int unknown = -1;              // the id that stands for what has no piece; -1: nothing does

  std::string continuing_prefix;   // of pieces that continue a word ("##")
  std::string end_of_word_suffix;  // of pieces that end a word ("</w>")
  bool fuse_unknown = false;       // unknown characters side by side are one token
  bool byte_fallback = false;     // what is unknown becomes the pieces <0x00> … <0xFF> of its bytes
  bool ignore_merges = false;     // words that are pieces are never cut
  int64_t most_characters = 100;  // of word_piece: longer words are unknown

  // The next merge. Where one of its three pieces is not in the vocabulary, nothing is added and
  // this is that piece. `continuing_prefix` counts: "a" and "##b" become "ab".
  std::optional<std::string> add_merge(std::string_view left, std::string_view right);
};

// A token that is found in the text before anything else is done to it.
struct AddedToken {
  int id = -1;  // where the vocabulary has the content, its id there counts
  std::string content;
  bool special = false;
  bool single_word = false;             // only where no word goes on before or after
  bool lstrip = false, rstrip = false;  // also matches whitespace on that side
  bool normalized = false;              // looked for in the normalized text
};

struct TokenizerRecords {
  std::string file = "tokenizer.json";  // where they stand, for errors
  SubwordRecords model;
  std::vector<AddedToken> added;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  Decoder decoder;
};

// Of a Hugging Face tokenizer.json. Kinds and steps that are not known are an error that names
// them; `file` begins every error sentence.
Result<TokenizerRecords> read_tokenizer_json(const Json& json, std::string_view file);

}  // namespace attn
