#include "figure/filter_choices.h"

#include <algorithm>

#include "figure/filter_names.h"

namespace attn {
namespace {

constexpr int kMostWords = 4;  // of a measure's title

enum class Match { none, inside, beginning };

Match match(std::string_view name, const std::string& typed) {
  const size_t at = plain(name).find(typed);
  return at == 0 ? Match::beginning : at == std::string::npos ? Match::none : Match::inside;
}

Match match(const Text& name, const std::string& typed) {
  return std::max(match(name.en, typed), match(name.zh, typed));
}

struct Choices {
  std::string_view before;  // of the filter, up to the word
  std::string typed;        // the word, plain
  std::vector<FilterChoice> beginning, inside;

  void add(Match how, std::string word, std::string title, const char* after = " ") {
    const bool complete = std::string_view(after) == " " && plain(word) == typed;
    if (how == Match::none || complete) return;
    const std::string text = std::string(before) + word + after;
    (how == Match::beginning ? beginning : inside)
        .push_back({std::move(word), std::move(title), text});
  }
};

void add_roles(Choices& c, Lang lang, bool named) {
  for (const NamedRole& role : named_roles()) {
    const std::string word = plain(role.name.en);
    const Match how = c.typed.empty() ? Match::beginning : match(role.name, c.typed);
    c.add(how, named ? word : "role=" + word, role.name.in(lang));
  }
}

void add_measures(Choices& c, Lang lang) {
  for (const Metric* m : head_metrics())
    c.add(std::max(match(m->id, c.typed), match(m->title, c.typed)), m->id, m->title.in(lang),
          " > ");
}

// L5 of "L", "L5" and 层, and so on.
void add_places(Choices& c, std::string_view word, char letter, std::string_view zh, int n) {
  std::string_view digits;
  if (word.starts_with(letter) || word.starts_with(char(letter - 'A' + 'a')))
    digits = word.substr(1);
  else if (word != zh)
    return;
  if (!std::ranges::all_of(digits, is_decimal)) return;
  for (int i = 0; i < n; ++i)
    if (const std::string number = std::to_string(i); number.starts_with(digits))
      c.add(Match::beginning, letter + number, "");
}

// Where the last word begins; of several words, the first with which they begin a measure's title.
size_t word_begin(std::string_view text) {
  size_t begin = text.size(), longest = text.size();
  for (int n = 0; n < kMostWords && begin > 0; ++n) {
    size_t at = begin;
    if (n > 0)
      while (at > 0 && is_blank(text[at - 1])) --at;
    const size_t end = at;
    while (at > 0 && !is_blank(text[at - 1]) && !is_operator(text[at - 1])) --at;
    if (at == end) break;
    begin = at;
    const std::string typed = plain(text.substr(begin));
    const auto begins = [&](const Metric* m) { return match(m->title, typed) == Match::beginning; };
    if (n == 0 || std::ranges::any_of(head_metrics(), begins)) longest = begin;
  }
  return longest;
}

}  // namespace

std::vector<FilterChoice> filter_choices(std::string_view text, int n_layers, int n_heads,
                                         Lang lang, size_t most) {
  if (text.size() > kMostFilter) return {};
  const size_t begin = word_begin(text);
  const std::string_view word = text.substr(begin);
  Choices c{text.substr(0, begin), plain(word), {}, {}};
  std::string_view before = c.before;
  while (!before.empty() && is_blank(before.back())) before.remove_suffix(1);
  if (!before.empty() && is_operator(before.back())) {
    before.remove_suffix(1);
    while (!before.empty() && is_blank(before.back())) before.remove_suffix(1);
    if (!plain(before).ends_with("role") && !before.ends_with("角色")) return {};
    add_roles(c, lang, true);
  } else if (!word.empty()) {
    add_places(c, word, 'L', "层", n_layers);
    add_places(c, word, 'H', "头", n_heads);
    c.add(match(Text{"role", "角色"}, c.typed), "role", tr(lang, "Role in general", "一般角色"),
          "=");
    add_measures(c, lang);
    add_roles(c, lang, false);
  }
  std::vector<FilterChoice> all = std::move(c.beginning);
  all.insert(all.end(), c.inside.begin(), c.inside.end());
  if (all.size() > most) all.resize(most);
  return all;
}

}  // namespace attn
