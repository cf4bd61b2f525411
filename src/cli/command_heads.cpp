// command_heads.cpp - attnscope heads: all scores and the role of every head, as a table, CSV, JSON
// or NPY.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

#include "analysis/head_role.h"
#include "app/read_folder.h"
#include "base/csv.h"
#include "base/json_writer.h"
#include "cli/command.h"
#include "cli/number_format.h"
#include "cli/terminal.h"
#include "figure/exporters.h"
#include "figure/head_words.h"
#include "figure/report_text.h"
#include "pass/forward.h"
#include "text/random_tokens.h"

namespace attn {

namespace {

constexpr int64_t kMostTokens = 1'000'000;  // over all samples, about 100 MB
constexpr int kMostSamples = 10'000;

struct Options {
  ModelOptions model;
  std::string ids_file;
  bool random_repeat = false;
  uint32_t seed = 1;
  int length = 50, samples = 10, period = 0, offset = 2;
  NumberFormat format = NumberFormat::table;
  Lang lang = Lang::en;
};

// One sequence r + r per sample, with r of `length` tokens; see random_tokens.h for how ids are
// drawn.
Result<std::vector<Tokens>> random_repeats(const Options& o, const Model& model) {
  const Config& c = model.config;
  if (c.d_vocab < 2)
    return Error{model.name +
                 ": the vocabulary has a single token; random tokens need at least two"};
  if (o.length > c.n_ctx / 2)
    return Error{"--length " + std::to_string(o.length) + ": repeated twice, this exceeds the " +
                 std::to_string(c.n_ctx) + " tokens that " + model.name + " accepts; use at most " +
                 std::to_string(c.n_ctx / 2)};
  if (int64_t(o.samples) * o.length * 2 > kMostTokens)
    return Error{"--samples " + std::to_string(o.samples) + ": with 2 × " +
                 std::to_string(o.length) + " tokens each, this exceeds " +
                 std::to_string(kMostTokens) + " tokens; use fewer samples"};
  std::mt19937 draw(o.seed);
  std::vector<Tokens> all;
  for (int sample = 0; sample < o.samples; ++sample) {
    all.push_back(tokens_of_ids(repeated_ids(draw, c.d_vocab, o.length), model.tokenizer.get()));
  }
  return all;
}

Result<std::vector<int>> ids_of(const Json& list, const std::string& where, const Model& model) {
  std::vector<int> ids;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::optional<int64_t> id = list.at(i).integer();
    if (!id || *id < 0 || *id >= model.config.d_vocab)
      return Error{where + ", element " + std::to_string(i) + ": not a token id of " + model.name +
                   "; ids are 0 to " + std::to_string(model.config.d_vocab - 1)};
    ids.push_back(int(*id));
  }
  if (ids.empty()) return Error{where + ": no token ids found; write them as [1, 2, 3]"};
  return ids;
}

// [1, 2, 3], or a list of such lists with one sample each.
Result<std::vector<Tokens>> read_ids(const std::string& path, const Model& model) {
  const Result<Bytes> bytes = read_file(path, Pipes::read);
  if (!bytes) return bytes.error();
  const Result<Json> json = Json::parse(bytes->text(), path);
  if (!json) return json.error();
  if (!json->is_array())
    return Error{path + ": not a list of token ids; write [1, 2, 3], or a list of such lists"};
  const bool several = json->at(size_t(0)).is_array();
  const size_t n = several ? json->size() : 1;
  std::vector<Tokens> all;
  for (size_t i = 0; i < n; ++i) {
    const std::string where = several ? path + ": list " + std::to_string(i) : path;
    const Result<std::vector<int>> ids = ids_of(several ? json->at(i) : *json, where, model);
    if (!ids) return ids.error();
    all.push_back(tokens_of_ids(*ids, model.tokenizer.get()));
  }
  return all;
}

struct Scored {
  const Options& options;
  const Model& model;
  const std::vector<Tokens>& samples;
  int period;
  HeadTable table;
  std::vector<std::vector<float>> values,
      without;                  // [score][layer, head]; `without` the first key, or empty
  std::vector<size_t> highest;  // per score, the index of its highest head in `values`
  std::vector<HeadRole> roles;  // [layer, head]
  std::shared_ptr<const HeadCharacters> general;  // whatever the input; of no heads if not possible

