// command.cpp - shared options, and loading the model and tokens that they name.
#include "cli/command.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include "analysis/regroup.h"
#include "app/measures.h"
#include "app/read_folder.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "cli/terminal.h"
#include "files/formats.h"
#include "files/read_picture.h"
#include "model/picture_input.h"
#include "model/text_notes.h"
#include "pass/forward.h"
#include "pass/generate.h"

namespace attn {

namespace {

constexpr const char* kPartNames[] = {"encoder", "decoder", "cross", "pooling"};
constexpr int kPooling = 3;

// The first variable that is set decides, as in POSIX.
Lang language_of_environment() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value && *value) return std::string_view(value).starts_with("zh") ? Lang::zh : Lang::en;
  }
  return Lang::en;
}

void cut_last_line_break(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

Result<std::string> read_text(const ModelOptions& options) {
  std::string text = options.text;
  const bool from_input = options.text_file == "-" || (options.text_file.empty() && text == "-");
  if (from_input) {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
    cut_last_line_break(text);
  } else if (!options.text_file.empty()) {
    const Result<Bytes> bytes = read_file(options.text_file, Pipes::read);
    if (!bytes) return bytes.error();
    text = bytes->text();
    cut_last_line_break(text);
  }
  if (text.empty()) return Error{"the text is empty; pass a non-empty text to --text"};
  return text;
}

Status out_of_range(const char* option, const char* things, int i, int n) {
  if (i >= 0 && i < n) return {};
  return Error{std::string(option) + " " + std::to_string(i) + ": there are " + std::to_string(n) +
               " " + things + ", 0 to " + std::to_string(n - 1)};
}

}  // namespace

int fail(const Error& error) {
  std::fprintf(stderr, "%s %s\n", error_terminal().red("attnscope:").c_str(),
               printable(error.message, LineBreaks::escaped).c_str());
  return kBadInput;
}

int finish_text(std::string_view out) { return finish(fitted(printable(out), output_terminal())); }

