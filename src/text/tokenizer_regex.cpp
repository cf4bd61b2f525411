// tokenizer_regex.cpp - regular expressions by PCRE2, in the dialect of the Hugging Face library.
#include "text/tokenizer_regex.h"

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "base/utf8.h"

namespace attn {
namespace {

// \s and \w of Oniguruma are Unicode's properties; PCRE2's own differ in a few characters
// (PCRE2 treats U+180E as a space, and older versions do not treat marks as word characters).
std::string translated(std::string_view source) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < source.size(); ++i) {
    const char c = source[i];
    if (c != '\\' || i + 1 == source.size()) {
      if (c == '[') in_class = true;
      if (c == ']') in_class = false;
      out += c;
      continue;
    }
    const char escape = source[++i];
    constexpr std::string_view kWord =
        "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";
    if (escape == 's') {
      out += "\\p{White_Space}";
    } else if (escape == 'S') {
      out += "\\P{White_Space}";
    } else if (escape == 'w' && in_class) {
      out += kWord;
    } else if (escape == 'w' || (escape == 'W' && !in_class)) {
      out.append(escape == 'w' ? "[" : "[^").append(kWord).append("]");
    } else {
      out += '\\';
      out += escape;
    }
  }
  return out;
}

// A match from one position may take this many steps, each of which may read the whole text.
uint32_t most_steps(size_t text_size) {
  return uint32_t(std::clamp<uint64_t>(10'000'000'000 / (text_size + 1), 100'000, 5'000'000));
}

struct Matcher {
  const pcre2_code* code;
  std::string_view text;
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_match_data* data = pcre2_match_data_create_from_pattern(code, nullptr);
  std::chrono::steady_clock::time_point last_moment;
  uint32_t n_tries = 0;

  Matcher(const pcre2_code* c, std::string_view t) : code(c), text(t) {
    if (!context) return;
    pcre2_set_match_limit(context, most_steps(text.size()));
    pcre2_set_heap_limit(context, 64 * 1024);  // KiB
    last_moment = std::chrono::steady_clock::now() + std::chrono::seconds(3) +
                  std::chrono::microseconds(20) * int64_t(text.size());
  }
  ~Matcher() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  // 1: matches from `at` on, up to `end`; 0: does not; -1: took too long.
  int match(size_t at, size_t& end) {
    if (!context || !data) return -1;
    if (++n_tries % 16 == 0 && std::chrono::steady_clock::now() > last_moment) return -1;
    // Tries one position at a time, so that the clock is checked in between.
    const int rc = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                               PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, data, context);
    if (rc == PCRE2_ERROR_NOMATCH) return 0;
    if (rc < 0) return -1;
    const size_t* range = pcre2_get_ovector_pointer(data);
    // \K may move the beginning; nothing sensible does.
    if (range[0] != at || range[1] < at || range[1] > text.size()) return 0;
    end = range[1];
    return 1;
  }
};

void find_regex(const pcre2_code* code, std::string_view text, std::vector<Match>& out) {
  Matcher matcher(code, text);
  size_t covered = 0, at = 0, last_end = size_t(-1);
  while (at <= text.size()) {
    size_t end = at;
    const int found = matcher.match(at, end);
    if (found < 0) break;
    // An empty match directly after another match is ignored.
    if (found == 0 || (end == at && at == last_end)) {
      if (at == text.size()) break;
      decode_utf8(text, at);
      continue;
    }
    if (covered < at) out.push_back({covered, at, false});
    out.push_back({at, end, true});
    at = covered = last_end = end;
  }
  if (covered < text.size()) out.push_back({covered, text.size(), false});
}

void find_literal(std::string_view literal, std::string_view text, std::vector<Match>& out) {
  size_t covered = 0;
  for (size_t at = text.find(literal); at != text.npos; at = text.find(literal, covered)) {
    if (covered < at) out.push_back({covered, at, false});
    covered = at + literal.size();
    out.push_back({at, covered, true});
  }
  if (covered < text.size()) out.push_back({covered, text.size(), false});
}

}  // namespace

Result<Pattern> Pattern::regex(std::string_view source, const std::string& where) {
  constexpr size_t kMostBytes = 20000;
  if (source.size() > kMostBytes)
    return Error{where + ": the regular expression is longer than 20000 bytes; shorten it"};
  const std::string text = translated(source);
  int code = 0;
  size_t offset = 0;
  pcre2_code* compiled =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
  if (!compiled) {
    PCRE2_UCHAR why[128] = {};
    pcre2_get_error_message(code, why, sizeof why);
    return Error{where + ": the regular expression " + json_quote(source.substr(0, 80)) +
                 " could not be compiled (" + reinterpret_cast<const char*>(why) +
                 "); correct it or remove it"};
  }
  Pattern pattern;
  pattern.code_ = std::shared_ptr<const void>(compiled, [](const void* p) {
    pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(p)));
  });
  return pattern;
}

Pattern Pattern::literal(std::string_view text) {
  if (text.empty()) return *regex("", "");  // an empty match between any two characters
  Pattern pattern;
  pattern.literal_ = text;
  return pattern;
}

std::vector<Match> Pattern::find(std::string_view text) const {
  std::vector<Match> out;
  if (code_) {
    find_regex(static_cast<const pcre2_code*>(code_.get()), text, out);
  } else {
    find_literal(literal_, text, out);
  }
  return out;
}

}  // namespace attn
