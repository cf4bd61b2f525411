// tokenizer_regex.h - the patterns of a tokenizer, with bounded matching time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_text.h"

namespace attn {

// A literal string or a regular expression. Immutable; may be used from several threads.
class Pattern {
 public:
  static Pattern literal(std::string_view text);
  // `where` begins the error sentence.
  static Result<Pattern> regex(std::string_view source, const std::string& where);

  // Matches and the parts between them, which cover the text (valid UTF-8). If a match exceeds the
  // time limit, the rest of the text has no matches.
  std::vector<Match> find(std::string_view text) const;

 private:
  std::string literal_;
  std::shared_ptr<const void> code_;  // pcre2_code; null: search for literal_
};

}  // namespace attn
