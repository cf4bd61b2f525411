#include "analysis/head_cells.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace attn {

namespace {

using OfQuery = void (*)(const HeadContext&, int query, const std::function<void(int)>& key);

struct CellRow {
  const char* id;
  OfQuery of;
};

void copies_and(const HeadContext& c, int query, int behind, const std::function<void(int)>& key) {
  const EarlierCopies& copies = c.sets.copies;
  for (int i = copies.begin[size_t(query)]; i < copies.end[size_t(query)]; ++i)
    key(copies.keys[size_t(i)] + behind);
}
void previous(const HeadContext&, int q, const std::function<void(int)>& key) { key(q - 1); }
void next(const HeadContext&, int q, const std::function<void(int)>& key) { key(q + 1); }
void self(const HeadContext&, int q, const std::function<void(int)>& key) { key(q); }
void first(const HeadContext&, int, const std::function<void(int)>& key) { key(0); }
void offset(const HeadContext& c, int q, const std::function<void(int)>& key) { key(q - c.offset); }
void duplicate(const HeadContext& c, int q, const std::function<void(int)>& key) {
  copies_and(c, q, 0, key);
}
void induction(const HeadContext& c, int q, const std::function<void(int)>& key) {
  copies_and(c, q, 1, key);
}
void special(const HeadContext& c, int, const std::function<void(int)>& key) {
  for (const int j : c.sets.special) key(j);
}
void punctuation(const HeadContext& c, int, const std::function<void(int)>& key) {
  for (const int j : c.sets.punctuation) key(j);
}
void comma_or_point(const HeadContext& c, int, const std::function<void(int)>& key) {
  for (int j = 0; j < c.a.n_key; ++j)
    if (c.is_comma_or_point[size_t(j)]) key(j);
}
void same_word(const HeadContext& c, int q, const std::function<void(int)>& key) {
  for (int j = c.sets.word_begin[size_t(q)]; j < c.sets.word_end[size_t(q)]; ++j)
    if (j != q) key(j);
}
void own_sentence(const HeadContext& c, int q, const std::function<void(int)>& key) {
  if (!c.self) return;
  for (int j = c.segments[size_t(q)];
       j < c.a.n_key && c.segments[size_t(j)] == c.segments[size_t(q)]; ++j)
    key(j);
}
void induction_stripe(const HeadContext& c, int q, const std::function<void(int)>& key) {
  if (c.period > 0) key(q - (c.period - 1));
}
void duplicate_stripe(const HeadContext& c, int q, const std::function<void(int)>& key) {
  if (c.period > 0) key(q - c.period);
}

constexpr CellRow kCells[] = {{"previous_token", previous},
                              {"next_token", next},
                              {"self", self},
                              {"first_token", first},
                              {"value_first", first},
                              {"offset", offset},
                              {"duplicate_token", duplicate},
                              {"duplicate_mass", duplicate},
                              {"induction", induction},
                              {"induction_mass", induction},
                              {"special", special},
                              {"punctuation", punctuation},
                              {"clark_punctuation", comma_or_point},
                              {"same_word", same_word},
                              {"block", own_sentence},
                              {"clark_previous", previous},
                              {"clark_next", next},
                              {"induction_stripe", induction_stripe},
                              {"duplicate_stripe", duplicate_stripe}};

}  // namespace

std::vector<ScoreCell> cells_of(const Metric& metric, const Inputs& in) {
  std::vector<ScoreCell> cells;
  const auto row = std::ranges::find_if(
      kCells, [&](const CellRow& r) { return std::string_view(r.id) == metric.id; });
  if (row == std::end(kCells) || !in.trace) return cells;
  const HeadContext c(in.attention(), in.state->sample, in.period, in.state->offset);
  for (int query = 0; query < c.a.n_query && cells.size() < kMostScoreCells; ++query) {
    row->of(c, query, [&](int key) {
      if (c.sees(query, key) && cells.size() < kMostScoreCells) cells.push_back({query, key});
    });
  }
  return cells;
}

}  // namespace attn
