// commands.cpp - the table of commands, and the program around them.
#include <cstdio>

#include "cli/cli.h"
#include "cli/command.h"

namespace attn {

std::span<const Command> commands() {
  static const Command kCommands[] = {
      {
          .name = "demo",
          .title = "Multi-head attention from scratch, seeded as PyTorch: its weights explained",
          .set_up = set_up_demo,
      },
      {
          .name = "report",
          .title = "The same explanations for a real model and a text of yours",
          .set_up = set_up_report,
      },
      {
          .name = "attention",
          .title = "Save the attention patterns of every layer and head to a file",
          .set_up = set_up_attention,
      },
      {
          .name = "next",
          .title = "The most likely next tokens, or those that a [MASK] hides",
          .set_up = set_up_next,
      },
      {
          .name = "heads",
          .title = "Scores of every head: previous token, induction, sink, entropy and others",
          .set_up = set_up_heads,
      },
      {
          .name = "measure",
          .title = "Any measure of a text, as a table, CSV, JSON or NPY; without an ID their list",
          .set_up = set_up_measure,
      },
      {
          .name = "lens",
          .title = "What the model would predict if it ended after each layer",
          .set_up = set_up_lens,
      },
      {
          .name = "circuits",
          .title = "What the weights alone say: copying heads, and heads that read what earlier "
                   "ones write",
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
  CLI::App app("See every head of every layer of a transformer, exactly.", "attnscope");
  app.set_version_flag("--version", "attnscope " ATTNSCOPE_VERSION);
  app.footer(
      "attnscope COMMAND --help says what a command takes.\n"
      "Exit codes: 0 fine, 1 bad input, 2 bad usage.");
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
