// test_prefix.cpp - what a pass takes over from an earlier one equals what it would have computed.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "golden_model.h"
#include "pass/forward.h"

using namespace attn;

namespace {

std::shared_ptr<const Model> load(const std::string& name) {
  const std::filesystem::path folder = test_models() / name;
  Result<std::shared_ptr<const Model>> model = load_model(read_model_files(folder), name);
  if (!model) FAIL(model.error().message);
  return *model;
}

std::vector<int> some_ids(int n, int seed = 3) {
  std::vector<int> ids;
  for (int i = 0; i < n; ++i) ids.push_back((i * i * 7 + i * 13 + seed) % 100);
  return ids;
}

// Every pattern, every fact and the logits of `ours` are those of a pass from the beginning.
void check_same(const Trace& ours, const std::shared_ptr<const Model>& model,
                const std::vector<int>& ids, const Keep& keep = {}) {
  const Trace fresh = forward(model, tokens_of(ids), keep);
  const Attention &a = ours.parts[0], &b = fresh.parts[0];
  REQUIRE(a.n_query == int(ids.size()));
  double worst = 0, worst_fact = 0;
  for (int layer = 0; layer < a.n_layers; ++layer) {
    for (int head = 0; head < a.n_heads; ++head) {
      worst = std::max(worst, most_apart(a.pattern(0, layer, head), b.pattern(0, layer, head)));
      const ConstMat x = a.facts[size_t(layer)].head(head), y = b.facts[size_t(layer)].head(head);
      for (int64_t i = 0; i < x.rows; ++i) {
        for (int64_t f = 0; f < x.cols; ++f)
          worst_fact =
              std::max(worst_fact, std::abs(double(x(i, f)) - y(i, f)) / (1 + std::abs(y(i, f))));
      }
    }
  }
  CHECK(worst < 1e-6);
  CHECK(worst_fact < 2e-5);
  if (model->config.has_logits) CHECK(most_apart(ours.logits, fresh.logits) < 1e-5);
}

const char* const kCausal[] = {"llama-gqa", "gpt-neox-parallel", "gpt-neox-sequential"};

}  // namespace

TEST_CASE("typing on, deleting and editing take over what is the same") {
  for (const char* name : kCausal) {
    CAPTURE(name);
    const std::shared_ptr<const Model> model = load(name);
    const std::vector<int> ids = some_ids(40);
    const auto first = [&](int n) { return std::vector<int>(ids.begin(), ids.begin() + n); };
    Trace trace = forward(model, tokens_of(first(7)));
    for (const int n : {8, 9, 20, 21, 40}) {  // one more, several more
      const int before = trace.parts[0].n_query;
      ForwardPass pass(model, tokens_of(first(n)), {}, &trace);
      CHECK(pass.n_reused() == before);
      while (pass.step()) {
      }
      Trace longer = pass.take();
      check_same(longer, model, first(n));
      check_same(trace, model, first(before));  // the shorter one is what it was
      trace = std::move(longer);
    }
    // Deleting computes nothing but the logits; the same text not even rows.
    for (const int n : {40, 39, 11, 1}) {
      ForwardPass pass(model, tokens_of(first(n)), {}, &trace);
      CHECK(pass.n_reused() == n);
      CHECK(pass.step() == false);
      check_same(pass.take(), model, first(n));
    }
    // An edit in the middle; two that go on from the same trace.
    std::vector<int> edited = ids, other = ids;
    edited[17] = 251;
    other[17] = 252;
    const Trace a = forward(model, tokens_of(edited), {}, &trace);
    const Trace b = forward(model, tokens_of(other), {}, &trace);
    std::vector<int> on = first(20), on_differently = first(20);
    on.push_back(200);
    on_differently.push_back(201);
    const Trace shorter = forward(model, tokens_of(first(20)), {}, &trace);
    const Trace c = forward(model, tokens_of(on), {}, &shorter);
    const Trace d = forward(model, tokens_of(on_differently), {}, &shorter);
    check_same(a, model, edited);
    check_same(b, model, other);
    check_same(c, model, on);
    check_same(d, model, on_differently);
    check_same(trace, model, ids);
  }
}

