// test_attributions.cpp - attributions and circuits against their definitions, written out in tests/golden/attributions.py.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>

#include "analysis/families.h"
#include "analysis/lens.h"
#include "analysis/target.h"
#include "golden_model.h"
#include "model/block_math.h"
#include "model/forward.h"

using namespace attn;

namespace {

std::filesystem::path goldens() { return ATTNSCOPE_SOURCE_DIR "/tests/data/attributions"; }

struct Golden {
  Trace trace;
  std::map<std::string, std::vector<float>> tensors;
};

Golden load(const std::string& name) {
  const std::filesystem::path path = goldens() / (name + ".safetensors");
  const Result<SafeTensors> file = read_safetensors({path.filename().string(), read_bytes(path)});
  REQUIRE(file);
  std::map<std::string, std::vector<float>> tensors;
  std::vector<int> ids;  // of a real model
  for (const StoredTensor& t : file->tensors) {
    const auto read = [&](auto& to) {
      to.resize(t.bytes.size() / sizeof to[0]);
      std::memcpy(to.data(), t.bytes.data(), t.bytes.size());
    };
    if (t.name == "input_ids")
      read(ids);
    else
      read(tensors[t.name]);
  }
  const std::filesystem::path real = ATTNSCOPE_SOURCE_DIR "/web/models";
  const auto model = load_model(read_model_files((ids.empty() ? test_models() : real) / name), name);
  REQUIRE(model);
  const Tokens tokens = ids.empty() ? tokens_of(read_golden_pass(test_models() / name)) : tokens_of(ids);
  return {forward(*model, tokens, {.all_logits = true, .activations = true}), std::move(tensors)};
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(goldens())) names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

// As the script has it.
State settings() { return {.layer = 1, .head = 1, .token = 11, .target = "#50", .foil = "#40"}; }

// Largest difference, as a part of the largest value where that is above 1.
double apart(const std::vector<float>& ours, const std::vector<float>& theirs) {
  double largest = 1;
  for (const float x : theirs) largest = std::max(largest, std::abs(double(x)));
  return most_apart(ours, theirs) / largest;
}

}  // namespace

TEST_CASE("kept activations are the hidden states of transformers") {
  for (const std::string& name : golden_names()) {
    CAPTURE(name);
    const Golden g = load(name);
    const Activations& kept = *g.trace.activations;
    std::vector<float> hidden, mid;
    const int n_layers = int(kept.layers.size());
    for (int l = 0; l <= n_layers; ++l) {
      const ConstMat rows = l < n_layers ? kept.resid_pre(l) : kept.resid_post(l - 1);
      hidden.insert(hidden.end(), rows.data, rows.data + rows.rows * rows.cols);
      if (l == n_layers) break;
      mid.insert(mid.end(), kept.resid_mid(l).data, kept.resid_mid(l).data + rows.rows * rows.cols);
      // The sums that norms read, and z, make up the same.
      std::vector<float> sum(size_t(rows.rows * rows.cols)), attn(sum.size());
      attn_out(*g.trace.model, l, kept.z(l), {attn.data(), rows.rows, rows.cols});
      for (size_t i = 0; i < sum.size(); ++i) sum[i] = rows.data[i] + attn[i];
      CHECK(apart(sum, {kept.attn_sum(l).data, kept.attn_sum(l).data + sum.size()}) < 1e-5);
      finish_block(*g.trace.model, l, rows, {attn.data(), rows.rows, rows.cols}, {sum.data(), rows.rows, rows.cols});
      CHECK(apart(sum, {kept.resid_post(l).data, kept.resid_post(l).data + sum.size()}) < 1e-5);
    }
    CHECK(apart(hidden, g.tensors.at("hidden")) < 1e-5);
    CHECK(apart(mid, g.tensors.at("resid_mid")) < 1e-5);
  }
}

