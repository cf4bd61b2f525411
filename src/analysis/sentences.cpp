#include "analysis/sentences.h"

#include <algorithm>
#include <span>
#include <string>

namespace attn {

namespace {

constexpr std::string_view kMarks[] = {".", "!", "?", "。", "！", "？"};
constexpr std::string_view kClosers[] = {"\"", "'", ")", "]", "”", "’", "」", "』", "）", "》"};

// Abbreviations in lower case, without their last full stop: those that never end a sentence, those
// that end none before a number ("No. 5", "Jan. 3"), and those that end one before a capital
// letter.
constexpr std::string_view kNever[] = {
    "mr",  "mrs", "ms",  "mx",  "dr",  "prof", "st",     "mt",   "gen",  "col", "capt", "cpt",
    "lt",  "sgt", "rev", "hon", "gov", "sen",  "messrs", "mme",  "mlle", "vs",  "cf",   "viz",
    "e.g", "i.e", "eg",  "ie",  "al",  "ca",   "approx", "resp", "incl", "esp", "ph.d", "a.k.a"};
constexpr std::string_view kBeforeNumbers[] = {
    "no",  "nos", "fig", "figs", "eq",  "eqs", "sec", "ch",   "vol", "p",   "pp",  "ed", "art",
    "jan", "feb", "mar", "apr",  "jun", "jul", "aug", "sept", "sep", "oct", "nov", "dec"};
constexpr std::string_view kBeforeCapitals[] = {"etc", "inc", "ltd", "co",   "corp", "jr",
                                                "sr",  "a.m", "p.m", "dept", "est"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool ends_with_any(std::string_view text, std::span<const std::string_view> all) {
  return std::ranges::any_of(all, [&](std::string_view one) { return text.ends_with(one); });
}
bool starts_with_any(std::string_view text, std::span<const std::string_view> all) {
  return std::ranges::any_of(all, [&](std::string_view one) { return text.starts_with(one); });
}

// The last word, up to which only letters and full stops count, in lower case.
std::string last_word(std::string_view before) {
  constexpr size_t kLongest = 16;
  size_t begin = before.size();
  while (begin > 0 && before.size() - begin < kLongest) {
    const char c = before[begin - 1];
    if (!is_upper(c) && !is_lower(c) && c != '.') break;
    --begin;
  }
  std::string word(before.substr(begin));
  for (char& c : word)
    if (is_upper(c)) c = char(c - 'A' + 'a');
  return word;
}

// Letters separated by full stops: "u.s", "j".
bool are_initials(std::string_view word) {
  if (word.size() % 2 == 0) return false;
  for (size_t i = 0; i < word.size(); ++i)
    if ((word[i] == '.') != (i % 2 == 1)) return false;
  return true;
}

bool is_one_of(std::string_view word, std::span<const std::string_view> all) {
  return std::ranges::find(all, word) != all.end();
}

// `before` without the full stop.
bool goes_on(std::string_view before, std::string_view after) {
  const char last = before.empty() ? ' ' : before.back();
  if (last == '.' || is_blank(last)) return false;
  if (!after.empty() && !is_blank(after.front())) {  // "3.14", "example.com", but "end.Next"
    const char next = after.front();
    if (is_digit(next) || is_lower(next)) return true;
  }
  const std::string word = last_word(before);
  const size_t start = after.find_first_not_of(" \t\n\r");
  const std::string_view rest = start == std::string_view::npos ? "" : after.substr(start);
  if (rest.empty()) return false;
  if (is_one_of(word, kNever)) return true;
  if (is_one_of(word, kBeforeNumbers)) return is_digit(rest.front());
  if (is_one_of(word, kBeforeCapitals)) return !is_upper(rest.front());
  return are_initials(word) && is_upper(before.back()) && !(word == "i" && before.size() > 1);
}

}  // namespace

bool ends_sentence(std::string_view before, std::string_view after) {
  if (starts_with_any(after, kMarks) || starts_with_any(after, kClosers)) {
    // A quote that opens after a closing one has a blank before it.
    if (ends_with_any(before, kMarks) || ends_with_any(before, kClosers)) return false;
  }
  for (bool closes = true; closes;) {
    closes = false;
    for (const std::string_view closer : kClosers)
      if (before.ends_with(closer)) {
        before.remove_suffix(closer.size());
        closes = true;
      }
  }
  if (!ends_with_any(before, kMarks)) return false;
  if (!before.ends_with('.')) return true;
  before.remove_suffix(1);
  return !goes_on(before, after);
}

}  // namespace attn
