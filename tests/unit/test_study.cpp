// test_study.cpp - how long the steps of measures are on a model of GPT-2 small's shape, and that
// too large ones are refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "analysis/head_circuits.h"
#include "analysis/measure.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "tensor/parallel.h"

using namespace attn;

namespace {

// A checkpoint of random f16 weights: 12 layers x 12 heads x 64, 50,257 words.
std::vector<File> random_gpt2() {
  std::vector<File> files;
  const std::string config =
      R"({"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024,
          "vocab_size": 50257, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new",
          "tie_word_embeddings": true})";
  std::string header;
  uint64_t at = 0;
  std::vector<std::pair<bool, uint64_t>> parts;  // ones or noise, how many
  const auto add = [&](const std::string& name, std::initializer_list<uint64_t> shape,
                       bool ones = false) {
    uint64_t n = 1;
    std::string sizes;
    for (const uint64_t s : shape) {
      n *= s;
      sizes += (sizes.empty() ? "" : ",") + std::to_string(s);
    }
    header += (header.empty() ? "{" : ",") +
              ("\"" + name + "\":{\"dtype\":\"F16\",\"shape\":[" + sizes) + "],\"data_offsets\":[" +
              std::to_string(at) + "," + std::to_string(at + 2 * n) + "]}";
    at += 2 * n;
    parts.push_back({ones, n});
  };
  add("wte.weight", {50257, 768});
  add("wpe.weight", {1024, 768});
  for (int l = 0; l < 12; ++l) {
    const std::string h = "h." + std::to_string(l) + ".";
    for (const char* norm : {"ln_1", "ln_2"}) {
      add(h + norm + ".weight", {768}, true);
      add(h + norm + ".bias", {768});
    }
    add(h + "attn.c_attn.weight", {768, 2304});
    add(h + "attn.c_attn.bias", {2304});
    add(h + "attn.c_proj.weight", {768, 768});
    add(h + "attn.c_proj.bias", {768});
    add(h + "mlp.c_fc.weight", {768, 3072});
    add(h + "mlp.c_fc.bias", {3072});
    add(h + "mlp.c_proj.weight", {3072, 768});
    add(h + "mlp.c_proj.bias", {768});
  }
  add("ln_f.weight", {768}, true);
  add("ln_f.bias", {768});
  header += "}";
  while (header.size() % 8) header += ' ';
  std::vector<uint8_t> bytes(8 + header.size() + at);
  const uint64_t size = header.size();
  std::memcpy(bytes.data(), &size, 8);
  std::memcpy(bytes.data() + 8, header.data(), size);
  auto* to = reinterpret_cast<uint16_t*>(bytes.data() + 8 + size);
  std::mt19937 random(1);
  for (const auto& [ones, n] : parts)
    for (uint64_t i = 0; i < n; ++i)
      *to++ = ones ? 0x3c00 : uint16_t(0x2400 | (random() & 0x83ff));  // ±.016 .. .031
  files.push_back(
      {"random/config.json", Bytes(std::vector<uint8_t>(config.begin(), config.end()))});
  files.push_back({"random/model.safetensors", Bytes(std::move(bytes))});
  files.push_back({"random/tokenizer.json", read_bytes(test_models() / "gpt2" / "tokenizer.json")});
  return files;
}

double now_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

// Processor time, so that others on the machine do not count.
double cpu_ms() { return 1000. * double(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

// ATTNSCOPE_STEPS=256 times every measure at so many tokens on one thread; ATTNSCOPE_MEASURE=id
// only one.
TEST_CASE("the longest step of every measure") {
  const char* asked = std::getenv("ATTNSCOPE_STEPS");
  if (!asked) return;
  const char* only = std::getenv("ATTNSCOPE_MEASURE");
  const double limit_ms = 8000;  // of each; what is not done then is given up
  set_n_threads(1);
  const auto model = load_model(random_gpt2(), "random");
  REQUIRE(model);
  std::vector<int> ids;
  std::mt19937 random(2);
  for (int i = 0; i < std::atoi(asked); ++i) ids.push_back(int(random() % 50257));
  const Trace trace = forward(*model, tokens_of(ids), {.activations = true});
  std::printf("%-20s %8s %8s %8s %9s %7s\n", "ms", "begin", "longest", "end", "all", "steps");
  for (const int layer : {1, 11}) {
    State state{.token = int(ids.size()) - 1};
    state.layer = layer;
    state.head = 1;
    const Inputs in{model->get(), &trace, &state, nullptr, int(ids.size() / 2)};
    for (const Metric& metric : metrics()) {
      if (only && std::string(only) != metric.id) continue;
      if (missing(metric, in)) {
        std::printf("%-20s %s\n", metric.id, missing(metric, in)->message.c_str());
        continue;
      }
      const double begun = now_ms();
      double begin = 0, longest = 0, end = 0;
      int n = 1;
      double at = cpu_ms();
      const Study study = metric.begin(in);
      begin = cpu_ms() - at;
      for (bool more = true; more && now_ms() - begun < limit_ms; ++n) {
        at = cpu_ms();
        more = study.step();
        longest = std::max(longest, cpu_ms() - at);
      }
      at = cpu_ms();
      if (now_ms() - begun < limit_ms) (void)study.take();
      end = cpu_ms() - at;
      std::printf("%-20s %8.2f %8.2f %8.2f %9.1f %7d  layer %d\n", metric.id, begin, longest, end,
                  now_ms() - begun, n, layer);
      std::fflush(stdout);
    }
  }
  set_n_threads(0);
}

TEST_CASE("what is too large is refused with a number and a way out, before it is allocated") {
  const auto model = load_model(read_model_files(test_models() / "gpt2"), "gpt2");
  REQUIRE(model);
  const Config& c = (*model)->config;
  Trace trace;
  Attention& a = trace.parts.emplace_back();
  a.n_layers = c.n_layers;
  a.n_heads = c.n_heads;
  a.n_kv_heads = c.n_kv_heads;
  a.d_head = c.d_head;
  a.mask = c.mask;
  a.n_query = a.n_key = 20000;
  const HeadRows some(1, 1, 1, std::vector<float>(1));
  a.layers.assign(size_t(c.n_layers), QK{some, some, some});
  const Activations kept;
  State state;
  state.layer = 1;
  for (const Lang lang : {Lang::en, Lang::zh}) {
    state.lang = lang;
    const Inputs in{model->get(), &trace, &state, &kept};
    for (const char* id : {"flow", "rollout", "rollout_relative", "value_zeroing",
                           "gradient_attention", "gradient_heads", "chefer", "chefer_row"}) {
      CAPTURE(id);
      const Status e = missing(*find_metric(id), in);
      REQUIRE(e);
      CHECK(e->message.find("GB") != std::string::npos);
      CHECK(e->message.find("20000") != std::string::npos);
    }
  }
  state.lang = Lang::en;
  a.n_query = a.n_key = 400;
  CHECK(
      missing(*find_metric("flow"), {model->get(), &trace, &state, &kept})->message ==
      "Attention flow: would take many minutes for 400 tokens after layer 1; use up to 278 tokens, "
      "or an earlier layer");
  CHECK(!missing(*find_metric("rollout"), {model->get(), &trace, &state, &kept}));
}
