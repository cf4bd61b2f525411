// test_figure.cpp - views say what the numbers say, and stay inside their own size.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "figure/figure_text.h"
#include "figure/views.h"
#include "pass/scratch.h"

namespace {

using namespace attn;

ScratchRun demonstration(ScratchMask mask = ScratchMask::none) {
  ScratchSettings settings;
  settings.mask = mask;
  return *run_scratch(settings);
}

// A measure with the axes that the view asks for, of the chosen token.
Measure measure_for(const View& view, const Trace& trace, const State& state) {
  const Attention& a = trace.parts[0];
  Measure m{view.axes, {}, {}};
  const bool by_head = view.axes.front() == Axis::head;
  if (by_head) m.shape.push_back(a.n_heads);
  m.shape.push_back(a.n_key);
  for (int head = 0; head < (by_head ? a.n_heads : 1); ++head) {
    std::vector<float> row(size_t(a.n_key));
    a.pattern_rows(state.sample, state.layer, by_head ? head : state.head, state.token,
                   state.token + 1, {row.data(), 1, a.n_key});
    m.values.insert(m.values.end(), row.begin(), row.end());
  }
  return m;
}

std::vector<std::string> labels(const Figure& figure) {
  std::vector<std::string> all;
  for (const Shape& shape : figure.shapes)
    if (const Label* label = std::get_if<Label>(&shape)) all.push_back(label->text);
  return all;
}

bool says(const Figure& figure, const std::string& text) {
  return std::ranges::any_of(labels(figure), [&](const std::string& label) {
    return label.find(text) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("every view stays inside its size and answers the mouse there") {
  const ScratchRun run = demonstration();
  for (const View& view : views()) {
    if (std::string(view.id) != "bars" && std::string(view.id) != "heads")
      continue;  // test_views.cpp
    for (float width : {220.f, 300.f, 900.f}) {
      for (Lang lang : {Lang::en, Lang::zh}) {
        CAPTURE(view.id);
        CAPTURE(width);
        State state;
        state.lang = lang;
        state.token = 3;
        const Measure m = measure_for(view, *run.trace, state);
        ViewInput input{m, run.trace->parts[0], state, width, 18};
        input.least_row = width == 300 ? 44 : 0;  // a finger's
        const Figure figure = view.figure(input);
        CHECK(figure.size.x == width);
        CHECK(figure.size.y > 0);
        CHECK(!figure.areas.empty());
        for (const Shape& shape : figure.shapes) {
          if (const Rect* r = std::get_if<Rect>(&shape)) {
            CHECK(r->min.x >= 0);
            CHECK(r->max.x <= width + .01f);
            CHECK(r->max.x >= r->min.x);
            CHECK(r->max.y <= figure.size.y + 12);
          }
          if (const Label* label = std::get_if<Label>(&shape)) {
            CHECK(label->at.x >= 0);
            CHECK(label->at.x <= width);
            CHECK(label->at.y <= figure.size.y);
          }
        }
        for (const HitArea& area : figure.areas) {
          CHECK(!area.says.empty());
          CHECK(area.min.x < area.max.x);
          CHECK(area.min.y < area.max.y);
          CHECK(area.max.y - area.min.y >= input.least_row - .01f);
          CHECK(area.max.y <= figure.size.y + .01f);
        }
        for (size_t i = 1; i < figure.areas.size(); ++i)
          CHECK(figure.areas[i].min.y >= figure.areas[i - 1].max.y - .01f);  // none hides another
      }
    }
  }
  CHECK(find_view("bars") != nullptr);
  CHECK(find_view("nothing") == nullptr);
}

TEST_CASE("the bars show weights to four decimals and that they sum to one") {
  const ScratchRun run = demonstration();
  State state;
  const View& view = *find_view("bars");
  const Measure m = measure_for(view, *run.trace, state);
  const Figure figure = view.figure({m, run.trace->parts[0], state, 300, 18});
  for (float weight : m.values) CHECK(says(figure, weight_text(weight)));
  CHECK(says(figure, "sum 1.000000 ✓"));
  REQUIRE(figure.areas.size() == m.values.size());
  CHECK(figure.areas[2].query == 0);
  CHECK(figure.areas[2].key == 2);
  CHECK(figure.areas[2].says.ends_with(" · query 0 \"我\" → key 2 \"学习\""));
}

TEST_CASE("a cell outside of its layer's window names the window") {
  Pairs pairs;
  pairs.n_query = pairs.n_key = 9;
  pairs.mask = Mask::causal;
  pairs.reaches = {3, 9};
  pairs.query_tokens.resize(1);
  for (int i = 0; i < 9; ++i) pairs.query_tokens[0].items.push_back({.shown = "x"});
  pairs.key_tokens = pairs.query_tokens;
  State at;
  at.lang = Lang::en;
  CHECK(window_words(pairs, at, 8, 4) == "outside the window of 4 tokens");
  CHECK(window_words(pairs, at, 8, 5).empty());
  CHECK(window_words(pairs, at, 2, 7).empty());  // it comes after the query
  CHECK(cell_sentence(Lang::en, cell_text(pairs, at, 8, 4, 0)) ==
        "Masked: outside the window of 4 tokens · query 8 \"x\" → key 4 \"x\"");
  at.lang = Lang::zh;
  CHECK(cell_sentence(Lang::zh, cell_text(pairs, at, 8, 4, 0)) ==
        "已掩码：在 4 个词元的窗口之外 · 查询 8“x” → 键 4“x”");
  at.lang = Lang::en;
  at.layer = 1;
  CHECK(window_words(pairs, at, 8, 0).empty());
  at.layer = 0;
  pairs.mask = Mask::none;
  CHECK(window_words(pairs, at, 2, 7) == "outside the window of 3 tokens on either side");
}

TEST_CASE("a masked key says so and is not a weight of zero") {
  const ScratchRun run = demonstration(ScratchMask::causal);
  State state;
  state.token = 1;
  const View& view = *find_view("bars");
  const Figure figure =
      view.figure({measure_for(view, *run.trace, state), run.trace->parts[0], state, 300, 18});
  CHECK(says(figure, "masked"));
  CHECK(figure.areas[5].says == "Masked · query 1 \"爱\" → key 5 \"EOS\"");
  CHECK(figure.areas[0].says.starts_with("Weight "));
}

TEST_CASE("the comparison names each head's strongest key and chooses the head") {
  const ScratchRun run = demonstration();
  State state;
  state.head = 2;
  const View& view = *find_view("heads");
  const Measure m = measure_for(view, *run.trace, state);
  const Figure figure = view.figure({m, run.trace->parts[0], state, 300, 18});
  REQUIRE(figure.areas.size() == 4);
  for (int head = 0; head < 4; ++head) {
    const auto row = m.values.begin() + head * 6;
    const int key = int(std::max_element(row, row + 6) - row);
    CHECK(figure.areas[size_t(head)].site->head == head);
    CHECK(says(figure, "→ " + std::to_string(key) + " "));
    CHECK(says(figure, percent_text(*std::max_element(row, row + 6))));
  }
}

TEST_CASE("cells are said in both languages") {
  const CellText cell{"3", "1", "学习", "爱", 0.2341f, false};
  // The number comes first: what is cut off a long line is never it.
  CHECK(cell_sentence(Lang::en, cell) ==
        "Weight 0.2341, 23.41 % · query 3 \"学习\" → key 1 \"爱\"");
  CHECK(cell_sentence(Lang::zh, cell) == "权重 0.2341，23.41 % · 查询 3“学习” → 键 1“爱”");
  CellText masked = cell;
  masked.masked = true;  // and yet it has a weight: of a row that is masked as a whole
  CHECK(cell_sentence(Lang::en, masked) ==
        "Weight 0.2341, 23.41 %, masked · query 3 \"学习\" → key 1 \"爱\"");
  masked.weight = 0;
  CHECK(cell_sentence(Lang::en, masked) == "Masked · query 3 \"学习\" → key 1 \"爱\"");
  // Of another measure, the value that the map shows; one of several heads has no one weight.
  CHECK(measured_sentence(Lang::en, cell, "Norms 0.5", true) ==
        "Norms 0.5 · query 3 \"学习\" → key 1 \"爱\" · Weight 0.2341, 23.41 %");
  CHECK(measured_sentence(Lang::en, cell, "Rollout 0.1", false) ==
        "Rollout 0.1 · query 3 \"学习\" → key 1 \"爱\"");
  CHECK(measured_sentence(Lang::zh, masked, "展开 0", false) == "已掩码 · 查询 3“学习” → 键 1“爱”");
  CHECK(visible_token(" the\n") == "·the↵");
  CHECK(visible_token("") == "∅");
}
