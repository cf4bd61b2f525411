// tokenizer_shown.h - makes any bytes readable.
#pragma once

#include <string>
#include <string_view>

namespace attn {

// Keeps spaces. Line breaks and tabs become arrows, other control characters symbols ("␀"),
// invisible characters their code point ("‹U+200B›"), invalid bytes their value ("‹E6›").
std::string readable(std::string_view bytes);

}  // namespace attn
