// heads_filter.cpp - parses conditions on heads, such as "induction > 0.5 L5".
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "figure/filter_names.h"
#include "figure/heads_table.h"

namespace attn {
namespace {

using Condition = HeadFilter::Condition;

constexpr size_t kMostNamed = 6;  // measures in one error

// Levenshtein distance.
int edits(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = int(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = std::exchange(row[0], int(i));
    for (size_t j = 1; j <= b.size(); ++j)
      diagonal = std::exchange(
          row[j], std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])}));
  }
  return row[b.size()];
}

const Metric* metric_named(std::string_view name) {
  for (const Metric* m : head_metrics())
    for (std::string_view known :
         {std::string_view(m->id), std::string_view(m->title.en), std::string_view(m->title.zh)})
      if (plain(name) == plain(known)) return m;
  return nullptr;
}

// The measures whose id or title begins with this; a name known whole is the only one.
std::vector<const Metric*> metrics_beginning(std::string_view name) {
  if (const Metric* exact = metric_named(name)) return {exact};
  std::vector<const Metric*> found;
  const std::string start = plain(name);
  if (start.empty()) return found;
  for (const Metric* m : head_metrics())
    if (plain(m->id).starts_with(start) || plain(m->title.en).starts_with(start) ||
        plain(m->title.zh).starts_with(start))
      found.push_back(m);
  return found;
}

std::string nearest_id(std::string_view name) {
  std::string best;
  int fewest = 1000;
  for (const Metric* m : head_metrics()) {
    const int n = edits(plain(name), plain(m->id));
    if (n < fewest) best = m->id;
    fewest = std::min(fewest, n);
  }
  return best;
}

struct Reader {
  std::string_view text;
  Lang lang;
  size_t at = 0;

  const char* t(const char* en, const char* zh) const { return tr(lang, en, zh); }
  void skip() {
    while (at < text.size() && is_blank(text[at])) ++at;
  }
  bool peeks_operator() {
    skip();
    return at < text.size() && is_operator(text[at]);
  }
  std::string_view word() {
    const size_t from = at;
    while (at < text.size() && !is_blank(text[at]) && !is_operator(text[at])) ++at;
    return text.substr(from, at - from);
  }
  std::string quoted(std::string_view s) const {
    return std::string(t("\"", "“")) + std::string(s.substr(0, 40)) + t("\"", "”");
  }
  Error unknown(std::string_view name) const {
    return {quoted(name) + t(" is not a measure; did you mean ", " 不是度量；是否指 ") +
            nearest_id(name) + t("?", "？")};
  }

  Error ambiguous(std::string_view name, const std::vector<const Metric*>& found) const {
    std::string ids;
    for (size_t i = 0; i < found.size() && i < kMostNamed; ++i)
      ids += (i == 0 ? "" : t(", ", "、")) + std::string(found[i]->id);
    if (found.size() > kMostNamed) ids += t(", …", "…");
    return {quoted(name) + t(" begins several measures: ", " 是多个度量的开头：") + ids};
  }

