// utf8.h - code points, widths and normal forms of UTF-8 text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

constexpr char32_t kReplacement = 0xFFFD;

// Reads the code point at `at` and advances `at` past it. An invalid byte gives kReplacement and
// advances by one, so that decoding always terminates.
char32_t decode_utf8(std::string_view text, size_t& at);
void append_utf8(std::string& out, char32_t code_point);
bool is_valid_utf8(std::string_view text);
// Offset of the first invalid byte; text.size() if there is none.
size_t first_broken_utf8(std::string_view text);
// Replaces each maximal truncated code point with one U+FFFD, as browsers and Python's
// errors="replace" do.
std::string repair_utf8(std::string_view text);

// Columns in a terminal: 2 for East Asian wide and fullwidth, 0 for combining marks.
int display_width(std::string_view text);
// `text` padded with spaces to `columns`; longer text is not cut.
std::string pad_right(std::string_view text, int columns);
std::string pad_left(std::string_view text, int columns);

enum class NormalForm { nfc, nfd, nfkc, nfkd };
// Invalid input is returned unchanged.
std::string normalize(std::string_view text, NormalForm form);

}  // namespace attn
