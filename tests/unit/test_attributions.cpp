// test_attributions.cpp - attributions and circuits against their definitions, written out in
// tests/golden/attributions.py.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>

#include "analysis/families.h"
#include "analysis/lens.h"
#include "analysis/target.h"
#include "differences.h"
#include "golden_model.h"
#include "pass/block_math.h"
#include "pass/forward.h"
#include "trace/attention_block.h"

using namespace attn;

namespace {

std::filesystem::path goldens() { return ATTNSCOPE_SOURCE_DIR "/tests/data/attributions"; }

struct Golden {
  std::shared_ptr<const Model> model;
  Trace trace;
  std::map<std::string, std::vector<float>> tensors;
  bool real = false;
};

// A real model that is not part of the repository.
constexpr const char* kElsewhere = "stories260K";

// The folder of a golden's checkpoint; "+padded" and the like are about the text.
std::filesystem::path checkpoint_of(const std::string& golden) {
  const std::string name = golden.substr(0, golden.find('+'));
  if (name == kElsewhere) return *shared_model(name);
  const std::filesystem::path shipped =
      std::filesystem::path(ATTNSCOPE_SOURCE_DIR "/web/models") / name;
  return std::filesystem::exists(shipped) ? shipped : test_models() / name;
}

// Attention to another text in the place of the model's own, as the golden file has it.
void look_across(Golden& g) {
  const auto floats = [&](const char* id) -> const std::vector<float>& { return g.tensors.at(id); };
  Trace& t = g.trace;
  Attention& a = t.parts.front();
  a.part = Part::cross;
  a.mask = Mask::none;
  a.facts.clear();
  a.n_key = int(floats("row").size());
  const auto rows = [&](const char* id, int n, int heads, int layer) {
    const auto from = floats(id).begin() + int64_t(layer) * heads * n * a.d_head;
    return HeadRows(heads, n, a.d_head, {from, from + int64_t(heads) * n * a.d_head});
  };
  Activations kept = *t.activations;
  const auto part = [&](const char* id, int layer, int width) {
    const auto from = floats(id).begin() + int64_t(layer) * kept.n * width;
    return std::vector<float>(from, from + int64_t(kept.n) * width);
  };
  for (int l = 0; l < a.n_layers; ++l) {
    a.layers[size_t(l)] =
        QK{rows("q", a.n_query, a.n_heads, l), rows("k", a.n_key, a.n_kv_heads, l),
           rows("v", a.n_key, a.n_kv_heads, l)};
    Activations::Layer& layer = kept.layers[size_t(l)];
    layer.resid_pre = part("hidden", l, kept.d_model);
    layer.resid_mid = part("resid_mid", l, kept.d_model);
    layer.z = part("z", l, kept.d_q);
  }
  kept.resid_final = part("hidden", a.n_layers, kept.d_model);
  t.activations = std::make_shared<const Activations>(std::move(kept));
  t.parts[0].key_tokens = {tokens_of(std::vector<int>(size_t(a.n_key), 1))};
}

Golden load(const std::string& name) {
  const std::filesystem::path path = goldens() / (name + ".safetensors");
  const Result<NamedTensors> file = read_safetensors({path.filename().string(), read_bytes(path)});
  REQUIRE(file);
  std::map<std::string, std::vector<float>> tensors;
  std::vector<int> ids, seen;  // where they are not the checkpoint's golden ones
  for (const StoredTensor& t : file->tensors) {
    const auto read = [&](auto& to) {
      to.resize(t.bytes.size() / sizeof to[0]);
      std::memcpy(to.data(), t.bytes.data(), t.bytes.size());
    };
    if (t.name == "input_ids")
      read(ids);
    else if (t.name == "attention_mask")
      read(seen);
    else
      read(tensors[t.name]);
  }
  const std::filesystem::path folder = checkpoint_of(name);
  const auto model = load_model(read_model_files(folder), name);
  REQUIRE(model);
  Tokens tokens = ids.empty() ? tokens_of(read_golden_pass(folder)) : tokens_of(ids);
  for (size_t i = 0; i < seen.size(); ++i) tokens.items[i].padding = seen[i] == 0;
  Golden golden{*model, forward(*model, tokens, {.all_logits = true, .activations = true}),
                std::move(tensors), folder.parent_path() != test_models()};
  if (name.ends_with("+cross")) look_across(golden);
  return golden;
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(goldens())) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().stem().string();
    if (name != kElsewhere) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

// As the script has it.
State settings(const Model& model) {
  const bool labels = !model.config.labels.names.empty();
  State state{.token = 11, .target = labels ? "#1" : "#50", .foil = labels ? "#0" : "#40"};
  state.layer = state.head = 1;
  return state;
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
      attn_out(*g.model, l, kept.z(l), {attn.data(), rows.rows, rows.cols});
      for (size_t i = 0; i < sum.size(); ++i) sum[i] = rows.data[i] + attn[i];
      CHECK(apart(sum, {kept.attn_sum(l).data, kept.attn_sum(l).data + sum.size()}) < 1e-5);
      finish_block(*g.model, l, rows, {attn.data(), rows.rows, rows.cols},
                   {sum.data(), rows.rows, rows.cols});
      CHECK(apart(sum, {kept.resid_post(l).data, kept.resid_post(l).data + sum.size()}) < 1e-5);
    }
    CHECK(apart(hidden, g.tensors.at("hidden")) < 1e-5);
    CHECK(apart(mid, g.tensors.at("resid_mid")) < 1e-5);
  }
}

