// test_edit.cpp - edits of heads act in their two places, and nothing mistakes an edited trace for
// another.
#include <doctest/doctest.h>

#include <limits>

#include "app/kept.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "trace/activations.h"
#include "trace/edit.h"

using namespace attn;

namespace {

using Kind = Edit::Kind;

std::shared_ptr<const Model> load(const std::string& name) {
  Result<std::shared_ptr<const Model>> model =
      load_model(read_model_files(test_models() / name), name);
  if (!model) FAIL(model.error().message);
  return *model;
}

Tokens some_tokens(int n, int seed = 3) {
  std::vector<int> ids;
  for (int i = 0; i < n; ++i) ids.push_back((i * i * 7 + i * 13 + seed) % 100);
  return tokens_of(ids);
}

// The model with the rows of W_O that read z of this head set to 0.
std::shared_ptr<const Model> without_output(const Model& model, int layer, int head) {
  auto out = std::make_shared<Model>(model);
  PackedMatrix& o = out->weights.blocks[size_t(layer)].o.w;  // [d_model, n_heads * d_head]
  const int64_t d_head = model.config.d_head;
  std::vector<float> w(size_t(o.d_out() * o.d_in()));
  for (int64_t i = 0; i < o.d_out(); ++i) {
    const std::span<float> row = std::span(w).subspan(size_t(i * o.d_in()), size_t(o.d_in()));
    o.row(i, row);
    std::ranges::fill(row.subspan(size_t(head * d_head), size_t(d_head)), 0.f);
  }
  o = PackedMatrix::pack(ConstMat(w.data(), o.d_out(), o.d_in()));
  return out;
}

const char* const kFamilies[] = {"llama-gqa", "gpt-neox-parallel", "gpt2", "bert-mlm"};

}  // namespace

TEST_CASE("a head that is off is a head without its rows of W_O") {
  for (const char* name : kFamilies) {
    CAPTURE(name);
    const std::shared_ptr<const Model> model = load(name);
    const Tokens tokens = some_tokens(16);
    const Trace plain = forward(model, tokens);
    const Trace wanted = forward(without_output(*model, 0, 1), tokens);
    CHECK(most_apart(wanted.logits, plain.logits) > 1e-4);
    for (const Edit& edit : {Edit{.at = {0, 0, 1}, .kind = Kind::off},
                             Edit{.at = {0, 0, 1}, .kind = Kind::scale, .by = 0}}) {
      const Trace got = forward(model, tokens, {.edits = {edit}});
      CHECK(most_apart(got.logits, wanted.logits) < 1e-5);
      const Attention &a = got.parts[0], &b = wanted.parts[0];
      CHECK(a.edits == Edits{edit});
      CHECK(a.pattern(0, 0, 1) == plain.parts[0].pattern(0, 0, 1));
      CHECK(most_apart(a.pattern(0, 1, 0), b.pattern(0, 1, 0)) < 1e-6);
      CHECK_FALSE(a.facts.empty());
    }
    const Trace same =
        forward(model, tokens, {.edits = {{.at = {0, 1, 0}, .kind = Kind::scale, .by = 1}}});
    CHECK(same.logits == plain.logits);
  }
}

TEST_CASE("edited cells are in the pattern that is shown and in z") {
  for (const char* name : kFamilies) {
    CAPTURE(name);
    const std::shared_ptr<const Model> model = load(name);
    const int n = 16, head = 1, d_head = model->config.d_head;
    const Tokens tokens = some_tokens(n);
    const CellRect rect{4, 9, 2, 7};
    const Edits edits = {{.at = {0, 1, head}, .kind = Kind::cells, .by = .375f, .rect = rect}};
    const Trace plain = forward(model, tokens, {.all_logits = true});
    const Trace got = forward(model, tokens, {.all_logits = true, .edits = edits});
    const Trace kept =
        forward(model, tokens, {.all_logits = true, .activations = true, .edits = edits});
    CHECK(most_apart(got.logits, plain.logits) > 1e-4);
    CHECK(got.logits == kept.logits);
    const Attention& a = got.parts[0];
    CHECK(a.facts.empty());  // they'd tell of the pattern without the edit
    CHECK(a.pattern(0, 1, 0) == plain.parts[0].pattern(0, 1, 0));
    const std::vector<float> before = plain.parts[0].pattern(0, 1, head);
    const std::vector<float> after = a.pattern(0, 1, head);
    int wrong = 0;
    for (int q = 0; q < n; ++q) {
      for (int k = 0; k < n; ++k) {
        const bool edited =
            q >= rect.q0 && q <= rect.q1 && k >= rect.k0 && k <= rect.k1 && a.may_see(0, 1, q, k);
        const size_t at = size_t(q * n + k);
        wrong += after[at] != (edited ? .375f : before[at]);
      }
    }
    CHECK(wrong == 0);
    // z is the product of this pattern with V.
    const ConstMat v = a.values(0, 1, head), z = kept.activations->z(1);
    double worst = 0;
    for (int q = 0; q < n; ++q) {
      for (int i = 0; i < d_head; ++i) {
        double sum = 0;
        for (int k = 0; k < n; ++k) sum += double(after[size_t(q * n + k)]) * v(k, i);
        worst = std::max(worst, std::abs(sum - z(q, head * d_head + i)));
      }
    }
    CHECK(worst < 1e-5);
  }
}

