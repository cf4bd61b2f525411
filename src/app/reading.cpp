#include "app/reading.h"

#include <algorithm>
#include <cmath>

#include "app/shown.h"

namespace attn {

bool Reading::is(const std::shared_ptr<const Trace>& t, const State& s) const {
  return of.lock() == t && part == s.part && sample == s.sample &&
         reach == t->at(s).reach(s.layer) && units == s.units && specials == s.specials &&
         between == s.between && (units != Units::spans || spans == s.spans);
}

State Reading::at(const State& state) const {
  State s = state;
  s.sample = 0;
  s.token = std::max(0, queries.nearest(state.token));
  s.locked_key = -1;
  if (state.locked_key >= 0 && size_t(state.locked_key) < keys.of_token.size())
    s.locked_key = keys.of_token[size_t(state.locked_key)];
  return s;
}

std::shared_ptr<const Reading> make_reading(const std::shared_ptr<const Trace>& trace,
                                            const State& state) {
  const Attention& tokens = trace->at(state);
  auto made = std::make_shared<Reading>();
  made->of = trace;
  made->part = state.part;
  made->sample = state.sample;
  made->reach = tokens.reach(state.layer);
  made->units = state.units;
  made->specials = state.specials;
  made->between = state.between;
  made->spans = state.spans;
  made->queries = groups_of(tokens.query_tokens[size_t(state.sample)], state, PairSide::query);
  made->keys = groups_of(tokens.key_tokens[size_t(state.sample)], state, PairSide::key);
  made->n_hidden = int(std::ranges::count(made->keys.of_token, -1));
  made->pairs = pairs_of(made->queries, made->keys, tokens, state.sample, state.layer);
  return made;
}

GroupRow group_row(const Attention& a, const Reading& r, int layer, int head, int query) {
  const TokenSpan place = r.queries.places[size_t(query)];
  const size_t n_key = size_t(a.n_key);
  std::vector<float> rows(size_t(place.end - place.begin) * n_key);
  a.pattern_rows(r.sample, layer, head, place.begin, place.end,
                 {rows.data(), place.end - place.begin, a.n_key});
  RowMerger merger(r.queries, r.keys);
  for (int q = place.begin; q < place.end; ++q)
    if (r.queries.of_token[size_t(q)] == query)
      merger.add(q, std::span(rows).subspan(size_t(q - place.begin) * n_key, n_key));
  Measure row = merger.take();
  return {std::move(row.values), merger.hidden()[0]};
}

uint64_t bytes_of(const std::shared_ptr<const ReadMap>& m) {
  return (m->hidden.size() + (m->map ? m->map->values.size() : 0) +
          (m->made ? m->made->measure.values.size() : 0)) *
         sizeof(float);
}

ReadKey read_key(std::shared_ptr<const Reading> reading, const Metric* metric,
                 const std::shared_ptr<const Trace>& trace, const State& at) {
  if (metric) return {std::move(reading), measure_key(*metric, trace, at)};
  MeasureKey weights;
  weights.trace = trace;
  weights.sample = at.sample;
  static_cast<Site&>(weights) = at.site();
  return {std::move(reading), std::move(weights)};
}

Job read_job(ReadWish wish, Lang lang, std::function<void(std::shared_ptr<const ReadMap>)> done) {
  struct Work {
    ReadWish wish;
    std::optional<RowMerger> merger;
    std::shared_ptr<ReadMap> made = std::make_shared<ReadMap>();
    std::vector<float> block;
    int next = 0;

    const Attention& attention() const { return wish.trace->at(wish.key.of); }
    int rows_a_step() const {
      const Attention& a = attention();
      const double a_row = wish.from ? 8. * a.n_key : pattern_work(a, 1) + 8. * a.n_key;
      return std::max(1, int(std::min(kWorkAStep / a_row, 4e6 / a.n_key)));
    }
    bool begin() {
      const Reading& r = *wish.key.reading;
      made->key = wish.key;
      const int64_t cells = int64_t(r.queries.size()) * r.keys.size();
      if (cells == 0)
        made->error = Error{tr(
            wish.at.lang, "All tokens of this text are special tokens, which are hidden; show them",
            "这段文本的词元全是特殊词元，而特殊词元已隐藏；请显示特殊词元")};
      else if (cells > kMostCells)
        made->error = Error{
            tr(wish.at.lang,
               "A map of merged tokens has up to 2,048 rows and columns; this text has ",
               "合并词元的热力图最多 2,048 行、2,048 列；当前文本有 ") +
            std::to_string(r.keys.size()) +
            tr(wish.at.lang, ". Choose sentences, or choose model tokens and show special tokens",
               " 个。请改选句子，或选择模型的词元并显示特殊词元")};
      else if (wish.from && wish.from->error)
        made->error = wish.from->error;
      if (made->error) return false;
      const Metric* metric = wish.key.of.metric;
      merger.emplace(r.queries, r.keys, metric && !metric->adds_up ? Merge::mean : Merge::sum,
                     Merge::mean);
      return true;
    }
    bool step() {
      if (!merger && !begin()) return false;
      const Attention& a = attention();
      const int end = std::min(a.n_query, next + rows_a_step());
      const size_t n_key = size_t(a.n_key);
      if (!wish.from) {
        block.resize(size_t(end - next) * n_key);
        a.pattern_rows(wish.key.of.sample, wish.key.of.layer, wish.key.of.head, next, end,
                       {block.data(), end - next, a.n_key});
      }
      const float* rows =
          wish.from ? wish.from->measure.values.data() + size_t(next) * n_key : block.data();
      for (int q = next; q < end; ++q) merger->add(q, {rows + size_t(q - next) * n_key, n_key});
      next = end;
      if (next < a.n_query) return true;
      finish();
      return false;
    }
    void finish() {
      Measure m = merger->take();
      made->hidden = merger->hidden();
      for (const float x : made->hidden)
        made->hidden_mean += double(x) / double(made->hidden.size());
      if (wish.from) {
        auto measure = std::make_shared<MadeMeasure>();
        measure->key = wish.key.of;
        measure->measure = std::move(m);
        made->made = std::move(measure);
        return;
      }
      auto map = std::make_shared<PatternMap>();
      static_cast<Site&>(*map) = wish.key.of.site();
      map->trace = wish.trace;
      map->reading = wish.key.reading;
      map->n_query = m.shape[0];
      map->n_key = m.shape[1];
      map->values = std::move(m.values);
      for (int q = 0; q < map->n_query; ++q) {
        const auto row = map->values.begin() + int64_t(q) * map->n_key;
        map->row_max.push_back(*std::max_element(row, row + map->n_key));
      }
      made->map = std::move(map);
    }
  };
  auto work = std::make_shared<Work>();
  work->wish = std::move(wish);
  const int n_steps = work->attention().n_query / work->rows_a_step() + 1;
  return {tr(lang, "Merging tokens", "正在合并词元"), n_steps, [work] { return work->step(); },
          [work, done] { done(work->made); }};
}

}  // namespace attn
