// command_next.cpp - attnscope next: the most likely next tokens, as a table or as JSON.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/json.h"
#include "cli/command.h"
#include "cli/json_text.h"
#include "figure/report_text.h"
#include "model/forward.h"

namespace attn {

namespace {

struct Options {
  ModelOptions model;
  int top = 10;
  bool as_json = false;
  Lang lang = Lang::en;
};

struct Candidate {
  int id;
  float logit, probability;
};

// The `n` largest of one position's logits, with what the softmax over all of them gives.
std::vector<Candidate> candidates(std::span<const float> logits, int n) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (float x : logits) sum += std::exp(x - largest);
  std::vector<Candidate> out;
  for (const Peak& p : top_keys(logits, n))
    out.push_back({p.key, p.weight, float(std::exp(p.weight - largest) / sum)});
  return out;
}

std::string as_json(const std::vector<Candidate>& all, const Trace& trace) {
  const Tokenizer& tokenizer = *trace.model->tokenizer;
  std::string ids;
  for (const Token& t : trace.queries[0].items)
    ids += (ids.empty() ? "" : ", ") + std::to_string(t.id);
  std::string out = "{\n\"model\": " + json_quote(trace.model->name) +
                    ",\n\"text\": " + json_quote(trace.queries[0].text) + ",\n\"input_ids\": [" +
                    ids + "],\n\"next\": [";
  for (size_t i = 0; i < all.size(); ++i)
    out += std::string(i ? "," : "") + "\n{\"id\": " + std::to_string(all[i].id) +
           ", \"piece\": " + json_quote(tokenizer.piece(all[i].id)) +
           ", \"shown\": " + json_quote(tokenizer.shown(all[i].id)) +
           ", \"probability\": " + json_number(all[i].probability) +
           ", \"logit\": " + json_number(all[i].logit) + "}";
  return out + "\n]\n}\n";
}

std::string as_text(const std::vector<Candidate>& all, const Trace& trace, Lang lang) {
  const Tokens& tokens = trace.queries[0];
  std::string out = fill(
      tr(lang, "{0} · next token after {1} tokens, the last of them {2}\n\n",
         "{0} · {1} 个词元之后的下一个词元，最后一个是 {2}\n\n"),
      {trace.model->name, std::to_string(tokens.size()), quoted(tokens, tokens.size() - 1, lang)});
  TextTable table("rlrrr", {tr(lang, "rank", "名次"), tr(lang, "token", "词元"), "id",
                            tr(lang, "probability", "概率"), "logit"});
  for (size_t i = 0; i < all.size(); ++i) {
    Token token;
    token.shown = trace.model->tokenizer->shown(all[i].id);
    table.add({std::to_string(i + 1), token_name(token, 24), std::to_string(all[i].id),
               percent(all[i].probability), fixed(all[i].logit, 4)});
  }
  return out + table.text();
}

int run_next(const Options& o) {
  Result<Opened> opened = open_model(o.model);
  if (!opened) return fail(opened.error());
  const Trace trace = forward(opened->model, std::move(opened->tokens));
  if (trace.n_logits < 1)
    return fail({opened->model->name + ": this model gives no next-token logits"});
  const size_t d_vocab = size_t(trace.model->config.d_vocab);
  const auto last = std::span(trace.logits).last(d_vocab);
  const std::vector<Candidate> all = candidates(last, o.top);
  const std::string out = o.as_json ? as_json(all, trace) : as_text(all, trace, o.lang);
  return finish(out);
}

}  // namespace

Run set_up_next(CLI::App& app) {
  auto o = std::make_shared<Options>();
  add_model(app, o->model);
  app.add_option("--top", o->top, "How many (default 10)")
      ->option_text("N")
      ->check(CLI::PositiveNumber.description(""));
  add_language(app, o->lang);
  add_format(app, o->as_json);
  return [o] { return run_next(*o); };
}

}  // namespace attn
