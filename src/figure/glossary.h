// glossary.h - the words that the program uses, explained to somebody who hears them for the first
// time.
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

// The first word of the glossary in `text` from `from` on, whole words in English, either case; the
// longest where several begin at one place. None: word is null.
struct FoundWord {
  const Word* word = nullptr;
  size_t begin = 0, end = 0;  // bytes of the text
};
FoundWord find_word(std::string_view text, size_t from, Lang lang);

}  // namespace attn
