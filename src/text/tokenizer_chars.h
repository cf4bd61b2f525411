// tokenizer_chars.h - character classes as defined by tokenizers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attn {

bool is_whitespace(char32_t c);  // White_Space of Unicode
bool is_number(char32_t c);      // N*
bool is_punctuation(
    char32_t c);           // P*, and all of ASCII that is neither letter, digit, space nor control
bool is_mark(char32_t c);  // M*
bool is_nonspacing_mark(char32_t c);  // Mn
bool is_word(char32_t c);             // \w of Unicode regular expressions
bool is_bert_control(char32_t c);     // Cc, Cf, Co, but for tab and line breaks
bool is_cjk_ideograph(char32_t c);    // BERT's "Chinese character"
char32_t lower(char32_t c);           // simple mapping

// GPT-2's alphabet: every byte as a visible character, a space as "Ġ".
char32_t byte_to_letter(uint8_t byte);
int letter_to_byte(char32_t letter);  // -1 for other characters
// The bytes that the letters of `piece` stand for; pieces with other characters are unchanged.
std::string bytes_of_letters(std::string_view piece);

}  // namespace attn