// Ranks that differ by no more than the tokens that are as likely as the target, to float32's
// digits, are the same.
void settle_ties(std::vector<float>& ours, const std::vector<float>& theirs,
                 const std::vector<float>& ties) {
  for (size_t i = 0; i < ours.size(); ++i)
    if (std::abs(ours[i] - theirs[i]) <= ties[i]) ours[i] = theirs[i];
}

// Every row of the tables against its golden, and the largest differences.
void compare(const std::string& name, std::map<std::string, double>& most) {
  CAPTURE(name);
  const Golden g = load(name);
  const State state = settings(*g.model);
  const Inputs in{g.model.get(), &g.trace, &state};
  const Metric by_values[] = {*find_metric("value_norm"), *find_metric("value_first")};
  for (const std::span<const Metric> family :
       {looks(), token_scores(), predictions(), attributions(), circuits(),
        std::span<const Metric>(by_values)}) {
    for (const Metric& metric : family) {
      CAPTURE(std::string(metric.id));
      const auto golden = g.tensors.find(metric.id);
      const Status lacks = missing(metric, in);
      if (golden == g.tensors.end()) {
        CHECK(lacks);
        if (lacks) note_refusal(metric.id, g.trace, lacks->message);
        continue;
      }
      CHECK(!lacks);
      if (lacks) continue;
      Measure m = metric.compute(in);
      if (std::string(metric.id) == "lens_rank")
        settle_ties(m.values, golden->second, g.tensors.at("lens_rank_ties"));
      const double difference = apart(m.values, golden->second);
      CHECK(difference < 1e-5);
      most[metric.id] = std::max(most[metric.id], difference);
      note_difference("definition", metric.id, g.real, g.trace.parts[0], difference);
      CHECK(std::ranges::equal(m.axes, metric.axes));
      for (const float v : m.values) {
        CHECK(v >= metric.low - 1e-5f);
        CHECK(v <= metric.high * 1.00001f + 1e-5f);
      }
    }
  }
}

TEST_CASE("attributions and circuits are what their definitions say") {
  std::map<std::string, double> most;
  for (const std::string& name : golden_names()) compare(name, most);
  for (const auto& [id, difference] : most) MESSAGE(id << ": " << difference);
  for (const Metric& metric : metrics()) note_row(metric.id);
}

TEST_CASE("attributions and circuits of a trained Llama are what their definitions say") {
  if (!shared_model(kElsewhere)) return;
  std::map<std::string, double> most;
  compare(kElsewhere, most);
}

// A batch whose second sample is this trace; the first has the same sizes and other numbers.
Trace as_second_sample(const Trace& trace) {
  Trace batch = trace;
  Attention& a = batch.parts.front();
  a.n_samples = 2;
  a.facts.clear();
  const auto doubled = [](const HeadRows& rows) {
    std::vector<float> values(size_t(rows.n_heads() * rows.n_rows() * rows.width()), 0.25f);
    for (int64_t h = 0; h < rows.n_heads(); ++h) {
      const ConstMat head = rows.head(h);
      values.insert(values.end(), head.data, head.data + head.rows * head.cols);
    }
    return HeadRows(2 * rows.n_heads(), rows.n_rows(), rows.width(), values);
  };
  for (int l = 0; l < a.n_layers; ++l) {
    const QK& at = a.computed(l);
    a.layers[size_t(l)] = QK{doubled(at.q), doubled(at.k), doubled(at.v)};
  }
  a.query_tokens.push_back(a.query_tokens[0]);
  a.key_tokens.push_back(a.key_tokens[0]);
  return batch;
}

TEST_CASE("every measure reads the chosen sample of a batch") {
  const Golden g = load("llama-gqa");  // several query heads share one head of keys and values
  const Trace batch = as_second_sample(g.trace);
  Trace single = g.trace;
  single.parts.front().facts.clear();
  State first = settings(*g.model), second = settings(*g.model);
  second.sample = 1;
  int n_compared = 0;
  for (const Metric& metric : metrics()) {
    CAPTURE(std::string(metric.id));
    const Inputs alone{g.model.get(), &single, &first}, in_batch{g.model.get(), &batch, &second};
    const Status lacks = missing(metric, alone);
    CHECK(bool(lacks) == bool(missing(metric, in_batch)));
    if (lacks) continue;
    CHECK(most_apart(metric.compute(in_batch).values, metric.compute(alone).values) == 0);
    ++n_compared;
  }
  CHECK(n_compared > 60);
}

