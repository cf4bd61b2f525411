// command_demo.cpp - attnscope demo: attention from scratch, as the tutorial's report or as JSON.
#include <cstdio>

#include "app/scratch_settings.h"
#include "base/json_writer.h"
#include "cli/command.h"
#include "figure/report.h"

namespace attn {

namespace {

struct Options {
  State state;
  uint64_t seed = 42;
  bool as_json = false, with_weights = false;
};

void write_settings(JsonWriter& json, const ScratchRun& run) {
  const ScratchSettings& s = run.settings;
  json.key("settings").object();
  json.key("seed").unsigned_integer(s.seed).integer("d_model", s.d_model);
  json.integer("n_heads", s.n_heads).integer("d_head", run.module.d_head);
  json.integer("batch", s.n_samples).integer("n_tokens", int64_t(s.tokens.size()));
  json.text("mask", kMaskNames[int(s.mask)]).end();
}

void write_weights(JsonWriter& json, const MultiHeadAttention& m, bool with_values) {
  const struct {
    const char* name;
    const std::vector<float>& values;
    bool is_matrix;
  } all[] = {{"W_Q", m.W_Q, true},  {"b_Q", m.b_Q, false}, {"W_K", m.W_K, true},
             {"b_K", m.b_K, false}, {"W_V", m.W_V, true},  {"b_V", m.b_V, false},
             {"W_O", m.W_O, true},  {"b_O", m.b_O, false}};
  const int square[] = {m.d_model, m.d_model};
  json.key("weights").object(JsonLayout::lines);
  for (const auto& w : all) {
    const auto shape = std::span(square).first(w.is_matrix ? 2 : 1);
    json.key(w.name).object().key("shape").array();
    for (const int n : shape) json.integer(n);
    json.end();
    if (with_values) json.key("values").numbers(w.values, shape);
    json.end();
  }
  json.end();
}

void write_batch(JsonWriter& json, const char* name, const Batch& b) {
  const int shape[] = {b.n_samples, b.n_tokens, b.d_model};
  json.key(name).numbers(b.values, shape);
}

void write_attention(JsonWriter& json, const Attention& a) {
  std::vector<float> all;
  for (int s = 0; s < a.n_samples; ++s) {
    for (int h = 0; h < a.n_heads; ++h) {
      const std::vector<float> one = a.pattern(s, 0, h);
      all.insert(all.end(), one.begin(), one.end());
    }
  }
  const int shape[] = {a.n_samples, a.n_heads, a.n_query, a.n_key};
  json.key("attention").numbers(all, shape);
}

std::string demo_json(const ScratchRun& run, bool with_weights) {
  JsonWriter json;
  json.object(JsonLayout::lines);
  write_settings(json, run);
  json.key("tokens").array();
  for (const std::string& name : run.settings.tokens) json.text(name);
  json.end();
  write_weights(json, run.module, with_weights);
  write_batch(json, "input", run.input);
  write_attention(json, run.trace->parts[0]);
  write_batch(json, "output", run.output);
  return json.end().take() + "\n";
}

int run_demo(const Options& o) {
  ScratchSettings settings = scratch_settings(o.state);
  settings.seed = o.seed;
  const Result<ScratchRun> run = run_scratch(settings);
  if (!run) return fail(run.error());
  if (Status e = check_looks(o.state, *run->trace)) return fail(*e);
  return o.as_json ? finish(demo_json(*run, o.with_weights))
                   : finish_text(demo_report(*run, o.state));
}

}  // namespace

Run set_up_demo(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("--seed", o->seed,
                 "Seed; gives the same numbers as torch.manual_seed(N) (default 42)")
      ->option_text("N")
      ->check(CLI::Validator(
          [](const std::string& given) {  // else -1 would be read as 2^64 - 1
            return given.starts_with('-') ? given + " is negative" : std::string();
          },
          ""));
  app.add_option("--d-model", o->state.d_model, "Dimension of each token vector (default 64)")
      ->option_text("N");
  app.add_option("--heads", o->state.n_heads, "Number of heads; must divide d_model (default 4)")
      ->option_text("N");
  app.add_option("--batch", o->state.n_samples, "Batch size (default 2)")->option_text("N");
  app.add_option("--tokens", o->state.tokens,
                 "Token names, separated by spaces; their vectors are random (default 我 爱 学习 "
                 "深度 学习 EOS)")
      ->option_text("TEXT");
  add_choice(
      app, "--mask", {std::begin(kMaskNames), std::end(kMaskNames)},
      [o](int i) { o->state.mask = ScratchMask(i); }, "Which keys a query may see (default none)");
  add_looks(app, Looks::at_sample, o->state);
  add_language(app, o->state.lang);
  add_format(app, o->as_json);
  app.add_flag("--with-weights", o->with_weights,
               "With json: include the values of W_Q, W_K, W_V and W_O");
  return [o] { return run_demo(*o); };
}

}  // namespace attn
