// tokenizer_regex.h - the patterns of a tokenizer, bounded in time whatever they are.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_text.h"

namespace attn {

// A string to look for, or a regular expression. Immutable; may be used from several threads.
class Pattern {
 public:
  static Pattern literal(std::string_view text);
  // `where` begins the error sentence.
  static Result<Pattern> regex(std::string_view source, const std::string& where);

  // Matches and what lies between them, from the first byte of valid UTF-8 to the last. Where a
  // match would take longer than any sensible pattern does, the rest of the text has none.
  std::vector<Match> find(std::string_view text) const;

 private:
  std::string literal_;
  std::shared_ptr<const void> code_;  // pcre2_code; none: look for literal_
};

}  // namespace attn
