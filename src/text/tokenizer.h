// tokenizer.h - text to tokens and back, exactly as the library that trained the model does it.
#pragma once

#include <memory>
#include <optional>
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
  friend class Tokenizing;
  struct Impl;
  std::unique_ptr<const Impl> impl_;
  Tokenizer();
};

// Tokenizer::encode() and encode_pair() in steps, so that others can have their turn in a long
// text: about a thousand tokens each, but all words are split off in one.
class Tokenizing {
 public:
  // Of one text, or of a pair. The tokenizer must outlive this.
  Tokenizing(const Tokenizer& tokenizer, std::string_view text,
             std::optional<std::string_view> second = {}, bool add_special = true);
  Tokenizing(Tokenizing&&) noexcept;
  Tokenizing& operator=(Tokenizing&&) noexcept;
  ~Tokenizing();

  bool step();            // false: that was the last
  Result<Tokens> take();  // after the last step; an error only of pairs

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace attn
