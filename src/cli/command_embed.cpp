// command_embed.cpp - attnscope embed: the vector of a text, and how similar two texts are.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "analysis/sentence.h"
#include "app/read_folder.h"
#include "base/json_writer.h"
#include "base/nearest.h"
#include "cli/command.h"
#include "figure/exporters.h"
#include "figure/report_text.h"
#include "pass/forward.h"
#include "pass/generate.h"

namespace attn {

namespace {

struct Options {
  ModelOptions model;
  std::string other, prompt;
  bool no_prompt = false, as_json = false;
  Lang lang = Lang::en;
};

Result<File> read_in(const std::string& folder, const std::string& path) {
  const std::filesystem::path whole = std::filesystem::path(folder) / path;
  std::error_code failed;
  if (!std::filesystem::is_regular_file(whole, failed)) return File{};
  Result<Bytes> bytes = read_file(whole.string());
  if (!bytes) return bytes.error();
  return File{whole.filename().string(), std::move(*bytes)};
}

// What goes before each text.
Result<std::string> prompt_of(const Options& o, const SentenceModules& modules) {
  const std::string& name = o.prompt.empty() && !o.no_prompt ? modules.prompt : o.prompt;
  if (name.empty()) return std::string();
  std::vector<std::string> names;
  for (const auto& [known, text] : modules.prompts) {
    if (known == name) return text;
    names.push_back(known);
  }
  std::string listed;
  for (const std::string& known : names) listed += (listed.empty() ? "" : ", ") + known;
  return Error{"prompt " + name + ": the model has no such prompt" +
               (names.empty() ? "" : "; its prompts are " + listed)};
}

std::string lower_case(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return text;
}

struct Embedder {
  std::shared_ptr<const Model> model;
  SentenceModules modules;
  std::string prompt;

  Result<std::vector<float>> operator()(std::string text) const {
    const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (modules.lower_case && !std::ranges::all_of(text, ascii))
      return Error{
          "sentence_bert_config.json: do_lower_case is true, which is done for ASCII "
          "letters only; give the text in lower case and set it to false"};
    std::string before = prompt;
    if (modules.lower_case) {
      text = lower_case(text);
      before = lower_case(before);
    }
    const Tokenizer& tokenizer = *model->tokenizer;
    if (Status wrong = check_ids(*model, before + text)) return *wrong;
    Tokens tokens = tokenizer.encode(before + text);
    if (modules.n_most > 0 && tokens.size() > modules.n_most)
      return Error{"the text has " + std::to_string(tokens.size()) +
                   " tokens, and max_seq_length of sentence_bert_config.json is " +
                   std::to_string(modules.n_most) +
                   ", to which sentence-transformers would cut it; shorten it"};
    if (const Status e = check_pass(*model, tokens)) return *e;
    // As sentence-transformers counts it: without the special token at the end.
    const int n_prompt = before.empty() ? 0 : std::max(0, tokenizer.encode(before).size() - 1);
    const Trace trace = run_forward(model, std::move(tokens), {.facts = false});
    return sentence_vector(*model, modules, trace, n_prompt);
  }
};

// The error of a vector that the dense layers do not fit.
Status check_widths(const Model& model, const SentenceModules& modules) {
  int width = model.config.d_model * int(modules.pools.size());
  for (const SentenceModules::Step& step : modules.steps) {
    if (step.normalize) continue;
    if (step.d_in != width)
      return Error{"modules.json: a Dense module reads " + std::to_string(step.d_in) +
                   " numbers, but there are " + std::to_string(width)};
    width = step.d_out;
  }
  return {};
}

int run_embed(const Options& o) {
  const auto read = [&](const std::string& path) { return read_in(o.model.folder, path); };
  Result<SentenceModules> modules = read_sentence_modules(read);
  if (!modules) return fail(modules.error());
  FolderOptions at = o.model;
  at.reads_text = true;
  if (!modules->transformer.empty()) at.folder += "/" + modules->transformer;
  const Result<std::shared_ptr<const Model>> model = open_folder(at);
  if (!model) return fail(model.error());
  if (!(*model)->tokenizer) return fail({at.folder + ": tokenizer.json is missing"});
  if (const Status e = check_widths(**model, *modules)) return fail(*e);
  const Result<std::string> prompt = prompt_of(o, *modules);
  if (!prompt) return fail(prompt.error());
  std::vector<std::string> notes = notes_of(**model, {});
  if (!prompt->empty())
    notes.push_back("each text is read behind the prompt " + json_quote(*prompt));
  print_notes(notes);
  if (!modules->described)
    notes.emplace_back(
        "modules.json is missing: the vector is the mean over all tokens, as in "
        "sentence-transformers");
  const Embedder embed{*model, *modules, *prompt};
  if (o.model.text.empty()) return fail({"the text is empty; pass a non-empty text to --text"});
  const Result<std::vector<float>> vector = embed(o.model.text);
  if (!vector) return fail(vector.error());
  Result<std::vector<float>> other = std::vector<float>();
  if (!o.other.empty()) other = embed(o.other);
  if (!other) return fail(other.error());
  if (o.as_json) {
    JsonWriter json;
    json.object(JsonLayout::lines).text("model", (*model)->name).text("text", o.model.text);
    write_notes(json, notes);
    json.text("prompt", *prompt).key("embedding").numbers(*vector);
    if (!other->empty())
      json.text("other", o.other)
          .key("other_embedding")
          .numbers(*other)
          .number("cosine_similarity", float(cosine(*vector, *other)));
    return finish(json.end().take() + "\n");
  }
  const std::string plain =
      modules->described ? "" : tr(o.lang, " (mean over all tokens)", "（所有词元的平均）");
  std::string out;
  if (!other->empty())
    return finish_text(fill(tr(o.lang, "{0} · cosine similarity of the two texts: {1}{2}\n",
                               "{0} · 两段文本的余弦相似度：{1}{2}\n"),
                            {(*model)->name, fixed(cosine(*vector, *other), 6), plain}));
  out = fill(tr(o.lang, "{0} · embedding of {1} numbers{2}\n\n", "{0} · {1} 维嵌入{2}\n\n"),
             {(*model)->name, std::to_string(vector->size()), plain});
  for (size_t i = 0; i < vector->size(); ++i)
    out += fixed((*vector)[i], 6) + ((i + 1) % 8 == 0 || i + 1 == vector->size() ? "\n" : "  ");
  return finish_text(out);
}

}  // namespace

Run set_up_embed(CLI::App& app) {
  auto o = std::make_shared<Options>();
  add_folder(app, o->model);
  app.add_option("--text", o->model.text, "Text to embed")->option_text("TEXT")->required();
  app.add_option("--other", o->other, "Second text: print the similarity of the two")
      ->option_text("TEXT");
  CLI::Option* prompt =
      app.add_option("--prompt", o->prompt,
                     "Name of a prompt of the model (default: its usual one, if it has one)")
          ->option_text("NAME");
  app.add_flag("--no-prompt", o->no_prompt, "Put no prompt before the texts")->excludes(prompt);
  add_format(app, o->as_json);
  add_language(app, o->lang);
  return [o] { return run_embed(*o); };
}

}  // namespace attn
