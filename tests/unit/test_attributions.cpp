// test_attributions.cpp - attributions and circuits against their definitions, written out in tests/golden/attributions.py.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>

#include "analysis/families.h"
#include "analysis/lens.h"
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
  const auto model = load_model(read_model_files(test_models() / name), name);
  REQUIRE(model);
  Golden golden{forward(*model, tokens_of(read_golden_pass(test_models() / name)),
                        {.all_logits = true, .activations = true}),
                {}};
  const std::filesystem::path path = goldens() / (name + ".safetensors");
  const Result<SafeTensors> file = read_safetensors({path.filename().string(), read_bytes(path)});
  REQUIRE(file);
  for (const StoredTensor& t : file->tensors) {
    std::vector<float>& to = golden.tensors[t.name];
    to.resize(t.bytes.size() / sizeof(float));
    std::memcpy(to.data(), t.bytes.data(), t.bytes.size());
  }
  return golden;
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(goldens())) names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

// As the script has it; tokens by the pieces of ids 50 and 40.
State settings(const Trace& trace) {
  const Tokenizer& t = *trace.model->tokenizer;
  return {.layer = 1, .head = 1, .token = 11, .target = t.piece(50), .foil = t.piece(40)};
}

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
    const State state = settings(g.trace);
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
  for (const std::string name : {"gpt2", "llama-gqa", "gpt-neox-parallel", "gpt-neox-sequential"}) {
    CAPTURE(name);
    const Golden g = load(name);
    for (const bool contrast : {false, true}) {
      State state = settings(g.trace);
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

TEST_CASE("a target that is no token is a sentence, and studies have as many steps as they say") {
  const Golden g = load("gpt2");
  State state = settings(g.trace);
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
