// test_weight_chain.cpp - every stage of a weight is PyTorch's, and what its figure says adds up.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "analysis/weight_chain.h"
#include "app/measures.h"
#include "figure/figure_views.h"
#include "figure/views.h"
#include "files/safetensors.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "pass/scratch.h"

using namespace attn;

namespace {

struct Golden {
  std::string name;
  std::map<std::string, std::vector<float>> stages;
  std::map<std::string, std::vector<int>> numbers;  // place, input_ids, attention_mask, settings
};

std::vector<Golden> goldens() {
  const std::filesystem::path path = ATTNSCOPE_SOURCE_DIR "/tests/data/weight_chain.safetensors";
  const auto file = read_safetensors({"weight_chain.safetensors", read_bytes(path)});
  REQUIRE(file);
  std::map<std::string, Golden> cases;
  for (const auto& tensor : file->tensors) {
    const size_t dot = tensor.name.rfind('.');
    const std::string name = tensor.name.substr(0, dot), stage = tensor.name.substr(dot + 1);
    Golden& golden = cases[name];
    golden.name = name;
    const auto copy = [&](auto& out) {
      out.resize(tensor.bytes.size() / 4);
      std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
    };
    if (std::set<std::string>{"place", "input_ids", "attention_mask", "settings"}.contains(stage))
      copy(golden.numbers[stage]);
    else
      copy(golden.stages[stage]);
  }
  std::vector<Golden> all;
  for (auto& [name, golden] : cases) all.push_back(std::move(golden));
  return all;
}

// The largest difference, as a part of the largest finite number of the stage; infinite numbers
// must be the same.
double apart(std::span<const double> ours, std::span<const float> theirs) {
  if (ours.size() != theirs.size()) return INFINITY;
  double most = 1e-30, off = 0;
  for (const float x : theirs)
    if (std::isfinite(x)) most = std::max(most, std::abs(double(x)));
  for (size_t i = 0; i < ours.size(); ++i) {
    if (std::isinf(theirs[i]) || std::isinf(ours[i])) {
      if (ours[i] != double(theirs[i])) return INFINITY;
    } else {
      off = std::max(off, std::abs(ours[i] - double(theirs[i])));
    }
  }
  return off / most;
}

// The same attention with PyTorch's q, k and v of one head.
Attention with_golden(const Golden& g, const Attention& a, const State& at) {
  const auto placed = [&](const std::vector<float>& rows, int n_heads, int head, int n, int first) {
    const size_t d = size_t(a.d_head);
    std::vector<float> all(size_t(a.n_samples * n_heads) * size_t(n) * d);
    const size_t begin = (size_t(at.sample * n_heads + head) * size_t(n) + size_t(first)) * d;
    std::ranges::copy(rows, all.begin() + int64_t(begin));
    return HeadRows(int64_t(a.n_samples) * n_heads, n, a.d_head, all);
  };
  Attention b = a;
  b.facts.clear();
  const int kv = a.kv_head(at.head);
  const QK& own = a.computed(at.layer);
  b.layers[size_t(at.layer)] =
      QK{placed(g.stages.at("q"), a.n_heads, at.head, a.n_query, at.token),
         placed(g.stages.at("keys"), a.n_kv_heads, kv, a.n_key, 0),
         placed(g.stages.at("values"), a.n_kv_heads, kv, a.n_key, 0), own.place_k, own.place_q};
  return b;
}

void check_stages(const Golden& g, const WeightChain& c, double tolerance) {
  const auto one = [](double x) { return std::vector<double>{x}; };
  const std::pair<const char*, std::vector<double>> ours[] = {
      {"q", c.q},
      {"k", c.k},
      {"products", c.products},
      {"dot", one(c.dot)},
      {"score", one(c.score)},
      {"scores", c.scores},
      {"masked", c.masked},
      {"exps", c.exps},
      {"sum", one(c.sum)},
      {"weights", c.weights},
      {"v", c.v},
      {"moved", c.moved},
      {"z", c.z},
  };
  if (g.stages.contains("places"))
    CHECK(apart(std::vector{c.places.query, c.places.key}, g.stages.at("places")) < tolerance);
  CHECK(g.stages.contains("places") == (c.places.sum() != 0));
  for (const auto& [stage, values] : ours) {
    const std::string name = stage;
    CAPTURE(name);
    CHECK(apart(values, g.stages.at(name)) < tolerance);
  }
}

void check(const Golden& g, const Inputs& in) {
  const State& at = *in.state;
  const Attention& a = in.attention();
  const int query = g.numbers.at("place")[2], key = g.numbers.at("place")[3];
  // From PyTorch's q, k and v on, then from those of our own pass: in float32, whose rounding in
  // the layers before is in all that follows (PyTorch's own float32 is up to 1.2e-6 from its
  // float64 here).
  check_stages(g, weight_chain(with_golden(g, a, at), at, query, key), 1e-6);
  const WeightChain c = weight_chain(a, at, query, key);
  check_stages(g, c, 3e-6);
  const Metric& metric = *find_metric("head_writes");
  REQUIRE(!missing(metric, in));
  const Measure writes = metric.compute(in);
  CHECK(writes.shape[0] == a.n_heads);
  CHECK(apart(std::vector<double>(writes.values.begin(), writes.values.end()),
              g.stages.at("writes")) < 1e-6);
  // The trace's own weights are the same numbers.
  std::vector<float> row(size_t(a.n_key));
  a.pattern_rows(at.sample, at.layer, at.head, query, query + 1, {row.data(), 1, a.n_key});
  CHECK(apart(c.weights, row) < 1e-6);
}

State place_of(const Golden& g) {
  const std::vector<int>& place = g.numbers.at("place");
  State at{.token = place[2], .locked_key = place[3]};
  at.layer = place[0];
  at.head = place[1];
  return at;
}

std::string text_of(const Figure& figure) {
  std::string out;
  for (const Shape& shape : figure.shapes)
    if (const Label* label = std::get_if<Label>(&shape)) out += label->text + "\n";
  return out;
}

Figure drawn(const Inputs& in, const Measure& measure, float width = 560) {
  ViewInput input{measure, in.attention(), *in.state, width};
  input.attention = &in.attention();
  input.model = in.model;
  return find_view("chain")->figure(input);
}

ScratchRun demonstration(ScratchMask mask) {
  ScratchSettings settings;
  settings.mask = mask;
  return *run_scratch(settings);
}

}  // namespace

