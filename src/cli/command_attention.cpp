// command_attention.cpp - attnscope attention: all patterns of a text as .npz, .npy or
// .safetensors.
#include <cstdio>

#include "base/file_set.h"
#include "base/utf8.h"
#include "cli/command.h"
#include "figure/exporters.h"
#include "model/picture_input.h"
#include "pass/forward.h"

namespace attn {

namespace {

struct Options {
  ModelOptions model;
  State state;  // units, spans and special tokens
  std::string out;
};

int run_attention(const Options& o) {
  const Result<const Exporter*> format = exporter_of(o.out, &Exporter::patterns);
  if (!format) return fail(format.error());
  Result<Opened> opened = open_model(o.model);
  if (!opened) return fail(opened.error());
  const Config& c = opened->model->config;
  State state = o.state;
  state.part = opened->part;
  state.pair = opened->model->encoder ? "" : o.model.pair;
  const bool groups = regroups(state);
  const bool pools = c.pools && state.part == 1;
  const Tokens& read = state.part == 2 ? *opened->tokens.source : opened->tokens;
  const Groups queries =
                   groups_of(pools ? pooling_query() : opened->tokens, state, PairSide::query),
               keys = groups_of(read, state, PairSide::key);
  if (queries.size() == 0 || keys.size() == 0)
    return fail(
        Error{"--special hidden: the text has only special tokens; pass a longer text to --text"});
  if (Status e = check_patterns_size(pools ? 1 : c.n_layers, c.n_heads,
                                     std::max(queries.size(), keys.size())))
    return fail(*e);
  const Trace trace = run_forward(opened->model, std::move(opened->tokens));
  const Attention& a = trace.parts[size_t(opened->part)];
  const Pairs shown = groups ? pairs_of(queries, keys, a, 0, 0) : Pairs{};
  const ArrayGroups array_groups{queries, keys, shown};
  const PatternExport what{a, opened->model->name, groups ? &array_groups : nullptr, opened->notes};
  const auto write = [&](ByteSink& sink) { return (*format)->patterns(what, sink); };
  FileSet files;
  if (Status e = files.add(o.out, write)) return fail(*e);
  if ((*format)->tokens_ending) {
    const auto write_tokens = [&](ByteSink& sink) -> Status {
      sink.write(tokens_json(what.shown(), what.model_name, 0, what.notes));
      return {};
    };
    if (Status e = files.add(o.out + (*format)->tokens_ending, write_tokens)) return fail(*e);
  }
  if (Status e = files.finish()) return fail(*e);
  std::printf("%s: attention [%d, %d, %d, %d] = [layer, head, query, key]\n",
              printable(o.out, LineBreaks::escaped).c_str(), a.n_layers, a.n_heads,
              what.shown().n_query, what.shown().n_key);
  return kFine;
}

}  // namespace

Run set_up_attention(CLI::App& app) {
  auto o = std::make_shared<Options>();
  add_model(app, o->model);
  add_units(app, o->state);
  app.add_option("--out", o->out,
                 "float32 [layer, head, query, key], at most 4 GB; the extension sets the format:\n"
                 ".npz          attention, input_ids and tokens.json in one file\n"
                 ".npy          attention, with the tokens in FILE.tokens.json\n"
                 ".safetensors  attention and input_ids, with the tokens as metadata")
      ->option_text("FILE")
      ->required();
  return [o] { return run_attention(*o); };
}

}  // namespace attn
