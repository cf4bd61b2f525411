// tokenizer.h - text to tokens and back, exactly as the library that trained the model does it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "text/tokens.h"

namespace attn {

struct Encoding;
struct TokenizerRecords;

// One vocabulary with its rules. Immutable; may be used from several threads.
class Tokenizer {
 public:
  // From the records of any reader (tokenizer_records.h).
  static Result<std::shared_ptr<const Tokenizer>> from_records(TokenizerRecords records);
  // From a Hugging Face tokenizer.json. Unknown kinds and steps are an error that names them.
  static Result<std::shared_ptr<const Tokenizer>> from_json(const Json& json,
                                                            std::string_view file);
  ~Tokenizer();

  // Tokenizes any bytes (invalid UTF-8 becomes U+FFFD first). Special tokens of the post-processor
  // ([CLS], <s>) are added only if `add_special`; those spelt out in the text are always found.
  Tokens encode(std::string_view text, bool add_special = true) const;
  // Two texts as the model reads pairs ([CLS] A [SEP] B [SEP]); `text` of the result has the second
  // on a line of its own. An error where the tokenizer has no form for two.
  Result<Tokens> encode_pair(std::string_view first, std::string_view second) const;
  std::string decode(std::span<const int> ids) const;

  int size() const;                 // ids are 0 .. size() - 1
  std::string piece(int id) const;  // "" for an id outside the vocabulary
  std::string shown(int id) const;  // as in Token::shown
  bool is_special(int id) const;
  int id_of(std::string_view piece) const;  // -1 when unknown

 private:
  struct Impl;
  std::vector<Token> tokens_of(const Encoding& encoding) const;
  std::unique_ptr<const Impl> impl_;
  Tokenizer();
};

// Of one text, or of two where the second is not empty.
Result<Tokens> encode(const Tokenizer& tokenizer, std::string_view text, std::string_view pair);

}  // namespace attn
