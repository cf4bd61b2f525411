// test_session.cpp - what a session shows for a state.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "golden_model.h"
#include "session_steps.h"

using namespace attn;

TEST_CASE("the first screen is the demonstration, computed at once") {
  Session session;
  settle(session, State{});
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  REQUIRE(s.scratch);
  CHECK(s.trace->parts[0].n_heads == 4);
  CHECK(s.map->n_query == 6);
  CHECK(s.map->values == s.trace->parts[0].pattern(0, 0, 0));
  CHECK(s.grid->side_q == 6);
  CHECK(s.grid->values.size() == 4 * 36);
}

TEST_CASE("sliders change what is shown; settings that cannot be leave the old picture") {
  Session session;
  State state;
  settle(session, state);
  const auto first = session.snapshot().trace;
  state.head = 3;
  state.sample = 1;
  settle(session, state);
  CHECK(session.snapshot().trace == first);
  CHECK(session.snapshot().map->head == 3);
  CHECK(session.snapshot().map->sample == 1);
  state.n_heads = 5;  // 64 is no multiple of it
  settle(session, state);
  REQUIRE(session.snapshot().error);
  CHECK(session.snapshot().trace == first);
  state.n_heads = 8;
  settle(session, state);
  CHECK(!session.snapshot().error);
  CHECK(session.snapshot().trace->parts[0].n_heads == 8);
  state.head = 100;  // of another model: the nearest there is
  settle(session, state);
  CHECK(session.snapshot().map->head == 7);
}

TEST_CASE("the thumbnails keep every bright cell of a long pattern") {
  Session session;
  State state;
  state.n_tokens = 200;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  CHECK(s.grid->side_q == 64);
  for (int head = 0; head < s.grid->n_heads; ++head) {
    const std::vector<float> pattern = s.trace->parts[0].pattern(0, 0, head);
    const size_t cells = size_t(s.grid->side_q) * size_t(s.grid->side_k);
    const float* thumb = s.grid->values.data() + size_t(head) * cells;
    CHECK(*std::max_element(pattern.begin(), pattern.end()) ==
          *std::max_element(thumb, thumb + cells));
  }
}

TEST_CASE("a dropped model loads, runs and follows the text") {
  const std::vector<File> files = tiny_model();
  REQUIRE(!files.empty());
  Session session;
  State state;
  settle(session, state);
  session.open(files);
  std::optional<std::string> id;
  for (int i = 0; i < 100000 && !id; ++i) {
    session.pump();
    session.want(state);
    id = session.take_opened();
  }
  REQUIRE(id);
  state.model = *id;
  state.text = "a b";
  settle(session, state);
  REQUIRE(session.snapshot().current);
  REQUIRE(session.snapshot().model);
  CHECK(session.snapshot().text == "a b");
  const int n = session.snapshot().trace->parts[0].n_query;
  state.text = "a b a b a b";
  settle(session, state);
  CHECK(session.snapshot().trace->parts[0].n_query > n);
  CHECK(session.snapshot().map->n_query == session.snapshot().trace->parts[0].n_query);
}

TEST_CASE("measures of one part of a trace are never those of another") {
  const Metric* const copying = find_metric("copying");
  REQUIRE((copying->needs & of_weights) != 0);
  Session session;
  State state;
  state.panel = Panel::head;
  state.text = "The cat sat.";
  state.pair = "It was a dog";
  state.model = opened(session, state, folder_of("seq2seq/t5"));
  settle(session, state);
  const auto of_part = [&](int part) {
    state.part = part;
    settle(session, state);
    const Snapshot& s = session.snapshot();
    REQUIRE(s.current);
    const auto made = s.last_measure(copying, clamped(state, *s.trace));
    REQUIRE(made);
    REQUIRE(s.roles);
    CHECK(s.roles->part == part);
    return made;
  };
  const auto encoder = of_part(0), decoder = of_part(1);
  CHECK(!encoder->error);
  CHECK(!decoder->error);
  CHECK(encoder->measure.values != decoder->measure.values);
  CHECK(of_part(2)->error);

  state.model = opened(session, state, folder_of("vision/siglip"));
  state.layer = 1;
  CHECK(!of_part(0)->error);
  CHECK(session.snapshot().map->n_query == 16);
  CHECK(of_part(1)->error);
  const Snapshot& s = session.snapshot();
  CHECK(s.map->n_query == 1);
  CHECK(s.map->n_key == 16);
  CHECK(s.roles->roles.size() == 4);
  const auto entropy = s.last_measure(find_metric("entropy"), clamped(state, *s.trace));
  REQUIRE(entropy);
  CHECK(!entropy->error);
  CHECK(entropy->measure.shape == std::vector<int>{1, 4});
}

