// tokenizer_regex.h - the patterns of tokenizer.json, bounded in time whatever they are.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer_text.h"

namespace attn {

// A string to look for, or a regular expression. Immutable; may be used from several threads.
class Pattern {
 public:
  // {"String": "..."} or {"Regex": "..."}. `where` begins the error sentence.
  static Result<Pattern> read(const Json& json, const std::string& where);
  static Result<Pattern> regex(std::string_view source, const std::string& where);

  // Matches and what lies between them, from the first byte of valid UTF-8 to the last. Where a
  // match would take longer than any sensible pattern does, the rest of the text has none.
  std::vector<Match> find(std::string_view text) const;

 private:
  std::string literal_;
  std::shared_ptr<const void> code_;  // pcre2_code; none: look for literal_
};

}  // namespace attn
