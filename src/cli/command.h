// command.h - what a command is, and the options that several share.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/model.h"
#include "pass/forward.h"
#include "state/state.h"
#include "trace/trace.h"

namespace attn {

constexpr int kFine = 0, kBadInput = 1, kBadUsage = 2;

// Adds the command's options to its parser and returns what runs once they are read: an exit code.
using Run = std::function<int()>;
struct Command {
  const char* name;
  const char* title;  // as --help lists it
  Run (*set_up)(CLI::App& app);
};
std::span<const Command> commands();

// The pages of commands.cpp's table.
Run set_up_demo(CLI::App& app);
Run set_up_report(CLI::App& app);
Run set_up_attention(CLI::App& app);
Run set_up_next(CLI::App& app);
Run set_up_heads(CLI::App& app);
Run set_up_measure(CLI::App& app);
Run set_up_lens(CLI::App& app);
Run set_up_circuits(CLI::App& app);
Run set_up_plot(CLI::App& app);

// Prints the sentence to standard error; kBadInput.
int fail(const Error& error);

// Writes all of `out` to the standard output, waiting while a pipe is full (under Node it says so
// instead of waiting itself). The exit code.
int finish(std::string_view out);

// --NAME one|two|three; `set` gets the place of the name given.
void add_choice(CLI::App& app, const std::string& name, std::vector<std::string> names,
                std::function<void(int)> set, const std::string& help);
// --lang zh|en; unless given, what LC_ALL, LC_MESSAGES or LANG say.
void add_language(CLI::App& app, Lang& lang);
// --format text|json.
void add_format(CLI::App& app, bool& as_json);
// --head and --token, and --sample or --layer: what is looked at, from 0.
enum class Looks { at_sample, at_layer };
void add_looks(CLI::App& app, Looks looks, State& state);
// --units, --spans and --special: what counts as one token.
void add_units(CLI::App& app, State& state);
// What --sample, --layer, --head or --token asks for and the trace does not have.
Status check_looks(const State& state, const Trace& trace);

// --model DIR.
void add_folder(CLI::App& app, std::string& folder);
Result<std::shared_ptr<const Model>> open_folder(const std::string& path);
// What of ForwardPass::check, or of memory, forbids a pass.
Status check_pass(const Model& model, const Tokens& tokens, const Keep& keep = {});

// --model DIR, and --text TEXT, or --text - for standard input, or --text-file FILE.
struct ModelOptions {
  std::string folder, text, text_file;
};
void add_model(CLI::App& app, ModelOptions& options);

// Reads the folder and the text, and cuts it into tokens that the model can run over.
struct Opened {
  std::shared_ptr<const Model> model;
  Tokens tokens;
};
Result<Opened> open_model(const ModelOptions& options);

}  // namespace attn
