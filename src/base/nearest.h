// nearest.h - the name that was probably meant by a misspelt one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace attn {

// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other, in
// bytes; upper and lower case, and '-' and '_', are the same. More than 64 bytes are not compared.
int edit_distance(std::string_view a, std::string_view b);

// The most similar name: at most a third of the given letters differ, or one begins with the other.
// Empty if no name is similar. Of equals, the first.
std::string nearest_name(std::string_view given, std::span<const std::string> names);

// "; did you mean \"map\"?", or nothing.
std::string did_you_mean(std::string_view given, std::span<const std::string> names);

}  // namespace attn
