// tokenizer_drift.h - characters that the tokenizers library classifies by another version of
// Unicode than utf8proc.
#pragma once

#include <cstdint>

namespace attn {

enum class Drift { nonspacing, punctuation, control, plain };

// Whether the library's answer is the opposite of utf8proc's: of a nonspacing mark, punctuation and
// control characters; plain: NFD and NFKD leave the character as it is.
bool drifts(Drift drift, char32_t c);

// What is added to the character for its lower case, where utf8proc has none; else 0.
int32_t newer_lower(char32_t c);

}  // namespace attn