int finish(std::string_view out) {
  std::fflush(stdout);
  while (!out.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, out.data(), std::min<size_t>(out.size(), 1 << 16));
    if (n >= 0) {
      out.remove_prefix(size_t(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
      ::usleep(1000);
    } else {
      return fail({"the output could not be written; is the disk full?"});
    }
  }
  return kFine;
}

void add_choice(CLI::App& app, const std::string& name, std::vector<std::string> names,
                std::function<void(int)> set, const std::string& help) {
  std::string bar, comma;
  for (const std::string& n : names) {
    bar += (bar.empty() ? "" : "|") + n;
    comma += (comma.empty() ? "" : ", ") + n;
  }
  auto choose = [names, set](const std::string& given) {
    set(int(std::ranges::find(names, given) - names.begin()));
  };
  auto check = [names, comma](const std::string& given) {
    const bool known = std::ranges::find(names, given) != names.end();
    return known ? std::string() : given + " is not one of " + comma + did_you_mean(given, names);
  };
  app.add_option_function<std::string>(name, choose, help)
      ->option_text(bar)
      ->check(CLI::Validator(check, ""));
}

void add_language(CLI::App& app, Lang& lang) {
  lang = language_of_environment();
  add_choice(
      app, "--lang", {"zh", "en"}, [&lang](int i) { lang = i == 0 ? Lang::zh : Lang::en; },
      "Output language (default: from LC_ALL, LC_MESSAGES or LANG, else en)");
}

void add_format(CLI::App& app, bool& as_json) {
  add_choice(
      app, "--format", {"text", "json"}, [&as_json](int i) { as_json = i == 1; },
      "text (default), or json with full precision");
}

void add_looks(CLI::App& app, Looks looks, State& state) {
  if (looks == Looks::at_sample)
    app.add_option("--sample", state.sample, "Sample in the batch, from 0 (default 0)")
        ->option_text("N");
  else
    app.add_option("--layer", state.layer, "Layer, from 0 (default 0)")->option_text("N");
  app.add_option("--head", state.head, "Head, from 0 (default 0)")->option_text("N");
  app.add_option("--token", state.token,
                 looks == Looks::at_sample ? "Query token, from 0 (default 0)"
                                           : "Query token, from 0 (default: the last)")
      ->option_text("N");
}

void add_units(CLI::App& app, State& state) {
  add_choice(
      app, "--units", {std::begin(kUnitNames), std::end(kUnitNames)},
      [&state](int i) { state.units = Units(i); },
      "Unit of analysis: tokens (default), words, sentences, or the spans of --spans. Weights are "
      "summed over keys and averaged over queries");
  app.add_option("--spans", state.spans,
                 "Token ranges to merge, such as 2-5,7-9; needs --units spans")
      ->option_text("SPANS")
      ->check(CLI::Validator(
          [](const std::string& given) {
            const auto spans = read_spans(given);
            return spans ? std::string() : spans.error().message;
          },
          ""));
  add_choice(
      app, "--special", {std::begin(kSpecialNames), std::end(kSpecialNames)},
      [&state](int i) { state.specials = Specials(i); },
      "Special tokens: shown (default) or hidden. The remaining weights are not renormalised");
  add_choice(
      app, "--between", {std::begin(kBetweenNames), std::end(kBetweenNames)},
      [&state](int i) { state.between = Between(i); },
      "With --pair: only queries and keys of these texts, such as a-b: what the first attends to "
      "in the second. The remaining weights are not renormalised");
}

Status check_looks(const State& s, const Trace& trace) {
  const Attention& a = trace.at(s);
  if (Status e = out_of_range("--sample", "samples", s.sample, a.n_samples)) return e;
  if (Status e = out_of_range("--layer", "layers", s.layer, a.n_layers)) return e;
  if (Status e = out_of_range("--head", "heads", s.head, a.n_heads)) return e;
  return out_of_range("--token", "tokens", s.token, a.n_query);
}

std::vector<std::string> notes_of(const Model& model, std::span<const Tokens> texts) {
  std::vector<std::string> notes = model.warnings;
  notes.insert(notes.end(), model.notes.begin(), model.notes.end());
  for (const Tokens& tokens : texts) {
    for (std::string& note : text_notes(model, tokens)) {
      if (std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
    }
  }
  return notes;
}

void print_notes(std::span<const std::string> notes) {
  for (const std::string& note : notes)
    std::fprintf(stderr, "attnscope: note: %s\n", printable(note, LineBreaks::escaped).c_str());
}

void add_folder(CLI::App& app, FolderOptions& options, bool required) {
  app.add_option("--model", options.folder,
                 "Folder with config.json, model.safetensors and tokenizer.json, or a GGUF file")
      ->option_text("DIR")
      ->required(required);
  app.add_flag("--ignore-unused", options.ignore_unused,
               "Open the model even if its layers have tensors that are not used");
  add_choice(
      app, "--part", {std::begin(kPartNames), std::end(kPartNames)},
      [&options](int i) { options.part = i; },
      "Of an encoder–decoder: the encoder's attention (default), the decoder's to its own text, "
      "or its cross-attention to the encoder's output; of SigLIP for pictures, the encoder's "
      "(default) or that of the pooling head");
  CLI::Option* adapter =
      app.add_option("--adapter", options.adapter,
                     "Folder of a LoRA adapter of PEFT, which is merged into the model")
          ->option_text("DIR");
  app.add_flag("--no-adapter", options.no_adapter,
               "Open the model without the adapter that is in its folder")
      ->excludes(adapter);
}

void add_pair(CLI::App& app, ModelOptions& options) {
  app.add_option("--pair", options.pair,
                 "Second text, read together with the first as the model reads pairs: "
                 "[CLS] TEXT [SEP] PAIR [SEP], with the token types of a pair; of an "
                 "encoder–decoder, what the decoder reads")
      ->option_text("TEXT");
}

CLI::Option* add_picture(CLI::App& app, ModelOptions& options) {
  return app
      .add_option("--picture", options.picture,
                  "PNG or JPEG picture, for models that read pictures; - for a small example")
      ->option_text("FILE");
}

void add_model(CLI::App& app, ModelOptions& options) {
  add_folder(app, options);
  CLI::Option* text = app.add_option("--text", options.text, "Input text; - reads standard input")
                          ->option_text("TEXT");
  CLI::Option* file = app.add_option("--text-file", options.text_file,
                                     "File with the input text, - for standard input; a final "
                                     "line break is dropped")
                          ->option_text("FILE")
                          ->excludes(text);
  CLI::Option* picture = add_picture(app, options)->excludes(text)->excludes(file);
  add_pair(app, options);
  app.parse_complete_callback([text, file, picture] {
    if (text->count() + file->count() + picture->count() == 0)
      throw CLI::RequiredError("--text, --text-file or --picture");
  });
}

// The files of --adapter join those of the model, in a folder of their own.
static Status add_adapter(const std::string& path, const std::string& folder,
                          std::vector<File>& files) {
  Result<std::vector<File>> more = read_folder(path);
  if (!more) return Error{"--adapter " + more.error().message};
  bool described = false;
  std::erase_if(files, [](const File& file) {  // which is the other adapter then
    return base_name(file.name).starts_with("adapter_");
  });
  for (File& file : *more) {
    if (file.name.starts_with(folder + "/")) file.name.insert(folder.size(), "-adapter");
    described = described || base_name(file.name) == "adapter_config.json";
    files.push_back(std::move(file));
  }
  if (described) return {};
  return Error{"--adapter " + path +
               ": adapter_config.json is missing; give the folder of an "
               "adapter of PEFT"};
}

Result<std::shared_ptr<const Model>> open_folder(const FolderOptions& options) {
  const std::string& path = options.folder;
  Result<std::vector<File>> files = read_folder(path);
  if (!files) return files.error();
  const bool described = std::ranges::any_of(
      *files, [](const File& file) { return base_name(file.name) == "config.json"; });
  const auto has_weights = [&](const File& file) {
    return described ? is_weights(find_format(file)) : may_hold_weights(file);
  };
  const auto lists_shards = [](const File& file) { return file.name.ends_with(".index.json"); };
  if (std::ranges::none_of(*files, has_weights) && std::ranges::none_of(*files, lists_shards))
    return holds_no_model(path);
  const std::string folder(files->front().name.substr(0, files->front().name.find('/')));
  if (!options.adapter.empty())
    if (const Status failed = add_adapter(options.adapter, folder, *files)) return *failed;
  ModelLoad load(std::move(*files), folder);
  load.no_adapter(options.no_adapter);
  load.ignore_unused(options.ignore_unused);
  load.read_text(options.reads_text);
  Progress progress("Loading the model", load.n_steps());
  while (load.step()) progress.step();
  Result<std::shared_ptr<const Model>> model = load.take();
  if (!model && load.refused_unused())
    return Error{model.error().message + "; --ignore-unused opens it all the same"};
  return model;
}

Status check_pass(const Model& model, const Tokens& tokens, const Keep& keep) {
  if (Status e = ForwardPass::check(model, tokens)) return e;
  const uint64_t bytes =
      ForwardPass::bytes_needed(model.config, tokens.size(), keep, tokens.n_source());
  // A 32-bit program has 4 GB at most, part of which the model takes.
  const uint64_t most = sizeof(size_t) == 4 ? 2'500'000'000 : 64'000'000'000;
  if (bytes > most)
    return Error{"a pass over " + std::to_string(tokens.size()) + " tokens needs " +
                 human_bytes(bytes) + ", more than the limit of " + human_bytes(most) +
                 "; shorten the text"};
  return {};
}

namespace {

// Runs the decoder until it ends its text.
Tokens write_target(const std::shared_ptr<const Model>& model, Tokens start) {
  Generation generation(model, std::move(start));
  Progress progress("Writing the decoder's text", generation.n_steps());
  while (generation.step()) progress.step();
  return generation.take();
}

// The part of a model that the options ask for.
Status take_part(const ModelOptions& options, int usual_part, Opened& opened,
                 std::vector<std::string>& notes) {
  const bool pools = opened.model->config.pools;
  if (options.part == kPooling && !pools)
    return Error{"--part pooling: " + opened.model->name +
                 " has no pooling head that attends to its output; leave the option out"};
  if (pools && options.part >= 0) {
    opened.part = options.part == kPooling ? 1 : 0;
    if (opened.part == 1 || options.part == 0) return {};
    return Error{std::string("--part ") + kPartNames[options.part] + ": " + opened.model->name +
                 " has the parts encoder and pooling"};
  }
  if (!opened.model->encoder) {
    if (options.part < 0) return {};
    return Error{"--part: " + opened.model->name +
                 " has one stack of layers, not an encoder and "
                 "a decoder; leave the option out"};
  }
  if (options.part < 0 && usual_part == 0)
    notes.push_back(
        "This is the encoder's attention; --part decoder and --part cross have the decoder's");
  opened.part = options.part < 0 ? usual_part : options.part;
  if (opened.part == 0) {
    Tokens source = *opened.tokens.source;
    opened.tokens = std::move(source);
    opened.model = opened.model->encoder;
  } else if (is_to_be_generated(*opened.model, options.pair)) {
    if (Status e = check_pass(*opened.model, opened.tokens)) return e;
    opened.tokens = write_target(opened.model, std::move(opened.tokens));
    notes.push_back(
        "The decoder's text is what the model writes, each time the likeliest token; "
        "--pair TEXT gives another");
  }
  return {};
}

}  // namespace

static Result<Tokens> read_patches(const Model& model, const std::string& path) {
  if (!model.config.reads_pictures())
    return Error{"--picture: " + model.name + " reads text; pass a text to --text"};
  if (path == "-") return picture_tokens(model, example_picture(), "");
  const Result<Bytes> bytes = read_file(path, Pipes::read);
  if (!bytes) return bytes.error();
  const Result<Picture> picture = read_picture({path, *bytes});
  if (!picture) return picture.error();
  return picture_tokens(model, *picture, std::string(base_name(path)));
}

static Result<Tokens> read_tokens(const Model& model, const ModelOptions& options,
                                  const std::string& text) {
  if (!options.picture.empty()) return read_patches(model, options.picture);
  if (model.config.reads_pictures())
    return Error{model.name + " reads pictures; pass a PNG or JPEG file to --picture"};
  Result<Tokens> tokens = model_tokens(model, text, options.pair);
  if (!tokens && !model.encoder)
    return Error{(options.pair.empty() ? "--text: " : "--pair: ") + tokens.error().message};
  return tokens;
}

Result<Opened> open_model(const ModelOptions& options, int usual_part) {
  const Result<std::string> text = options.picture.empty() ? read_text(options) : std::string();
  if (!text) return text.error();
  FolderOptions folder = options;
  folder.reads_text = options.picture.empty();
  Result<std::shared_ptr<const Model>> model = open_folder(folder);
  if (!model) return model.error();
  Result<Tokens> tokens = read_tokens(**model, options, *text);
  if (!tokens) return tokens.error();
  Opened opened{*model, std::move(*tokens)};
  std::vector<std::string> part_notes;
  if (Status e = take_part(options, usual_part, opened, part_notes)) return *e;
  if (Status e = check_pass(*opened.model, opened.tokens)) return *e;
  opened.notes = notes_of(**model, {&opened.tokens, 1});
  std::ranges::move(part_notes, std::back_inserter(opened.notes));
  print_notes(opened.notes);
  return opened;
}

Trace run_forward(std::shared_ptr<const Model> model, Tokens tokens, const Keep& keep) {
  ForwardPass pass(std::move(model), std::move(tokens), keep);
  Progress progress("Running the model", pass.n_steps());
  while (pass.step()) progress.step();
  return pass.take();
}

Measure run_metric(const Metric& metric, const Inputs& inputs) {
  Study study = metric.begin(inputs);
  Progress progress(std::string("Computing ") + metric.title.en, study.n_steps);
  while (study.step()) progress.step();
  return study.take();
}

Result<Measure> run_checked(const Metric& metric, const Inputs& inputs) {
  if (Status no = cannot_compute(metric, inputs)) return *no;
  return run_metric(metric, inputs);
}

}  // namespace attn
