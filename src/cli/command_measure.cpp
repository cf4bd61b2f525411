// command_measure.cpp - attnscope measure ID: one measure of a text, or the list of all measures.
#include <algorithm>
#include <iterator>

#include "app/measures.h"
#include "base/nearest.h"
#include "cli/command.h"
#include "cli/measure_table.h"
#include "cli/regrouped.h"
#include "cli/terminal.h"
#include "figure/report_text.h"
#include "pass/forward.h"

namespace attn {

namespace {

struct Options {
  ModelOptions model;
  State state;
  std::string id;
  int period = 0;
  const Exporter* format = nullptr;  // null: table
};

std::string list_of_measures(Lang lang) {
  TextTable table("lll", {"ID", tr(lang, "measure", "度量"), tr(lang, "meaning", "含义")});
  for (const Metric& m : metrics()) table.add({m.id, m.title.in(lang), m.sentence.in(lang)});
  return table.text();
}

Error no_measure(const std::string& given) {
  std::vector<std::string> ids;
  for (const Metric& m : metrics()) ids.emplace_back(m.id);
  return Error{"measure " + given + ": no such measure" + did_you_mean(given, ids) +
               (nearest_name(given, ids).empty() ? "; run" : " Run") +
               " attnscope measure for the list"};
}

int print(const Options& o, const MeasureExport& what) {
  if (!o.format) return finish_text(measure_table(what, output_terminal().columns));
  Status status;
  const std::string out = written([&](ByteSink& sink) { status = o.format->measure(what, sink); });
  return status ? fail(*status) : finish(out);
}

int run_measure(const Options& o) {
  if (o.id.empty()) return finish_text(list_of_measures(o.state.lang));
  const Metric* metric = find_metric(o.id);
  if (!metric) return fail(no_measure(o.id));
  if (o.model.folder.empty()) return fail(Error{"measure " + o.id + ": --model DIR is needed"});
  if (o.model.text.empty() && o.model.text_file.empty() && o.model.picture.empty())
    return fail(Error{"measure " + o.id + ": --text, --text-file or --picture is needed"});
  Result<Opened> opened = open_model(o.model);
  if (!opened) return fail(opened.error());
  State state = o.state;
  state.part = opened->part;
  state.pair = opened->model->encoder ? "" : o.model.pair;
  if (state.token < 0) state.token = usual_token(opened->tokens);
  Keep keep;
  keep.activations = (metric->needs & needs_activations) != 0;
  if (Status e = check_pass(*opened->model, opened->tokens, keep)) return fail(*e);
  const Trace trace = run_forward(opened->model, std::move(opened->tokens), keep);
  if (Status e = check_looks(state, trace)) return fail(*e);
  Inputs inputs{opened->model.get(), &trace, &state};
  inputs.period = o.period;
  const Result<Measure> measure = run_checked(*metric, inputs);
  if (!measure) return fail(measure.error());
  const Attention& a = trace.at(state);
  const std::string& name = opened->model->name;
  if (!regroups(state)) return print(o, {*metric, *measure, a, state, name, "", opened->notes});
  const Result<Regrouped> read = regroup(*metric, *measure, a, state);
  if (!read) return fail(read.error());
  return print(o,
               {*metric, read->measure, read->pairs, read->state, name, read->note, opened->notes});
}

}  // namespace

Run set_up_measure(CLI::App& app) {
  auto o = std::make_shared<Options>();
  o->state.token = -1;
  app.add_option("ID", o->id, "Measure to compute; without it, all measures are listed")
      ->option_text("");
  add_folder(app, o->model, false);
  CLI::Option* text = app.add_option("--text", o->model.text, "Input text; - reads standard input")
                          ->option_text("TEXT");
  app.add_option("--text-file", o->model.text_file,
                 "File with the input text, - for standard input; a final line break is dropped")
      ->option_text("FILE")
      ->excludes(text);
  add_pair(app, o->model);
  add_picture(app, o->model)->excludes(text);
  add_looks(app, Looks::at_layer, o->state);
  app.add_option("--target", o->state.target, "Target token (default: the most likely)")
      ->option_text("TOKEN");
  app.add_option("--foil", o->state.foil, "Token to compare it with")->option_text("TOKEN");
  app.add_option("--offset", o->state.offset, "k of the offset measure, A[i, i-k] (default 2)")
      ->option_text("K");
  app.add_option("--period", o->period,
                 "Period of a repeated text, in tokens; for the stripe measures")
      ->option_text("N")
      ->check(CLI::Range(1, 1'000'000).description(""));
  add_units(app, o->state);
  std::vector<std::string> formats{"table"};
  for (const Exporter& row : exporters())
    if (row.measure) formats.emplace_back(row.id);
  add_choice(
      app, "--format", formats,
      [o, formats](int i) { o->format = find_exporter(formats[size_t(i)]); },
      "table (default), or full precision: csv, json, a float32 array "
      "(npy), or arrays with the tokens (npz, safetensors)");
  add_language(app, o->state.lang);
  return [o] { return run_measure(*o); };
}

}  // namespace attn
