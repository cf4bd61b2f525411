// test_reading.cpp - maps of words and spans in a session, random tokens repeated twice, numbers of
// single tokens.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>

#include "app/read_folder.h"
#include "app/session.h"
#include "app/tiles.h"
#include "figure/figure_parts.h"
#include "pass/scratch.h"
#include "text/random_tokens.h"

using namespace attn;

namespace {

void settle(Session& session, const State& state) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    session.pump();
    session.want(state);
  } while (!session.snapshot().current && !session.snapshot().error &&
           std::chrono::steady_clock::now() < end);
}

// A session with the GPT-2 of the tests in it.
State open_gpt2(Session& session) {
  Result<std::vector<File>> files = read_folder(ATTNSCOPE_SOURCE_DIR "/tests/data/models/gpt2");
  REQUIRE(files);
  session.open(std::move(*files));
  State state;
  std::optional<std::string> id;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!(id = session.take_opened()) && std::chrono::steady_clock::now() < end) {
    session.pump();
    session.want(state);
  }
  REQUIRE(id);
  state.model = *id;
  state.text = "the cat sat";
  settle(session, state);
  REQUIRE(session.snapshot().current);
  return state;
}

Measure of(const char* id, const Trace& trace, const State& state) {
  return find_metric(id)->compute({nullptr, &trace, &state});
}

}  // namespace

TEST_CASE("a session makes maps of groups, and of tokens again") {
  Session session;
  State state;
  settle(session, state);
  const Snapshot& s = session.snapshot();
  const std::vector<float> whole = s.map->values;
  CHECK(!s.reading);
  state.units = Units::spans;
  state.spans = "1-2";
  settle(session, state);
  REQUIRE(s.current);
  REQUIRE(s.reading);
  const State at = clamped(state, *s.trace);
  const auto read = s.read_map(nullptr, at);
  REQUIRE(read);
  REQUIRE(read->map);
  CHECK(read->map->n_query == 5);
  CHECK(read->map->reading == s.reading);
  CHECK(s.reading->pairs.key_tokens[0].items[1].shown == "爱学习");
  CHECK(read->map->values[0 * 5 + 1] == doctest::Approx(whole[1] + whole[2]));
  CHECK(read->map->values[1 * 5 + 0] == doctest::Approx((whole[6] + whole[12]) / 2));
  CHECK(s.reading->at(clamped({.token = 4, .locked_key = 2}, *s.trace)).token == 3);
  CHECK(s.reading->at(clamped({.token = 4, .locked_key = 2}, *s.trace)).locked_key == 1);
  // Another measure of the same cells.
  state.show = "head_mean";
  settle(session, state);
  const auto mean = s.read_map(find_metric("head_mean"), clamped(state, *s.trace));
  REQUIRE(mean);
  REQUIRE(mean->made);
  CHECK(mean->made->measure.shape == std::vector{5, 5});
  state.units = Units::tokens;
  settle(session, state);
  CHECK(!s.reading);
}

TEST_CASE("more groups than a map may have are said to be, in both languages") {
  Session session;
  State state;
  state.tokens = "a";
  state.n_tokens = 1024;
  state.d_model = 8;
  state.n_heads = 1;
  state.n_samples = 1;
  state.specials = Specials::hidden;
  settle(session, state);
  REQUIRE(session.snapshot().current);
  const auto read = session.snapshot().read_map(nullptr, clamped(state, *session.snapshot().trace));
  REQUIRE(read);
  CHECK(!read->error);
  CHECK(read->map->n_query == 1024);  // whole, though tiles would show it otherwise
  CHECK(read->hidden_mean == 0);
}

TEST_CASE("random tokens repeated twice are torch.randint's, and give the stripe scores numbers") {
  std::mt19937 draw(0);
  // torch.manual_seed(0); torch.randint(1, 100, (6,))
  CHECK(repeated_ids(draw, 100, 6) ==
        std::vector<int>{99, 19, 57, 70, 53, 70, 99, 19, 57, 70, 53, 70});
  Session session;
  State state = open_gpt2(session);
  const Snapshot& s = session.snapshot();
  CHECK(s.period == 0);
  state.repeat = 5;
  state.repeat_seed = 3;
  state.panel = Panel::head;
  settle(session, state);
  REQUIRE(s.current);
  CHECK(s.period == 5);
  const auto& items = s.trace->parts[0].query_tokens[0].items;
  REQUIRE(items.size() == 10);
  for (size_t i = 0; i < 5; ++i) CHECK(items[i].id == items[i + 5].id);
  const State at = clamped(state, *s.trace);
  const auto stripe = s.measure(find_metric("induction_stripe"), at);
  REQUIRE(stripe);
  CHECK(!stripe->error);
  Inputs in{s.model.get(), s.trace.get(), &at};
  in.period = 5;
  CHECK(stripe->measure.values == find_metric("induction_stripe")->compute(in).values);
  REQUIRE(s.roles);
  CHECK(s.roles->trace.lock() == s.trace);
  state.repeat = 100000;  // more than it reads: as many as fit
  settle(session, state);
  CHECK(s.trace->parts[0].query_tokens[0].size() == s.model->config.n_ctx / 2 * 2);
  state.repeat = 0;
  settle(session, state);
  CHECK(s.period == 0);
  CHECK(s.measure(find_metric("induction_stripe"), clamped(state, *s.trace))->error);
}

