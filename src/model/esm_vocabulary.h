// esm_vocabulary.h - the tokenizer of ESM, whose files have a vocab.txt and no tokenizer.json.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace attn {

// The tokenizer.json of a vocabulary with a token on each line, as EsmTokenizer of transformers
// reads it: one token for a letter, <cls> before the text and <eos> behind it.
Result<Json> esm_tokenizer(std::string_view vocab_txt);

}  // namespace attn
