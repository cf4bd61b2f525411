// command_next.cpp - attnscope next: the most likely next tokens, fillings of a [MASK], or labels.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/json_writer.h"
#include "cli/command.h"
#include "cli/label_output.h"
#include "figure/exporters.h"
#include "figure/report_text.h"
#include "pass/forward.h"

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

// The `n` largest logits of one position, with their probabilities under the softmax over all.
std::vector<Candidate> candidates(std::span<const float> logits, int n) {
  // Shifted by the maximum, so that exp() cannot overflow.
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (float x : logits) sum += std::exp(x - largest);
  std::vector<Candidate> out;
  for (const Peak& p : top_keys(logits, n))
    out.push_back({p.key, p.weight, float(std::exp(p.weight - largest) / sum)});
  return out;
}

// Predictions at one position: of the next token, or of the masked token in bidirectional models.
struct Guess {
  int position;
  std::vector<Candidate> candidates;
};

std::string mask_piece(const Tokenizer& tokenizer) {
  return tokenizer.id_of("<mask>") >= 0 ? "<mask>" : "[MASK]";
}

std::vector<int> predicted(const Model& model, const Tokens& tokens) {
  if (!model.config.fills_masks) return {tokens.size() - 1};
  std::vector<int> positions;
  const int mask = model.tokenizer->id_of(mask_piece(*model.tokenizer));
  for (int i = 0; i < tokens.size(); ++i)
    if (tokens.items[size_t(i)].id == mask) positions.push_back(i);
  return positions;
}

void write_json(JsonWriter& json, const std::vector<Candidate>& all, const Tokenizer& tokenizer) {
  json.array(JsonLayout::lines);
  for (const Candidate& c : all) {
    json.object().integer("id", c.id).text("piece", tokenizer.piece(c.id));
    json.text("shown", tokenizer.shown(c.id)).number("probability", c.probability);
    json.number("logit", c.logit).end();
  }
  json.end();
}

std::string as_json(const std::vector<Guess>& guesses, const Model& model, const Tokens& tokens,
                    std::span<const std::string> notes) {
  const Tokenizer& tokenizer = *model.tokenizer;
  JsonWriter json;
  json.object(JsonLayout::lines).text("model", model.name).text("text", tokens.text);
  write_notes(json, notes);
  json.key("input_ids").array();
  for (const Token& t : tokens.items) json.integer(t.id);
  json.end();
  if (!model.config.fills_masks) {
    json.key("next");
    write_json(json, guesses[0].candidates, tokenizer);
    return json.end().take() + "\n";
  }
  json.key("masked").array(JsonLayout::lines);
  for (const Guess& guess : guesses) {
    json.object().integer("position", guess.position).key("candidates");
    write_json(json, guess.candidates, tokenizer);
    json.end();
  }
  return json.end().end().take() + "\n";
}

std::string as_text(const Guess& guess, const Model& model, const Tokens& tokens, Lang lang) {
  const std::vector<Candidate>& all = guess.candidates;
  const char* const title =
      model.config.fills_masks
          ? tr(lang, "{0} · predictions for masked token {2} of {1}\n\n",
               "{0} · 对 {1} 个词元中被遮住的词元 {2}的预测\n\n")
          : tr(lang, "{0} · next token after {1} tokens, the last being {2}\n\n",
               "{0} · {1} 个词元之后的下一个词元，最后一个是 {2}\n\n");
  std::string out = fill(
      title, {model.name, std::to_string(tokens.size()), quoted(tokens, guess.position, lang)});
  TextTable table("rlrrr", {tr(lang, "rank", "名次"), tr(lang, "token", "词元"), "id",
                            tr(lang, "probability", "概率"), "logit"});
  for (size_t i = 0; i < all.size(); ++i) {
    Token token;
    token.shown = model.tokenizer->shown(all[i].id);
    table.add({std::to_string(i + 1), token_name(token, 24), std::to_string(all[i].id),
               percent(all[i].probability), fixed(all[i].logit, 4)});
  }
  return out + table.text();
}

int run_next(const Options& o) {
  Result<Opened> opened = open_model(o.model, 1);
  if (!opened) return fail(opened.error());
  const Model& model = *opened->model;
  if (!model.config.has_logits)
    return fail(
        {model.name +
         ": the model has no output vocabulary and cannot predict tokens; use attnscope report "
         "or attnscope heads to see its attention"});
  const bool has_labels = !model.config.labels.names.empty();
  const std::vector<int> positions = predicted(model, opened->tokens);
  if (positions.empty())
    return fail({model.name +
                 ": a bidirectional model, which predicts masked tokens rather than the next one; "
                 "write " +
                 mask_piece(*model.tokenizer) + " into the text"});
  const Keep keep{.all_logits = model.config.fills_masks || has_labels};
  if (const Status e = check_pass(model, opened->tokens, keep)) return fail(*e);
  const Trace trace = run_forward(opened->model, std::move(opened->tokens), keep);
  if (!std::ranges::all_of(trace.logits, [](float x) { return std::isfinite(x); }))
    return fail({model.name +
                 ": the logits are not numbers (NaN), so that no token can be predicted; "
                 "attnscope report shows which heads are concerned"});
  if (has_labels)
    return o.as_json ? finish(labels_as_json(*opened->model, trace, o.top, opened->notes))
                     : finish_text(labels_as_text(*opened->model, trace, o.top, o.lang));
  const Tokens& tokens = trace.own().query_tokens[0];
  const int first = trace.first_logit;
  std::vector<Guess> guesses;
  for (const int position : positions) {
    const size_t d_vocab = size_t(model.config.d_vocab), row = size_t(position - first);
    guesses.push_back(
        {position, candidates(std::span(trace.logits).subspan(row * d_vocab, d_vocab), o.top)});
  }
  if (o.as_json) return finish(as_json(guesses, *opened->model, tokens, opened->notes));
  std::string out;
  for (const Guess& guess : guesses)
    out += (out.empty() ? "" : "\n") + as_text(guess, *opened->model, tokens, o.lang);
  return finish_text(out);
}

}  // namespace

Run set_up_next(CLI::App& app) {
  auto o = std::make_shared<Options>();
  add_model(app, o->model);
  app.add_option("--top", o->top, "Number of tokens, labels or answers to show (default 10)")
      ->option_text("N")
      ->check(CLI::PositiveNumber.description(""));
  add_language(app, o->lang);
  add_format(app, o->as_json);
  return [o] { return run_next(*o); };
}

}  // namespace attn
