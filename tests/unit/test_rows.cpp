// test_rows.cpp - one numbering of tokens, and one row: what the map, the table, the chips and the
// titles say of it agrees.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "app/read_folder.h"
#include "app/reading.h"
#include "figure/caption.h"
#include "figure/figure_text.h"
#include "figure/heads_table.h"
#include "figure/views.h"
#include "golden_model.h"
#include "pass/forward.h"

using namespace attn;

namespace {

const std::shared_ptr<const Model>& shipped_model() {
  static const std::shared_ptr<const Model> model = [] {
    const auto read =
        load_model(read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m"), "bookworm-2m");
    REQUIRE(read);
    return *read;
  }();
  return model;
}

// "fox" is two tokens, so that words and tokens are counted differently; token 0 is special.
const std::shared_ptr<const Trace>& fox() {
  static const auto trace = [] {
    Keep keep;
    keep.activations = true;
    return std::make_shared<const Trace>(forward(
        shipped_model(),
        shipped_model()->tokenizer->encode("The fox saw the hen, and the hen saw the fox."), keep));
  }();
  return trace;
}

State at_words(Lang lang) {
  State state{.token = 16};
  state.layer = 2;
  state.head = 4;
  state.units = Units::words;
  state.specials = Specials::hidden;
  state.lang = lang;
  return state;
}

std::vector<std::string> labels(const Figure& figure) {
  std::vector<std::string> all;
  for (const Shape& shape : figure.shapes)
    if (const Label* label = std::get_if<Label>(&shape)) all.push_back(label->text);
  return all;
}

bool shows(const Figure& figure, const std::string& text) {
  const std::vector<std::string> all = labels(figure);
  return std::ranges::find(all, text) != all.end();
}

}  // namespace

TEST_CASE("words, sentences and what is left of hidden tokens keep the positions of their tokens") {
  const auto& trace = fox();
  for (const Lang lang : {Lang::en, Lang::zh})
    for (const Units units : {Units::tokens, Units::words, Units::sentences}) {
      State state = at_words(lang);
      state.units = units;
      const auto reading = make_reading(trace, visible(state, *trace));
      const Pairs& pairs = reading->pairs;
      const auto& items = pairs.key_tokens[0].items;
      CHECK(position_text(items, 0).substr(0, 1) == "1");  // token 0 is hidden
      const Measure whole = find_metric("pattern")->compute({nullptr, trace.get(), &state});
      const Measure map = merged(whole, reading->queries, reading->keys);
      State at = reading->at(visible(state, *trace));
      for (const View& view : views()) {
        const bool is_row = view.axes == std::vector{Axis::key};
        if (!view.groups && view.id != std::string("bars")) continue;
        CAPTURE(view.id);
        CAPTURE(int(units));
        const auto row = map.values.begin() + int64_t(at.token) * pairs.n_key;
        const Measure one{{Axis::key}, {pairs.n_key}, {row, row + pairs.n_key}};
        const Figure figure = view.figure({is_row ? one : map, pairs, at, 600, 18});
        REQUIRE(!figure.areas.empty());
        for (const HitArea& area : figure.areas) {
          const bool of_key = area.key >= 0 && view.id != std::string("map");
          const int i = of_key ? area.key : area.query;
          const std::string where = position_text(items, i) + (lang == Lang::zh ? "" : " ") +
                                    quoted_token(lang, items[size_t(i)].shown);
          CAPTURE(where);
          CAPTURE(area.says);
          CHECK((area.says.find(where) != std::string::npos ||
                 area.says.find(position_text(items, i) + " " +
                                quoted_token(lang, items[size_t(i)].shown)) != std::string::npos));
        }
      }
    }
  // A word of two tokens has both.
  const auto reading = make_reading(trace, visible(at_words(Lang::en), *trace));
  const auto& words = reading->pairs.query_tokens[0].items;
  const auto at_fox = std::ranges::find(words, " fox", &Token::shown);
  REQUIRE(at_fox != words.end());
  CHECK(position_text(words, int(at_fox - words.begin())) == "2–3");
}

TEST_CASE("a hidden token is neither chosen nor locked") {
  const auto& trace = fox();
  State state = at_words(Lang::en);
  state.token = 0;
  state.locked_key = 0;
  CHECK(visible(state, *trace).token == 1);
  CHECK(visible(state, *trace).locked_key == -1);
  state.locked_key = 1;
  CHECK(visible(state, *trace).locked_key == 1);
  state.specials = Specials::shown;
  CHECK(visible(state, *trace).token == 0);
}

TEST_CASE("a row of groups is the map's, with the weight of hidden tokens beside it") {
  const auto& trace = fox();
  const State state = at_words(Lang::en);
  const auto reading = make_reading(trace, state);
  const Measure whole = find_metric("pattern")->compute({nullptr, trace.get(), &state});
  const Measure map = merged(whole, reading->queries, reading->keys);
  for (int g = 0; g < reading->queries.size(); ++g) {
    const GroupRow row = group_row(trace->parts[0], *reading, state.layer, state.head, g);
    REQUIRE(row.values.size() == size_t(reading->keys.size()));
    double sum = double(row.hidden);
    for (size_t k = 0; k < row.values.size(); ++k) {
      CHECK(row.values[k] == doctest::Approx(map.values[size_t(g) * row.values.size() + k]));
      sum += double(row.values[k]);
    }
    CHECK(sum == doctest::Approx(1));
    State at = reading->at(state);
    at.token = g;
    const Measure one{{Axis::key}, {int(row.values.size())}, row.values};
    ViewInput input{one, reading->pairs, at, 300, 18};
    input.hidden = row.hidden;
    const Figure figure = find_view("bars")->figure(input);
    CHECK(shows(figure, "hidden special tokens " + weight_text(row.hidden)));
    CHECK(shows(figure, "sum 1.000000 ✓"));
  }
}

TEST_CASE("the table and its title follow every measure that the map can show") {
  const Trace& trace = *fox();
  const Pairs& pairs = trace.parts[0];
  const View& view = *find_view("map");
  int n_shown = 0;
  for (const Metric& metric : metrics()) {
    if (!view.offers(metric)) continue;
    State state{.token = 6};
    state.layer = 1;
    state.head = 2;
    const Inputs in{shipped_model().get(), &trace, &state};
    if (missing(metric, in)) continue;
    CAPTURE(metric.id);
    ++n_shown;
    const Measure all = metric.compute(in);
    const auto row = all.values.begin() + int64_t(state.token) * pairs.n_key;
    const Measure one{{Axis::key}, {pairs.n_key}, {row, row + pairs.n_key}};
    ViewInput input{one, pairs, state, 300, 18};
    input.metric = &metric;
    const Figure figure = find_view("bars")->figure(input);
    double sum = 0;
    for (int k = 0; k < pairs.n_key; ++k) {
      const float value = one.values[size_t(k)];
      if (std::isfinite(value)) sum += double(value);
      const std::string& says = figure.areas[size_t(k)].says;
      CAPTURE(says);
      if (k > state.token) {
        CHECK(says.starts_with("Masked · "));
        continue;
      }
      CHECK(shows(figure, value_text(&metric, value)));
      CHECK(says.starts_with(metric.title.en + (" " + value_text(&metric, value))));
    }
    // ✓ where it sums to 1, and nowhere a complaint: only weights have to.
    bool ticked = false;
    for (const std::string& label : labels(figure)) {
      ticked = ticked || label.ends_with("✓");
      CHECK(label.find("≠") == std::string::npos);
    }
    if (ticked) CHECK(sum == doctest::Approx(1).epsilon(1e-4));
    // The title names the measure, and a head only where it is of that head alone.
    const std::string title = row_title(&metric, state, pairs);
    CHECK(title.starts_with(metric.title.en));
    CHECK(title.find("query 6") != std::string::npos);
    CHECK((title.find("L1 H2") != std::string::npos) == ((metric.reads & reads_head) != 0));
  }
  CHECK(n_shown >= 8);
  State state{.token = 6};
  state.layer = 1;
  state.head = 2;
  const std::string token = trace.parts[0].query_tokens[0].items[6].shown;
  CHECK(row_title(nullptr, state, pairs) == "Attention of query 6 \"" + token + "\" in L1 H2");
  state.lang = Lang::zh;
  CHECK(row_title(nullptr, state, pairs) == "查询 6“" + token + "”的注意力，L1 H2");
}