TEST_CASE("z of another pass takes the place of a head's own") {
  const std::shared_ptr<const Model> model = load("llama-gqa");
  const int d_head = model->config.d_head;
  const Trace other = forward(model, some_tokens(12, 8), {.activations = true});
  const Edits edits = {{.at = {0, 1, 2}, .kind = Kind::replace, .from = other.activations},
                       {.at = {0, 1, 2}, .kind = Kind::scale, .by = 2}};  // in this order
  const Trace got = forward(model, some_tokens(12), {.activations = true, .edits = edits});
  const ConstMat z = got.activations->z(1), theirs = other.activations->z(1);
  int wrong = 0;
  for (int q = 0; q < 12; ++q) {
    for (int i = 0; i < d_head; ++i) wrong += z(q, 2 * d_head + i) != 2 * theirs(q, 2 * d_head + i);
  }
  CHECK(wrong == 0);
}

TEST_CASE("a pass goes on only from a trace with the same edits") {
  const std::shared_ptr<const Model> model = load("llama-gqa");
  const Tokens tokens = some_tokens(20), longer = some_tokens(30);
  const Edits cells = {
      {.at = {0, 0, 1}, .kind = Kind::cells, .by = 0, .rect = {.q0 = 3, .q1 = 19, .k1 = 1}}};
  const Edits off = {{.at = {0, 0, 1}}}, elsewhere = {{.at = {0, 1, 1}}};
  const Trace plain = forward(model, tokens);
  for (const Edits& edits : {cells, off}) {
    const Trace trace = forward(model, tokens, {.edits = edits});
    CHECK(n_reusable(*model, longer, trace, {.edits = edits}) == 20);
    CHECK(n_reusable(*model, longer, trace, {}) == 0);
    CHECK(n_reusable(*model, longer, trace, {.edits = elsewhere}) == 0);
    CHECK(n_reusable(*model, longer, plain, {.edits = edits}) == 0);
    const Trace on = forward(model, longer, {.edits = edits}, &trace);
    const Trace fresh = forward(model, longer, {.edits = edits});
    CHECK(most_apart(on.logits, fresh.logits) < 1e-5);
    CHECK(most_apart(on.parts[0].pattern(0, 0, 1), fresh.parts[0].pattern(0, 0, 1)) < 1e-6);
  }
  TraceKey a{.model = "llama", .text = "text"}, b = a;
  CHECK(a == b);
  a.edits = off;
  CHECK_FALSE(a == b);
  b.edits = elsewhere;
  CHECK_FALSE(a == b);
  b.edits = off;
  CHECK(a == b);
}

TEST_CASE("edits that do not fit are refused with a sentence") {
  const std::shared_ptr<const Model> model = load("llama-gqa");  // 2 layers
  const int n_heads = model->config.n_heads;
  const auto message = [&](const Edit& edit) {
    const Status status = ForwardPass::check(*model, some_tokens(10), {edit});
    return status ? status->message : "";
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  CHECK(message({}) == "");
  has(message({.at = {1, 0, 0}}), "part 1");
  has(message({.at = {0, 2, 0}}), "layer 2, and there are only 0 to 1");
  has(message({.at = {0, -1, 0}}), "layer -1");
  has(message({.at = {0, 0, n_heads}}), "head " + std::to_string(n_heads));
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), INFINITY}) {
    has(message({.kind = Kind::scale, .by = bad}), "number");
    has(message({.kind = Kind::cells, .by = bad}), "0 to 1");
  }
  CHECK(message({.kind = Kind::scale, .by = -3}) == "");
  has(message({.kind = Kind::cells, .by = -.1f}), "0 to 1");
  CHECK(message({.kind = Kind::cells, .by = 1, .rect = {0, 9, 0, 9}}) == "");
  has(message({.kind = Kind::cells, .rect = {0, 10, 0, 9}}), "queries 0 to 10");
  has(message({.kind = Kind::cells, .rect = {0, 9, -1, 9}}), "keys -1 to 9");
  has(message({.kind = Kind::cells, .rect = {5, 4, 0, 9}}), "queries 5 to 4");
  has(message({.kind = Kind::replace}), "activations of another pass");
  const Trace other = forward(model, some_tokens(9), {.activations = true});
  has(message({.kind = Kind::replace, .from = other.activations}), "read 9 tokens");
  const Trace theirs = forward(load("gpt2"), some_tokens(10), {.activations = true});
  const Activations& x = *theirs.activations;
  if (x.d_q != n_heads * model->config.d_head || x.layers.size() != 2)
    has(message({.kind = Kind::replace, .from = theirs.activations}), "other layers or heads");
}