TEST_CASE("attributions and circuits are what their definitions say") {
  std::map<std::string, double> most;
  for (const std::string& name : golden_names()) {
    CAPTURE(name);
    const Golden g = load(name);
    const State state = settings();
    const Inputs in{&g.trace, &state};
    for (const std::span<const Metric> family : {attributions(), circuits()}) {
      for (const Metric& metric : family) {
        CAPTURE(std::string(metric.id));
        const auto golden = g.tensors.find(metric.id);
        if (golden == g.tensors.end()) {
          CHECK(missing(metric, in));
          continue;
        }
        const Status lacks = missing(metric, in);
        CHECK(!lacks);
        if (lacks) continue;
        const Measure m = metric.compute(in);
        const double difference = apart(m.values, golden->second);
        CHECK(difference < 1e-5);
        most[metric.id] = std::max(most[metric.id], difference);
        CHECK(std::ranges::equal(m.axes, metric.axes));
        for (const float v : m.values) {
          CHECK(v >= metric.low - 1e-5f);
          CHECK(v <= metric.high * 1.00001f + 1e-5f);
        }
      }
    }
  }
  for (const auto& [id, difference] : most) MESSAGE(id << ": " << difference);
}

TEST_CASE("the parts of a logit add up to it") {
  for (const std::string name : {"gpt2", "llama-gqa", "gpt-neox-parallel", "gpt-neox-sequential", "bookworm-2m"}) {
    CAPTURE(name);
    const Golden g = load(name);
    for (const bool contrast : {false, true}) {
      State state = settings();
      if (!contrast) state.target = state.foil = "";
      const Inputs in{&g.trace, &state};
      const Measure parts = find_metric("logit_component")->compute(in);
      const Measure lens = find_metric("lens_logit")->compute(in);
      const double sum = std::accumulate(parts.values.begin(), parts.values.end(), 0.);
      const int n = g.trace.attention().n_query;
      CHECK(sum == doctest::Approx(lens.values[size_t((g.trace.attention().n_layers - 1) * n + state.token)]).epsilon(1e-5));
      CHECK(parts.names.size() == parts.values.size());
      // Heads, and source tokens, and the output biases make up each attention.
      const Measure heads = find_metric("logit_head")->compute(in), keys = find_metric("logit_token")->compute(in);
      const double by_heads = std::accumulate(heads.values.begin(), heads.values.end(), 0.);
      CHECK(by_heads == doctest::Approx(std::accumulate(keys.values.begin(), keys.values.end(), 0.)).epsilon(1e-4));
    }
  }
}

TEST_CASE("a target is the next word that it names, a piece, or a number") {
  const Golden g = load("bookworm-2m");
  const Tokenizer& t = *g.trace.model->tokenizer;
  CHECK(token_named(t, "girl") == t.id_of("\u0120girl"));
  CHECK(token_named(t, " girl") == t.id_of("\u0120girl"));
  CHECK(token_named(t, ",") == t.id_of(","));
  CHECK(token_named(t, "#50") == 50);
  for (const char* none : {"", "#99999999", "#-1", "xyzzy plugh", "#99999999999999999999"}) CHECK(token_named(t, none) == -1);
  State state = settings();
  state.foil = "xyzzy plugh";
  const Status e = missing(*find_metric("logit_head"), {&g.trace, &state});
  REQUIRE(e);
  CHECK(e->message == "Logit by head: “xyzzy plugh” is not one token of this model; choose a shorter or more common word");
}

TEST_CASE("studies have as many steps as they say") {
  const Golden g = load("gpt2");
  State state = settings();
  const Inputs in{&g.trace, &state};
  for (const Metric& metric : metrics()) {
    if (!metric.begin || missing(metric, in)) continue;
    CAPTURE(std::string(metric.id));
    const Study study = metric.begin(in);
    int n = 1;
    while (study.step()) ++n;
    CHECK(n == study.n_steps);
    CHECK(apart(study.take().values, metric.compute(in).values) == 0);
  }
}
