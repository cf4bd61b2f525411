// tokenizer_ids.h - texts of token ids, for models that come without a tokenizer.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace attn {

// Its tokens are the numbers from 0 to n - 1, and texts are ids with blanks between them: "5 12 7".
std::shared_ptr<const Tokenizer> ids_tokenizer(int n);

// The first word of the text that is no id of such a tokenizer; "" if there is none.
std::string_view first_not_id(const Tokenizer& tokenizer, std::string_view text);

// A text of the first few ids.
std::string example_ids(const Tokenizer& tokenizer);

}  // namespace attn
