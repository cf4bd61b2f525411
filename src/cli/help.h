// help.h - what --help prints, and the check of command and option names before parsing.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/terminal.h"

namespace attn {

// The help of the program, or of the command that `app` parses: usage, options, examples.
std::string help_text(const CLI::App& app, const char* examples, const Terminal& terminal);
// What to do first, for a call without arguments.
std::string first_steps(const Terminal& terminal);

// The arguments with the command first, so that options may also stand before it; `attnscope help
// COMMAND` becomes COMMAND --help. An error names the first command, option or argument that is not
// known, with the nearest one.
Result<std::vector<std::string>> arranged(const CLI::App& app, std::vector<std::string> words);

}  // namespace attn
