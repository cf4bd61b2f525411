#include "base/match.h"

#include <algorithm>
#include <vector>

namespace attn {
namespace {

constexpr size_t kMostTyped = 64, kMostName = 512;
constexpr int kNever = 1 << 20;

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

bool is_letter(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); }

bool begins_word(std::string_view name, size_t i) {
  const auto byte = static_cast<unsigned char>(name[i]);
  if (byte >= 0x80) return byte >= 0xc0;  // not within a character
  return !is_letter(name[i]) || i == 0 || !is_letter(name[i - 1]);
}

// One word: fewest jumps to the beginning of a later word.
int word_score(std::string_view word, std::string_view name) {
  name = name.substr(0, kMostName);
  std::vector<int> jumps(name.size() + 1, kNever);  // when the match so far ends before this byte
  for (size_t k = 0; k < word.size(); ++k) {
    std::vector<int> next(name.size() + 1, kNever);
    int fewest = k == 0 ? 0 : kNever;  // of the ends before `i`
    for (size_t i = 0; i < name.size(); ++i) {
      if (k > 0) fewest = std::min(fewest, jumps[i]);
      if (lower(word[k]) != lower(name[i])) continue;
      if (k > 0) next[i + 1] = jumps[i];
      if (begins_word(name, i)) next[i + 1] = std::min(next[i + 1], fewest + (i == 0 ? 0 : 1));
    }
    jumps = std::move(next);
  }
  const int fewest = *std::ranges::min_element(jumps);
  if (fewest >= kNever) return 0;
  return 100 - 10 * std::min(fewest, 9) + int(9 * word.size() / std::max(name.size(), word.size()));
}

}  // namespace

int match_score(std::string_view typed, std::span<const std::string> names) {
  typed = typed.substr(0, kMostTyped);
  int score = 0;
  for (size_t from = 0; from < typed.size();) {
    const size_t to = std::min(typed.find(' ', from), typed.size());
    const std::string_view word = typed.substr(from, to - from);
    from = to + 1;
    if (word.empty()) continue;
    int best = 0;
    for (const std::string& name : names) best = std::max(best, word_score(word, name));
    if (best == 0) return 0;
    score += best;
  }
  return score;
}

}  // namespace attn
