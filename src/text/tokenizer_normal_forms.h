// tokenizer_normal_forms.h - Unicode normalization that keeps track of source positions.
#pragma once

#include "base/utf8.h"
#include "text/tokenizer_text.h"

namespace attn {

enum class NormalForm { nfc, nfd, nfkc, nfkd };

// A composed character covers the places of all its parts; each part of a decomposed character has
// the place of the whole.
void to_normal_form(AlignedText& text, NormalForm form);

// Every byte becomes its visible letter (see byte_to_letter).
void to_byte_letters(AlignedText& text);

}  // namespace attn
