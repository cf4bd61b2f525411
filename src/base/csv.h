// csv.h - text as a field of a CSV file.
#pragma once

#include <string>
#include <string_view>

namespace attn {

// In quotes, with those inside doubled (RFC 4180).
inline std::string csv_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace attn
