// test_metric_reads.cpp - every metric reads of the state what its row says, and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <type_traits>

#include "app/measures.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "pass/scratch.h"

using namespace attn;

namespace {

// Of fields of the state, by their keys: the ones that a metric may read.
const std::map<std::string, unsigned> kReads = {
    {"sample", reads_sample}, {"layer", reads_layer},   {"head", reads_head},
    {"token", reads_token},   {"offset", reads_offset}, {"target", reads_target},
    {"foil", reads_target},   {"lang", reads_lang},
};

unsigned bit_of(const char* key) {
  const auto found = kReads.find(key);
  return found == kReads.end() ? 0 : found->second;
}

// Both samples in one attention, [sample, head, row, width].
HeadRows joined(const HeadRows& a, const HeadRows& b) {
  HeadRows both(a.n_heads() + b.n_heads(), a.n_rows(), a.width());
  for (int64_t i = 0; i < both.n_heads(); ++i) {
    const ConstMat from = i < a.n_heads() ? a.head(i) : b.head(i - a.n_heads());
    std::copy_n(from.data, from.rows * from.cols, both.head_to_fill(i).data);
  }
  return both;
}

constexpr int kPeriod = 13;

// A model's trace of two texts, the first tokens of each twice: a batch, as only the attention from
// scratch has one by itself. The activations are the first text's.
Trace batch_of(const std::shared_ptr<const Model>& model, const char* first, const char* second) {
  const auto traced = [&](const char* text) {
    Tokens tokens = model->tokenizer->encode(text);
    REQUIRE(tokens.size() >= kPeriod);
    tokens.items.resize(kPeriod);
    for (int i = 0; i < kPeriod; ++i) tokens.items.push_back(Token(tokens.items[size_t(i)]));
    return forward(model, std::move(tokens), {.all_logits = true, .activations = true});
  };
  Trace trace = traced(first);
  const Trace other = traced(second);
  REQUIRE(trace.parts[0].n_query == other.parts[0].n_query);
  Attention& a = trace.parts.front();
  const Attention& b = other.parts[0];
  a.n_samples = 2;
  for (int l = 0; l < a.n_layers; ++l) {
    const QK &x = a.computed(l), &y = b.computed(l);
    a.layers[size_t(l)] = QK{joined(x.q, y.q), joined(x.k, y.k), joined(x.v, y.v)};
    a.facts[size_t(l)] = joined(a.facts[size_t(l)], b.facts[size_t(l)]);
  }
  a.query_tokens.push_back(b.query_tokens[0]);
  a.key_tokens.push_back(b.key_tokens[0]);
  return trace;
}

bool same(const Measure& a, const Measure& b) {
  const auto bits = [](const std::vector<float>& x, const std::vector<float>& y) {
    return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
  };
  const auto guess = [](const Guess& x, const Guess& y) {
    return x.token == y.token && x.probability == y.probability;
  };
  return a.axes == b.axes && a.shape == b.shape && a.names == b.names && bits(a.values, b.values) &&
         std::ranges::equal(a.guesses, b.guesses, guess);
}

// Another value that the field may have.
template <class Value>
void change(Value& value, const Field& field) {
  if constexpr (std::is_enum_v<Value>)
    value = Value((int(value) + 1) % int(field.names.size()));
  else if constexpr (std::is_same_v<Value, std::string>)
    value = kReads.contains(field.key) ? (value == "#61" ? "#62" : "#61") : value + "2";
  else
    value = value > field.low ? value - 1 : value + 1;
}

State with_other(State state, std::string_view key) {
  for_each_field(state, [&](auto& value, const Field& field) {
    if (field.key == key) change(value, field);
  });
  return state;
}

// Notes what each metric reads of `state`, bits of Read; the rest of the state must not matter.
void look(const Model* model, const Trace& trace, const State& state, int period,
          std::map<std::string, unsigned>& seen) {
  const Inputs in{model, &trace, &state, nullptr, period};
  for (const Metric& metric : metrics()) {
    if (missing(metric, in)) continue;
    CAPTURE(std::string(metric.id));
    const Measure before = metric.compute(in);
    const auto changes = [&](const State& other) {
      const Inputs inputs{model, &trace, &other, nullptr, period};
      REQUIRE(!missing(metric, inputs));
      return !same(before, metric.compute(inputs));
    };
    State others = state;
    for_each_field(others, [&](auto& value, const Field& field) {
      const unsigned bit = bit_of(field.key);
      if ((metric.reads & bit) == 0)
        change(value, field);
      else if (changes(clamped(with_other(state, field.key), trace)))
        seen[metric.id] |= bit;
    });
    CHECK(!changes(clamped(others, trace)));
  }
}

std::shared_ptr<const Model> bookworm() {
  const auto model =
      load_model(read_model_files(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m"), "bookworm-2m");
  REQUIRE(model);
  return *model;
}

}  // namespace

TEST_CASE("a measure is made anew for what its metric reads, and for nothing else") {
  const auto trace = run_scratch({.d_model = 12, .n_heads = 3})->trace;
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.id));
    const State state;
    State any;
    for_each_field(any, [&](auto&, const Field& field) {
      CAPTURE(std::string(field.key));
      const State other = with_other(state, field.key);
      const bool other_part = std::string_view(field.key) == "part";  // of other blocks
      const bool reads = (metric.reads & bit_of(field.key)) != 0 || other_part;
      CHECK((measure_key(metric, trace, state) == measure_key(metric, trace, other)) == !reads);
    });
  }
}

