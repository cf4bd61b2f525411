#include "cli/help.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/nearest.h"
#include "base/utf8.h"
#include "cli/command.h"

namespace attn {

namespace {

constexpr int kHelpColumns = 80, kMostHelpColumns = 110;

template <class F>
void each_help_line(std::string_view text, F&& f) {
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    f(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

std::string path_of(const CLI::App& app) {
  return app.get_parent() ? "attnscope " + app.get_name() : "attnscope";
}

std::string entry(std::string_view name, std::string_view text, int columns,
                  const Terminal& terminal) {
  const int text_at = columns < 60 ? 8 : 24;  // column of the descriptions
  const int width = 2 + display_width(name);
  std::string out = "  ";
  // Alternatives of a long option go on below it.
  int at = 2;
  for (size_t begin = 0; begin < name.size();) {
    const size_t end = std::min(name.find_first_of("| ", begin), name.size() - 1) + 1;
    const int part = display_width(name.substr(begin, end - begin));
    if (begin > 0 && at + part > columns) {
      out += "\n      ";
      at = 6;
    }
    out += terminal.bold(name.substr(begin, end - begin));
    at += part;
    begin = end;
  }
  if (width + 2 > text_at)
    out += "\n" + std::string(size_t(text_at), ' ');
  else
    out.append(size_t(text_at - width), ' ');
  // Lists keep their lines.
  bool first = true;
  each_help_line(text, [&](std::string_view line) {
    if (!std::exchange(first, false)) out += "\n" + std::string(size_t(text_at), ' ');
    out += wrapped(line, columns, text_at, text_at);
  });
  return out + "\n";
}

bool is_option(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

std::string name_in(std::string_view word) { return std::string(word.substr(0, word.find('='))); }

const CLI::Option* option_named(const CLI::App& app, const std::string& name) {
  const CLI::Option* option = app.get_option_no_throw(name);
  return option && option->nonpositional() ? option : nullptr;
}

bool takes_value(const CLI::Option* option) {
  return option && option->get_items_expected_max() > 0;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// Of a word before the command is known: an option of any command.
bool takes_value(const CLI::App& app, const std::string& word) {
  if (word.find('=') != std::string::npos) return false;
  const auto takes = [&](const CLI::App* command) {
    return takes_value(option_named(*command, word));
  };
  return std::ranges::any_of(commands_of(app), takes);
}

std::optional<size_t> place_of_command(const CLI::App& app, const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (!is_option(words[i])) return i;
    if (words[i] == "--") return std::nullopt;
    if (takes_value(app, words[i])) ++i;
  }
  return std::nullopt;
}

Error no_command(const CLI::App& app, const std::string& given) {
  std::vector<std::string> names;
  std::string all;
  for (const CLI::App* command : commands_of(app)) {
    names.push_back(command->get_name());
    all += (all.empty() ? "" : ", ") + names.back();
  }
  std::string near = did_you_mean(given, names);
  if (near.empty()) near = "; the commands are " + all + ".";
  return Error{"no command '" + given + "'" + near + " See attnscope --help"};
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

Error no_option(const CLI::App& app, const std::string& given,
                const std::vector<std::string>& names) {
  const std::string near = did_you_mean(given, names);
  return Error{"no option '" + given + "'" +
               (app.get_parent() ? " for " + app.get_name() : std::string()) +
               (near.empty() ? ";" : near) + " see " + path_of(app) + " --help"};
}

// The first word after the command that it does not take.
Status unknown_word(const CLI::App& command, const std::vector<std::string>& words) {
  const auto arguments =
      command.get_options([](const CLI::Option* option) { return option->get_positional(); });
  size_t n_arguments = 0;
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--") return {};
    if (is_option(words[i])) {
      const std::string name = name_in(words[i]);
      const CLI::Option* option = option_named(command, name);
      if (!option) return no_option(command, name, option_names(command));
      if (takes_value(option) && words[i].find('=') == std::string::npos) ++i;
    } else if (++n_arguments > arguments.size()) {
      return Error{"unexpected '" + words[i] +
                   "'; put a text of several words in quotes, and see " + path_of(command) +
                   " --help"};
    }
  }
  return {};
}

bool asks_for(const std::vector<std::string>& words, std::string_view what) {
  return std::ranges::find(words, what) != words.end();
}

}  // namespace

std::string help_text(const CLI::App& app, const char* examples, const Terminal& terminal) {
  const int columns =
      std::min(terminal.columns > 0 ? terminal.columns : kHelpColumns, kMostHelpColumns);
  std::string out = wrapped(app.get_description(), columns) + "\n\n" + terminal.bold("Usage:") +
                    " " + path_of(app);
  const auto arguments =
      app.get_options([](const CLI::Option* option) { return option->get_positional(); });
  const bool whole = app.get_parent() == nullptr;
  out += whole ? " COMMAND [OPTIONS]\n" : "";
  for (const CLI::Option* argument : arguments) out += " [" + argument->get_name(true) + "]";
  out += whole ? "" : " [OPTIONS]\n";
  if (whole) {
    out += "\n" + terminal.bold("Commands:") + "\n";
    for (const CLI::App* command : commands_of(app))
      out += entry(command->get_name(), command->get_description(), columns, terminal);
  }
  for (const CLI::Option* argument : arguments)
    out += "\n" + entry(argument->get_name(true), argument->get_description(), columns, terminal);
  out += "\n" + terminal.bold("Options:") + "\n";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) continue;
    const std::string value = option->get_option_text();
    std::string text = option->get_description();
    if (option->get_required()) text += " (required)";
    out += entry(option->get_name(false, true) + (value.empty() ? "" : " " + value), text, columns,
                 terminal);
  }
  out += "\n" + terminal.bold("Examples:") + "\n";
  each_help_line(examples, [&](std::string_view line) { out += "  " + std::string(line) + "\n"; });
  if (const std::string footer = whole ? app.get_footer() : ""; !footer.empty()) {
    out += "\n";
    each_help_line(footer, [&](std::string_view line) { out += wrapped(line, columns) + "\n"; });
  }
  return out;
}

std::string first_steps(const Terminal& terminal) {
  const int columns =
      std::min(terminal.columns > 0 ? terminal.columns : kHelpColumns, kMostHelpColumns);
  std::string out = "\n" + terminal.bold("To begin:") + "\n";
  const auto step = [&](const char* what, const char* why) {
    out += "  " + terminal.bold(what) + "\n      " + wrapped(why, columns, 6, 6) + "\n";
  };
  step("attnscope demo", "Explains multi-head attention step by step; needs no files.");
  step("attnscope report --model DIR --text \"Once upon a time\"",
       "The same for a model: DIR has config.json, model.safetensors and tokenizer.json.");
  step("attnscope --help", "Lists all commands.");
  return out;
}

Result<std::vector<std::string>> arranged(const CLI::App& app, std::vector<std::string> words) {
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  const std::optional<size_t> place = place_of_command(app, words);
  if (!place) {
    const bool asks =
        asks_for(words, "--help") || asks_for(words, "-h") || asks_for(words, "--version");
    if (asks) return words;
    // Without a command, the option may be of any.
    std::vector<std::string> names = option_names(app);
    for (const CLI::App* command : commands_of(app)) {
      const std::vector<std::string> more = option_names(*command);
      names.insert(names.end(), more.begin(), more.end());
    }
    for (const std::string& word : words) {
      const std::string name = name_in(word);
      if (is_option(word) && std::ranges::find(names, name) == names.end())
        return no_option(app, name, names);
    }
    return Error{"no command given; start with attnscope demo, and see attnscope --help"};
  }
  std::rotate(words.begin(), words.begin() + ptrdiff_t(*place),
              words.begin() + ptrdiff_t(*place) + 1);
  const std::vector<const CLI::App*> all = commands_of(app);
  const auto found = std::ranges::find(all, words[0], &CLI::App::get_name);
  if (found == all.end()) return no_command(app, words[0]);
  const CLI::App* command = *found;
  if (asks_for(words, "--version")) return std::vector<std::string>{"--version"};
  if (asks_for(words, "--help") || asks_for(words, "-h"))
    return std::vector<std::string>{words[0], "--help"};
  if (const Status no = unknown_word(*command, words)) return *no;
  return words;
}

}  // namespace attn
