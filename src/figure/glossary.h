// glossary.h - the terms used in the program, explained to newcomers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "state/language.h"

namespace attn {

struct Word {
  Text name;
  Text says;
};
std::span<const Word> glossary();

// The first glossary term in `text` at or after `from`: whole words in English, case-insensitive,
// the longest if several start at the same place. None: `word` is null.
struct FoundWord {
  const Word* word = nullptr;
  size_t begin = 0, end = 0;  // bytes of the text
};
FoundWord find_word(std::string_view text, size_t from, Lang lang);

}  // namespace attn
