// utf8.h - code points and widths of UTF-8 text.
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

// True for what must not reach a terminal or a page as it is: control characters (also U+0080 to
// U+009F) but line break and tab, and what turns the direction of the text around it.
bool is_unprintable(char32_t c);
// `text` with these as \u001b, and invalid bytes as U+FFFD. Line breaks as well where it is to be
// one line.
enum class LineBreaks { kept, escaped };
std::string printable(std::string_view text, LineBreaks breaks = LineBreaks::kept);
void append_escape(std::string& out, char32_t c);  // \u001b, as in JSON

// Columns in a terminal: 2 for East Asian wide and fullwidth, 0 for combining marks.
int display_width(std::string_view text);
// `text` padded with spaces to `columns`; longer text is not cut.
std::string pad_right(std::string_view text, int columns);
std::string pad_left(std::string_view text, int columns);

}  // namespace attn
