// test_wall.cpp - the wall of heads: where maps are at every zoom, and the figure's cells.
#include <doctest/doctest.h>

#include <cmath>

#include "figure/figure_views.h"
#include "figure/heads_table.h"
#include "figure/views.h"
#include "figure/wall_layout.h"
#include "golden_model.h"
#include "pass/forward.h"

using namespace attn;

TEST_CASE("the whole wall fits, and each point belongs to one map or to a gap") {
  for (const auto& [rows, columns] : {std::pair{12, 12}, {4, 6}, {32, 32}, {1, 1}, {6, 2}})
    for (const float aspect : {1.f, .5f, 3.f})
      for (const Vec2 room : {Vec2{600, 500}, Vec2{320, 700}}) {
        CAPTURE(rows);
        CAPTURE(aspect);
        const WallLayout wall = fit_wall(rows, columns, aspect, room);
        CHECK(wall.size().x <= room.x + .01f);
        CHECK(wall.size().y <= room.y + .01f);
        // As large as there is room for.
        CHECK((wall.size().x > room.x - 1 || wall.size().y > room.y - 1));
        CHECK(wall.map.x / wall.map.y == doctest::Approx(aspect).epsilon(.01));
        for (int row = 0; row < rows; ++row)
          for (int column = 0; column < columns; ++column) {
            const Vec2 min = wall.at(row, column);
            const Vec2 middle = {min.x + wall.map.x / 2, min.y + wall.map.y / 2};
            CHECK(wall.index_at(middle) == row * columns + column);
            if (column + 1 < columns)
              CHECK(wall.index_at({min.x + wall.map.x + wall.gap / 2, middle.y}) == -1);
          }
        CHECK(wall.index_at({-1, 5}) == -1);
        CHECK(wall.index_at({wall.size().x + 1, 5}) == -1);
        CHECK(wall.index_at({5, wall.size().y + 1}) == -1);
      }
}

TEST_CASE("12 x 12 heads are legible in a window of 1280 x 800, 32 x 32 by zoom") {
  const Vec2 canvas = {560, 560};  // of the middle column, below its menu
  CHECK(fit_wall(12, 12, 1, canvas).map.x >= 40);
  const WallLayout many = fit_wall(32, 32, 1, canvas);
  CHECK(many.map.x >= 14);
  CHECK(full_scale(many, canvas) * many.map.x == doctest::Approx(560).epsilon(.01));
}

TEST_CASE("zooming keeps the point under the mouse, and panning stays on the wall") {
  const Vec2 room = {560, 500};
  const WallLayout fit = fit_wall(12, 12, 1, room);
  WallView view = settled({}, fit, room);
  CHECK(view.scale == 1);
  CHECK(view.from.x < 0);  // centred where there is room beside it
  CHECK(view.from.y == 0);
  const Vec2 mouse = {300, 220};
  const auto under = [&](const WallView& v) {
    const WallLayout wall = scaled(fit, v.scale);
    return Vec2{(v.from.x + mouse.x) / wall.map.x, (v.from.y + mouse.y) / wall.map.y};
  };
  const Vec2 before = under(view);
  for (int i = 0; i < 6; ++i) view = zoomed(view, fit, room, 1.3f, mouse);
  CHECK(view.scale == doctest::Approx(std::pow(1.3, 6)));
  CHECK(under(view).x == doctest::Approx(before.x).epsilon(1e-4));
  CHECK(under(view).y == doctest::Approx(before.y).epsilon(1e-4));
  view = zoomed(view, fit, room, 1e6f, mouse);
  CHECK(view.scale == full_scale(fit, room));  // one map fills the room
  view.from = {1e9f, -1e9f};
  view = settled(view, fit, room);
  const Vec2 size = scaled(fit, view.scale).size();
  CHECK(view.from.x == doctest::Approx(size.x - room.x));
  CHECK(view.from.y == 0);
  // Back out: the whole wall, centred again.
  view = zoomed(view, fit, room, 1e-6f, mouse);
  CHECK(view == settled({}, fit, room));
}

TEST_CASE("a head is brought into the middle, or as near as the wall's edge allows") {
  const Vec2 room = {500, 500};
  const WallLayout fit = fit_wall(12, 12, 1, room);
  for (const auto& [row, column] : {std::pair{6, 5}, {0, 0}, {11, 11}, {0, 7}}) {
    const WallView view = centred(fit, room, 4, row, column);
    const WallLayout wall = scaled(fit, 4);
    const Vec2 min = wall.at(row, column);
    CHECK(min.x >= view.from.x - .01f);
    CHECK(min.y >= view.from.y - .01f);
    CHECK(min.x + wall.map.x <= view.from.x + room.x + .01f);
    CHECK(min.y + wall.map.y <= view.from.y + room.y + .01f);
    CHECK(view == settled(view, fit, room));
  }
}

namespace {

// The maps; the colour bar is a single row of cells.
std::vector<Cells> cells_of(const Figure& figure) {
  std::vector<Cells> out;
  for (const Shape& shape : figure.shapes)
    if (const Cells* cells = std::get_if<Cells>(&shape); cells && cells->rows > 1)
      out.push_back(*cells);
  return out;
}

int n_dimmed(const Figure& figure) {
  int n = 0;
  for (const Shape& shape : figure.shapes)
    if (const Rect* rect = std::get_if<Rect>(&shape))
      n += rect->ink == Ink::panel && rect->alpha < 1;
  return n;
}

}  // namespace