  int n_heads() const { return table.n_layers * table.n_heads; }
  bool has_general() const { return general->size() == n_heads(); }
  const Metric& metric(size_t score) const { return table.scores[score]->metric; }
};

std::string as_csv(const Scored& s) {
  std::string out = "layer,head";
  const auto number = [](float x) {
    return "," + (std::isnan(x) ? std::string() : json_number(x));
  };
  for (const HeadScore* score : s.table.scores) out += std::string(",") + score->metric.id;
  for (size_t k = 0; k < s.values.size(); ++k)
    if (!s.without[k].empty()) out += std::string(",") + s.metric(k).id + "_without_first";
  out += ",in_general,in_general_score,role,confidence";
  for (int i = 0; i < s.n_heads(); ++i) {
    out += "\n" + std::to_string(i / s.table.n_heads) + "," + std::to_string(i % s.table.n_heads);
    for (const auto& values : s.values) out += number(values[size_t(i)]);
    for (const auto& values : s.without)
      if (!values.empty()) out += number(values[size_t(i)]);
    const HeadCharacter general = s.has_general() ? s.general->heads[size_t(i)] : HeadCharacter{};
    out += "," + csv_quote(s.has_general() ? general_name(general, s.options.lang) : "") +
           number(general.main.score ? general.main.value : NAN);
    out += "," + csv_quote(s.roles[size_t(i)].name.in(s.options.lang)) +
           number(s.roles[size_t(i)].confidence);
  }
  return out + "\n";
}

void write_roles(JsonWriter& json, const Scored& s) {
  json.key("roles").array(JsonLayout::lines);
  for (int i = 0; i < s.n_heads(); ++i) {
    const HeadRole& role = s.roles[size_t(i)];
    json.object().integer("layer", i / s.table.n_heads).integer("head", i % s.table.n_heads);
    json.text("role", role.name.in(s.options.lang));
    json.text("sentence", role.sentence.in(s.options.lang)).key("score");
    if (role.score)
      json.text(role.score->metric.id);
    else
      json.null();
    json.number("confidence", role.confidence).end();
  }
  json.end();
}

void write_probe_role(JsonWriter& json, const ProbeRole& role, Lang lang) {
  if (role.role == Role::nothing) {
    json.null();
    return;
  }
  json.object().text("role", role_noun(role.role, lang)).key("score");
  if (role.score)
    json.text(role.score->metric.title.in(lang));
  else
    json.null();
  json.text("input", role.on_random ? "random tokens" : "text").number("value", role.value);
  json.number("uniform", role.baseline).key("rank");
  if (role.rank > 0)
    json.integer(role.rank);
  else
    json.null();
  json.end();
}

// By the model's probe, whatever the input.
void write_general(JsonWriter& json, const Scored& s) {
  const HeadCharacters& all = *s.general;
  const Lang lang = s.options.lang;
  json.key("in_general").object(JsonLayout::lines).integer("seed", kProbeSeed);
  json.integer("random_tokens", all.n_random).integer("text_tokens", all.n_text);
  json.key("heads").array(JsonLayout::lines);
  for (int i = 0; i < all.size(); ++i) {
    const int layer = i / all.n_heads, head = i % all.n_heads;
    json.object().integer("layer", layer).integer("head", head);
    json.text("sentence", general_words(all, layer, head, lang)).key("main");
    write_probe_role(json, all.at(layer, head).main, lang);
    json.key("other");
    write_probe_role(json, all.at(layer, head).other, lang);
    json.end();
  }
  json.end().end();
}

std::string as_json(const Scored& s) {
  const Options& o = s.options;
  JsonWriter json;
  json.object(JsonLayout::lines).text("model", s.model.name);
  write_notes(json, notes_of(s.model, s.samples));
  if (o.random_repeat)
    json.integer("seed", o.seed).integer("length", o.length).integer("samples", o.samples);
  else if (o.ids_file.empty())
    json.text("text", s.samples[0].text);
  json.key("period");
  if (s.period)
    json.integer(s.period);
  else
    json.null();
  json.integer("offset", o.offset).key("input_ids").array(JsonLayout::rows);
  for (const Tokens& tokens : s.samples) {
    json.array();
    for (const Token& t : tokens.items) json.integer(t.id);
    json.end();
  }
  json.end();
  const int shape[] = {s.table.n_layers, s.table.n_heads};
  // An object with one member per score.
  const auto object = [&](const char* name, auto&& write) {
    json.key(name).object(JsonLayout::lines);
    for (size_t k = 0; k < s.values.size(); ++k) write(k, s.metric(k));
    json.end();
  };
  object("meaning", [&](size_t, const Metric& m) { json.text(m.id, m.sentence.in(o.lang)); });
  object("formula", [&](size_t, const Metric& m) { json.text(m.id, m.formula.en); });
  object("source", [&](size_t, const Metric& m) { json.text(m.id, m.source.en); });
  object("scores", [&](size_t k, const Metric& m) { json.key(m.id).numbers(s.values[k], shape); });
  object("without_first_token", [&](size_t k, const Metric& m) {
    if (!s.without[k].empty()) json.key(m.id).numbers(s.without[k], shape);
  });
  // A number, or one for each layer where windows differ.
  object("uniform", [&](size_t k, const Metric& m) {
    std::vector<float> of_layers;
    for (int layer = 0; layer < s.table.n_layers; ++layer)
      of_layers.push_back(s.table.baseline(k, Sink::with, layer));
    if (s.table.n_windows() == 1)
      json.number(m.id, s.table.baseline(k));
    else
      json.key(m.id).numbers(of_layers, std::span(shape).first(1));
  });
  write_roles(json, s);
  write_general(json, s);
  return json.end().take() + "\n";
}

// [score, layer, head], in the order of csv's columns.
std::string as_npy(const Scored& s) {
  std::vector<float> all;
  for (const auto& values : s.values) all.insert(all.end(), values.begin(), values.end());
  const int shape[] = {int(s.values.size()), s.table.n_layers, s.table.n_heads};
  return npy_of(all, shape);
}

// The heads that have a role whatever the input, and how it was found.
std::string general_table(const Scored& s) {
  const Lang lang = s.options.lang;
  if (!s.has_general()) return "";
  TextTable table("rl", {tr(lang, "head", "头"),
                         tr(lang, "in general, whatever the input", "一般而言的角色，与输入无关")});
  bool any = false;
  for (int i = 0; i < s.n_heads(); ++i) {
    const int layer = i / s.table.n_heads, head = i % s.table.n_heads;
    if (!s.general->at(layer, head).has_role()) continue;
    any = true;
    table.add({std::to_string(layer) + "." + std::to_string(head),
               general_words(*s.general, layer, head, lang)});
  }
  return "\n" +
         (any ? table.text()
              : tr(lang, "In general, no head has a role.\n", "一般而言，没有头具有角色。\n")) +
         "\n" + probe_words(*s.general, lang) + "\n";
}

std::string as_table(const Scored& s) {
  const Lang lang = s.options.lang;
  int64_t n_tokens = 0;
  for (const Tokens& tokens : s.samples) n_tokens += tokens.size();
  std::string out = fill(tr(lang, "{0} · {1} heads, scored over {2} tokens in {3} texts\n",
                            "{0} · {1} 个头，度量取自 {3} 段文本中的 {2} 个词元\n"),
                         {s.model.name, std::to_string(s.n_heads()), std::to_string(n_tokens),
                          std::to_string(s.samples.size())});
  if (s.options.random_repeat)
    out += fill(tr(lang, "Random tokens, repeated: seed {0}, period p = {1}\n",
                   "随机词元，重复两遍：种子 {0}，周期 p = {1}\n"),
                {std::to_string(s.options.seed), std::to_string(s.period)});
  std::vector<size_t> columns;
  // Only the usual scores fit a terminal; csv, json and npy have all of them.
  for (size_t k = 0; k < s.table.scores.size(); ++k)
    if (s.table.scores[k]->usual) columns.push_back(k);
  std::vector<std::string> header{tr(lang, "head", "头")};
  // A trailing space where other rows may have a star, so that the decimal points align.
  for (const size_t k : columns)
    header.push_back(s.table.scores[k]->column.in(lang) + std::string(" "));
  header.push_back(tr(lang, "role", "角色"));
  TextTable table(std::string(header.size() - 1, 'r') + "l", header);
  for (int i = 0; i < s.n_heads(); ++i) {
    std::vector<std::string> row{std::to_string(i / s.table.n_heads) + "." +
                                 std::to_string(i % s.table.n_heads)};
    for (const size_t k : columns)
      row.push_back(fixed(s.values[k][size_t(i)], s.metric(k).high == 1 ? 3 : 2) +
                    (s.highest[k] == size_t(i) && s.values[k][size_t(i)] > 0 ? "*" : " "));
    const HeadRole& role = s.roles[size_t(i)];
    row.push_back(role.score ? role.name.in(lang) + std::string(" ") +
                                   fixed(100 * role.confidence, 0) + " %"
                             : "–");
    table.add(std::move(row));
  }
  out += "\n" + table.text() +
         tr(lang,
            "\n* highest in its column; heads are written layer.head, both from 0; role: what the "
            "head does in this input, with the confidence, the distance of its score from uniform "
            "attention (0 %) to the highest possible (100 %)\n",
            "\n* 该列最高；头写作“层.头”，均从 0 起；角色：该头在此输入中的作用及置信度，"
            "即其度量从均匀注意力（0 %）到最高值（100 %）之间所处的位置\n");
  out += general_table(s);
  TextTable legend("ll", {tr(lang, "column", "列"), tr(lang, "meaning", "含义")});
  for (const size_t k : columns)
    legend.add({s.table.scores[k]->column.in(lang), s.metric(k).sentence.in(lang)});
  return out + "\n" + legend.text() +
         tr(lang,
            "--format csv, json or npy outputs all scores, including those without the first "
            "token\n",
            "--format csv、json 或 npy 输出全部度量，包括去掉首个词元后的数值\n");
}

int run_heads(const Options& o) {
  std::vector<Tokens> samples;
  std::shared_ptr<const Model> model;
  int part = 0;
  if (o.random_repeat || !o.ids_file.empty()) {
    FolderOptions folder = o.model;
    folder.reads_text = true;
    Result<std::shared_ptr<const Model>> opened = open_folder(folder);
    if (!opened) return fail(opened.error());
    model = *opened;
    if (model->encoder) {
      if (o.model.part > 0)
        return fail({"--part: tokens by number are for the encoder; give --text in their place"});
      model = model->encoder;
    }
    if (model->config.reads_pictures())
      return fail(Error{model->name + " reads pictures, not tokens; pass a file to --picture"});
    Result<std::vector<Tokens>> got =
        o.random_repeat ? random_repeats(o, *model) : read_ids(o.ids_file, *model);
    if (!got) return fail(got.error());
    samples = std::move(*got);
  } else {
    Result<Opened> opened = open_model(o.model);
    if (!opened) return fail(opened.error());
    model = opened->model;
    part = opened->part;
    samples.push_back(std::move(opened->tokens));
  }
  for (const Tokens& tokens : samples)
    if (Status e = check_pass(*model, tokens)) return fail(*e);
  if (o.random_repeat || !o.ids_file.empty()) print_notes(notes_of(*model, samples));

  const int period = o.random_repeat ? o.length : o.period;
  const bool across = model->is_across(part);
  std::vector<const HeadScore*> scores;
  for (const HeadScore& score : head_scores())
    if ((period > 0 || !score.needs_period()) && (!across || score.across))
      scores.push_back(&score);
  std::optional<HeadTable> table;
  Progress progress("Running the model", int(samples.size()));
  for (const Tokens& tokens : samples) {
    const Trace trace = samples.size() > 1 ? forward(model, tokens) : run_forward(model, tokens);
    const Attention& a = trace.parts[size_t(part)];
    if (!table) table.emplace(scores, a);
    table->add(across ? nullptr : model.get(), a, 0, period, o.offset);
    progress.step();
  }
  Scored scored{o, *model, samples, period, std::move(*table), {}, {}, {}, {}, probe(model)};
  for (size_t i = 0; i < scores.size(); ++i) {
    scored.values.push_back(scored.table.values(i));
    const auto& values = scored.values.back();
    scored.highest.push_back(size_t(std::ranges::max_element(values) - values.begin()));
    scored.without.push_back(scores[i]->sink_aware ? scored.table.values(i, Sink::without)
                                                   : std::vector<float>());
  }
  for (int i = 0; i < scored.n_heads(); ++i)
    scored.roles.push_back(
        head_role(scored.table, i / scored.table.n_heads, i % scored.table.n_heads));
  const std::string out = o.format == NumberFormat::csv    ? as_csv(scored)
                          : o.format == NumberFormat::json ? as_json(scored)
                          : o.format == NumberFormat::npy  ? as_npy(scored)
                                                           : as_table(scored);
  return o.format == NumberFormat::table ? finish_text(out) : finish(out);
}

}  // namespace