TEST_CASE("numbers of single tokens are those of the pattern") {
  for (const ScratchMask mask : {ScratchMask::none, ScratchMask::causal}) {
    ScratchSettings settings;
    settings.mask = mask;
    const auto run = run_scratch(settings);
    REQUIRE(run);
    const Trace& trace = *run->trace;
    const Attention& a = trace.parts[0];
    State chosen{.sample = 1, .token = 3};
    chosen.head = 2;
    const State state = clamped(chosen, trace);
    const std::vector<float> p = a.pattern(1, 0, 2);
    const int n = a.n_query;
    const Measure column = of("column", trace, state), received = of("received", trace, state),
                  entropy = of("row_entropy", trace, state),
                  largest = of("row_largest", trace, state),
                  distance = of("row_distance", trace, state),
                  mean = of("layer_mean", trace, state);
    std::vector<double> all(size_t(n * n), 0.);
    for (int h = 0; h < a.n_heads; ++h) {
      const std::vector<float> one = a.pattern(1, 0, h);
      for (size_t i = 0; i < all.size(); ++i) all[i] += double(one[i]) / a.n_heads;
    }
    for (int i = 0; i < n; ++i) {
      double bits = 0, far = 0, most = 0, got = 0;
      int seen = 0;
      for (int j = 0; j < n; ++j) {
        const double w = double(p[size_t(i * n + j)]);
        if (w > 0) bits -= w * std::log2(w);
        far += w * std::abs(i - j);
        most = std::max(most, w);
        if (!a.may_see(1, 0, j, i)) continue;
        got += double(p[size_t(j * n + i)]);
        ++seen;
      }
      CHECK(entropy.values[size_t(i)] == doctest::Approx(bits).epsilon(1e-6));
      CHECK(distance.values[size_t(i)] == doctest::Approx(far).epsilon(1e-6));
      CHECK(largest.values[size_t(i)] == doctest::Approx(most).epsilon(1e-6));
      CHECK(received.values[size_t(i)] == doctest::Approx(got / seen).epsilon(1e-6));
      CHECK(column.values[size_t(i)] == p[size_t(i * n + 3)]);
    }
    for (size_t i = 0; i < all.size(); ++i) CHECK(std::abs(all[i] - double(mean.values[i])) < 1e-6);
  }
}

TEST_CASE("colours follow the scale, and those of numbers below 0 have it in their middle") {
  const ValueRange plain{0, 2}, both{-4, 4};
  CHECK(plain.colored(Scale::linear, 1, 2) == doctest::Approx(.5));
  CHECK(plain.colored(Scale::log, .02f, 2) == doctest::Approx(.5));
  CHECK(plain.colored(Scale::log, 0, 2) == 0);
  CHECK(plain.colored(Scale::row_max, 1, 1) == 1);
  CHECK(both.colored(Scale::linear, 0, 4) == doctest::Approx(kDiverging + .5));
  CHECK(both.colored(Scale::linear, -4, 4) == doctest::Approx(kDiverging));
  CHECK(both.colored(Scale::linear, 2, 4) == doctest::Approx(kDiverging + .75));
  CHECK(both.colored(Scale::log, -.04f, 4) == doctest::Approx(kDiverging + .25));
  CHECK(both.colored(Scale::row_max, -1, 2) == doctest::Approx(kDiverging + .25));
  CHECK(std::isnan(both.colored(Scale::linear, NAN, 1)));
  CHECK(both.tick(nullptr, Scale::log, .25f) == "-0.04");
  CHECK(both.tick(nullptr, Scale::log, .5f) == "0");
  CHECK(plain.tick(nullptr, Scale::log, 0) == "≤0.0002");
  CHECK(plain.tick(nullptr, Scale::row_max, .5f) == "50%");
  // Purple below and orange above, the page's own grey between, lighter (or darker) towards it all
  // the way.
  for (const bool dark : {false, true}) {
    const auto colors = diverging_colors(dark);
    REQUIRE(colors.size() == 256);
    CHECK(colors[0].b > colors[0].r);
    CHECK(colors[255].r > colors[255].b);
    const auto light = [&](int i) {
      return 2 * colors[size_t(i)].r + 7 * colors[size_t(i)].g + colors[size_t(i)].b;
    };
    for (int i = 0; i < 127; ++i) {
      CHECK((light(i + 1) >= light(i)) == (!dark || light(i + 1) == light(i)));
      CHECK((light(254 - i) >= light(255 - i)) == (!dark || light(254 - i) == light(255 - i)));
    }
  }
}
