// command_report.cpp - attnscope report: the eight-part report of the tutorial for a real model.
#include <cstdio>

#include "cli/command.h"
#include "figure/report.h"
#include "pass/forward.h"

namespace attn {

namespace {

struct Options {
  ModelOptions model;
  State state;
};

int run_report(const Options& o) {
  Result<Opened> opened = open_model(o.model);
  if (!opened) return fail(opened.error());
  State state = o.state;
  state.part = opened->part;
  if (state.token < 0) state.token = usual_token(opened->tokens);
  const Trace trace = run_forward(opened->model, std::move(opened->tokens));
  if (Status e = check_looks(state, trace)) return fail(*e);
  const std::string out = model_report({opened->model.get(), &trace, &state});
  return finish_text(out);
}

}  // namespace

Run set_up_report(CLI::App& app) {
  auto o = std::make_shared<Options>();
  o->state.token = -1;
  add_model(app, o->model);
  add_looks(app, Looks::at_layer, o->state);
  add_language(app, o->state.lang);
  return [o] { return run_report(*o); };
}

}  // namespace attn
