// command.h - the type of a command, and the options that several commands share.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/measure.h"
#include "model/model.h"
#include "pass/forward.h"
#include "state/state.h"
#include "trace/trace.h"

namespace attn {

constexpr int kFine = 0, kBadInput = 1, kBadUsage = 2;

// Adds the command's options to its parser. The function returned runs after parsing and gives the
// exit code.
using Run = std::function<int()>;
struct Command {
  const char* name;
  const char* title;     // shown by --help
  const char* examples;  // likewise, one a line; DIR is the folder of a model
  Run (*set_up)(CLI::App& app);
};
std::span<const Command> commands();

// The rows of the table in commands.cpp, one command_*.cpp each.
Run set_up_demo(CLI::App& app);
Run set_up_report(CLI::App& app);
Run set_up_attention(CLI::App& app);
Run set_up_next(CLI::App& app);
Run set_up_heads(CLI::App& app);
Run set_up_measure(CLI::App& app);
Run set_up_lens(CLI::App& app);
Run set_up_circuits(CLI::App& app);
Run set_up_plot(CLI::App& app);
Run set_up_embed(CLI::App& app);

// Prints the error to standard error and returns kBadInput.
int fail(const Error& error);

// Prints a report or a table, wrapped and styled for the terminal; else as finish() does.
int finish_text(std::string_view out);
// Writes all of `out` to standard output and returns the exit code. Retries while a pipe is full:
// under Node, write() then fails with EAGAIN instead of blocking.
int finish(std::string_view out);

// --NAME one|two|three; `set` receives the index of the chosen name.
void add_choice(CLI::App& app, const std::string& name, std::vector<std::string> names,
                std::function<void(int)> set, const std::string& help);
// --lang zh|en; the default comes from LC_ALL, LC_MESSAGES or LANG.
void add_language(CLI::App& app, Lang& lang);
// --format text|json.
void add_format(CLI::App& app, bool& as_json);
// --head and --token, and --sample or --layer, all counted from 0.
enum class Looks { at_sample, at_layer };
void add_looks(CLI::App& app, Looks looks, State& state);
// --units, --spans and --special: how tokens are grouped.
void add_units(CLI::App& app, State& state);
// An error if --sample, --layer, --head or --token is outside the trace.
Status check_looks(const State& state, const Trace& trace);

// What the person has to know beside the results: Model::notes, and text_notes() of all texts.
std::vector<std::string> notes_of(const Model& model, std::span<const Tokens> texts);
// Prints each to standard error, "attnscope: note: …".
void print_notes(std::span<const std::string> notes);

// --model DIR, --adapter DIR, --no-adapter and --ignore-unused.
struct FolderOptions {
  std::string folder, adapter;
  bool no_adapter = false;
  bool ignore_unused = false;  // open models whose layers have tensors that are not used
  bool reads_text = false;     // of models of pictures and texts; else the part that reads pictures
  int part = -1;               // of kPartNames in command.cpp; -1: not chosen
};
void add_folder(CLI::App& app, FolderOptions& options, bool required = true);
Result<std::shared_ptr<const Model>> open_folder(const FolderOptions& options);
// An error if ForwardPass::check refuses the tokens or the pass would need too much memory.
Status check_pass(const Model& model, const Tokens& tokens, const Keep& keep = {});

// --model DIR, and --text TEXT or --text-file FILE, or --picture FILE; - is standard input.
struct ModelOptions : FolderOptions {
  std::string text, text_file, pair, picture;
};
// --pair TEXT.
void add_pair(CLI::App& app, ModelOptions& options);
// --picture FILE.
CLI::Option* add_picture(CLI::App& app, ModelOptions& options);
void add_model(CLI::App& app, ModelOptions& options);
// The token to look at where none is named: the last of a text, [CLS] of a picture.
inline int usual_token(const Tokens& tokens) { return tokens.patches ? 0 : tokens.size() - 1; }

// Loads the model and the text, tokenizes it, and checks that the model can process it. The notes
// of both are printed. Of an encoder–decoder, with --part encoder the encoder alone; else the
// decoder's text is written by the model unless --pair has it.
struct Opened {
  std::shared_ptr<const Model> model;
  Tokens tokens;
  std::vector<std::string> notes = {};  // notes_of() both
  int part = 0;                         // of the trace
};
// Without --part, `usual_part` is taken and said.
Result<Opened> open_model(const ModelOptions& options, int usual_part = 0);

// forward(), Metric::compute() and compute_checked() that show their progress.
Trace run_forward(std::shared_ptr<const Model> model, Tokens tokens, const Keep& keep = {});
Measure run_metric(const Metric& metric, const Inputs& inputs);
Result<Measure> run_checked(const Metric& metric, const Inputs& inputs);

}  // namespace attn
