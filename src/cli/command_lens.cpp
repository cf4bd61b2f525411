// command_lens.cpp - attnscope lens: what the model would predict if it stopped after each layer.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/lens.h"
#include "analysis/target.h"
#include "base/csv.h"
#include "base/json_writer.h"
#include "cli/command.h"
#include "cli/number_format.h"
#include "cli/terminal.h"
#include "figure/exporters.h"
#include "figure/report_text.h"
#include "model/label_head.h"
#include "pass/forward.h"

namespace attn {

namespace {

struct Options {
  ModelOptions model;
  State state;
  int top = 5;
  NumberFormat format = NumberFormat::table;
};

struct Lens {
  const Options& o;
  const Model& model;
  const Trace& trace;
  const State& state;  // clamped
  LensTable table;
  std::span<const std::string> notes;
};

std::string layer_name(int row, Lang lang) {
  return row == 0 ? tr(lang, "embedding", "嵌入") : "L" + std::to_string(row - 1);
}

double chance(const LensCell& cell, float logit) { return std::exp(double(logit) - cell.log_sum); }

std::string shown(const Lens& l, int id) {
  Token token;
  token.shown = output_name(l.model, id);
  return token_name(token, 16);
}

// A token as the vocabulary spells it, or a label.
std::string piece(const Lens& l, int id) {
  return l.model.config.labels.names.empty() ? l.model.tokenizer->piece(id)
                                             : output_name(l.model, id);
}

// One line per layer for the chosen token.
std::string as_table(const Lens& l) {
  const Lang lang = l.state.lang;
  const int query = l.state.token;
  const Target foil = target_of({&l.model, &l.trace, &l.state});
  std::string out = fill(tr(lang, "{0} · predictions after each layer at token {1}\n",
                            "{0} · 在词元 {1} 处，每一层之后的预测\n"),
                         {l.model.name, quoted(l.trace.at(l.state).query_tokens[0], query, lang)});
  const LensCell& last = l.table.at(l.table.n_rows - 1, query);
  out += fill(tr(lang, "target: {0}", "目标：{0}"), {shown(l, last.target)});
  if (foil.foil >= 0)
    out += fill(tr(lang, ", compared with {0}", "，对比 {0}"), {shown(l, foil.foil)});
  out += "\n\n";
  std::vector<std::string> header{
      tr(lang, "layer", "层"),
      foil.foil >= 0 ? tr(lang, "logit difference", "logit 之差") : "logit",
      tr(lang, "probability", "概率"), tr(lang, "rank", "名次"), tr(lang, "entropy", "熵")};
  std::string aligns = "lrrrr";
  for (int i = 0; i < int(last.top.size()); ++i) {
    header.push_back("#" + std::to_string(i + 1));
    aligns += 'l';
  }
  TextTable table(aligns, header);
  for (int r = 0; r < l.table.n_rows; ++r) {
    const LensCell& cell = l.table.at(r, query);
    std::vector<std::string> row{layer_name(r, lang), fixed(cell.logit, 3),
                                 percent(chance(cell, cell.target_logit)),
                                 std::to_string(cell.rank + 1), fixed(cell.entropy, 2)};
    for (const Peak& p : cell.top)
      row.push_back(shown(l, p.key) + " " + percent(chance(cell, p.weight)));
    table.add(std::move(row));
  }
  return out + table.text();
}

// Every layer and position; layer -1 is the embedding.
std::string as_csv(const Lens& l) {
  std::string out = "layer,query,target,logit,probability,rank,entropy";
  for (int i = 1; i <= l.o.top; ++i) {
    const std::string n = std::to_string(i);
    for (const char* column : {",id_", ",piece_", ",probability_"}) out += column + n;
  }
  for (int r = 0; r < l.table.n_rows; ++r) {
    for (int q = 0; q < l.table.n_query; ++q) {
      const LensCell& cell = l.table.at(r, q);
      out += "\n" + std::to_string(r - 1) + "," + std::to_string(q) + "," +
             std::to_string(cell.target) + "," + json_number(cell.logit) + "," +
             json_number(float(chance(cell, cell.target_logit))) + "," + std::to_string(cell.rank) +
             "," + json_number(cell.entropy);
      for (const Peak& p : cell.top) {
        out += "," + std::to_string(p.key) + "," + csv_quote(piece(l, p.key)) + "," +
               json_number(float(chance(cell, p.weight)));
      }
    }
  }
  return out + "\n";
}

std::string as_json(const Lens& l) {
  JsonWriter json;
  json.object(JsonLayout::lines).text("model", l.model.name);
  write_notes(json, l.notes);
  json.key("tokens").array();
  for (const Token& token : l.trace.at(l.state).query_tokens[0].items) json.text(token.shown);
  json.end().key("cells").array(JsonLayout::lines);
  for (int r = 0; r < l.table.n_rows; ++r) {
    for (int q = 0; q < l.table.n_query; ++q) {
      const LensCell& cell = l.table.at(r, q);
      json.object().integer("layer", r - 1).integer("query", q).integer("target", cell.target);
      json.number("logit", cell.logit);
      json.number("probability", float(chance(cell, cell.target_logit)));
      json.integer("rank", cell.rank).number("entropy", cell.entropy).key("top").array();
      for (const Peak& p : cell.top)
        json.object()
            .integer("id", p.key)
            .text("piece", piece(l, p.key))
            .number("probability", float(chance(cell, p.weight)))
            .end();
      json.end().end();
    }
  }
  return json.end().end().take() + "\n";
}

// Probabilities of the target, [layer + 1, query].
std::string as_npy(const Lens& l) {
  std::vector<float> values;
  for (const LensCell& cell : l.table.cells)
    values.push_back(float(chance(cell, cell.target_logit)));
  return npy_of(values, std::vector<int>{l.table.n_rows, l.table.n_query});
}

int run_lens(const Options& o) {
  Result<Opened> opened = open_model(o.model, 1);
  if (!opened) return fail(opened.error());
  const Keep keep{.facts = false, .activations = true};
  if (const Status e = check_pass(*opened->model, opened->tokens, keep)) return fail(*e);
  State state = o.state;
  state.part = opened->part;
  if (state.token < 0) state.token = usual_token(opened->tokens);
  const Trace trace = run_forward(opened->model, std::move(opened->tokens), keep);
  if (const Status e = check_looks(state, trace)) return fail(*e);
  const Model& model = *opened->model;
  const Inputs in{&model, &trace, &state};
  if (const Status e = missing(*find_metric("lens_probability"), in)) return fail(*e);
  LensPass pass(in, std::min(o.top, model.config.n_outputs()));
  {
    Progress progress("Computing the predictions of each layer");
    while (pass.step()) progress.step();
  }
  const Lens lens{o, model, trace, state, pass.take(), opened->notes};
  switch (o.format) {
    case NumberFormat::table:
      return finish_text(as_table(lens));
    case NumberFormat::csv:
      return finish(as_csv(lens));
    case NumberFormat::json:
      return finish(as_json(lens));
    case NumberFormat::npy:
      return finish(as_npy(lens));
  }
  return kFine;
}

}  // namespace

Run set_up_lens(CLI::App& app) {
  auto o = std::make_shared<Options>();
  o->state.token = -1;
  add_model(app, o->model);
  app.add_option("--token", o->state.token,
                 "Position shown by the table, from 0 (default: the last)")
      ->option_text("T");
  app.add_option("--target", o->state.target,
                 "Target token (default: the most likely after the last layer)")
      ->option_text("TOKEN");
  app.add_option("--foil", o->state.foil, "Token to compare its logit with")->option_text("TOKEN");
  app.add_option("--top", o->top, "Number of most likely tokens to show (default 5)")
      ->option_text("N")
      ->check(CLI::Range(1, 1000).description(""));
  add_choice(
      app, "--format", {std::begin(kNumberFormats), std::end(kNumberFormats)},
      [o](int i) { o->format = NumberFormat(i); },
      "table (default); csv or json for every position; npy: the target's probabilities [layer + "
      "1, position], starting with the embedding");
  add_language(app, o->state.lang);
  return [o] { return run_lens(*o); };
}

}  // namespace attn