TEST_CASE("every stage of a weight is PyTorch's: causal, padded, rotated, grouped, BERT, scratch") {
  int n_cases = 0;
  for (const Golden& g : goldens()) {
    CAPTURE(g.name);
    State at = place_of(g);
    if (g.name.starts_with("scratch")) {
      const std::vector<int>& sizes = g.numbers.at("settings");
      ScratchSettings settings;
      settings.seed = uint64_t(sizes[0]);
      settings.d_model = sizes[1];
      settings.n_heads = sizes[2];
      settings.n_samples = sizes[3];
      settings.tokens.assign(size_t(sizes[4]), "x");
      settings.mask = g.name.find("causal") != std::string::npos    ? ScratchMask::causal
                      : g.name.find("padding") != std::string::npos ? ScratchMask::padding
                                                                    : ScratchMask::none;
      at.sample = sizes[5];
      const ScratchRun run = *run_scratch(settings);
      Inputs in{.trace = run.trace.get(), .state = &at};
      CHECK(missing(*find_metric("head_writes"), in));
      in.module = &run.module;
      check(g, in);
    } else {
      const std::string name = g.name.substr(0, g.name.find_first_of("+."));
      const auto model = load_model(read_model_files(test_models() / name), name);
      REQUIRE(model);
      Tokens tokens = tokens_of(g.numbers.at("input_ids"));
      for (size_t i = 0; i < tokens.items.size(); ++i)
        tokens.items[i].padding = g.numbers.at("attention_mask")[i] == 0;
      const Trace trace = forward(*model, std::move(tokens));
      check(g, {model->get(), &trace, &at});
    }
    ++n_cases;
  }
  CHECK(n_cases == 18);
}

TEST_CASE("a masked key stays in the chain, with minus infinity or what replaces its score") {
  const ScratchRun run = demonstration(ScratchMask::causal);
  State at{.token = 1, .locked_key = 4};
  const WeightChain c = weight_chain(run.trace->parts[0], at, 1, 4);
  CHECK(!c.sees);
  CHECK(c.masked[4] == doctest::Approx(-1e9));
  CHECK(c.scores[4] == doctest::Approx(c.score));
  CHECK(c.exps[4] == 0);
  CHECK(c.weight() == 0);
  CHECK(c.masked.size() == 6);
  const Measure none;
  CHECK(text_of(drawn({.trace = run.trace.get(), .state = &at}, none)).find("−1e9") !=
        std::string::npos);
  Trace plain = *run.trace;
  plain.parts[0].masked_score = 0;
  CHECK(std::isinf(weight_chain(plain.parts[0], at, 1, 4).masked[4]));
  CHECK(text_of(drawn({.trace = &plain, .state = &at}, none)).find("−∞") != std::string::npos);
}

