#include "base/nearest.h"

#include <algorithm>
#include <array>

namespace attn {

namespace {

constexpr size_t kLongestName = 64;

char folded(char c) {
  if (c >= 'A' && c <= 'Z') return char(c - 'A' + 'a');
  return c == '_' ? '-' : c;
}

bool begins_with(std::string_view text, std::string_view start) {
  return text.size() >= start.size() &&
         std::equal(start.begin(), start.end(), text.begin(),
                    [](char a, char b) { return folded(a) == folded(b); });
}

}  // namespace

int edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kLongestName);
  b = b.substr(0, kLongestName);
  // Three rows of the table: a swap looks two rows back.
  std::array<std::array<int, kLongestName + 1>, 3> rows{};
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = int(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    row[0] = int(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
          folded(a[i - 2]) == folded(b[j - 1]))
        row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

std::string nearest_name(std::string_view given, std::span<const std::string> names) {
  constexpr size_t kFewest = 3;  // letters of a beginning that says enough
  const std::string *found = nullptr, *begun = nullptr;
  int least = int(std::max<size_t>(1, given.size() / 3)) + 1;
  for (const std::string& name : names) {
    const int distance = edit_distance(given, name);
    if (distance < least) {
      least = distance;
      found = &name;
    }
    const bool begins = (given.size() >= kFewest && begins_with(name, given)) ||
                        (name.size() >= kFewest && begins_with(given, name));
    if (begins && !begun) begun = &name;
  }
  if (!found) found = begun;
  return found ? *found : std::string();
}

std::string did_you_mean(std::string_view given, std::span<const std::string> names) {
  const std::string name = nearest_name(given, names);
  return name.empty() ? name : "; did you mean \"" + name + "\"?";
}

}  // namespace attn
