// test_predictions.cpp - what a model would say after each layer and next, and the names of tokens
// that are asked about.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <string>

#include "analysis/predictions.h"
#include "analysis/target.h"
#include "app/measures.h"
#include "golden_model.h"
#include "pass/forward.h"

using namespace attn;

namespace {

std::shared_ptr<const Model> bookworm() {
  const auto model =
      load_model(read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m"), "bookworm-2m");
  REQUIRE(model);
  return *model;
}

std::shared_ptr<const Trace> traced(const std::shared_ptr<const Model>& model) {
  Keep keep;
  keep.activations = true;
  keep.all_logits = true;
  return std::make_shared<Trace>(
      forward(model, model->tokenizer->encode("The cat sat on the mat, and"), keep));
}

}  // namespace

TEST_CASE("the next token's chances are the softmax of the pass's logits") {
  const auto model = bookworm();
  const auto trace = traced(model);
  const int n = trace->parts[0].n_query, d_vocab = model->config.d_vocab;
  for (int i = 0; i < n; ++i) {
    const State state{.token = i};
    const Measure m = run(begin_next_token({model.get(), trace.get(), &state}));
    REQUIRE(int(m.values.size()) == d_vocab);
    const std::span<const float> logits(trace->logits.data() + int64_t(i) * d_vocab,
                                        size_t(d_vocab));
    const double largest = *std::ranges::max_element(logits);
    double sum = 0, most = 0;
    for (const float x : logits) sum += std::exp(double(x) - largest);
    for (size_t t = 0; t < logits.size(); ++t)
      most = std::max(most,
                      std::abs(double(m.values[t]) - std::exp(double(logits[t]) - largest) / sum));
    CHECK(most < 1e-5);
    CHECK(std::accumulate(m.values.begin(), m.values.end(), 0.) == doctest::Approx(1));
  }
}

TEST_CASE("the lens's first guess is the token that has rank 0, with its chance") {
  const auto model = bookworm();
  const auto trace = traced(model);
  const State open;
  const Measure m = run(begin_lens_guess({model.get(), trace.get(), &open}));
  REQUIRE(m.n_guesses() == kGuesses);
  const int n = trace->parts[0].n_query;
  for (size_t i = 0; i < m.values.size(); i += 5) {
    State state;
    state.target = "#" + std::to_string(m.guesses[i * kGuesses].token);
    const Inputs in{model.get(), trace.get(), &state};
    CHECK(find_metric("lens_rank")->compute(in).values[i] == 0);
    CHECK(find_metric("lens_probability")->compute(in).values[i] ==
          doctest::Approx(m.values[i]).epsilon(1e-4));
    double before = 1;
    for (size_t g = i * kGuesses; g < (i + 1) * kGuesses; ++g) {
      CHECK(m.guesses[g].probability <= before);
      before = m.guesses[g].probability;
    }
  }
  // After the last layer it is what comes next.
  const State last{.token = n - 1};
  const Measure next = run(begin_next_token({model.get(), trace.get(), &last}));
  CHECK(*std::ranges::max_element(next.values) == doctest::Approx(m.values.back()).epsilon(1e-4));
}

TEST_CASE("every token has a name by which it is found again") {
  const auto model = bookworm();
  const Tokenizer& t = *model->tokenizer;
  int plain = 0;
  for (int id = 0; id < t.size(); ++id) {
    const std::string name = name_of_token(t, id);
    CAPTURE(name);
    CHECK(token_named(t, name) == id);
    plain += name.front() != '#';
  }
  CHECK(plain > t.size() * 4 / 5);
}

TEST_CASE("what is typed finds tokens that begin so, the shortest first") {
  const auto model = bookworm();
  const Tokenizer& t = *model->tokenizer;
  const std::vector<int> found = tokens_beginning(t, "ri", 6);
  REQUIRE(!found.empty());
  CHECK(found.size() <= 6);
  size_t before = 0;
  for (const int id : found) {
    std::string shown = t.shown(id);
    CHECK(shown.size() >= before);
    before = shown.size();
    shown.erase(0, shown.find_first_not_of(' '));
    CHECK(shown.starts_with("ri"));
  }
  CHECK(tokens_beginning(t, "xyzzyplugh", 6).empty());
  CHECK(tokens_beginning(t, "ri", 0).empty());
}

TEST_CASE("only what is about a target is made anew for another") {
  const auto model = bookworm();
  const auto trace = traced(model);
  State a, b;
  b.target = "cat";
  b.foil = "mat";
  for (const Metric& m : metrics())
    CHECK((measure_key(m, trace, a) == measure_key(m, trace, b)) == !(m.reads & reads_target));
}

TEST_CASE(
    "a target or a foil that is no single token is one sentence, and only where one is asked for") {
  const auto model = bookworm();
  const auto trace = traced(model);
  for (const bool foil : {false, true}) {
    State state;
    (foil ? state.foil : state.target) = "xyzzy plugh";
    const Inputs in{model.get(), trace.get(), &state};
    for (const Metric& m : metrics()) {
      if (!(m.needs & needs_logits)) continue;
      const Status no = missing(m, in);
      CHECK(bool(no) == bool(m.reads & reads_target));
      if (no) CHECK(no->message.find("xyzzy plugh") != std::string::npos);
    }
  }
}
