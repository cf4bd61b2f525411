// test_views.cpp - filters, percentiles, rectangles, the views of heads, and pictures as files.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "figure/export.h"
#include "figure/figure_views.h"
#include "figure/glossary.h"
#include "figure/heads_table.h"
#include "figure/rectangle.h"
#include "model/scratch.h"

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

}  // namespace

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

TEST_CASE("a bad filter says in one sentence what is wrong") {
  const std::string id = share()->id;
  CHECK(fault(id + "x > 0.5").find("did you mean " + id) != std::string::npos);
  CHECK(fault(id).find("needs a comparison") != std::string::npos);
  CHECK(fault(id + " >").find("number is missing") != std::string::npos);
  CHECK(fault(id + " > much").find("\"much\" is no number") != std::string::npos);
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
  const Attention& a = run.trace->attention();
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
  CHECK(find_word("各行的归纳得分", 0, Lang::zh).word);
}

TEST_CASE("heads are cells, lines of a list and dots, each where its head is chosen") {
  const ScratchRun run = *run_scratch(ScratchSettings{});
  const Measure m{{Axis::layer, Axis::head}, {1, 4}, {.2f, .9f, .1f, .5f}};
  State state;
  state.head = 1;
  for (const char* id : {"grid", "list", "scatter"}) {
    ViewInput input{m, *run.trace, state, 320, 18};
    input.metric = share();
    const Figure figure = find_view(id)->figure(input);
    REQUIRE(figure.areas.size() == 4);
    for (const HitArea& area : figure.areas) {
      CHECK(area.head >= 0);
      CHECK(area.min.x >= 0);
      CHECK(area.max.x <= 320);
      CHECK(area.max.y <= figure.size.y + 1);
    }
    if (std::string(id) == "list") CHECK(figure.areas[0].head == 1);
  }
}

TEST_CASE("a figure becomes SVG with its text escaped") {
  Figure figure{{100, 20}, {Label{{0, 0}, "a<b & \"c\""}, Rect{{0, 0}, {5, 5}, Ink::text, .5f}}, {}};
  const std::string svg = to_svg(figure, {});
  CHECK(svg.find("a&lt;b &amp; &quot;c&quot;") != std::string::npos);
  CHECK(svg.find("width=\"124\"") != std::string::npos);
  CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("a PNG holds the pixels that it was given") {
  const std::vector<uint8_t> rgb = {1, 2, 3, 250, 5, 6, 7, 8, 9, 10, 11, 12};
  const std::string png = write_png(2, 2, rgb);
  REQUIRE(png.substr(1, 3) == "PNG");
  const size_t at = png.find("IDAT");
  REQUIRE(at != std::string::npos);
  std::vector<uint8_t> raw(2 * 7);
  uLongf size = uLongf(raw.size());
  REQUIRE(uncompress(raw.data(), &size, reinterpret_cast<const Bytef*>(png.data() + at + 4), uLong(png.size() - at - 4)) == Z_OK);
  REQUIRE(size == raw.size());
  for (size_t y = 0; y < 2; ++y)
    for (size_t i = 0; i < 6; ++i) {
      uint8_t value = raw[y * 7 + 1 + i];
      if (i >= 3) value = uint8_t(value + rgb[y * 6 + i - 3]);
      CHECK(value == rgb[y * 6 + i]);
    }
  CHECK(!to_png(Figure{{10, 10}, {}, {}}, {}, {}));  // without a font: a sentence
}
