#include "text/find_text.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "base/utf8.h"
#include "text/tokenizer_chars.h"

namespace attn {
namespace {

// Lower-case characters, and the byte at which each begins.
struct Folded {
  std::u32string letters;
  std::vector<size_t> at;
};

Folded folded(std::string_view text) {
  Folded out;
  for (size_t at = 0; at < text.size();) {
    out.at.push_back(at);
    out.letters += lower(decode_utf8(text, at));
  }
  out.at.push_back(text.size());
  return out;
}

// The text with the bytes of each token; names without a text are joined by spaces.
struct Spread {
  std::string text;
  std::vector<size_t> begin, end;
};

Spread spread(const Tokens& tokens) {
  Spread out{tokens.text, {}, {}};
  for (const Token& token : tokens.items) {
    if (tokens.text.empty()) out.text += out.text.empty() ? "" : " ";
    out.begin.push_back(tokens.text.empty() ? out.text.size() : token.begin);
    if (tokens.text.empty()) out.text += token.shown;
    out.end.push_back(tokens.text.empty() ? out.text.size() : token.end);
  }
  return out;
}

// "120" or "#120"; -1 for anything else.
int position_of(std::string_view words, int n) {
  if (words.starts_with('#')) words.remove_prefix(1);
  int position = -1;
  const auto [end, error] = std::from_chars(words.data(), words.data() + words.size(), position);
  return error == std::errc() && end == words.data() + words.size() && position < n ? position : -1;
}

}  // namespace

std::vector<FoundTokens> find_tokens(const Tokens& tokens, std::string_view words, size_t most) {
  while (words.starts_with(' ')) words.remove_prefix(1);
  while (words.ends_with(' ')) words.remove_suffix(1);
  std::vector<FoundTokens> found;
  if (const int at = position_of(words, tokens.size()); at >= 0) found.push_back({at, at});
  const Spread all = spread(tokens);
  const Folded text = folded(all.text), wanted = folded(words);
  if (wanted.letters.empty()) return found;
  int first = 0;
  for (size_t at = 0; found.size() < most; at += wanted.letters.size()) {
    at = text.letters.find(wanted.letters, at);
    if (at == std::u32string::npos) break;
    const size_t from = text.at[at], to = text.at[at + wanted.letters.size()];
    while (first < tokens.size() && all.end[size_t(first)] <= from) ++first;
    int last = first;
    while (last + 1 < tokens.size() && all.begin[size_t(last) + 1] < to) ++last;
    if (first < tokens.size()) found.push_back({first, last});
  }
  return found;
}

}  // namespace attn
