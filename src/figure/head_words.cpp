#include "figure/head_words.h"

#include <algorithm>
#include <vector>

#include "analysis/head_facts.h"
#include "figure/figure_text.h"
#include "figure/report_text.h"
#include "trace/row_facts.h"

namespace attn {

namespace {

// Rows of a pattern that are read where the pass told nothing of them.
constexpr int kMostRows = 512;
// A largest weight of at most this times that of uniform attention points at nothing.
constexpr float kEven = 1.5f;
// A target of at least this share of the rows is worth naming.
constexpr float kWorthNaming = .25f;

struct RoleWords {
  Role role;
  Text noun;   // the head's name
  Text other;  // as what it does besides
};

constexpr RoleWords kRoles[] = {
    {Role::previous_token,
     {"Previous-token head", "前一词元头"},
     {"also attends to the token before", "也关注前一个词元"}},
    {Role::next_token,
     {"Next-token head", "后一词元头"},
     {"also attends to the token after", "也关注后一个词元"}},
    {Role::self, {"Self-attending head", "自身头"}, {"also attends to itself", "也关注自身"}},
    {Role::induction,
     {"Induction head", "归纳头"},
     {"induction where a token stood before", "词元先前出现过时表现为归纳"}},
    {Role::duplicate_token,
     {"Duplicate-token head", "重复词元头"},
     {"attends to earlier copies where there are any", "有相同词元时关注先前的副本"}},
    {Role::sink,
     {"First-token sink", "首词元汇聚头"},
     {"otherwise rests on the first token", "其余时候停留在首个词元上"}},
    {Role::special,
     {"Special-token head", "特殊词元头"},
     {"also attends to special tokens", "也关注特殊词元"}},
    {Role::punctuation,
     {"Punctuation head", "标点头"},
     {"also attends to punctuation", "也关注标点"}},
    {Role::block,
     {"Local head (own sentence)", "局部头（本句内）"},
     {"also attends within the sentence", "也关注本句"}},
};

const RoleWords* words_of(Role role) {
  const auto it = std::ranges::find(kRoles, role, &RoleWords::role);
  return it == std::end(kRoles) ? nullptr : it;
}

std::string ordinal(int n) {  // 1st, 2nd, 11th
  const int last = n % 10, tens = n / 10 % 10;
  const char* end = tens == 1   ? "th"
                    : last == 1 ? "st"
                    : last == 2 ? "nd"
                    : last == 3 ? "rd"
                                : "th";
  return std::to_string(n) + end;
}

// "(0.82 on the probe; 3rd of 24)"; `first`: says of what.
std::string score_words(const ProbeRole& r, int n, bool first, Lang lang) {
  // A class has no score worth a number.
  if (r.role == Role::block || !r.score) return "";
  std::string says = fixed(double(r.value), 2);
  if (first) says = fill(tr(lang, "{0} on the probe", "探测得分 {0}"), {says});
  if (r.rank > 0)
    says += fill(tr(lang, "; {0} of {1}", "；{1} 个头中第 {0}"),
                 {lang == Lang::zh ? std::to_string(r.rank) : ordinal(r.rank), std::to_string(n)});
  return tr(lang, " (", "（") + says + tr(lang, ")", "）");
}

}  // namespace

std::string role_noun(Role role, Lang lang) {
  const RoleWords* words = words_of(role);
  return words ? words->noun.in(lang) : tr(lang, "No role found", "未发现角色");
}

std::string general_name(const HeadCharacter& character, Lang lang) {
  if (character.is_even()) return tr(lang, "Even attention", "均匀的注意力");
  return role_noun(character.main.role, lang);
}

std::string short_role(const HeadCharacter& character, Lang lang) {
  return character.has_role() ? role_name(character.main.role).in(lang) : "";
}

std::string general_words(const HeadCharacters& all, int layer, int head, Lang lang) {
  const HeadCharacter& c = all.at(layer, head);
  if (!c.has_role()) {
    if (c.is_even())
      return fill(
          tr(lang,
             "No role found: it attends almost evenly to all that it may see ({0} of the "
             "highest entropy on the probe).",
             "未发现角色：它几乎均匀地关注所有可见的词元（探测文本上的熵为最大值的 {0}）。"),
          {percent_text(c.evenness, 0)});
    return tr(lang, "No role found: none of its scores on the probe stands out.",
              "未发现角色：它在探测文本上没有突出的得分。");
  }
  std::string says = role_noun(c.main.role, lang) + score_words(c.main, all.size(), true, lang);
  if (const RoleWords* other = words_of(c.other.role))
    says += tr(lang, "; ", "；") + std::string(other->other.in(lang)) +
            score_words(c.other, all.size(), false, lang);
  return says + tr(lang, ".", "。");
}

std::string general_line(const HeadCharacters* all, int layer, int head, Lang lang) {
  const HeadCharacter* found = all ? all->find(layer, head) : nullptr;
  if (!found || !found->has_role()) return "";
  const HeadCharacter& c = *found;
  std::string says = tr(lang, "In general: ", "一般而言：") + role_noun(c.main.role, lang);
  if (const RoleWords* other = words_of(c.other.role))
    says += tr(lang, "; ", "；") + std::string(other->other.in(lang));
  return says;
}

std::string probe_words(const HeadCharacters& all, Lang lang) {
  std::string parts;
  if (all.n_random > 0)
    parts = fill(tr(lang, "{0} random tokens, repeated", "{0} 个随机词元，重复两遍"),
                 {std::to_string(all.n_random / 2)});
  if (all.n_text > 0)
    parts += (parts.empty() ? "" : tr(lang, ", and ", "，以及 ")) +
             fill(tr(lang, "{0} tokens of plain English", "{0} 个词元的普通英文"),
                  {std::to_string(all.n_text)});
  return fill(tr(lang,
                 "The probe is the same for every text: {0}. A score is the share of weight that "
                 "goes where such a head attends, 0 to 1.",
                 "探测文本固定不变：{0}。得分是落在该类头所关注之处的权重占比，0 到 1。"),
              {parts});
}

HeadHere head_here(const HereInput& in) {
  const Attention& a = in.attention;
  HeadHere out;
  if (!a.is_kept(in.layer)) return out;
  const HeadContext c(a, in.sample, in.layer, 0, 0);
  const bool told = a.masked_score == 0 && int(a.facts.size()) == a.n_layers &&
                    !a.facts[size_t(in.layer)].empty();
  out.has_rows = told || (a.n_query <= kMostRows && a.n_key <= kMostRows);
  std::vector<float> weights(told ? 0 : size_t(a.n_key));
  float made[kRowFacts];
  for (int q = 0; out.has_rows && q < a.n_query; ++q) {
    if (c.n_seen(q) < 2) continue;
    const float* facts = made;
    if (told) {
      facts =
          a.facts[size_t(in.layer)].head(int64_t(in.sample) * a.n_heads + in.head).row(q).data();
    } else {
      a.pattern_rows(in.sample, in.layer, in.head, q, q + 1, {weights.data(), 1, a.n_key});
      facts_of(c, q, weights, made);
    }
    const auto goes = [&](RowFact of) { return facts[of] > .5f; };
    ++out.n_rows;
    out.first += goes(kFirst);
    out.previous += c.self && goes(kPrevious);
    out.self += c.self && goes(kSelf);
    out.next += c.self && goes(kNext);
    out.special += goes(kSpecial);
    out.punctuation += goes(kPunctuation);
    if (c.n_after(q) == 0) continue;
    ++out.n_copied;
    out.copies += goes(kDuplicate);
    out.after += goes(kInduction);
  }
  if (in.row.empty()) return out;
  const int q = in.query;
  const Peak top = top_keys(in.row, 1)[0];
  const auto of_key = [&](int k) { return c.ids.keys[size_t(k)]; };
  const int own = c.ids.queries[size_t(q)];
  out.key = top.key;
  out.weight = top.weight;
  out.n_seen = c.n_seen(q);
  out.is_even = out.n_seen > 1 && top.weight <= kEven / float(out.n_seen);
  out.is_first = top.key == 0;
  out.is_special = c.is_special[size_t(top.key)] != 0;
  out.is_punctuation = c.is_punctuation[size_t(top.key)] != 0;
  if (!c.self) return out;
  out.is_self = top.key == q;
  out.is_previous = top.key == q - 1;
  out.is_next = top.key == q + 1;
  out.is_copy = top.key < q && of_key(top.key) == own;
  out.is_after = top.key > 0 && top.key <= q && of_key(top.key - 1) == own;
  return out;
}

std::string rows_words(const HeadHere& here, Lang lang) {
  if (!here.has_rows || here.n_rows < 2) return "";
  struct Target {
    int n;
    Text says;
  };
  const Target targets[] = {
      {here.first, {"Rests on the first token in {0} of rows", "在 {0} 的行中停留在首个词元上"}},
      {here.previous,
       {"Attends mostly to the token just before in {0} of rows",
        "在 {0} 的行中主要关注前一个词元"}},
      {here.self, {"Attends mostly to itself in {0} of rows", "在 {0} 的行中主要关注自身"}},
      {here.next,
       {"Attends mostly to the token just after in {0} of rows",
        "在 {0} 的行中主要关注后一个词元"}},
      {here.special,
       {"Attends mostly to special tokens in {0} of rows", "在 {0} 的行中主要关注特殊词元"}},
      {here.punctuation,
       {"Attends mostly to punctuation in {0} of rows", "在 {0} 的行中主要关注标点"}},
  };
  const Target& most = *std::ranges::max_element(targets, {}, &Target::n);
  const float share = float(most.n) / float(here.n_rows);
  std::string says;
  if (share >= kWorthNaming) says = fill(most.says.in(lang), {percent_text(share, 0)});
  const bool after = here.after >= here.copies;
  const int n = after ? here.after : here.copies;
  if (n > 0) {
    says += says.empty() ? tr(lang, "In ", "在") : tr(lang, "; in ", "；在");
    says += fill(
        after ? tr(lang,
                   "{0} of the {1} rows whose token stood before, it attends mostly to what "
                   "followed it",
                   "词元先前出现过的 {1} 行中，有 {0} 行主要关注当时紧随其后的词元")
              : tr(lang,
                   "{0} of the {1} rows whose token stood before, it attends mostly to its copies",
                   "词元先前出现过的 {1} 行中，有 {0} 行主要关注它先前的副本"),
        {std::to_string(n), std::to_string(here.n_copied)});
  }
  if (says.empty()) says = tr(lang, "Its rows have no common target", "各行没有共同的关注对象");
  return says + tr(lang, ".", "。");
}

std::string token_words(const HeadHere& here, const HereInput& in, Lang lang) {
  if (here.key < 0) return "";
  const auto named = [&](const std::vector<Tokens>& all, int i) {
    const Tokens& tokens = all[size_t(in.sample)];
    return quoted_token(lang, i < tokens.size() ? tokens.items[size_t(i)].shown : "") +
           tr(lang, " (", "（") + std::to_string(i) + tr(lang, ")", "）");
  };
  const std::string query = named(in.attention.query_tokens, in.query),
                    key = named(in.attention.key_tokens, here.key);
  if (here.n_seen < 2)
    return fill(tr(lang, "{0} may see only one token.", "{0}只能看到一个词元。"), {query});
  if (here.is_even)
    return fill(tr(lang,
                   "At {0} it attends about evenly to the {1} tokens that it may see; the largest "
                   "weight, {2}, is on {3}.",
                   "在{0}处，它大致均匀地关注可见的 {1} 个词元；最大权重 {2} 落在{3}上。"),
                {query, std::to_string(here.n_seen), weight_text(here.weight, 3), key});
  std::string why;
  const auto add = [&](bool is, const char* en, const char* zh) {
    if (!is) return;
    if (!why.empty()) why += tr(lang, ", ", "，");
    why += tr(lang, en, zh);
  };
  add(here.is_self, "the token itself", "即自身");
  add(here.is_after, "the token that followed the same token before",
      "即同一词元先前出现时其后的词元");
  add(here.is_copy, "an earlier copy of the same token", "即先前的同一词元");
  add(here.is_previous, "the token just before it", "即紧邻的前一个词元");
  add(here.is_next, "the token just after it", "即紧邻的后一个词元");
  add(here.is_first, "the first token", "即首个词元");
  add(here.is_special && !here.is_first, "a special token", "即特殊词元");
  add(here.is_punctuation, "a punctuation mark", "即标点");
  return fill(tr(lang, "At {0} it attends most to {1}, weight {2}",
                 "在{0}处，它最关注{1}，权重 {2}"),
              {query, key, weight_text(here.weight, 3)}) +
         (why.empty() ? "" : tr(lang, ": ", "：") + why) + tr(lang, ".", "。");
}

}  // namespace attn
