#include "analysis/head_cells.h"

namespace attn {

namespace {

void copies_and(const HeadContext& c, int query, int behind, const OfKey& key) {
  const EarlierCopies& copies = c.sets.copies;
  for (int i = copies.begin[size_t(query)]; i < copies.end[size_t(query)]; ++i)
    key(copies.keys[size_t(i)] + behind);
}

}  // namespace

namespace cells {

void previous(const HeadContext&, int q, const OfKey& key) { key(q - 1); }
void next(const HeadContext&, int q, const OfKey& key) { key(q + 1); }
void self(const HeadContext&, int q, const OfKey& key) { key(q); }
void first(const HeadContext&, int, const OfKey& key) { key(0); }
void offset(const HeadContext& c, int q, const OfKey& key) { key(q - c.offset); }
void duplicate(const HeadContext& c, int q, const OfKey& key) { copies_and(c, q, 0, key); }
void induction(const HeadContext& c, int q, const OfKey& key) { copies_and(c, q, 1, key); }
void special(const HeadContext& c, int, const OfKey& key) {
  for (const int j : c.sets.special) key(j);
}
void punctuation(const HeadContext& c, int, const OfKey& key) {
  for (const int j : c.sets.punctuation) key(j);
}
void comma_or_point(const HeadContext& c, int, const OfKey& key) {
  for (int j = 0; j < c.a.n_key; ++j)
    if (c.is_comma_or_point[size_t(j)]) key(j);
}
void same_word(const HeadContext& c, int q, const OfKey& key) {
  for (int j = c.sets.word_begin[size_t(q)]; j < c.sets.word_end[size_t(q)]; ++j)
    if (j != q) key(j);
}
void own_sentence(const HeadContext& c, int q, const OfKey& key) {
  if (!c.self) return;
  for (int j = c.segments[size_t(q)];
       j < c.a.n_key && c.segments[size_t(j)] == c.segments[size_t(q)]; ++j)
    key(j);
}
void induction_stripe(const HeadContext& c, int q, const OfKey& key) {
  if (c.period > 0) key(q - (c.period - 1));
}
void duplicate_stripe(const HeadContext& c, int q, const OfKey& key) {
  if (c.period > 0) key(q - c.period);
}

}  // namespace cells

std::vector<ScoreCell> cells_of(const Metric& metric, const Inputs& in) {
  std::vector<ScoreCell> cells;
  const HeadScore* score = find_head_score(metric.id);
  if (!score || !score->cells || !in.trace) return cells;
  const HeadContext c(in.attention(), in.state->sample, in.state->layer, in.period,
                      in.state->offset);
  for (int query = 0; query < c.a.n_query && cells.size() < kMostScoreCells; ++query) {
    score->cells(c, query, [&](int key) {
      if (c.sees(query, key) && cells.size() < kMostScoreCells) cells.push_back({query, key});
    });
  }
  return cells;
}

}  // namespace attn