// Both read the activations of a pass that keeps them: the encoder's, then the whole model's.
TEST_CASE("what a decoder predicts is never read from activations of its encoder") {
  const auto measured = [](const std::vector<int>& parts) {
    Session session;
    State state;
    state.text = "The cat sat.";
    state.pair = "It was a dog";
    state.model = opened(session, state, folder_of("seq2seq/t5"));
    const char* id = nullptr;
    for (const int part : parts) {
      id = part == 0 ? "value_zeroing" : "next";
      state.part = part;
      state.view = part == 0 ? "map" : id;
      state.show = part == 0 ? id : "";
      settle(session, state);
    }
    const Snapshot& s = session.snapshot();
    const auto made = s.measure(find_metric(id), clamped(state, *s.trace));
    REQUIRE(made);
    CHECK(!made->error);
    return made->measure.values;
  };
  CHECK(measured({0, 1}) == measured({1}));
  CHECK(measured({1, 0}) == measured({0}));
}

TEST_CASE("going back to an earlier text computes nothing, and shows its own picture at once") {
  Session session;
  State state;
  settle(session, state);
  open_model(session, state, "a b");
  const int made = session.snapshot().n_traces;
  const auto trace = session.snapshot().trace;
  const auto map = session.snapshot().map;
  const auto grid = session.snapshot().grid;
  state.text = "a b a";
  settle(session, state);
  CHECK(session.snapshot().n_traces == made + 1);
  CHECK(session.snapshot().trace != trace);
  for (int i = 0; i < 3; ++i) {
    state.text = "a b";
    session.want(state);  // one frame
    CHECK(session.snapshot().trace == trace);
    CHECK(session.snapshot().map == map);
    CHECK(session.snapshot().grid == grid);
    CHECK(session.snapshot().text == "a b");
    CHECK(session.snapshot().current);
    state.text = "a b a";
    session.want(state);
    CHECK(session.snapshot().current);
  }
  state.model = "scratch";
  settle(session, state);
  CHECK(session.snapshot().scratch);
  CHECK(session.snapshot().n_traces == made + 1);  // it was the first screen
}

TEST_CASE("a long pattern is shown in tiles: the overview first, then what is looked at") {
  Session session;
  State state;
  state.n_tokens = 1000;
  state.d_model = 16;
  state.n_samples = 1;
  state.mask = ScratchMask::causal;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  REQUIRE(!s.map->is_whole());
  CHECK(s.map->n_query == 1000);
  const std::vector<float> pattern = s.trace->parts[0].pattern(0, 0, 0);
  CHECK(overview_level(1000, 1000) == 0);
  for (const TilePlace place : {TilePlace{0, 0, 0}, {0, 2, 1}, {0, 3, 3}}) {
    const auto tile = s.tiles->peek(s.map->key(), place);
    REQUIRE(tile);
    float most = 0;
    for (int y = 0; y < tile->rows; ++y)
      for (int x = 0; x < tile->cols; ++x)
        most = std::max(most, std::abs(tile->pairs[size_t(y * tile->cols + x) * 2] -
                                       pattern[size_t(place.row * kTileSide + y) * 1000 +
                                               size_t(place.col * kTileSide + x)]));
    CHECK(most < 1e-7f);
  }
  const uint64_t made = s.tiles->version();
  state.head = 2;
  settle(session, state);
  CHECK(s.map->head == 2);
  CHECK(s.tiles->version() > made);
  const uint64_t both = s.tiles->version();
  state.head = 0;
  session.want(state);
  CHECK(s.map->head == 0);
  CHECK(s.tiles->version() == both);  // nothing was made anew
}

TEST_CASE("looking closer makes tiles of a finer level, no more than the cache holds") {
  Session session;
  State state;
  state.n_tokens = 1024;
  state.d_model = 4;
  state.n_heads = 1;
  state.n_samples = 1;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  // As wide as the overview may be: every level but 0 is coarser than needed.
  CHECK(session.look({0, 100, 0, 100, .2f}));
  CHECK(!session.look({0, 100, 0, 100, .2f}));
  settle(session, state);
  CHECK(s.current);
  CHECK(s.tiles->bytes() <= s.tiles->most_bytes());
}

TEST_CASE("heads that are watched get maps of as many cells as asked for, each exact") {
  Session session;
  State state;
  state.n_tokens = 200;
  state.d_model = 8;
  state.n_heads = 4;
  state.n_samples = 1;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  CHECK(s.sharp.empty());
  CHECK(session.watch({1, 3, 99}, 128));
  CHECK(!session.watch({1, 3, 99}, 128));
  settle(session, state);
  REQUIRE(s.sharp.size() == 2);  // there is no head 99
  const Attention& a = s.trace->parts[0];
  for (const auto& map : s.sharp) {
    CAPTURE(map->key.head);
    REQUIRE(map->rows == 128);
    REQUIRE(map->cols == 128);
    std::vector<float> right(128 * 128);
    a.pooled(0, 0, map->key.head, 0, 200, 0, 200, {right.data(), 128, 128});
    CHECK(map->values == right);
  }
  CHECK(s.sharp[0]->key.head == 1);
  CHECK(s.sharp[1]->key.head == 3);
  // Those that stay in sight are not made again; those of an earlier text go.
  const auto kept = s.sharp[1];
  session.watch({3}, 128);
  settle(session, state);
  REQUIRE(s.sharp.size() == 1);
  CHECK(s.sharp[0] == kept);
  state.seed = 7;
  settle(session, state);
  REQUIRE(s.sharp.size() == 1);
  CHECK(s.sharp[0] != kept);
  session.watch({}, 0);
  settle(session, state);
  CHECK(s.sharp.empty());
}

