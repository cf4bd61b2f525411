// commands.cpp - the table of commands, and the program around them.
#include <cstdio>

#include "cli/cli.h"
#include "cli/command.h"

namespace attn {

std::span<const Command> commands() {
  static const Command kCommands[] = {
      {
          .name = "demo",
          .title = "Multi-head attention from scratch, with PyTorch's seeds: its weights explained",
          .set_up = set_up_demo,
      },
      {
          .name = "report",
          .title = "The same explanations for a real model and your own text",
          .set_up = set_up_report,
      },
      {
          .name = "attention",
          .title = "Save the attention patterns of every layer and head to a file",
          .set_up = set_up_attention,
      },
      {
          .name = "next",
          .title = "The most likely next tokens, or the most likely tokens for a [MASK]",
          .set_up = set_up_next,
      },
      {
          .name = "heads",
          .title = "Scores of every head: previous token, induction, sink, entropy and others",
          .set_up = set_up_heads,
      },
      {
          .name = "measure",
          .title = "Any measure of a text, as a table, CSV, JSON or NPY; without an ID, lists all",
          .set_up = set_up_measure,
      },
      {
          .name = "lens",
          .title = "What the model would predict if it stopped after each layer",
          .set_up = set_up_lens,
      },
      {
          .name = "circuits",
          .title = "Copying heads, and composition between heads, from the weights alone",
          .set_up = set_up_circuits,
      },
      {
          .name = "plot",
          .title = "Draw a view as an SVG or PNG file: map, lines, neuron, grid, list, scatter and "
                   "others",
          .set_up = set_up_plot,
      },
  };
  return kCommands;
}

int run_cli(int argc, const char* const* argv) {
  CLI::App app("See every attention head of every layer of a transformer, exactly.", "attnscope");
  app.set_version_flag("--version", "attnscope " ATTNSCOPE_VERSION);
  app.footer(
      "Run attnscope COMMAND --help for the options of a command.\n"
      "Exit codes: 0 success, 1 bad input, 2 bad usage.");
  int code = kFine;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(command.name, command.title);
    sub->callback([run = command.set_up(*sub), &code] { code = run(); });
  }
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A command");
  } catch (const CLI::ParseError& e) {
    const bool asked = e.get_exit_code() == 0;  // --help, --version
    if (asked) return app.exit(e);
    std::fprintf(stderr, "attnscope: %s; see attnscope --help\n", e.what());
    return kBadUsage;
  }
  if (std::fflush(stdout) != 0) return fail({"the output could not be written; is the disk full?"});
  return code;
}

}  // namespace attn
