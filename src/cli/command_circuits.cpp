// command_circuits.cpp - attnscope circuits: copying heads and pairwise composition, computed from
// the weights alone.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/head_circuits.h"
#include "base/csv.h"
#include "base/json_writer.h"
#include "cli/command.h"
#include "cli/number_format.h"
#include "figure/exporters.h"
#include "figure/report_text.h"

namespace attn {

namespace {

constexpr const char* kKinds[] = {"q_composition", "k_composition", "v_composition"};
constexpr int64_t kMostPairs = 1 << 24;

struct Options {
  FolderOptions model;
  int top = 10;
  NumberFormat format = NumberFormat::table;
  Lang lang = Lang::en;
};

struct Circuits {
  const Options& o;
  const Model& model;
  int n_heads;  // a layer
  Measure copying;
  std::vector<Measure> compositions;  // as kKinds

  int n_all() const { return int(copying.values.size()); }
  int layer(int head) const { return head / n_heads; }
  std::string name(int head) const {
    return "L" + std::to_string(layer(head)) + "H" + std::to_string(head % n_heads);
  }
  float score(int kind, int first, int second) const {
    return compositions[size_t(kind)].values[size_t(first) * size_t(n_all()) + size_t(second)];
  }
};

struct Pair {
  int first, second;
  float score;
};

std::vector<Pair> pairs_of(const Circuits& c, int kind) {
  std::vector<Pair> pairs;
  for (int first = 0; first < c.n_all(); ++first)
    for (int second = 0; second < c.n_all(); ++second)
      if (c.layer(first) < c.layer(second))
        pairs.push_back({first, second, c.score(kind, first, second)});
  return pairs;
}

std::string as_table(const Circuits& c) {
  const Lang lang = c.o.lang;
  const Config& config = c.model.config;
  std::string out =
      fill(tr(lang, "{0} · circuits in the weights\n\n", "{0} · 权重中的回路\n\n"), {c.model.name});
  if (config.n_kv_heads != config.n_heads)
    out += fill(
        tr(lang,
           "{0} query heads share {1} key-value heads; each is paired with those of its group\n\n",
           "{0} 个查询头共用 {1} 个键值头；每个头按其所在组的键和值计算\n\n"),
        {std::to_string(config.n_heads), std::to_string(config.n_kv_heads)});
  std::vector<int> order(size_t(c.n_all()));
  for (int i = 0; i < c.n_all(); ++i) order[size_t(i)] = i;
  std::ranges::stable_sort(order, [&](int a, int b) {
    return c.copying.values[size_t(a)] > c.copying.values[size_t(b)];
  });
  const Metric& copies = *find_metric("copying");
  out += std::string(copies.title.in(lang)) + "\n" + copies.sentence.in(lang) + "\n\n";
  TextTable heads("lr", {tr(lang, "head", "头"), copies.title.in(lang)});
  for (size_t i = 0; i < order.size() && int(i) < c.o.top; ++i)
    heads.add({c.name(order[i]), fixed(c.copying.values[size_t(order[i])], 3)});
  out += heads.text();
  for (int kind = 0; kind < 3; ++kind) {
    const Metric& metric = *find_metric(kKinds[kind]);
    std::vector<Pair> pairs = pairs_of(c, kind);
    const size_t n = std::min(pairs.size(), size_t(c.o.top));
    std::ranges::partial_sort(
        pairs, pairs.begin() + std::ptrdiff_t(n), [](const Pair& a, const Pair& b) {
          return a.score != b.score ? a.score > b.score
                                    : std::pair(a.first, a.second) < std::pair(b.first, b.second);
        });
    out += std::string("\n") + metric.title.in(lang) + "\n" + metric.sentence.in(lang) + "\n\n";
    TextTable table("llr",
                    {tr(lang, "earlier", "前"), tr(lang, "later", "后"), metric.unit.in(lang)});
    for (size_t i = 0; i < n; ++i)
      table.add({c.name(pairs[i].first), c.name(pairs[i].second), fixed(pairs[i].score, 3)});
    out += table.text();
  }
  return out;
}

// One line per pair of heads, and one per head for its copying score.
std::string as_csv(const Circuits& c) {
  std::string out = "measure,layer,head,later_layer,later_head,value";
  const auto place = [&](int head) {
    return std::to_string(c.layer(head)) + "," + std::to_string(head % c.n_heads);
  };
  for (int i = 0; i < c.n_all(); ++i)
    out += "\ncopying," + place(i) + ",,," + json_number(c.copying.values[size_t(i)]);
  for (int kind = 0; kind < 3; ++kind)
    for (const Pair& p : pairs_of(c, kind))
      out += std::string("\n") + kKinds[kind] + "," + place(p.first) + "," + place(p.second) + "," +
             json_number(p.score);
  return out + "\n";
}

std::string as_json(const Circuits& c) {
  const Config& config = c.model.config;
  JsonWriter json;
  json.object(JsonLayout::lines).text("model", c.model.name);
  write_notes(json, notes_of(c.model, {}));
  json.integer("n_heads", config.n_heads).integer("n_kv_heads", config.n_kv_heads);
  json.key("copying").numbers(c.copying.values, c.copying.shape);
  for (size_t kind = 0; kind < c.compositions.size(); ++kind)
    json.key(kKinds[kind]).numbers(c.compositions[kind].values, c.compositions[kind].shape);
  return json.end().take() + "\n";
}

// [3, layer, head, layer, head]: Q-, K-, V-composition.
std::string as_npy(const Circuits& c) {
  std::vector<float> values;
  std::vector<int> shape{3};
  for (const Measure& m : c.compositions)
    values.insert(values.end(), m.values.begin(), m.values.end());
  shape.insert(shape.end(), c.compositions[0].shape.begin(), c.compositions[0].shape.end());
  return npy_of(values, shape);
}

int run_circuits(const Options& o) {
  Result<std::shared_ptr<const Model>> model = open_folder(o.model);
  if (!model) return fail(model.error());
  if (o.model.part == 0 && (*model)->encoder) model = (*model)->encoder;
  const int stack = (*model)->encoder ? 1 : 0;  // whose circuits they are
  if (o.model.part > stack || (o.model.part == 0 && stack == 1))
    return fail(
        {"--part: circuits are computed for the encoder's or the decoder's own layers; "
         "leave the option out"});
  print_notes(notes_of(**model, {}));
  const int64_t n_heads = int64_t((*model)->config.n_heads) * (*model)->config.n_layers;
  if (n_heads * n_heads > kMostPairs)
    return fail({(*model)->name + ": has " + std::to_string(n_heads) +
                 " heads, too many to compare in pairs"});
  State state;
  state.lang = o.lang;
  const Inputs in{.model = model->get(), .state = &state};
  Circuits c{o, **model, (*model)->config.n_heads, run_metric(*find_metric("copying"), in), {}};
  for (const char* kind : kKinds) c.compositions.push_back(run_metric(*find_metric(kind), in));
  switch (o.format) {
    case NumberFormat::table:
      return finish_text(as_table(c));
    case NumberFormat::csv:
      return finish(as_csv(c));
    case NumberFormat::json:
      return finish(as_json(c));
    case NumberFormat::npy:
      return finish(as_npy(c));
  }
  return kFine;
}

}  // namespace

Run set_up_circuits(CLI::App& app) {
  auto o = std::make_shared<Options>();
  add_folder(app, o->model);
  app.add_option("--top", o->top, "Number of heads and pairs in the tables (default 10)")
      ->option_text("N")
      ->check(CLI::PositiveNumber.description(""));
  add_choice(
      app, "--format", {std::begin(kNumberFormats), std::end(kNumberFormats)},
      [o](int i) { o->format = NumberFormat(i); },
      "table (default); csv or json for all heads and pairs; npy: Q-, K- and V-composition [3, "
      "layer, head, later layer, later head]");
  add_language(app, o->lang);
  return [o] { return run_circuits(*o); };
}

}  // namespace attn
