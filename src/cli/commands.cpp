// commands.cpp - the table of commands, and the program around them.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <new>
#include <string>
#include <vector>

#include "base/file_set.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/help.h"

namespace attn {

std::span<const Command> commands() {
  static const Command kCommands[] = {
      {
          .name = "demo",
          .title = "Multi-head attention from scratch, with PyTorch's seeds: its weights explained",
          .examples = "attnscope demo\n"
                      "attnscope demo --mask causal --head 2 --token 3\n"
                      "attnscope demo --seed 7 --heads 8 --format json --with-weights",
          .set_up = set_up_demo,
      },
      {
          .name = "report",
          .title = "The same explanations for a real model and your own text",
          .examples = "attnscope report --model DIR --text \"Once upon a time\"\n"
                      "attnscope report --model DIR --text-file story.txt --layer 1 --head 3",
          .set_up = set_up_report,
      },
      {
          .name = "attention",
          .title = "Save the attention patterns of every layer and head to a file",
          .examples =
              "attnscope attention --model DIR --text \"Once upon a time\" --out patterns.npz\n"
              "attnscope attention --model DIR --text-file story.txt --units words --out words.npy",
          .set_up = set_up_attention,
      },
      {
          .name = "next",
          .title = "The most likely next tokens or tokens for a [MASK]; labels, where the model "
                   "has them",
          .examples = "attnscope next --model DIR --text \"Once upon a time\"\n"
                      "attnscope next --model DIR --text-file - --top 3 --format json < story.txt",
          .set_up = set_up_next,
      },
      {
          .name = "heads",
          .title = "Scores of every head: previous token, induction, sink, entropy and others",
          .examples = "attnscope heads --model DIR --text-file story.txt\n"
                      "attnscope heads --model DIR --random-repeat --format csv > heads.csv",
          .set_up = set_up_heads,
      },
      {
          .name = "measure",
          .title = "Any measure of a text, as a table, CSV, JSON or NPY; without an ID, lists all",
          .examples =
              "attnscope measure\n"
              "attnscope measure induction --model DIR --text-file story.txt\n"
              "attnscope measure pattern --model DIR --text \"Once upon a time\" --units words",
          .set_up = set_up_measure,
      },
      {
          .name = "lens",
          .title = "What the model would predict if it stopped after each layer",
          .examples = "attnscope lens --model DIR --text \"Once upon a time\"\n"
                      "attnscope lens --model DIR --text-file story.txt --format csv > lens.csv",
          .set_up = set_up_lens,
      },
      {
          .name = "embed",
          .title = "The vector of a text as sentence-transformers makes it; similarity of two",
          .examples = "attnscope embed --model DIR --text \"Once upon a time\" --format json\n"
                      "attnscope embed --model DIR --text \"A girl\" --other \"A child\"",
          .set_up = set_up_embed,
      },
      {
          .name = "circuits",
          .title = "Copying heads, and composition between heads, from the weights alone",
          .examples = "attnscope circuits --model DIR\n"
                      "attnscope circuits --model DIR --format npy > circuits.npy",
          .set_up = set_up_circuits,
      },
      {
          .name = "plot",
          .title = "Draw a view as an SVG or PNG file: map, lines, neuron, chain, grid, list, "
                   "scatter and others",
          .examples =
              "attnscope plot --view map --model DIR --text \"Once upon a time\" --out map.svg\n"
              "attnscope plot --view grid --model DIR --text-file story.txt --out heads.png",
          .set_up = set_up_plot,
      },
  };
  return kCommands;
}

namespace {

constexpr char kExamples[] =
    "attnscope demo\n"
    "attnscope report --model DIR --text \"Once upon a time\"\n"
    "attnscope heads --model DIR --text-file story.txt";

int bad_usage(const std::string& what) {
  std::fprintf(stderr, "%s %s\n", error_terminal().red("attnscope:").c_str(),
               printable(what).c_str());
  return kBadUsage;
}

// The help of the command that was parsed last, or of the program.
int print_help(const CLI::App& app) {
  const std::vector<CLI::App*> parsed = app.get_subcommands();
  if (parsed.empty()) return finish(help_text(app, kExamples, output_terminal()));
  const auto of_it = [&](const Command& command) { return parsed[0]->get_name() == command.name; };
  const auto row = std::ranges::find_if(commands(), of_it);
  return finish(help_text(*parsed[0], row->examples, output_terminal()));
}

// Ends the program as the signal would have, but without the files that it had begun.
void end_by_signal(int signal) {
  FileSet::remove_unfinished();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

int run_words(int argc, const char* const* argv) {
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
  if (argc < 2) {
    bad_usage("no command given");
    std::fputs(first_steps(error_terminal()).c_str(), stderr);
    return kBadUsage;
  }
  Result<std::vector<std::string>> words = arranged(app, {argv + 1, argv + argc});
  if (!words) return bad_usage(words.error().message);
  const std::string command = words->front();
  std::ranges::reverse(*words);  // as CLI11 takes a list
  try {
    app.parse(std::move(*words));
  } catch (const CLI::CallForHelp&) {
    return print_help(app);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return finish("attnscope " ATTNSCOPE_VERSION "\n");  // --version
    return bad_usage(std::string(e.what()) + "; see attnscope " + command + " --help");
  }
  if (std::fflush(stdout) != 0) return fail({"the output could not be written; is the disk full?"});
  return code;
}

}  // namespace

int run_cli(int argc, const char* const* argv) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    // One that is ignored, as by nohup, stays ignored.
    if (std::signal(signal, end_by_signal) == SIG_IGN) std::signal(signal, SIG_IGN);
  try {
    return run_words(argc, argv);
  } catch (const std::bad_alloc&) {
    return fail(
        {"the memory is used up; take a smaller model or a shorter text, or end other "
         "programs"});
  } catch (const std::exception& e) {
    return fail({std::string("stopped by an error that it does not expect: ") + e.what() +
                 "; please report it with the command"});
  }
}

}  // namespace attn