TEST_CASE("edits act in the chain where they act in the pass") {
  const auto model = load_model(read_model_files(test_models() / "gpt2"), "gpt2");
  REQUIRE(model);
  State at{.token = 6, .locked_key = 2};
  at.layer = 1;
  at.head = 2;
  Keep keep;
  keep.activations = true;
  keep.edits = {{.at = at.site(), .kind = Edit::Kind::cells, .by = .5f, .rect = {6, 6, 2, 2}},
                {.at = at.site(), .kind = Edit::Kind::scale, .by = 3}};
  const Trace trace = forward(*model, tokens_of(read_golden_pass(test_models() / "gpt2")), keep);
  const WeightChain c = weight_chain(trace.parts[0], at, 6, 2);
  CHECK(c.weight() == .5);
  CHECK(c.edited_weights);
  CHECK(c.edited_z);
  const std::span<const float> z = trace.activations->z(1).row(6).subspan(2 * c.z.size());
  CHECK(apart(c.z, z.first(c.z.size())) < 1e-6);
}

TEST_CASE("the chain's figure says equations that hold, in eight steps, in both languages") {
  const auto model = load_model(read_model_files(test_models() / "llama-gqa"), "llama-gqa");
  REQUIRE(model);
  const Trace trace = forward(*model, tokens_of(read_golden_pass(test_models() / "llama-gqa")));
  State at{.token = 9, .locked_key = 4};
  const Inputs in{model->get(), &trace, &at};
  const Measure writes = find_metric("head_writes")->compute(in);
  for (const Lang lang : {Lang::en, Lang::zh}) {
    at.lang = lang;
    const Figure figure = drawn(in, writes);
    CHECK(figure.steps.size() == 8);
    for (size_t i = 0; i < figure.steps.size(); ++i) {
      CHECK(figure.steps[i].x < figure.steps[i].y);
      if (i > 0) CHECK(figure.steps[i].x >= figure.steps[i - 1].y - 3);
    }
    const std::string text = text_of(figure);
    for (const char* word : {"q · k", "√4", "RoPE", "exp(", "z W_O"})
      CHECK(text.find(word) != std::string::npos);
    // The same key answers in several stages.
    std::map<int, int> links;
    for (const HitArea& area : figure.areas) ++links[area.link];
    CHECK(links[2 * 4] >= 4);
    CHECK(links[2 * 1 + 1] >= 4);
  }
}

TEST_CASE("the chain says which norms and rotations q and k have been through") {
  const auto said = [](const char* name, int layer) {
    const auto model = *load_model(read_model_files(test_models() / name), name);
    const Trace trace = forward(model, tokens_of(read_golden_pass(test_models() / name)));
    State at{.token = 9, .locked_key = 4};
    at.layer = layer;
    const Inputs in{model.get(), &trace, &at};
    const std::string text = text_of(drawn(in, find_metric("head_writes")->compute(in)));
    std::string found;
    for (const char* words : {"after the rotation", "does not rotate", "norm of their own"})
      found += text.find(words) != std::string::npos ? '1' : '0';
    return found;
  };
  CHECK(said("gpt2", 1) == "000");
  CHECK(said("llama-gqa", 1) == "100");
  CHECK(said("qwen3", 1) == "101");
  CHECK(said("stablelm-norms", 1) == "101");
  CHECK(said("smollm3", 0) == "100");
  CHECK(said("smollm3", 1) == "010");
}

TEST_CASE("the chain names the terms of content and distance, and they add up") {
  const auto model = *load_model(read_model_files(test_models() / "deberta-v3"), "deberta-v3");
  const Trace trace = forward(model, tokens_of(read_golden_pass(test_models() / "deberta-v3")));
  State at{.token = 9, .locked_key = 40};
  at.layer = at.head = 1;
  const Attention& a = trace.parts[0];
  const WeightChain c = weight_chain(a, at, 9, 40);
  CHECK(std::abs((c.dot + c.places.query + c.places.key) * c.scale - c.score) < 1e-9);
  std::vector<float> scores(size_t(a.n_key));
  a.score_rows(0, 1, 1, 9, 10, {scores.data(), 1, a.n_key});
  CHECK(std::abs(c.score - double(scores[40])) < 1e-5);
  const Inputs in{model.get(), &trace, &at};
  for (const char* view : {"chain", "neuron"}) {
    const Measure measure =
        find_metric(view == std::string("chain") ? "head_writes" : "row")->compute(in);
    ViewInput input{measure, a, at, 560};
    input.attention = &a;
    input.model = model.get();
    const std::string text = text_of(find_view(view)->figure(input));
    CHECK(text.find("q · pk") != std::string::npos);
  }
}