TEST_CASE("a pass that is given up leaves nothing behind") {
  const std::shared_ptr<const Model> model = load("llama-gqa");
  const std::vector<int> ids = some_ids(30), short_ids(ids.begin(), ids.begin() + 12);
  const Trace trace = forward(model, tokens_of(short_ids));
  for (int n_steps = 0; n_steps < 12; ++n_steps) {
    ForwardPass pass(model, tokens_of(ids), {}, &trace);
    for (int i = 0; i < n_steps && pass.step(); ++i) {
    }
  }
  const Trace longer = forward(model, tokens_of(ids), {}, &trace);
  check_same(longer, model, ids);
  check_same(trace, model, short_ids);
  // Nobody had to copy: the longer trace goes on in the memory of the shorter.
  CHECK(longer.parts[0].keys(0, 0, 0).data == trace.parts[0].keys(0, 0, 0).data);
}

TEST_CASE("nothing is taken over where it would be wrong") {
  const std::shared_ptr<const Model> llama = load("llama-gqa"), bert = load("bert");
  const std::vector<int> ids = some_ids(12);
  const Tokens tokens = tokens_of(ids);
  const Trace trace = forward(llama, tokens), seen = forward(bert, tokens);
  CHECK(n_reusable(*llama, tokens, trace, {}) == 12);
  CHECK(n_reusable(*bert, tokens, seen, {}) == 0);   // tokens see what comes after them
  CHECK(n_reusable(*llama, tokens, seen, {}) == 0);  // of another model
  Keep some;
  some.layers = {true, false};
  CHECK(n_reusable(*llama, tokens, trace, some) == 0);
  CHECK(n_reusable(*llama, tokens, forward(llama, tokens, some), {}) == 0);
  CHECK(n_reusable(*llama, tokens, forward(llama, tokens, {.facts = false}), {}) == 0);
  CHECK(n_reusable(*llama, tokens, forward(llama, tokens, {.facts = false}), {.facts = false}) ==
        12);
  check_same(forward(bert, tokens_of(some_ids(13)), {}, &seen), bert, some_ids(13));
}

TEST_CASE("layers that are not kept cost no memory and change no result") {
  for (const char* name : {"llama-gqa", "bert"}) {
    const std::shared_ptr<const Model> model = load(name);
    const std::vector<int> ids = some_ids(25);
    const Trace whole = forward(model, tokens_of(ids));
    for (int kept = 0; kept < 2; ++kept) {
      Keep keep;
      keep.layers = {kept == 0, kept == 1};
      const Trace part = forward(model, tokens_of(ids), keep);
      for (int layer = 0; layer < 2; ++layer) {
        CHECK(part.parts[0].is_kept(layer) == (layer == kept));
        CHECK_FALSE(part.parts[0].facts[size_t(layer)].empty());
      }
      CHECK(part.parts[0].pattern(0, kept, 1) == whole.parts[0].pattern(0, kept, 1));
      CHECK(part.logits == whole.logits);
      CHECK(ForwardPass::bytes_needed(model->config, 25, keep) <=
            ForwardPass::bytes_needed(model->config, 25, {}));
    }
  }
}

TEST_CASE("tokens with the same number and another text are not taken over") {
  const std::shared_ptr<const Model> model = load("llama-gqa");
  Tokens tokens = tokens_of(some_ids(9));
  const Trace trace = forward(model, tokens);
  CHECK(n_reusable(*model, tokens, trace, {}) == 9);
  tokens.items[4].shown =
      ",";  // an unknown token now, of which the facts of rows say that it is a mark
  CHECK(n_reusable(*model, tokens, trace, {}) == 4);
}
