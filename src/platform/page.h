// page.h - what the files that talk to the page share.
#pragma once

#include <string>

namespace attn::platform {

// Owns and frees what JavaScript allocated with stringToNewUTF8.
std::string take_text(char* text);

}  // namespace attn::platform