TEST_CASE("a learned sink takes its part of the row, as the chain and the row's figure say") {
  const auto model = load_model(read_model_files(test_models() / "llama-gqa"), "llama-gqa");
  REQUIRE(model);
  Trace trace = forward(*model, tokens_of(read_golden_pass(test_models() / "llama-gqa")));
  Attention& a = trace.parts[0];
  for (int i = 0; i < a.n_layers * a.n_heads; ++i) a.sinks.push_back(.3f * float(i));
  State at{.token = 9, .locked_key = 4};
  at.layer = 1;
  at.head = 2;
  const WeightChain c = weight_chain(a, at, at.token, 4);
  std::vector<float> row(size_t(a.n_key));
  a.pattern_rows(0, at.layer, at.head, at.token, at.token + 1, {row.data(), 1, a.n_key});
  CHECK(apart(c.weights, row) < 1e-6);
  double sum = c.sink_weight();
  for (const double w : c.weights) sum += w;
  CHECK(sum == doctest::Approx(1));
  CHECK(c.sink_weight() / c.weight() == doctest::Approx(std::exp(1.8f - c.score)));
  const Inputs in{model->get(), &trace, &at};
  const std::string text = text_of(drawn(in, find_metric("head_writes")->compute(in)));
  CHECK(text.find("belongs to no key") != std::string::npos);
  CHECK(text.find("The sink takes") != std::string::npos);
  const Measure one{{Axis::key}, {a.n_key}, row};
  const std::string bars = text_of(find_view("bars")->figure(ViewInput{one, a, at, 300, 18}));
  CHECK(bars.find(" + learned sink 0.") != std::string::npos);
  CHECK(bars.find("≠") == std::string::npos);
}

TEST_CASE("given weights start the chain at the weight and say why") {
  Trace trace = *demonstration(ScratchMask::none).trace;
  Attention& a = trace.parts[0];
  std::vector<float> all;
  for (int s = 0; s < a.n_samples; ++s)
    for (int h = 0; h < a.n_heads; ++h) {
      const std::vector<float> one = a.pattern(s, 0, h);
      all.insert(all.end(), one.begin(), one.end());
    }
  a.layers[0] = Given{HeadRows(int64_t(a.n_samples) * a.n_heads, a.n_query, a.n_key, all)};
  State at{.token = 2, .locked_key = 3};
  const Inputs in{.trace = &trace, .state = &at};
  CHECK(missing(*find_metric("head_writes"), in));
  const Figure figure = drawn(in, {});
  CHECK(figure.steps.size() == 1);
  CHECK(text_of(figure).find("came from a file") != std::string::npos);
  at.lang = Lang::zh;
  CHECK(text_of(drawn(in, {})).find("来自文件") != std::string::npos);
}

TEST_CASE("the neuron view states a true equation, in one language, with signed colours") {
  const ScratchRun run = demonstration(ScratchMask::none);
  State at{.token = 2, .locked_key = 3};
  for (const Lang lang : {Lang::en, Lang::zh}) {
    at.lang = lang;
    const Inputs in{.trace = run.trace.get(), .state = &at};
    const Measure row = find_metric("row")->compute(in);
    ViewInput input{row, in.attention(), at, 560};
    input.attention = &in.attention();
    const Figure figure = find_view("neuron")->figure(input);
    const WeightChain c = weight_chain(in.attention(), at, 2, 3);
    char said[80];
    std::snprintf(said, sizeof said, "%.4g = Σ q·k × 1/√16 = %.4g × 0.25", c.score, c.dot);
    const std::string text = text_of(figure);
    CAPTURE(text);
    CHECK(text.find(said) != std::string::npos);
    if (lang == Lang::zh) CHECK(text.find("sc") == std::string::npos);
    int n_signed = 0;
    for (const Shape& shape : figure.shapes)
      if (const Cells* cells = std::get_if<Cells>(&shape))
        for (const float place : cells->places) {
          CHECK(place >= kDiverging);
          ++n_signed;
        }
    CHECK(n_signed > 100);
  }
}

TEST_CASE("the page makes what the heads of the demonstration write: with b_O, its output") {
  const auto run = std::make_shared<const ScratchRun>(demonstration(ScratchMask::padding));
  State at{.token = 3};
  at.sample = 1;
  const Metric& metric = *find_view("chain")->usual_metric();
  MadeMeasures made;
  const Job job = measure_job({.trace = run->trace,
                               .at = at,
                               .keys = {measure_key(metric, run->trace, at)},
                               .scratch = run},
                              Lang::en, [&](MadeMeasures m) { made = std::move(m); });
  while (job.step()) {
  }
  job.deliver();
  REQUIRE(made.made.size() == 1);
  REQUIRE(!made.made[0]->error);
  const Measure& m = made.made[0]->measure;
  std::vector<double> sum(run->module.b_O.begin(), run->module.b_O.end());
  for (size_t i = 0; i < m.values.size(); ++i) sum[i % sum.size()] += double(m.values[i]);
  CHECK(apart(sum, run->output.sample(1).row(3)) < 1e-6);
}
