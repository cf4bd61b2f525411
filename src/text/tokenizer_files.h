// tokenizer_files.h - tokenizers from the files that models had before there was a tokenizer.json.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_records.h"

namespace attn {

// The files beside the weights, and what config.json says of the tokenizer.
struct TokenizerFiles {
  // The content of the file of that name; nothing if it is not there.
  std::function<std::optional<std::string_view>(std::string_view name)> find;
  std::string model_type;       // decides where nothing names the class
  std::string tokenizer_class;  // of config.json; tokenizer_config.json is asked first
};

// The first that is there of vocab.txt, vocab.json, merges.txt and SentencePiece's models; "" if
// none is.
std::string_view older_tokenizer_file(const TokenizerFiles& files);

// The tokenizer that AutoTokenizer of transformers 5.24 makes of these files: vocab.txt, vocab.json
// with merges.txt, or SentencePiece's model; with tokenizer_config.json, special_tokens_map.json
// and added_tokens.json where they are there. Appends to `notes` what was assumed or left out.
Result<TokenizerRecords> read_tokenizer_files(const TokenizerFiles& files,
                                              std::vector<std::string>& notes);

// How to write a tokenizer.json; the end of error sentences.
inline constexpr const char* kWriteTokenizerJson =
    "write a tokenizer.json with transformers: "
    "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)";

// vocab.txt: a piece on each line, whose number from 0 is its id.
Result<SubwordRecords> read_word_list(std::string_view text, std::vector<std::string>& notes);

// vocab.json, which maps pieces to ids, and merges.txt with two pieces on each line.
Result<SubwordRecords> read_merges_file(std::string_view vocab, std::string_view merges);

}  // namespace attn
