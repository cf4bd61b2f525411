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

struct TokenizerRecords;

// One vocabulary with its rules. Immutable; may be used from several threads.
class Tokenizer {
 public:
  // From what any reader of a file made (tokenizer_records.h).
  static Result<std::shared_ptr<const Tokenizer>> from_records(TokenizerRecords records);
  // Hugging Face tokenizer.json. Kinds and steps that are not known are an error that names them.
  static Result<std::shared_ptr<const Tokenizer>> from_json(const Json& json,
                                                            std::string_view file);
  ~Tokenizer();

  // Text of any bytes (what is not UTF-8 becomes U+FFFD first). Special tokens that the
  // post-processor adds ([CLS], <s>) only when `add_special`; those spelt out in the text always.
  Tokens encode(std::string_view text, bool add_special = true) const;
  std::string decode(std::span<const int> ids) const;

  int size() const;                 // ids are 0 .. size() - 1
  std::string piece(int id) const;  // "" for an id outside the vocabulary
  std::string shown(int id) const;  // as in Token::shown
  bool is_special(int id) const;
  int id_of(std::string_view piece) const;  // -1 when unknown

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
  Tokenizer();
};

}  // namespace attn