  // "5" or "2-4", after L or H.
  bool range(std::string_view& rest, int& from, int& to) {
    const auto number = [&](int& into) {
      const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), into);
      if (error != std::errc()) return false;
      rest.remove_prefix(size_t(end - rest.data()));
      return true;
    };
    if (rest.empty() || !is_decimal(rest[0]) || !number(from)) return false;
    to = from;
    if (rest.size() > 1 && rest[0] == '-' && is_decimal(rest[1])) {
      rest.remove_prefix(1);
      return number(to) && to >= from;
    }
    return true;
  }

  // L5, H1, L5H1, L2-4. False if the word is something else.
  bool place(std::string_view word, std::vector<Condition>& out) {
    std::vector<Condition> found;
    while (!word.empty()) {
      const char letter = word[0];
      const bool layer = letter == 'L' || letter == 'l';
      if (!layer && letter != 'H' && letter != 'h') return false;
      word.remove_prefix(1);
      Condition c;
      c.kind = layer ? Condition::layer : Condition::head;
      if (!range(word, c.from, c.to)) return false;
      found.push_back(c);
    }
    out.insert(out.end(), found.begin(), found.end());
    return !found.empty();
  }

  Result<float> number() {
    const std::string_view given = word();
    // Not std::from_chars, which some standard libraries implement for integers only.
    const std::string copy(given);
    char* end = nullptr;
    const float value = std::strtof(copy.c_str(), &end);
    const std::string_view rest(end);
    if (end == copy.c_str() || !std::isfinite(value) || (!rest.empty() && rest != "%"))
      return Error{given.empty()
                       ? std::string(t("A number is missing after the operator, as in self > 0.5",
                                       "运算符之后缺少数字，例如 self > 0.5"))
                       : quoted(given) + t(" is not a number; write one such as 0.5 or 50%",
                                           " 不是数字；请写 0.5 或 50% 这样的数字")};
    return rest == "%" ? value / 100 : value;
  }

  // What follows "role": "=induction".
  Result<Condition> role() {
    skip();
    Condition c;
    c.kind = Condition::role;
    if (at >= text.size() || text[at] != '=')
      return Error{t("A role is compared with =, as in role=induction",
                     "角色用 = 比较，例如 role=induction")};
    ++at;
    skip();
    const std::string_view name = word();
    std::string known;
    for (const NamedRole& r : named_roles()) {
      for (const char* title : {r.name.en, r.name.zh})
        if (!name.empty() && plain(title).starts_with(plain(name))) return c.is = r.role, c;
      known += (known.empty() ? "" : t(", ", "、")) + plain(r.name.in(lang));
    }
    if (plain(name) == "sink") return c.is = Role::sink, c;
    return Error{quoted(name) + t(" is not a role; choose one of: ", " 不是角色；请选择：") +
                 known};
  }

  Result<Condition> comparison(std::string_view name) {
    Condition c;
    const std::vector<const Metric*> found = metrics_beginning(name);
    if (found.size() > 1) return ambiguous(name, found);
    c.metric = found.empty() ? nullptr : found[0];
    skip();
    if (at >= text.size() || !is_operator(text[at])) {
      if (!c.metric) return unknown(name);
      return Error{quoted(name) + t(" needs a comparison, such as ", " 之后需要比较条件，例如 ") +
                   c.metric->id + " > 0.5"};
    }
    if (name.empty())
      return Error{t("A measure's name is missing before the operator, as in self > 0.5",
                     "运算符之前缺少度量的名称，例如 self > 0.5")};
    if (!c.metric) return unknown(name);
    const char sign = text[at++];
    const bool equals = at < text.size() && text[at] == '=';
    if (equals) ++at;
    c.op = sign == '>'   ? (equals ? Condition::at_least : Condition::above)
           : sign == '<' ? (equals ? Condition::at_most : Condition::below)
                         : Condition::equal;
    skip();
    const Result<float> value = number();
    if (!value) return value.error();
    c.value = *value;
    return c;
  }
};

}  // namespace

std::string plain(std::string_view name) {
  std::string out;
  for (char c : name)
    if (!is_blank(c) && c != '_') out += c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return out;
}

std::vector<NamedRole> named_roles() {
  std::vector<NamedRole> all;
  for (int i = 0; i < int(Role::nothing); ++i) all.push_back({Role(i), role_name(Role(i))});
  all.push_back({Role::nothing, {"none", "无"}});
  return all;
}

std::string role_filter(Role role) { return "role=" + plain(role_name(role).en); }

Result<HeadFilter> parse_filter(std::string_view text, Lang lang) {
  if (text.size() > kMostFilter)
    return Error{
        tr(lang, "A filter has at most 1000 bytes; shorten it", "筛选条件最多 1000 字节；请缩短")};
  HeadFilter filter;
  Reader r{text, lang};
  for (r.skip(); r.at < text.size(); r.skip()) {
    const std::string_view word = r.word();
    if (r.place(word, filter.conditions)) continue;
    if (plain(word) == "role" || word == "角色") {
      const Result<Condition> condition = r.role();
      if (!condition) return condition.error();
      filter.conditions.push_back(*condition);
      continue;
    }
    // Names may contain spaces, and begin with another one: "Induction mass > 0.5".
    std::string name(word);
    for (size_t back = r.at; !r.peeks_operator(); back = r.at) {
      const std::string_view next = r.word();
      if (next.empty()) {
        r.at = back;
        break;
      }
      name += " " + std::string(next);
    }
    if (!r.peeks_operator() || metrics_beginning(name).empty()) {
      r.at = size_t(word.data() + word.size() - text.data());
      name = word;
    }
    const Result<Condition> condition = r.comparison(name);
    if (!condition) return condition.error();
    filter.conditions.push_back(*condition);
  }
  return filter;
}

const Metric* newly_filtered(std::string_view before, std::string_view after) {
  const auto first = [](std::string_view text) -> const Metric* {
    const Result<HeadFilter> filter = parse_filter(text, Lang::en);
    if (!filter) return nullptr;
    const auto found = std::ranges::find(filter->conditions, Condition::measure, &Condition::kind);
    return found == filter->conditions.end() ? nullptr : found->metric;
  };
  const Metric* metric = first(after);
  return metric == first(before) ? nullptr : metric;
}

}  // namespace attn
