// match.h - how well typed letters match names, for search boxes.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace attn {

// 0: not all of the typed words match one of the names; else the higher, the better. Letters match
// where a word begins or after the letter matched before, so that "copy li" and "cl" both find
// "Copy link"; every Chinese character begins a word. Case-insensitive for ASCII.
int match_score(std::string_view typed, std::span<const std::string> names);

}  // namespace attn