TEST_CASE("the inspector has every measure of all heads, the same as one by one") {
  Session session;
  State state;
  state.panel = Panel::head;
  state.offset = 3;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  REQUIRE(s.roles);
  const State at = clamped(state, *s.trace);
  const Inputs inputs{s.model.get(), s.trace.get(), &at};
  int n_values = 0;
  for (const Metric& metric : metrics()) {
    if (metric.axes != std::vector{Axis::layer, Axis::head}) continue;
    CAPTURE(std::string(metric.id));
    const auto made = s.measure(&metric, at);
    REQUIRE(made);
    const Status no = cannot_compute(metric, inputs);
    CHECK(made->error.has_value() == no.has_value());
    if (no) continue;
    const Measure alone = metric.compute(inputs);
    CHECK(made->measure.axes == alone.axes);
    CHECK(made->measure.shape == alone.shape);
    REQUIRE(made->measure.values.size() == alone.values.size());
    for (size_t i = 0; i < alone.values.size(); ++i) {
      const float a = alone.values[i], b = made->measure.values[i];
      CHECK((a == b || (a != a && b != b)));
    }
    n_values += int(alone.values.size());
  }
  CHECK(n_values > 60);
}

TEST_CASE("another offset computes the measure of the offset again, and no other") {
  Session session;
  State state;
  state.panel = Panel::head;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  REQUIRE(s.current);
  const int made = s.n_measures;
  const int n_reading = int(std::ranges::count_if(
      wanted_metrics(state), [](const Metric* m) { return (m->reads & reads_offset) != 0; }));
  CHECK(made > 30);
  REQUIRE(n_reading > 0);
  state.offset += 1;
  settle(session, state);
  REQUIRE(s.current);
  CHECK(s.n_measures == made + n_reading);
  CHECK(n_reading < 5);
  state.offset -= 1;
  settle(session, state);
  CHECK(s.n_measures == made + n_reading);  // it is still there
}

TEST_CASE("what heads do in general is made last, kept by model, and continued after typing") {
  Session session;
  State state;
  settle(session, state);
  CHECK_FALSE(session.snapshot().characters);  // random weights have none
  Result<std::vector<File>> files =
      read_folder(std::string(ATTNSCOPE_SOURCE_DIR) + "/web/models/bookworm-2m");
  REQUIRE(files);
  session.open(std::move(*files));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto in_time = [&] { return std::chrono::steady_clock::now() < end; };
  std::optional<std::string> opened;
  while (!opened && in_time()) {
    session.pump();
    session.want(state);
    opened = session.take_opened();
  }
  REQUIRE(opened);
  state.model = *opened;
  state.text = "One";
  settle(session, state);
  CHECK(session.snapshot().current);  // with or without them
  // Typing lays the probe aside; it is finished all the same.
  for (const char* text : {"One two", "One two three", "One two three four"}) {
    state.text = text;
    session.want(state);
    session.pump(1);
  }
  while (!session.snapshot().characters && in_time()) {
    session.pump();
    session.want(state);
  }
  const auto made = session.snapshot().characters;
  REQUIRE(made);
  CHECK(made->size() == 24);
  CHECK(made->at(3, 1).main.role == Role::induction);
  CHECK(session.snapshot().current);
  // Another text has the same, without another probe; the demonstration has none.
  state.text = "Another text";
  settle(session, state);
  CHECK(session.snapshot().characters == made);
  State scratch;
  settle(session, scratch);
  CHECK_FALSE(session.snapshot().characters);
  settle(session, state);
  CHECK(session.snapshot().characters == made);
}

TEST_CASE("a dropped archive opens as the folder in it does, and a damaged one is an error") {
  const auto archive = [](const std::string& name) -> std::vector<File> {
    return {{name, read_bytes(kData + ("archives/" + name))}};
  };
  Session session;
  State state;
  state.text = "a bc de";
  state.model = opened(session, state, folder_of("models/gpt2"));
  settle(session, state);
  const std::vector<float> expected = session.snapshot().map->values;
  for (const char* name : {"deflated.zip", "pax.tar.gz"}) {
    CAPTURE(name);
    state.model = opened(session, state, archive(name));
    CAPTURE(state.model);
    REQUIRE(state.model.starts_with("file:"));
    settle(session, state);
    CHECK(session.snapshot().map->values == expected);
  }
  session.open(archive("pictures.zip"));
  for (int i = 0; i < 100'000 && !session.snapshot().file_error; ++i) {
    session.want(state);
    session.pump();
  }
  REQUIRE(session.snapshot().file_error);
  CHECK(session.snapshot().file_error->message.starts_with("pictures.zip: has no model"));
  settle(session, state);
  CHECK(session.snapshot().map->values == expected);  // what was on screen stays
}