TEST_CASE("the wall's maps are the heads' patterns, masked where nothing may be seen") {
  for (const char* name : {"llama-gqa", "bert-mlm"}) {
    CAPTURE(name);
    const auto model = load_model(read_model_files(test_models() / name), name);
    REQUIRE(model);
    std::vector<int> ids;
    for (int i = 0; i < 13; ++i) ids.push_back((i * 7 + 3) % 100);
    const Trace trace = forward(*model, tokens_of(ids));
    const Attention& a = trace.parts[0];
    State state;
    state.layer = 1;
    const Metric& metric = *find_view("wall")->usual_metric();
    const Measure measure = metric.compute({model->get(), &trace, &state});
    ViewInput input{measure, a, state, 700, 18};
    input.attention = &a;
    input.metric = &metric;
    const Figure figure = wall_figure(input);
    const std::vector<Cells> maps = cells_of(figure);
    REQUIRE(maps.size() == size_t(a.n_layers * a.n_heads));
    CHECK(figure.areas.size() == maps.size());
    int wrong = 0;
    for (int head = 0; head < a.n_layers * a.n_heads; ++head) {
      const Cells& map = maps[size_t(head)];
      REQUIRE(map.rows == 13);
      REQUIRE(map.cols == 13);
      const std::vector<float> pattern = a.pattern(0, head / a.n_heads, head % a.n_heads);
      for (int i = 0; i < 13 * 13; ++i) {
        const float place = map.places[size_t(i)];
        const bool seen = a.may_see(0, head / a.n_heads, i / 13, i % 13);
        wrong += seen ? !(std::abs(place - pattern[size_t(i)]) < 1e-6) : !std::isnan(place);
      }
      CHECK(figure.areas[size_t(head)].site == Site{0, head / a.n_heads, head % a.n_heads});
    }
    CHECK(wrong == 0);

    // Thumbnails that are at hand are taken instead.
    const std::vector<float> flat(size_t(a.n_layers * a.n_heads) * 4, .25f);
    const HeadMaps thumbnails{2, 2, flat};
    input.maps = &thumbnails;
    for (const Cells& map : cells_of(wall_figure(input))) {
      CHECK(map.rows == 2);
      CHECK(map.places[0] == .25f);
    }
    input.maps = nullptr;

    // A filter dims what it leaves out.
    CHECK(n_dimmed(figure) == 0);
    state.filter = "L1";
    const HeadsTable table{a.n_layers, a.n_heads, {}};
    input.heads = &table;
    CHECK(n_dimmed(wall_figure(input)) == (a.n_layers - 1) * a.n_heads);
  }
}

TEST_CASE("a wall of many heads or of a long text is drawn from a bounded number of cells") {
  Attention a;
  a.n_layers = a.n_heads = a.n_kv_heads = 32;
  a.d_head = 2;
  a.n_query = a.n_key = 300;
  a.mask = Mask::causal;
  a.scale = 1;
  const HeadRows zeros(32, 300, 2, std::vector<float>(32 * 300 * 2));  // else uninitialized
  for (int l = 0; l < 32; ++l) a.layers.emplace_back(QK{zeros, zeros, zeros});
  Measure measure{{Axis::layer, Axis::head}, {32, 32}, std::vector<float>(32 * 32, .5f)};
  const State state;
  ViewInput input{measure, a, state, 1200, 18};
  input.attention = &a;
  size_t cells = 0;
  for (const Cells& map : cells_of(wall_figure(input))) {
    cells += map.places.size();
    // Above the diagonal of a map that covers several tokens a cell.
    CHECK(std::isnan(map.places[size_t(map.cols - 1)]));
    CHECK(map.places[0] == 1);
  }
  CHECK(cells <= 150'000);
}

TEST_CASE("the wall's order is that of layers, or of the values, with undefined ones last") {
  const std::vector<float> values = {.2f, NAN, .9f, .2f, -1, .5f};
  const auto order = [&](Arrange arrange, Order o) { return wall_order(6, values, arrange, o); };
  CHECK(order(Arrange::layers, Order::highest) == std::vector<int>{0, 1, 2, 3, 4, 5});
  CHECK(order(Arrange::measure, Order::highest) == std::vector<int>{2, 5, 0, 3, 4, 1});
  CHECK(order(Arrange::measure, Order::place) == std::vector<int>{2, 5, 0, 3, 4, 1});
  CHECK(order(Arrange::measure, Order::lowest) == std::vector<int>{4, 0, 3, 5, 2, 1});
  CHECK(wall_order(3, values, Arrange::measure, Order::highest) == std::vector<int>{0, 1, 2});
}

TEST_CASE("a sorted wall names each map and has it where its value stands") {
  const Attention a;
  Measure measure{{Axis::layer, Axis::head}, {2, 3}, {.1f, .6f, .3f, .2f, .5f, .4f}};
  State state;
  state.arrange = Arrange::measure;
  ViewInput input{measure, a, state, 900, 18};
  input.metric = find_metric("induction");
  const Figure figure = wall_figure(input);
  const int order[] = {1, 4, 5, 2, 3, 0};
  std::vector<std::string> labels;
  for (const Shape& shape : figure.shapes)
    if (const auto* label = std::get_if<Label>(&shape)) labels.push_back(label->text);
  REQUIRE(figure.areas.size() == 6);
  for (size_t place = 0; place < 6; ++place) {
    const int head = order[place];
    CHECK(figure.areas[place].site == Site{0, head / 3, head % 3});
    CHECK(std::ranges::find(labels, head_name(head / 3, head % 3) + " " +
                                        value_text(input.metric, measure.values[size_t(head)])) !=
          labels.end());
  }
  CHECK(std::ranges::find(labels, "L0") == labels.end());
}