TEST_CASE("the parts of a logit add up to it") {
  for (const std::string name :
       {"gpt2", "llama-gqa", "gpt-neox-parallel", "gpt-neox-sequential", "bookworm-2m"}) {
    CAPTURE(name);
    const Golden g = load(name);
    for (const bool contrast : {false, true}) {
      State state = settings(*g.model);
      if (!contrast) state.target = state.foil = "";
      const Inputs in{g.model.get(), &g.trace, &state};
      const Measure parts = find_metric("logit_component")->compute(in);
      const Measure lens = find_metric("lens_logit")->compute(in);
      const double sum = std::accumulate(parts.values.begin(), parts.values.end(), 0.);
      const int n = g.trace.parts[0].n_query;
      CHECK(sum ==
            doctest::Approx(lens.values[size_t((g.trace.parts[0].n_layers - 1) * n + state.token)])
                .epsilon(1e-5));
      CHECK(parts.names.size() == parts.values.size());
      // Heads, and source tokens, and the output biases make up each attention.
      const Measure heads = find_metric("logit_head")->compute(in),
                    keys = find_metric("logit_token")->compute(in);
      const double by_heads = std::accumulate(heads.values.begin(), heads.values.end(), 0.);
      CHECK(by_heads == doctest::Approx(std::accumulate(keys.values.begin(), keys.values.end(), 0.))
                            .epsilon(1e-4));
    }
  }
}

TEST_CASE("a target is the next word that it names, a piece, or a number") {
  const Golden g = load("bookworm-2m");
  const Tokenizer& t = *g.model->tokenizer;
  CHECK(token_named(t, "girl") == t.id_of("\u0120girl"));
  CHECK(token_named(t, " girl") == t.id_of("\u0120girl"));
  CHECK(token_named(t, ",") == t.id_of(","));
  CHECK(token_named(t, "#50") == 50);
  for (const char* none : {"", "#99999999", "#-1", "xyzzy plugh", "#99999999999999999999"})
    CHECK(token_named(t, none) == -1);
  State state = settings(*g.model);
  state.foil = "xyzzy plugh";
  const Status e = missing(*find_metric("logit_head"), {g.model.get(), &g.trace, &state});
  REQUIRE(e);
  CHECK(e->message ==
        "Logit by head: “xyzzy plugh” is not one token of this model; choose a shorter or more "
        "common word");
}

TEST_CASE("studies have as many steps as they say") {
  const Golden g = load("gpt2");
  State state = settings(*g.model);
  const Inputs in{g.model.get(), &g.trace, &state};
  for (const Metric& metric : metrics()) {
    if (missing(metric, in)) continue;
    CAPTURE(std::string(metric.id));
    const Study study = metric.begin(in);
    int n = 1;
    while (study.step()) ++n;
    if (std::string(metric.id) == "flow")
      CHECK(n <= study.n_steps);  // how long a flow is looked for is not known before
    else
      CHECK(n == study.n_steps);
    CHECK(apart(study.take().values, metric.compute(in).values) == 0);
  }
}

TEST_CASE("the parts of a layer with experts are what the pass adds; derivatives are refused") {
  for (const std::string name : {"mixtral", "qwen3-moe", "gpt-oss"}) {
    CAPTURE(name);
    const auto model = *load_model(read_model_files(test_models() / name), name);
    const Tokens tokens = tokens_of(read_golden_pass(test_models() / name));
    const Trace trace = forward(model, tokens, {.activations = true});
    const Activations& kept = *trace.activations;
    std::vector<float> out(size_t(kept.n * kept.d_model));
    const Mat mlp(out.data(), kept.n, kept.d_model);
    for (int layer = 0; layer < model->config.n_layers; ++layer) {
      mlp_out(*model, layer, kept.resid_mid(layer), mlp);
      double most = 0;
      for (int64_t i = 0; i < mlp.rows; ++i)
        for (int64_t j = 0; j < mlp.cols; ++j)
          most = std::max(most, std::abs(double(kept.resid_mid(layer)(i, j)) + mlp(i, j) -
                                         kept.resid_post(layer)(i, j)));
      CHECK(most < 2e-6);
    }
    const State state = settings(*model);
    const Inputs in{model.get(), &trace, &state};
    const Status refused = missing(*find_metric("gradient_attention"), in);
    REQUIRE(refused);
    CHECK(refused->message.find("not computed for experts") != std::string::npos);
  }
}
