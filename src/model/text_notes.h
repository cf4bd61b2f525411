// text_notes.h - what the person has to know of a text as this model reads it.
#pragma once

#include <string>
#include <vector>

#include "model/model.h"

namespace attn {

// Warnings in words: a text of which half or more is unknown to the tokenizer, or a pair that was
// typed as one text. Empty for most.
std::vector<std::string> text_notes(const Model& model, const Tokens& tokens);

}  // namespace attn
