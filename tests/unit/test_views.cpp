// test_views.cpp - filters, percentiles, rectangles, the views of heads, and pictures as files.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "app/measures.h"
#include "figure/caption.h"
#include "figure/export.h"
#include "figure/figure_parts.h"
#include "figure/figure_text.h"
#include "figure/figure_views.h"
#include "figure/glossary.h"
#include "figure/head_words.h"
#include "figure/heads_table.h"
#include "figure/rectangle.h"
#include "figure/views.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "pass/scratch.h"
#include "state/query.h"

using namespace attn;

namespace {

const Metric* share() {
  for (const Metric* m : head_metrics())
    if (m->low == 0 && m->high == 1) return m;
  return nullptr;
}

HeadsTable table_of(std::vector<float> values) {
  return {2, int(values.size()) / 2, {{share(), std::move(values)}}};
}

std::string fault(std::string_view text) {
  const auto filter = parse_filter(text, Lang::en);
  return filter ? "" : filter.error().message;
}

// Of the shipped model, which has all that any view needs.
const std::shared_ptr<const Model>& real_model() {
  static const std::shared_ptr<const Model> model = [] {
    const auto read =
        load_model(read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m"), "bookworm-2m");
    REQUIRE(read);
    return *read;
  }();
  return model;
}

const Trace& real_trace() {
  static const Trace trace = [] {
    Keep keep;
    keep.activations = true;
    return forward(real_model(),
                   real_model()->tokenizer->encode(
                       "Mr. Toad and the Rat went down to the river 学习, and Mr. Toad"),
                   keep);
  }();
  return trace;
}

struct Box {
  Vec2 min, max;
  std::string text;
};

// As wide as letters are about; a label that may be cut is no wider than its room.
Box box_of(const Label& label, float line) {
  const float size = line * .8f * label.scale;
  float width = rough_width(label.text, size);
  if (label.max_width > 0) width = std::min(width, label.max_width);
  const float before = label.align == Align::right    ? width
                       : label.align == Align::center ? width / 2
                                                      : 0;
  if (label.upright)
    return {{label.at.x - size / 2, label.at.y + before - width},
            {label.at.x + size / 2, label.at.y + before},
            label.text};
  return {{label.at.x - before, label.at.y},
          {label.at.x - before + width, label.at.y + size},
          label.text};
}

bool lap(const Box& a, const Box& b) {
  const float x = std::min(a.max.x, b.max.x) - std::max(a.min.x, b.min.x);
  const float y = std::min(a.max.y, b.max.y) - std::max(a.min.y, b.min.y);
  return x > 2 && y > 2;
}

// Every shape within the figure, and no text on another.
void check_sizes(const Figure& figure, float line) {
  const auto inside = [&](Vec2 min, Vec2 max, const std::string& what) {
    CAPTURE(what);
    CHECK(min.x >= -1);
    CHECK(min.y >= -1);
    CHECK(max.x <= figure.size.x + 1);
    CHECK(max.y <= figure.size.y + 1);
  };
  std::vector<Box> texts;
  for (const Shape& shape : figure.shapes) {
    if (const Rect* r = std::get_if<Rect>(&shape)) inside(r->min, r->max, "a rectangle");
    if (const Cells* c = std::get_if<Cells>(&shape)) inside(c->min, c->max, "cells");
    if (const Line* l = std::get_if<Line>(&shape))
      inside({std::min(l->from.x, l->to.x), std::min(l->from.y, l->to.y)},
             {std::max(l->from.x, l->to.x), std::max(l->from.y, l->to.y)}, "a line");
    if (const Label* label = std::get_if<Label>(&shape)) {
      texts.push_back(box_of(*label, line));
      inside(texts.back().min, texts.back().max, label->text);
    }
  }
  for (size_t i = 0; i < texts.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (lap(texts[i], texts[j]))
        FAIL_CHECK("\"" << texts[i].text << "\" lies on \"" << texts[j].text << "\"");
}

}  // namespace

TEST_CASE("no view draws beyond its size, or a text on another") {
  const Model& model = *real_model();
  const Trace& trace = real_trace();
  for (const View& view : views())
    for (const Metric& metric : metrics()) {
      if (!view.can_show(metric) || view.of_pictures) continue;
      const bool by_target = (metric.reads & reads_target) != 0;
      // One measure a set of axes is enough, of those about a target another.
      const Metric* first = nullptr;
      for (const Metric& m : metrics())
        if (!first && m.axes == metric.axes && ((m.reads & reads_target) != 0) == by_target)
          first = &m;
      if (first != &metric) continue;
      for (const float width : {300.f, 560.f})
        for (const float height : {0.f, 420.f})
          for (const Lang lang : {Lang::en, Lang::zh}) {
            State state{.token = 5};
            state.layer = 1;
            state.head = 2;
            state.lang = lang;
            state.target = by_target ? "Rat" : "";
            const std::string shown = std::string(view.id) + " " + metric.id;
            CAPTURE(shown);
            CAPTURE(width);
            CAPTURE(height);
            CAPTURE(int(lang));
            const Inputs in{&model, &trace, &state};
            REQUIRE(!missing(metric, in));
            const Measure m = metric.compute(in);
            ViewInput input{m, trace.parts[0], state, width, 18};
            input.attention = &trace.parts[0];
            input.model = &model;
            input.height = height;
            if (!(metric.axes.back() == Axis::key && metric.low == 0 && metric.high == 1))
              input.metric = &metric;
            input.second = view.second ? &m : nullptr;
            input.second_metric = input.metric;
            const Figure figure = view.figure(input);
            CHECK(!figure.areas.empty());
            check_sizes(figure, input.line_height);
            // What is left out of sight changes neither the size nor what is in it.
            input.part = {0, 60, 0, 120};
            const Figure part = view.figure(input);
            CHECK(part.size.x == figure.size.x);
            CHECK(part.size.y == figure.size.y);
            CHECK(part.shapes.size() <= figure.shapes.size());
          }
    }
}

TEST_CASE("the lens writes words that can be read, and tells five of each") {
  const Model& model = *real_model();
  const Trace& trace = real_trace();
  const State state{.token = 3};
  const Metric& metric = *find_metric("lens_guess");
  const Measure m = metric.compute({&model, &trace, &state});
  ViewInput input{m, trace.parts[0], state, 300, 18};
  input.attention = &trace.parts[0];
  input.model = &model;
  input.metric = &metric;
  const Figure figure = find_view("lens")->figure(input);
  CHECK(figure.size.x > 300);  // rather than cells too small for a word
  REQUIRE(figure.areas.size() == m.values.size());
  for (const HitArea& area : figure.areas) {
    CHECK(area.max.x - area.min.x >= 60);
    CHECK(std::ranges::count(area.says, '%') >= 5);
  }
}

TEST_CASE("attribution bars add up to what they are bars of") {
  const Model& model = *real_model();
  const Trace& trace = real_trace();
  const State state{.token = 3, .target = "Rat", .foil = "Toad"};
  for (const char* id : {"logit_component", "logit_head", "logit_token"}) {
    const Metric& metric = *find_metric(id);
    const Measure m = metric.compute({&model, &trace, &state});
    ViewInput input{m, trace.parts[0], state, 400, 18};
    input.attention = &trace.parts[0];
    input.model = &model;
    input.metric = &metric;
    const Figure figure = find_view("parts")->figure(input);
    double sum = 0;
    for (const float v : m.values) sum += double(v);
    const auto number = [&] {
      for (auto it = figure.shapes.rbegin(); it != figure.shapes.rend(); ++it)
        if (const Label* l = std::get_if<Label>(&*it)) return std::stod(l->text);
      return 0.;
    }();
    CHECK(number == doctest::Approx(sum).epsilon(.01));
    CHECK(std::get<Label>(figure.shapes[0]).text.find("minus") != std::string::npos);
  }
}

TEST_CASE("lines break where no number, word or mark is torn") {
  const auto lines = [](std::string_view text, size_t fits) {
    std::vector<std::string> all;
    while (!text.empty()) {
      const size_t n = line_break(text, std::min(fits, text.size()));
      all.emplace_back(text.substr(0, n));
      text.remove_prefix(n);
      while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    }
    return all;
  };
  CHECK(lines("would have 0.159.", 13) == std::vector<std::string>{"would have", "0.159."});
  CHECK(lines("is 23.41 % of it", 8) == std::vector<std::string>{"is", "23.41 %", "of it"});
  CHECK(lines("度量为0.961；均匀", 12) == std::vector<std::string>{"度量为", "0.961；均", "匀"});
  CHECK(lines("（甲）乙", 10) == std::vector<std::string>{"（甲）", "乙"});
  CHECK(lines("1,234,567", 4) ==
        std::vector<std::string>{"1,23", "4,56", "7"});  // longer than a line
  CHECK(lines("学习", 0) == std::vector<std::string>{"学", "习"});
}

TEST_CASE("a percentile is the share of the others below, equal ones by half") {
  const std::vector<float> values = {1, 2, 2, 4, NAN};
  CHECK(percentile_of(values, 0) == 0);
  CHECK(percentile_of(values, 1) == doctest::Approx(.5));  // one below, one equal, of three
  CHECK(percentile_of(values, 3) == 1);
  CHECK(std::isnan(percentile_of(values, 4)));
  CHECK(percentile_of({7}, 0) == .5f);
  CHECK(rank_of(values, 2) == 2);
  CHECK(median_of(values) == 2);
}

TEST_CASE("a filter is conditions joined by blanks") {
  const std::string id = share()->id;
  const HeadsTable table = table_of({.1f, .6f, .7f, .2f});
  const auto listed = [&](const std::string& text) {
    const auto filter = parse_filter(text, Lang::en);
    REQUIRE(filter);
    return listed_heads(table, *filter, table.find(id), Order::highest);
  };
  CHECK(listed("") == std::vector<int>{2, 1, 3, 0});
  CHECK(listed(id + " > 0.5") == std::vector<int>{2, 1});
  CHECK(listed(id + ">50% L0") == std::vector<int>{1});
  CHECK(listed(std::string(share()->title.en) + " <= .2") == std::vector<int>{3, 0});
  CHECK(listed("L0-1 H0") == std::vector<int>{2, 0});
  CHECK(listed("l1h1") == std::vector<int>{3});
  CHECK(listed_heads(table, {}, table.find(id), Order::lowest).front() == 0);
  CHECK(listed_heads(table, {}, nullptr, Order::highest) == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("a filter takes the beginning of a measure's name, if it is of no other") {
  const auto metric_of = [](const std::string& text) -> const Metric* {
    const auto filter = parse_filter(text, Lang::en);
    return filter && filter->conditions.size() == 1 ? filter->conditions[0].metric : nullptr;
  };
  int shortened = 0;
  for (const Metric* m : head_metrics()) {
    CAPTURE(m->id);
    for (const std::string whole : {m->id, m->title.en, m->title.zh}) {
      CHECK(metric_of(whole + " > 0.5") == m);
      std::string name = whole;
      char last = 0;
      do last = std::exchange(name.back(), 0), name.pop_back();
      while ((uint8_t(last) & 0xC0) == 0x80 && !name.empty());  // whole characters
      if (name.empty()) continue;
      // This one, or one of just that name, or an error that lists several: never a guess.
      const Metric* found = metric_of(name + " > 0.5");
      if (found && found != m)
        CHECK((name == found->id || name == found->title.en || name == found->title.zh));
      else if (!found)
        CHECK(fault(name + " > 0.5").find("begins several measures: ") != std::string::npos);
      shortened += found == m;
    }
  }
  CHECK(shortened > 20);
  CHECK(fault("p > 0.5").find("begins several measures: ") != std::string::npos);
  CHECK(fault("zzz > 0.5").find("is not a measure") != std::string::npos);
}

TEST_CASE("a measure that is newly filtered by is the one to list") {
  const Metric *a = head_metrics()[0], *b = head_metrics()[1];
  const std::string of_a = std::string(a->id) + " > 0.5", of_b = std::string(b->id) + " < 1";
  CHECK(newly_filtered("", of_a) == a);
  CHECK(newly_filtered("L1", "L1 " + of_a + " " + of_b) == a);
  CHECK(newly_filtered(of_a, of_b) == b);
  CHECK(newly_filtered(of_a, of_a + " L2") == nullptr);  // the menu may show another by now
  CHECK(newly_filtered(of_a, "") == nullptr);
  CHECK(newly_filtered("", std::string(a->id) + " >") == nullptr);
}

TEST_CASE("a filter by role takes what heads do in general, first or otherwise") {
  HeadsTable table = table_of({.1f, .6f, .7f, .2f});
  const auto listed = [&](const std::string& text) {
    const auto filter = parse_filter(text, Lang::zh);
    REQUIRE(filter);
    return listed_heads(table, *filter, nullptr, Order::place);
  };
  CHECK(listed("role=induction").empty());  // nothing is known of them yet
  auto general = std::make_shared<HeadCharacters>();
  general->n_layers = general->n_heads = 2;
  general->heads.resize(4);
  general->heads[1].main.role = Role::induction;
  general->heads[1].other.role = Role::sink;
  general->heads[2].main.role = Role::sink;
  table.general = general;
  CHECK(listed("role=induction") == std::vector<int>{1});
  CHECK(listed("role = Sink") == std::vector<int>{1, 2});
  CHECK(listed("角色=归纳 L0") == std::vector<int>{1});
  CHECK(listed("role=none") == std::vector<int>{0, 3});
  CHECK(listed("role=first L1") == std::vector<int>{2});
  for (int i = 0; i < int(Role::nothing); ++i) {
    const auto filter = parse_filter(role_filter(Role(i)), Lang::en);
    REQUIRE(filter);
    CHECK(filter->conditions.at(0).is == Role(i));
  }
  CHECK(fault("role=nonsense").find("not a role; choose one of: previoustoken") !=
        std::string::npos);
  CHECK(fault("role").find("role=induction") != std::string::npos);
  CHECK(!fault("role=").empty());
}

TEST_CASE("a bad filter says in one sentence what is wrong") {
  const std::string id = share()->id;
  CHECK(fault(id + "x > 0.5").find("did you mean " + id) != std::string::npos);
  CHECK(fault(id).find("needs a comparison") != std::string::npos);
  CHECK(fault(id + " >").find("number is missing") != std::string::npos);
  CHECK(fault(id + " > much").find("\"much\" is not a number") != std::string::npos);
  CHECK(fault("> 0.5").find("name is missing") != std::string::npos);
  for (const char* text : {"L", "L5-2", "<", "=", "H-1", "L99999999999", "\xff > 1", "a a a a a a"})
    CHECK(!fault(text).empty());
}

TEST_CASE("lines keep the strongest of a row until they reach their share") {
  const std::vector<float> row = {.1f, .5f, 0, .4f};
  CHECK(strongest(row, .5f).size() == 1);
  CHECK(strongest(row, .7f).size() == 2);
  CHECK(strongest(row, 1).size() == 3);  // what is not above 0 never
  CHECK(strongest({}, 1).empty());
}

TEST_CASE("a rectangle is written, read, and added up as the pattern says") {
  const ScratchRun run = *run_scratch(ScratchSettings{});
  const Attention& a = run.trace->parts[0];
  const CellRect rect{1, 3, 0, 2};
  CHECK(write_rectangle(rect) == "1-3.0-2");
  CHECK(read_rectangle("1-3.0-2", a) == rect);
  CHECK(read_rectangle("1-99.0-2", a)->q1 == a.n_query - 1);
  for (const char* wrong : {"", "1", "3-1.0-2", "1-3,0-2", "1-3.0-2x", "99-100.0-1", "-1-2.0-1"})
    CHECK(!read_rectangle(wrong, a));
  const std::vector<float> p = a.pattern(0, 0, 1);
  double mass = 0, distance = 0, bits = 0;
  for (int q = 1; q <= 3; ++q)
    for (int k = 0; k <= 2; ++k) mass += double(p[size_t(q * 6 + k)]);
  for (int q = 1; q <= 3; ++q)
    for (int k = 0; k <= 2; ++k) {
      const double w = double(p[size_t(q * 6 + k)]) / mass;
      distance += w * std::abs(q - k);
      bits -= w * std::log2(w);
    }
  const RectFacts facts = rectangle_facts(a, 0, 0, 1, rect);
  CHECK(facts.mass == doctest::Approx(mass));
  CHECK(facts.share == doctest::Approx(mass / 3));
  CHECK(facts.distance == doctest::Approx(distance));
  CHECK(facts.bits == doctest::Approx(bits));
  CHECK(facts.n_cells == 9);
  REQUIRE(facts.top.size() == 5);
  CHECK(facts.top[0].weight >= facts.top[1].weight);
}

TEST_CASE("the glossary finds whole words, plurals and Chinese ones") {
  const std::string text = "Heads that monkeys look at";
  const FoundWord found = find_word(text, 0, Lang::en);
  REQUIRE(found.word);
  CHECK(text.substr(found.begin, found.end - found.begin) == "Heads");
  CHECK(!find_word(text, found.end, Lang::en).word);  // "monkeys" holds no key
  CHECK(find_word("各行的归纳分数", 0, Lang::zh).word);
}

TEST_CASE("heads are cells, lines of a list and dots, each where its head is chosen") {
  const ScratchRun run = *run_scratch(ScratchSettings{});
  const Measure m{{Axis::layer, Axis::head}, {1, 4}, {.2f, .9f, .1f, .5f}};
  State state;
  state.head = 1;
  for (const char* id : {"grid", "list", "scatter"}) {
    ViewInput input{m, run.trace->parts[0], state, 320, 18};
    input.metric = share();
    const Figure figure = find_view(id)->figure(input);
    REQUIRE(figure.areas.size() == 4);
    for (const HitArea& area : figure.areas) {
      CHECK(area.site);
      CHECK(area.min.x >= 0);
      CHECK(area.max.x <= 320);
      CHECK(area.max.y <= figure.size.y + 1);
    }
    if (std::string(id) == "list") CHECK(figure.areas[0].site->head == 1);
  }
}

TEST_CASE("dots have one colour per role, explained below them, and none without a role") {
  const ScratchRun run = *run_scratch(ScratchSettings{});
  const Measure m{{Axis::layer, Axis::head}, {2, 2}, {.2f, .9f, .1f, .5f}};
  auto general = std::make_shared<HeadCharacters>();
  *general = {2, 2, 8, 8, std::vector<HeadCharacter>(4)};
  general->heads[0].main.role = general->heads[3].main.role = Role::induction;
  general->heads[1].main.role = Role::previous_token;
  State state;
  state.dots = Dots::role;
  HeadsTable heads{2, 2, {}, general};
  ViewInput input{m, run.trace->parts[0], state, 320, 18};
  input.metric = share();
  // The colour of the dot of each head, and of each entry of the legend.
  const auto colors = [&](const Figure& figure) {
    std::vector<float> found(4, NAN);
    for (const HitArea& area : figure.areas)
      for (const Shape& shape : figure.shapes)
        if (const auto* r = std::get_if<Rect>(&shape))
          if (r->min.x > area.min.x && r->max.x < area.max.x && r->min.y > area.min.y &&
              r->max.y < area.max.y)
            found[size_t(area.site->layer * 2 + area.site->head)] = r->weight;  // the topmost
    return found;
  };
  const auto says = [](const Figure& figure, const std::string& text) {
    return std::ranges::any_of(figure.shapes, [&](const Shape& shape) {
      const auto* label = std::get_if<Label>(&shape);
      return label && label->text == text;
    });
  };
  input.heads = &heads;
  const Figure by_role = scatter_figure(input);
  const std::vector<float> of_role = colors(by_role);
  CHECK(of_role[0] == of_role[3]);
  CHECK(of_role[0] != of_role[1]);
  CHECK(of_role[0] >= 0);
  CHECK(of_role[1] >= 0);
  CHECK(of_role[2] == -1);
  for (const char* name : {"Induction head", "Previous-token head", "No role found"})
    CHECK(says(by_role, name));
  CHECK(says(by_role, "colour: role in general"));
  for (const Shape& shape : by_role.shapes)
    if (const auto* label = std::get_if<Label>(&shape)) CHECK(label->at.y + 18 <= by_role.size.y);
  // Where roles are unknown, or of other heads, the colour is that of the layer, and it says so.
  for (const bool other : {false, true}) {
    HeadsTable unknown{2, 2, {}, nullptr};
    if (other) {
      auto of_others = std::make_shared<HeadCharacters>();
      *of_others = {1, 4, 8, 8, std::vector<HeadCharacter>(4)};
      unknown.general = of_others;
    }
    input.heads = other ? &unknown : nullptr;
    const Figure by_layer = scatter_figure(input);
    CHECK(colors(by_layer) == std::vector<float>{0, 0, 1, 1});
    CHECK(says(by_layer, "colour: layer (roles unknown)"));
    CHECK(!says(by_layer, "Induction head"));
  }
}

TEST_CASE("lists and dots name what a head does in general, and say that it is in general") {
  const ScratchRun run = *run_scratch(ScratchSettings{});
  const Measure m{{Axis::layer, Axis::head}, {1, 4}, {.2f, .2f, .2f, .2f}};
  auto general = std::make_shared<HeadCharacters>();
  *general = {1, 4, 8, 8, std::vector<HeadCharacter>(4)};
  general->heads[2].main.role = Role::induction;
  general->heads[2].other.role = Role::sink;
  for (const Lang lang : {Lang::en, Lang::zh}) {
    State state;
    state.lang = lang;
    const HeadsTable heads{1, 4, {}, general};
    const std::string line = general_line(general.get(), 0, 2, lang);
    CHECK(line == (lang == Lang::zh
                       ? "一般而言：归纳头；其余时候停留在首个词元上"
                       : "In general: Induction head; otherwise rests on the first token"));
    CHECK(general_line(general.get(), 0, 1, lang).empty());
    CHECK(general_line(nullptr, 0, 2, lang).empty());
    for (const char* id : {"list", "scatter"}) {
      ViewInput input{m, run.trace->parts[0], state, 320, 18};
      input.metric = share();
      input.heads = &heads;
      input.least_row = 44;  // a finger's
      const Figure figure = find_view(id)->figure(input);
      REQUIRE(figure.areas.size() == 4);
      float foot = 0;
      for (const HitArea& area : figure.areas) {
        if (id != std::string_view("list")) break;
        CHECK(area.max.y - area.min.y >= 43.9f);
        CHECK(area.min.y >= foot - .1f);  // none hides another
        foot = area.max.y;
      }
      int n_named = 0;
      for (const HitArea& area : figure.areas) {
        const bool named = area.says.find(line) != std::string::npos;
        CHECK(named == (area.site->head == 2));
        n_named += named;
        CHECK(area.max.y <= figure.size.y + 1);
        // All heads have the same value: none is above another.
        CHECK(area.says.find('%') == std::string::npos);
      }
      CHECK(n_named == 1);
    }
  }
  CHECK_FALSE(has_places(m.values));
  CHECK_FALSE(has_places({NAN, 2, NAN, 2}));
  CHECK_FALSE(has_places({}));
  CHECK(has_places({NAN, 2, 2.5f}));
}

TEST_CASE("a figure becomes SVG with its text escaped") {
  Figure figure{
      {100, 20}, {Label{{0, 0}, "a<b & \"c\""}, Rect{{0, 0}, {5, 5}, Ink::text, .5f}}, {}};
  const std::string svg = to_svg(figure, {});
  CHECK(svg.find("a&lt;b &amp; &quot;c&quot;") != std::string::npos);
  CHECK(svg.find("width=\"124\"") != std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("a title names the layer and the head only where the measure is of one") {
  State state;
  state.layer = 1;
  state.head = 2;
  for (const Lang lang : {Lang::en, Lang::zh}) {
    state.lang = lang;
    const std::string layer = lang == Lang::en ? "Layer 1" : "第 1 层",
                      head = lang == Lang::en ? "Head 2" : "第 2 头";
    const auto has = [](const std::string& text, const std::string& word) {
      return text.find(word) != std::string::npos;
    };
    const Inputs in{real_model().get(), &real_trace(), &state};
    for (const Metric& metric : metrics()) {
      CAPTURE(metric.id);
      const std::string title = figure_title(&metric, state), words = site_words(&metric, state),
                        caption = caption_of(metric, nullptr, in, real_trace().parts[0]).title;
      const bool of_head = metric.reads & reads_head, of_layer = metric.reads & reads_layer;
      CHECK((!of_head || of_layer));  // a head without its layer is none
      CHECK(has(title, metric.title.in(lang)));
      CHECK(has(title, "H2") == of_head);
      CHECK(has(title, "L1") == of_layer);
      for (const std::string& text : {words, caption}) {
        CHECK(has(text, head) == of_head);
        CHECK(has(text, layer) == of_layer);
      }
      CHECK(has(caption, "bookworm-2m"));
      CHECK(has(caption, metric.title.in(lang)));
    }
    CHECK(has(figure_title(nullptr, state), "L1 H2"));
    for (const char* id : {"head_mean", "layer_mean", "rollout", "flow", "value_zeroing"})
      CHECK(!has(figure_title(find_metric(id), state), "H2"));
  }
}

TEST_CASE("a caption is below the figure, and whole in its title and description") {
  Figure figure{{200, 20}, {}, {}};
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "深度\n";
  State state;
  Trace trace = real_trace();
  trace.parts[0].key_tokens[0].text = text;
  const Inputs in{nullptr, &trace, &state};
  const Caption caption =
      caption_of(*find_metric("pattern"), nullptr, in, trace.parts[0], "a note");
  CHECK(caption.text.size() < 4100);
  CHECK(caption.title.find("Decoder") == std::string::npos);
  trace.parts.push_back(trace.parts[0]);
  trace.parts[1].part = Part::cross;
  state.part = 1;
  CHECK(caption_of(*find_metric("pattern"), nullptr, in, trace.parts[1])
            .title.find("Cross-attention") != std::string::npos);
  CHECK(caption.text.ends_with("…"));
  add_caption(figure, caption, 18);
  REQUIRE(figure.shapes.size() == 3);
  float top = 20;
  for (const Shape& shape : figure.shapes) {
    const Label& label = std::get<Label>(shape);
    CHECK(label.at.y > top);
    CHECK(label.max_width == 200);
    CHECK(label.text.find('\n') == std::string::npos);
    top = label.at.y + 10;
  }
  CHECK(figure.size.y > top);
  const std::string svg = to_svg(figure, {}, caption);
  CHECK(svg.find("<title>" + caption.title + "</title>") != std::string::npos);
  CHECK(svg.find("<desc>深度 ") != std::string::npos);
  const std::pair<std::string, std::string> texts[] = {{"Title", "深度"}};
  const std::string png = write_png(1, 1, std::vector<uint8_t>{1, 2, 3}, texts);
  CHECK(png.find(std::string("iTXtTitle\0\0\0\0\0深度", 9 + 5 + 6)) != std::string::npos);
}

TEST_CASE("a PNG holds the pixels that it was given") {
  const std::vector<uint8_t> rgb = {1, 2, 3, 250, 5, 6, 7, 8, 9, 10, 11, 12};
  const std::string png = write_png(2, 2, rgb);
  REQUIRE(png.substr(1, 3) == "PNG");
  const size_t at = png.find("IDAT");
  REQUIRE(at != std::string::npos);
  std::vector<uint8_t> raw(2 * 7);
  uLongf size = uLongf(raw.size());
  REQUIRE(uncompress(raw.data(), &size, reinterpret_cast<const Bytef*>(png.data() + at + 4),
                     uLong(png.size() - at - 4)) == Z_OK);
  REQUIRE(size == raw.size());
  for (size_t y = 0; y < 2; ++y)
    for (size_t i = 0; i < 6; ++i) {
      uint8_t value = raw[y * 7 + 1 + i];
      if (i >= 3) value = uint8_t(value + rgb[y * 6 + i - 3]);
      CHECK(value == rgb[y * 6 + i]);
    }
  CHECK(!to_png(Figure{{10, 10}, {}, {}}, {}));  // without a font: a sentence
}

TEST_CASE("a link names a view of the middle, and which are there is one sentence") {
  for (const char* id : {"map", "lines", "neuron", "scatter", "lens", "next", "parts"}) {
    const Result<State> state = from_query("view=" + std::string(id));
    REQUIRE(state);
    CHECK(!unknown_view(*state));
    CHECK(std::string(middle_view(*state).id) == id);
    CHECK(to_query(*state) == (id == std::string("map") ? "" : "view=" + std::string(id)));
  }
  for (const char* id : {"nap", "bars", ""}) {
    State state;
    state.view = id;
    const Status no = unknown_view(state);
    REQUIRE(no);
    CHECK(no->message.starts_with("link: view must be one of wall, map, lines, neuron, "));
    CHECK(no->message.ends_with(", not \"" + std::string(id) + "\""));
    for (const View* view : middle_views())
      CHECK(no->message.find(std::string(view->id) + ", ") != std::string::npos);
    CHECK(&middle_view(state) == find_view("map"));
  }
}

TEST_CASE("a view asks for measures that it can show, and only while it is on the page") {
  State nothing;
  nothing.view = "map";
  CHECK(wanted_metrics(nothing).empty());  // weights are at hand
  for (const View* view : middle_views()) {
    CAPTURE(std::string(view->id));
    State state;
    state.view = view->id;
    const auto asked = wanted_metrics(state);
    const auto is_asked = [&](const Metric* m) {
      return std::ranges::find(asked, m) != asked.end();
    };
    if (const Metric* usual = view->metric(state)) {
      CHECK(view->offers(*usual));
      CHECK(is_asked(usual));
      CHECK(is_asked(view->second_metric(state)) == (view->second != nullptr));
      CHECK(view->second_metric(state) != usual);
    } else {
      CHECK(view->of_pattern);
      CHECK(asked.empty());
    }
    // Whatever its menu offers is what it shows once chosen, and nothing else is.
    for (const Metric& m : metrics()) {
      if (!view->chosen) break;
      CAPTURE(std::string(m.id));
      state.*view->chosen = m.id;
      CHECK((view->metric(state) == &m) == view->offers(m));
    }
  }
}
