// continue_text.h - a text with one more token at its end, and the part of a text that fits.
#pragma once

#include <optional>
#include <string>

#include "text/tokenizer.h"

namespace attn {

// A text that is cut into these tokens and then `id`, or at least ends in `id`; nothing where no
// text does, as for half a character.
std::optional<std::string> text_with_token(const Tokenizer& tokenizer, const Tokens& tokens,
                                           int id);

// The longest beginning of the text, or end, of at most `most` tokens, special tokens included.
// Tokens::n_whole says how many the whole text has. No tokens where not even one fits.
Tokens cut_to_fit(const Tokenizer& tokenizer, const Tokens& whole, int most, bool end);

}  // namespace attn
