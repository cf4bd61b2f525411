// tokenizer_shown.h - any bytes as readable text.
#pragma once

#include <string>
#include <string_view>

namespace attn {

// Spaces stay. Line breaks and tabs become arrows, other control characters their pictures ("␀"),
// characters without a shape their number ("‹U+200B›"), bytes that are no character "‹E6›".
std::string readable(std::string_view bytes);

}  // namespace attn
