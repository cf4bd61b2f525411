// heads_words.cpp - what a head does, how clearly, and where it stands, in sentences.
#include <algorithm>
#include <cmath>

#include "figure/figure_text.h"
#include "figure/heads_table.h"

namespace attn {
namespace {

constexpr float kClear = .5f, kPartly = .2f;  // shares of attention
constexpr float kApart = .1f;                 // from the median of all heads, to be worth a word
constexpr int kFewTokens = 16;

// One share of attention: how large, and how far above what heads usually have here.
struct Standing {
  const HeadColumn* column;
  float value, apart;
};

bool is_share(const Metric& m) { return m.low == 0 && m.high == 1; }

std::vector<Standing> standings(const HeadsTable& table, size_t at) {
  std::vector<Standing> all;
  for (const HeadColumn& column : table.columns) {
    const float value = column.values[at];
    if (!is_share(*column.metric) || !std::isfinite(value)) continue;
    all.push_back({&column, value, value - median_of(column.values)});
  }
  std::ranges::stable_sort(all, [](const Standing& a, const Standing& b) { return a.apart > b.apart; });
  return all;
}

std::string whole_percent(float share) { return percent_text(share, share < .1f ? 1 : 0); }

}  // namespace

HeadWords head_words(const HeadsTable& table, int layer, int head, int n_tokens, Lang lang) {
  const auto t = [&](const char* en, const char* zh) { return std::string(tr(lang, en, zh)); };
  const size_t at = size_t(layer * table.n_heads + head);
  const std::vector<Standing> all = standings(table, at);
  HeadWords words;
  if (all.empty()) {
    words.title = t("Nothing is known of this head yet", "尚不了解这个头");
    return words;
  }
  const Standing& first = all[0];
  const std::string title = first.column->metric->title.in(lang);
  const bool found = first.apart >= kApart && first.value >= kPartly;
  const int rank = rank_of(first.column->values, at), n = table.size();
  if (found) {
    words.metric = first.column->metric;
    const bool clear = first.value >= kClear && first.apart >= kPartly;
    words.title = title + (clear ? t(": clearly", "：明显") : t(": in part", "：部分"));
    words.lines.push_back(
        t("In this text its score is ", "在这段文本中得分为 ") + whole_percent(first.value) +
        t("; the middle one of all heads has ", "；所有头的中位数为 ") +
        whole_percent(first.value - first.apart) + t(".", "。"));
    words.lines.push_back(std::string(first.column->metric->sentence.in(lang)) + t(".", "。"));
  } else {
    words.title = t("Nothing stands out", "没有突出的特征");
    words.lines.push_back(
        t("In this text it does nothing that these measures know more than other heads do; the "
          "furthest above them is ",
          "在这段文本中，就这些度量而言，它与其他头没有明显差别；相对最突出的是") +
        title + t(", ", "，") + whole_percent(first.value) + t(".", "。"));
  }
  std::string rank_says;
  if (rank == 1)
    rank_says = t("It is the highest of all ", "在全部 ") + std::to_string(n) +
                t(" heads.", " 个头中最高。");
  else
    rank_says = t("It is number ", "在全部 ") + std::to_string(lang == Lang::zh ? n : rank) +
                t(" of ", " 个头中排第 ") + std::to_string(lang == Lang::zh ? rank : n) +
                t(" heads.", "。");
  if (found && n > 1) words.lines.push_back(rank_says);

  // What fills most of its rows, though it may do so in every head.
  const auto largest = std::ranges::max_element(all, {}, &Standing::value);
  if (largest->column != first.column && largest->value >= kClear && largest->apart < kApart)
    words.lines.push_back(t("Like most heads here it scores high on ", "与多数头一样，") +
                          largest->column->metric->title.in(lang) + t(": ", "也较高：") +
                          whole_percent(largest->value) + t(".", "。"));
  if (found && all.size() > 1 && all[1].apart >= kApart && all[1].value >= kPartly)
    words.lines.push_back(t("It also does: ", "此外还有：") + all[1].column->metric->title.in(lang) +
                          t(", ", "，") + whole_percent(all[1].value) + t(".", "。"));
  if (n_tokens < kFewTokens)
    words.lines.push_back(t("The text has only ", "文本只有 ") + std::to_string(n_tokens) +
                          t(" tokens: a longer one would say more.",
                            " 个词元：更长的文本更能说明问题。"));
  return words;
}

}  // namespace attn
