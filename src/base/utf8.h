// utf8.h - code points, widths and normal forms of UTF-8 text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

constexpr char32_t kReplacement = 0xFFFD;

// Reads one code point at `at` and moves `at` past it. A broken byte gives kReplacement and
// moves by one, so any input is walked to its end.
char32_t decode_utf8(std::string_view text, size_t& at);
void append_utf8(std::string& out, char32_t code_point);
bool is_valid_utf8(std::string_view text);
// Where the first byte is that belongs to no code point; text.size() when there is none.
size_t first_broken_utf8(std::string_view text);
// Every longest part of a code point that was begun and not finished becomes one U+FFFD, as
// browsers and Python's errors="replace" do.
std::string repair_utf8(std::string_view text);

// Columns in a terminal: 2 for East Asian wide and fullwidth, 0 for combining marks.
int display_width(std::string_view text);
// `text` followed by as many spaces as make it `columns` wide (never cut).
std::string pad_right(std::string_view text, int columns);
std::string pad_left(std::string_view text, int columns);

enum class NormalForm { nfc, nfd, nfkc, nfkd };
// Broken input comes back as it is.
std::string normalize(std::string_view text, NormalForm form);

}  // namespace attn
