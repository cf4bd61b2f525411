// command_demo.cpp - attnscope demo: the attention from scratch, as the tutorial shows it or as
// JSON.
#include <cstdio>

#include "app/scratch_settings.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "figure/report.h"

namespace attn {

namespace {

struct Options {
  State state;
  uint64_t seed = 42;
  bool as_json = false, with_weights = false;
};

std::string field(const char* name, const std::string& value) {
  return json_quote(name) + ": " + value;
}

std::string settings_json(const ScratchRun& run) {
  const ScratchSettings& s = run.settings;
  return "{" + field("seed", std::to_string(s.seed)) + ", " +
         field("d_model", std::to_string(s.d_model)) + ", " +
         field("n_heads", std::to_string(s.n_heads)) + ", " +
         field("d_head", std::to_string(run.module.d_head)) + ", " +
         field("batch", std::to_string(s.n_samples)) + ", " +
         field("n_tokens", std::to_string(s.tokens.size())) + ", " +
         field("mask", json_quote(kMaskNames[int(s.mask)])) + "}";
}

std::string weights_json(const MultiHeadAttention& m, bool with_values) {
  const struct {
    const char* name;
    const std::vector<float>& values;
    bool is_matrix;
  } all[] = {{"W_Q", m.W_Q, true},  {"b_Q", m.b_Q, false}, {"W_K", m.W_K, true},
             {"b_K", m.b_K, false}, {"W_V", m.W_V, true},  {"b_V", m.b_V, false},
             {"W_O", m.W_O, true},  {"b_O", m.b_O, false}};
  const int square[] = {m.d_model, m.d_model};
  const std::string d = std::to_string(m.d_model);
  std::string out;
  for (const auto& w : all) {
    out += (out.empty() ? "{\n" : ",\n") + json_quote(w.name) + ": {" +
           field("shape", w.is_matrix ? "[" + d + ", " + d + "]" : "[" + d + "]");
    if (with_values)
      out += ", " +
             field("values", json_array(w.values, std::span(square).first(w.is_matrix ? 2 : 1)));
    out += "}";
  }
  return out + "\n}";
}

std::string batch_json(const Batch& b) {
  const int shape[] = {b.n_samples, b.n_tokens, b.d_model};
  return json_array(b.values, shape);
}

std::string attention_json(const Attention& a) {
  std::vector<float> all;
  for (int s = 0; s < a.n_samples; ++s) {
    for (int h = 0; h < a.n_heads; ++h) {
      const std::vector<float> one = a.pattern(s, 0, h);
      all.insert(all.end(), one.begin(), one.end());
    }
  }
  const int shape[] = {a.n_samples, a.n_heads, a.n_query, a.n_key};
  return json_array(all, shape);
}

std::string demo_json(const ScratchRun& run, bool with_weights) {
  std::string names;
  for (const std::string& name : run.settings.tokens)
    names += (names.empty() ? "[" : ", ") + json_quote(name);
  return "{\n" + field("settings", settings_json(run)) + ",\n" + field("tokens", names + "]") +
         ",\n" + field("weights", weights_json(run.module, with_weights)) + ",\n" +
         field("input", batch_json(run.input)) + ",\n" +
         field("attention", attention_json(run.trace->parts[0])) + ",\n" +
         field("output", batch_json(run.output)) + "\n}\n";
}

int run_demo(const Options& o) {
  ScratchSettings settings = scratch_settings(o.state);
  settings.seed = o.seed;
  const Result<ScratchRun> run = run_scratch(settings);
  if (!run) return fail(run.error());
  if (Status e = check_looks(o.state, *run->trace)) return fail(*e);
  const std::string out = o.as_json ? demo_json(*run, o.with_weights) : demo_report(*run, o.state);
  return finish(out);
}

}  // namespace

Run set_up_demo(CLI::App& app) {
  auto o = std::make_shared<Options>();
  app.add_option("--seed", o->seed, "The same numbers as torch.manual_seed(N) (default 42)")
      ->option_text("N")
      ->check(CLI::Validator(
          [](const std::string& given) {  // else -1 would be taken for 2^64 - 1
            return given.starts_with('-') ? given + " is below 0" : std::string();
          },
          ""));
  app.add_option("--d-model", o->state.d_model, "Width of every token's vector (default 64)")
      ->option_text("N");
  app.add_option("--heads", o->state.n_heads, "Heads; d_model must be a multiple (default 4)")
      ->option_text("N");
  app.add_option("--batch", o->state.n_samples, "Samples in the batch (default 2)")
      ->option_text("N");
  app.add_option("--tokens", o->state.tokens,
                 "Names of the random inputs, parted by blanks\n(default 我 爱 学习 深度 学习 EOS)")
      ->option_text("TEXT");
  add_choice(
      app, "--mask", {std::begin(kMaskNames), std::end(kMaskNames)},
      [o](int i) { o->state.mask = ScratchMask(i); }, "Which keys a query may see (default none)");
  add_looks(app, Looks::at_sample, o->state);
  add_language(app, o->state.lang);
  add_format(app, o->as_json);
  app.add_flag("--with-weights", o->with_weights,
               "json: also every number of W_Q, W_K, W_V and W_O");
  return [o] { return run_demo(*o); };
}

}  // namespace attn
