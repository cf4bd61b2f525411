// tokenizer_normal_forms.h - rewrites of characters that keep track of places.
#pragma once

#include "base/utf8.h"
#include "text/tokenizer_text.h"

namespace attn {

// Characters that are composed of several stand for all of them; of a decomposed one all parts
// have its place.
void to_normal_form(AlignedText& text, NormalForm form);

// Every byte becomes its visible letter (see byte_to_letter).
void to_byte_letters(AlignedText& text);

}  // namespace attn
