// page.h - shared by the files that call into the page's JavaScript.
#pragma once

#include <string>

namespace attn::platform {

// Takes ownership of a string that JavaScript allocated with stringToNewUTF8.
std::string take_text(char* text);

}  // namespace attn::platform