Run set_up_heads(CLI::App& app) {
  auto o = std::make_shared<Options>();
  add_folder(app, o->model);
  CLI::Option* inputs[] = {
      app.add_option("--text", o->model.text, "Input text; - reads standard input")
          ->option_text("TEXT"),
      app.add_option("--text-file", o->model.text_file,
                     "File with the input text, - for standard input; a final line break is "
                     "dropped")
          ->option_text("FILE"),
      app.add_option("--ids", o->ids_file, "JSON file of token ids: a list, or a list of lists")
          ->option_text("FILE"),
      app.add_flag("--random-repeat", o->random_repeat,
                   "Random tokens, repeated; adds the stripe scores. Ids are "
                   "1 + mt19937(seed) % (d_vocab - 1), as drawn by torch.randint"),
      add_picture(app, o->model)};
  app.add_option("--seed", o->seed, "Seed of the random tokens (default 1)")
      ->option_text("N")
      ->needs(inputs[3]);
  const CLI::Validator positive = CLI::Range(1, int(kMostTokens)).description("");
  app.add_option("--length", o->length, "Number of random tokens before the repeat (default 50)")
      ->option_text("N")
      ->check(positive)
      ->needs(inputs[3]);
  app.add_option("--samples", o->samples, "Number of random sequences to average over (default 10)")
      ->option_text("N")
      ->check(CLI::Range(1, kMostSamples).description(""))
      ->needs(inputs[3]);
  app.add_option("--period", o->period,
                 "Period of the repetition in --ids, in tokens; adds the stripe scores")
      ->option_text("N")
      ->check(positive)
      ->needs(inputs[2]);
  add_choice(
      app, "--format", {"table", "csv", "json", "npy"}, [o](int i) { o->format = NumberFormat(i); },
      "table (default); csv, json or npy (float32 [score, layer, head] in the order of csv) "
      "output "
      "all scores in full precision, csv and json also those without the first token");
  app.add_option("--offset", o->offset, "k of the offset score, A[i, i-k] (default 2)")
      ->option_text("K");
  add_language(app, o->lang);
  app.parse_complete_callback([text = inputs[0], file = inputs[1], ids = inputs[2],
                               random = inputs[3], picture = inputs[4]] {
    size_t n = 0;
    for (const CLI::Option* input : {text, file, ids, random, picture}) n += input->count() > 0;
    if (n == 0)
      throw CLI::RequiredError("--text, --text-file, --ids, --random-repeat or --picture");
    if (n > 1)
      throw CLI::ValidationError(
          "only one of --text, --text-file, --ids, --random-repeat and --picture");
  });
  return [o] { return run_heads(*o); };
}

}  // namespace attn