TEST_CASE("a metric reads of the state what its row says, and nothing else") {
  std::map<std::string, unsigned> seen;
  const auto model = bookworm();
  const Trace trace = batch_of(model, "The little girl, unhappily, saw a dog and a cat",
                               "A big bird ran. It was a windy day, too, for grandmother.");
  State chosen{.sample = 1, .token = 9, .target = "#50", .foil = "#40"};
  chosen.layer = chosen.head = 1;
  look(model.get(), trace, chosen, kPeriod, seen);
  State open = chosen;
  open.target = open.foil = "";
  look(model.get(), trace, open, kPeriod, seen);
  ScratchSettings settings{.d_model = 12, .n_heads = 3, .n_samples = 2, .seed = 5};
  const auto scratch = run_scratch(settings);
  REQUIRE(scratch);
  State demo{.sample = 1, .token = 3};
  demo.head = 1;
  look(nullptr, *scratch->trace, demo, 0, seen);
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.id));
    CHECK(seen[metric.id] == metric.reads);
  }
}

namespace {

// The same attention as a file brings it: patterns alone, without a model, a pass or facts.
Trace as_given(const Trace& computed) {
  Trace trace;
  Attention a = computed.parts[0];
  a.facts.clear();
  a.d_head = 0;
  a.n_kv_heads = a.n_heads;
  for (int l = 0; l < a.n_layers; ++l) {
    HeadRows pattern(int64_t(a.n_samples) * a.n_heads, a.n_query, a.n_key);
    for (int i = 0; i < a.n_samples * a.n_heads; ++i)
      computed.parts[0].pattern_rows(i / a.n_heads, l, i % a.n_heads, 0, a.n_query,
                                     pattern.head_to_fill(i));
    a.layers[size_t(l)] = Given{std::move(pattern)};
  }
  trace.parts.push_back(std::move(a));
  return trace;
}

}  // namespace

TEST_CASE("given weights have every measure that weights allow, and a sentence for the others") {
  const auto model = bookworm();
  const Trace computed = batch_of(model, "The little girl, unhappily, saw a dog and a cat",
                                  "A big bird ran. It was a windy day, too, for grandmother.");
  const Trace given = as_given(computed);
  State state{.sample = 1, .token = 9};
  state.layer = state.head = 1;
  const Inputs whole{model.get(), &computed, &state, nullptr, kPeriod};
  const Inputs alone{nullptr, &given, &state, nullptr, kPeriod};
  // With the model at hand and yet no q, k and v: what says so are the needs of the rows.
  const Inputs beside{model.get(), &given, &state, computed.activations.get(), kPeriod};
  int n_same = 0, n_refused = 0;
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.id));
    REQUIRE(!missing(metric, whole));
    if (metric.needs & of_weights) continue;
    if (metric.needs & (needs_scores | needs_values)) {
      const Status no = missing(metric, beside);
      REQUIRE(no);
      CHECK(no->message.find("weights alone") != std::string::npos);
      ++n_refused;
      continue;
    }
    if (missing(metric, alone)) {
      CHECK((metric.needs & (needs_model | needs_activations | needs_logits)) != 0);
      continue;
    }
    const Measure want = metric.compute(whole), got = metric.compute(alone);
    REQUIRE(got.values.size() == want.values.size());
    double worst = 0;
    int n_undefined = 0;
    for (size_t i = 0; i < got.values.size(); ++i) {
      n_undefined += std::isnan(got.values[i]) != std::isnan(want.values[i]);
      if (std::isnan(want.values[i])) continue;
      worst = std::max(worst, std::abs(double(got.values[i]) - double(want.values[i])) /
                                  std::max(1., std::abs(double(want.values[i]))));
    }
    CHECK(n_undefined == 0);
    CHECK(worst < 2e-5);
    ++n_same;
  }
  MESSAGE(n_same, " measures of given weights, ", n_refused, " that need more");
  CHECK(n_same > 40);
  CHECK(n_refused > 10);
}
