#include "analysis/regroup.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

#include "analysis/sentences.h"
#include "base/utf8.h"
#include "text/token_sets.h"

namespace attn {

namespace {

// The measure with axis `at` turned from its entries into groups; an entry of group -1 is left out.
Measure regrouped(const Measure& m, size_t at, const std::vector<int>& group_of, int n_groups,
                  Merge merge) {
  const auto product = [](auto begin, auto end) {
    return std::accumulate(begin, end, size_t(1), [](size_t a, int b) { return a * size_t(b); });
  };
  const size_t outer = product(m.shape.begin(), m.shape.begin() + int(at));
  const size_t inner = product(m.shape.begin() + int(at) + 1, m.shape.end());
  const size_t n = size_t(m.shape[at]), n_out = size_t(n_groups);
  Measure out = m;
  out.shape[at] = n_groups;
  out.values.assign(outer * n_out * inner, 0);
  if (at + 1 == m.axes.size()) out.names.clear();
  std::vector<double> sums(n_out);
  std::vector<int> counts(n_out);
  for (size_t o = 0; o < outer; ++o) {
    for (size_t i = 0; i < inner; ++i) {
      std::ranges::fill(sums,
                        merge == Merge::largest ? -std::numeric_limits<double>::infinity() : 0);
      std::ranges::fill(counts, 0);
      for (size_t j = 0; j < n; ++j) {
        const int group = group_of[j];
        const double x = m.values[(o * n + j) * inner + i];
        if (group < 0 || std::isnan(x)) continue;
        double& sum = sums[size_t(group)];
        sum = merge == Merge::largest ? std::max(sum, x) : sum + x;
        ++counts[size_t(group)];
      }
      for (size_t g = 0; g < n_out; ++g) {
        const double x = counts[g] == 0         ? std::numeric_limits<double>::quiet_NaN()
                         : merge == Merge::mean ? sums[g] / counts[g]
                                                : sums[g];
        out.values[(o * n_out + g) * inner + i] = float(x);
      }
    }
  }
  return out;
}

// Characters that are cut into bytes are readable only whole: names with bytes ("‹D7›") become the
// text from the first token of the group to the last, where it is one piece of text.
void name_by_text(Groups& groups, const Tokens& tokens) {
  for (int g = 0; g < groups.size(); ++g) {
    if (groups.names[size_t(g)].find("‹") == std::string::npos) continue;
    size_t begin = tokens.text.size(), end = 0;
    bool whole = true;
    for (size_t i = 0; i < groups.of_token.size(); ++i) {
      if (groups.of_token[i] != g) continue;
      const Token& t = tokens.items[i];
      whole =
          whole && t.begin < t.end && t.end <= tokens.text.size() && (end == 0 || t.begin <= end);
      begin = std::min(begin, t.begin);
      end = std::max(end, t.end);
    }
    if (!whole || begin >= end) continue;
    const std::string_view text = std::string_view(tokens.text).substr(begin, end - begin);
    if (is_valid_utf8(text)) groups.names[size_t(g)] = text;
  }
}

Groups grouped(const Tokens& tokens, const std::vector<char>& begins) {
  Groups groups;
  for (int i = 0; i < tokens.size(); ++i) {
    if (i == 0 || begins[size_t(i)]) {
      groups.names.emplace_back();
      groups.places.push_back({i, i});
    }
    groups.of_token.push_back(groups.size() - 1);
    groups.names.back() += tokens.items[size_t(i)].shown;
    groups.places.back().end = i + 1;
  }
  name_by_text(groups, tokens);
  return groups;
}

// Where flags are set, -1; the others count up.
std::vector<int> places(const std::vector<char>& flags, int n, int* n_left) {
  std::vector<int> out;
  *n_left = 0;
  for (int i = 0; i < n; ++i)
    out.push_back(i < int(flags.size()) && flags[size_t(i)] ? -1 : (*n_left)++);
  return out;
}

// By the text, where tokens have their place in it: a mark may be cut into bytes, and whether
// a full stop ends a sentence depends on what is around it.
bool ends_sentence_at(const Tokens& tokens, int i) {
  const Token& token = tokens.items[size_t(i)];
  if (token.special) return true;
  const std::string_view text = tokens.text;
  const bool placed = token.begin < token.end && token.end <= text.size();
  if (placed) return ends_sentence(text.substr(0, token.end), text.substr(token.end));
  const bool is_last = i + 1 == tokens.size();
  return ends_sentence(token.shown, is_last ? "" : " " + tokens.items[size_t(i) + 1].shown);
}

// A number at the beginning of `text`, which is taken away.
bool take_number(std::string_view& text, int* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  if (error != std::errc() || *out < 0) return false;
  text.remove_prefix(size_t(end - text.data()));
  return true;
}

bool is_part_of_pair(const State& s) { return s.between != Between::all && !s.pair.empty(); }

// Whether a token is a row or a column of what the state shows.
bool is_shown(const Token& token, const State& s, PairSide side) {
  if (s.specials == Specials::hidden && (token.special || token.padding)) return false;
  if (!is_part_of_pair(s)) return true;
  const bool second =
      side == PairSide::query
          ? s.between == Between::second_first || s.between == Between::second_second
          : s.between == Between::first_second || s.between == Between::second_second;
  return token.sequence == int(second);
}

}  // namespace

int Groups::nearest(int token) const {
  for (size_t i = size_t(std::max(0, token)); i < of_token.size(); ++i)
    if (of_token[i] >= 0) return of_token[i];
  return size() - 1;
}

Groups words_of(const Tokens& tokens) {
  const std::vector<int> first = word_begins(tokens);
  std::vector<char> begins;
  for (int i = 0; i < tokens.size(); ++i) begins.push_back(first[size_t(i)] == i);
  return grouped(tokens, begins);
}

Groups sentences_of(const Tokens& tokens) {
  std::vector<char> begins;
  for (int i = 0; i < tokens.size(); ++i)
    begins.push_back(i == 0 || tokens.items[size_t(i)].special || ends_sentence_at(tokens, i - 1));
  return grouped(tokens, begins);
}

Groups spans_of(const Tokens& tokens, std::vector<TokenSpan> spans) {
  std::ranges::sort(spans, {}, &TokenSpan::begin);
  std::vector<char> begins(size_t(tokens.size()), 1);
  int free = 0;  // the first token that no span has
  for (const TokenSpan& span : spans) {
    if (span.begin < free || span.end > tokens.size() || span.begin >= span.end) continue;
    for (int i = span.begin + 1; i < span.end; ++i) begins[size_t(i)] = 0;
    free = span.end;
  }
  return grouped(tokens, begins);
}

Groups without(const Groups& groups, const std::vector<char>& flags, const Tokens& tokens) {
  Groups out;
  int last = -1;
  for (size_t i = 0; i < groups.of_token.size(); ++i) {
    const int group = groups.of_token[i];
    if (group < 0 || flags[i]) {
      out.of_token.push_back(-1);
      continue;
    }
    if (group != last) {
      out.names.emplace_back();
      out.places.push_back({int(i), int(i)});
    }
    last = group;
    out.of_token.push_back(out.size() - 1);
    out.names.back() += tokens.items[i].shown;
    out.places.back().end = int(i) + 1;
  }
  name_by_text(out, tokens);
  return out;
}

std::vector<char> special_flags(const Tokens& tokens) {
  std::vector<char> out;
  for (const Token& token : tokens.items) out.push_back(token.special || token.padding);
  return out;
}

Result<std::vector<TokenSpan>> read_spans(std::string_view text) {
  std::vector<TokenSpan> spans;
  while (!text.empty()) {
    const std::string_view rest = text;
    int first = 0, last = 0;
    bool right = take_number(text, &first);
    last = first;
    if (right && text.starts_with('-')) {
      text.remove_prefix(1);
      right = take_number(text, &last);
    }
    right = right && first <= last && last < 1 << 30;
    if (right && !text.empty()) {
      right = text[0] == '.' || text[0] == ',' || text[0] == ' ';
      while (!text.empty() && (text[0] == '.' || text[0] == ',' || text[0] == ' '))
        text.remove_prefix(1);
    }
    if (!right)
      return Error{"spans: \"" + std::string(rest.substr(0, 20)) +
                   "\" is no span of tokens; write 2-5,7-9"};
    spans.push_back({first, last + 1});
  }
  return spans;
}

std::string write_spans(std::vector<TokenSpan> spans) {
  std::ranges::sort(spans, {}, [](const TokenSpan& s) { return std::pair(s.begin, s.end); });
  std::string out;
  for (const TokenSpan& span : spans)
    out +=
        (out.empty() ? "" : ".") + std::to_string(span.begin) + "-" + std::to_string(span.end - 1);
  return out;
}

std::vector<TokenSpan> with_span(std::vector<TokenSpan> spans, TokenSpan span) {
  if (std::erase(spans, span)) return spans;
  std::erase_if(spans,
                [&](const TokenSpan& s) { return s.begin < span.end && span.begin < s.end; });
  spans.push_back(span);
  return spans;
}

bool regroups(const State& s) {
  return s.units != Units::tokens || s.specials == Specials::hidden || is_part_of_pair(s);
}

State visible(const State& state, const Trace& trace) {
  State s = clamped(state, trace);
  if (s.specials != Specials::hidden && !is_part_of_pair(s)) return s;
  const Attention& a = trace.at(s);
  const auto& queries = a.query_tokens[size_t(s.sample)].items;
  const auto& keys = a.key_tokens[size_t(s.sample)].items;
  const auto is_seen = [&s](const Token& token) { return is_shown(token, s, PairSide::query); };
  const auto from = queries.begin() + s.token;
  if (const auto next = std::find_if(from, queries.end(), is_seen); next != queries.end())
    s.token = int(next - queries.begin());
  else if (const auto last = std::find_if(queries.rbegin(), queries.rend(), is_seen);
           last != queries.rend())
    s.token = int(queries.rend() - last) - 1;
  if (s.locked_key >= 0 && !is_shown(keys[size_t(s.locked_key)], s, PairSide::key))
    s.locked_key = -1;
  return s;
}

Groups groups_of(const Tokens& tokens, const State& s, PairSide side) {
  Groups groups;
  switch (s.units) {
    case Units::tokens:
      groups = grouped(tokens, std::vector<char>(size_t(tokens.size()), 1));
      break;
    case Units::words:
      groups = words_of(tokens);
      break;
    case Units::sentences:
      groups = sentences_of(tokens);
      break;
    case Units::spans: {
      auto spans = read_spans(s.spans);
      // Positions in the queries' text; keys of cross-attention are those of another.
      if (s.part == 2 && side == PairSide::key) spans = std::vector<TokenSpan>{};
      groups = spans_of(tokens, spans ? *spans : std::vector<TokenSpan>{});
      break;
    }
  }
  if (s.specials != Specials::hidden && !is_part_of_pair(s)) return groups;
  std::vector<char> hides;
  for (const Token& token : tokens.items) hides.push_back(!is_shown(token, s, side));
  return without(groups, hides, tokens);
}

Tokens tokens_of(const Groups& groups, const Tokens& tokens) {
  Tokens out;
  out.text = tokens.text;
  for (int g = 0; g < groups.size(); ++g) {
    const TokenSpan place = groups.places[size_t(g)];
    const Token &first = tokens.items[size_t(place.begin)],
                &last = tokens.items[size_t(place.end) - 1];
    Token token;
    if (place.end - place.begin == 1) token = first;
    token.shown = token.piece = groups.names[size_t(g)];
    token.begin = first.begin;
    token.end = std::max(first.end, last.end);
    token.sequence = first.sequence;
    token.first = place.begin;
    token.last = place.end - 1;
    out.items.push_back(std::move(token));
  }
  return out;
}

Pairs pairs_of(const Groups& queries, const Groups& keys, const Pairs& tokens, int sample,
               int layer) {
  Pairs out;
  out.n_query = queries.size();
  out.n_key = keys.size();
  out.query_tokens = {tokens_of(queries, tokens.query_tokens[size_t(sample)])};
  out.key_tokens = {tokens_of(keys, tokens.key_tokens[size_t(sample)])};
  out.mask = tokens.mask;
  out.masked_score = tokens.masked_score;
  out.sinks = tokens.sinks;
  if (tokens.allowed.empty() && tokens.reach(layer) == INT_MAX) return out;
  out.allowed.assign(size_t(out.n_query) * size_t(out.n_key), 0);
  for (int q = 0; q < tokens.n_query; ++q)
    for (int k = 0; k < tokens.n_key; ++k) {
      const int to_q = queries.of_token[size_t(q)], to_k = keys.of_token[size_t(k)];
      if (to_q >= 0 && to_k >= 0 && tokens.may_see(sample, layer, q, k))
        out.allowed[size_t(to_q) * size_t(out.n_key) + size_t(to_k)] = 1;
    }
  return out;
}

std::string regroup_words(const State& s, bool adds_up, Lang lang) {
  const char* unit = nullptr;
  std::string says;
  if (is_part_of_pair(s)) says = kBetweenTitles[size_t(s.between)].in(lang);
  switch (s.units) {
    case Units::tokens:
      return says;
    case Units::words:
      unit = tr(lang, "Words", "词");
      break;
    case Units::sentences:
      unit = tr(lang, "Sentences", "句子");
      break;
    case Units::spans:
      unit = tr(lang, "Marked spans", "标记的片段");
      break;
  }
  if (!says.empty()) says += tr(lang, "; ", "；");
  return says + unit +
         (adds_up ? tr(lang, ": what goes to their tokens is summed, what comes from them averaged",
                       "：指向其词元的求和，来自其词元的取平均")
                  : tr(lang, ": averaged over their tokens", "：对其词元取平均"));
}

std::string hidden_words(const State& s, int n_hidden, Lang lang) {
  const bool any = is_part_of_pair(s);
  const std::string n = std::to_string(n_hidden);
  if (lang == Lang::zh) return n + (any ? " 个隐藏的词元" : " 个隐藏的特殊词元");
  return n + (any ? " hidden token" : " hidden special token") + (n_hidden == 1 ? "" : "s");
}

std::string hidden_words(const State& s, int n_hidden, double mass, Lang lang) {
  char number[16];
  std::snprintf(number, sizeof number, "%.3f", mass);
  const std::string who = hidden_words(s, n_hidden, lang);
  if (lang == Lang::zh) return who + "占权重的 " + number;
  return who + (n_hidden == 1 ? " holds " : " hold ") + number + " of the weight";
}

Measure merged(const Measure& m, const Groups& queries, const Groups& keys, Merge over_keys,
               Merge over_queries) {
  // Keys first: where cells are missing, the mean is over rows of what a word gets in each.
  Measure out = m;
  for (size_t at = 0; at < m.axes.size(); ++at)
    if (m.axes[at] == Axis::key) out = regrouped(out, at, keys.of_token, keys.size(), over_keys);
  for (size_t at = 0; at < m.axes.size(); ++at)
    if (m.axes[at] == Axis::query)
      out = regrouped(out, at, queries.of_token, queries.size(), over_queries);
  return out;
}

Measure hidden(const Measure& m, const std::vector<char>& queries, const std::vector<char>& keys) {
  Measure out = m;
  for (size_t at = 0; at < m.axes.size(); ++at) {
    if (m.axes[at] != Axis::key && m.axes[at] != Axis::query) continue;
    int n = 0;
    const std::vector<int> to = places(m.axes[at] == Axis::key ? keys : queries, m.shape[at], &n);
    out = regrouped(out, at, to, n, Merge::sum);
  }
  return out;
}

RowMerger::RowMerger(const Groups& queries, const Groups& keys, Merge over_keys, Merge over_queries)
    : queries_(queries), keys_(keys), over_keys_(over_keys), over_queries_(over_queries) {
  made_ = {{Axis::query, Axis::key}, {queries.size(), keys.size()}, {}};
  made_.values.reserve(size_t(queries.size()) * size_t(keys.size()));
  row_.resize(size_t(keys.size()));
  row_counts_.resize(row_.size());
  sums_.resize(row_.size());
  counts_.resize(row_.size());
}

void RowMerger::add(int query, std::span<const float> row) {
  const int group = queries_.of_token[size_t(query)];
  if (group < 0) return;
  if (group != group_) {
    finish();
    group_ = group;
  }
  const bool largest_key = over_keys_ == Merge::largest,
             largest_query = over_queries_ == Merge::largest;
  std::ranges::fill(row_, largest_key ? -std::numeric_limits<double>::infinity() : 0);
  std::ranges::fill(row_counts_, 0);
  for (size_t k = 0; k < row.size(); ++k) {
    const double x = row[k];
    if (std::isnan(x)) continue;
    const int to = keys_.of_token[k];
    if (to < 0) {
      hidden_sum_ += x;
      continue;
    }
    double& sum = row_[size_t(to)];
    sum = largest_key ? std::max(sum, x) : sum + x;
    ++row_counts_[size_t(to)];
  }
  ++n_rows_;
  for (size_t k = 0; k < row_.size(); ++k) {
    if (row_counts_[k] == 0) continue;
    const double x = over_keys_ == Merge::mean ? row_[k] / row_counts_[k] : row_[k];
    sums_[k] = counts_[k] == 0 ? x : largest_query ? std::max(sums_[k], x) : sums_[k] + x;
    ++counts_[k];
  }
}

// The group in hand is whole.
void RowMerger::finish() {
  if (group_ < 0) return;
  for (size_t k = 0; k < sums_.size(); ++k)
    made_.values.push_back(counts_[k] == 0                ? std::numeric_limits<float>::quiet_NaN()
                           : over_queries_ == Merge::mean ? float(sums_[k] / counts_[k])
                                                          : float(sums_[k]));
  hidden_.push_back(n_rows_ == 0 ? 0 : float(hidden_sum_ / n_rows_));
  std::ranges::fill(sums_, 0);
  std::ranges::fill(counts_, 0);
  n_rows_ = 0;
  hidden_sum_ = 0;
}

Measure RowMerger::take() {
  finish();
  group_ = -1;
  return std::move(made_);
}

Measure mean_over(const Measure& m, Axis axis) {
  const auto it = std::ranges::find(m.axes, axis);
  if (it == m.axes.end()) return m;
  const auto at = it - m.axes.begin();
  Measure out =
      regrouped(m, size_t(at), std::vector<int>(size_t(m.shape[size_t(at)]), 0), 1, Merge::mean);
  out.axes.erase(out.axes.begin() + at);
  out.shape.erase(out.shape.begin() + at);
  return out;
}

}  // namespace attn
