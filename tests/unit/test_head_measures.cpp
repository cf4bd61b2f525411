// test_head_measures.cpp - every head score against NumPy's of the published formulas, and inside
// its bounds.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <random>

#include "analysis/head_cells.h"
#include "analysis/head_scores.h"
#include "base/json.h"
#include "differences.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "trace/attention_block.h"

using namespace attn;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPieces[] = {" the", "in", "duc", ",", ".", " head", "s", "<s>", " of", "-"};

Tokens pieces_of(std::span<const int> ids) {
  Tokens tokens;
  for (const int id : ids) {
    const size_t begin = tokens.text.size();
    const bool special = id == 7;
    if (!special) tokens.text += kPieces[id];
    tokens.items.push_back({.id = id,
                            .shown = kPieces[id],
                            .begin = begin,
                            .end = tokens.text.size(),
                            .special = special});
  }
  return tokens;
}

template <class T>
std::vector<T> read(const NamedTensors& file, const std::string& name,
                    std::vector<int64_t>* shape = nullptr) {
  const StoredTensor* tensor = file.find(name);
  if (!tensor) return {};
  if (shape) *shape = tensor->shape;
  std::vector<T> out(tensor->bytes.size() / sizeof(T));
  std::memcpy(out.data(), tensor->bytes.data(), out.size() * sizeof(T));
  return out;
}

// Facts of all rows, as a pass tells them.
void tell_facts(Trace& trace) {
  Attention& a = trace.parts.front();
  for (int layer = 0; layer < a.n_layers; ++layer)
    a.facts.emplace_back(a.n_heads, a.n_query, kRowFacts);
  const bool self = a.part != Part::cross;
  const TokenSets sets =
      token_sets(trace.parts[0].query_tokens[0], trace.parts[0].key_tokens[0], self);
  std::vector<float> z(size_t(a.n_query * a.d_head));
  for (int head = 0; head < a.n_layers * a.n_heads; ++head)
    attend(a, sets, 0, head / a.n_heads, head % a.n_heads, 0, a.n_query,
           {z.data(), a.n_query, a.d_head});
}

Trace random_case(const NamedTensors& file, const std::string& name) {
  std::vector<int64_t> q_shape, k_shape;
  const auto q = read<float>(file, name + ".q", &q_shape),
             k = read<float>(file, name + ".k", &k_shape);
  Attention a;
  a.query_tokens = {pieces_of(read<int>(file, name + ".t_q"))};
  a.key_tokens = {pieces_of(read<int>(file, name + ".t_k"))};
  a.part = name == "cross" ? Part::cross : Part::decoder_self;
  a.n_layers = 1;
  a.n_heads = a.n_kv_heads = int(q_shape[0]);
  a.n_query = int(q_shape[1]);
  a.n_key = int(k_shape[1]);
  a.d_head = int(q_shape[2]);
  a.scale = float(1 / std::sqrt(double(a.d_head)));
  a.mask = name.find("causal") != name.npos || name == "repeat" ? Mask::causal : Mask::none;
  a.allowed = read<uint8_t>(file, name + ".seen");
  if (name.find("padded") == name.npos) a.allowed.clear();
  const HeadRows keys(a.n_heads, a.n_key, a.d_head, k);
  a.layers = {QK{{a.n_heads, a.n_query, a.d_head, q}, keys, keys}};
  Trace trace;
  trace.parts.push_back(std::move(a));
  return trace;
}

std::vector<const HeadScore*> all_scores() {
  std::vector<const HeadScore*> all;
  for (const HeadScore& score : head_scores()) all.push_back(&score);
  return all;
}

struct Worst {
  double apart = -1;
  std::string where;
};
std::map<std::string, Worst> worst;

void compare(const NamedTensors& file, const Json& names, const std::string& name,
             const Trace& trace, const char* how, const Model* model = nullptr) {
  const Attention& a = trace.parts[0];
  HeadTable table(all_scores(), a);
  table.add(model, trace.parts[0], 0, 8, 3);
  const auto wanted = read<double>(file, name + ".scores");  // [score, 2, head]
  const size_t n_heads = size_t(a.n_layers * a.n_heads);
  const Json list = names.at(name);
  REQUIRE(wanted.size() == list.size() * 2 * n_heads);
  size_t n_found = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string id(*list.at(i).text());
    const HeadScore* score = find_head_score(id);
    REQUIRE_MESSAGE(score, id);
    const size_t s = size_t(std::ranges::find(table.scores, score) - table.scores.begin());
    double most = 0;
    for (const Sink sink : {Sink::with, Sink::without}) {
      if (sink == Sink::without && !score->sink_aware) continue;
      const std::vector<float> ours = table.values(s, sink);
      for (size_t h = 0; h < n_heads; ++h) {
        const double theirs = wanted[(i * 2 + size_t(sink)) * n_heads + h];
        const double apart = std::abs(double(ours[h]) - theirs) / std::max(1., std::abs(theirs));
        CAPTURE(name);
        CAPTURE(how);
        CAPTURE(id);
        CAPTURE(h);
        CAPTURE(int(sink));
        CAPTURE(theirs);
        CHECK(apart <= 1e-5);
        if (!(apart <= worst[id].apart)) worst[id] = {apart, name + " " + how};
        most = std::max(most, apart);
        ++n_found;
      }
    }
    note_difference("definition", id, name == "bookworm-2m", a, most);
  }
  CHECK(n_found > 0);
}

}  // namespace

TEST_CASE("head scores are NumPy's of the published formulas") {
  const fs::path path = ATTNSCOPE_SOURCE_DIR "/tests/data/head_measures.safetensors";
  const Result<NamedTensors> file =
      read_safetensors({"head_measures.safetensors", read_bytes(path)});
  REQUIRE(file);
  const Result<Json> names = Json::parse(
      read_bytes(ATTNSCOPE_SOURCE_DIR "/tests/data/head_measures.json").text(), "names");
  REQUIRE(names);
  worst.clear();
  for (const char* name :
       {"causal", "causal-sink", "repeat", "both-ways", "padded", "padded-causal", "cross"}) {
    Trace trace = random_case(*file, name);
    compare(*file, *names, name, trace, "walked");
    tell_facts(trace);
    compare(*file, *names, name, trace, "told");
  }
  for (const char* name : {"gpt2", "bert", "bookworm-2m"}) {
    const fs::path folder = std::string(name) == "bookworm-2m"
                                ? fs::path(ATTNSCOPE_SOURCE_DIR "/web/models") / name
                                : test_models() / name;
    const Result<std::shared_ptr<const Model>> model = load_model(read_model_files(folder), name);
    REQUIRE(model);
    compare(*file, *names, name,
            forward(*model, tokens_of(read<int>(*file, std::string(name) + ".t_k"))), "pass",
            model->get());
  }
  for (const HeadScore& score : head_scores()) {
    const Worst& w = worst[score.metric.id];
    std::printf("%-18s differs from NumPy by at most %.1e (%s)  [%s]\n", score.metric.id, w.apart,
                w.where.c_str(), score.metric.source.en);
    CHECK(!w.where.empty());
  }
}

TEST_CASE("every score stays inside its bounds, says what it is, and has a baseline") {
  std::mt19937 random(5);
  for (int round = 0; round < 30; ++round) {
    const int n_query = 1 + int(random() % 40), cross = round % 5 == 4,
              n_key = cross ? 1 + int(random() % 40) : n_query;
    std::normal_distribution<float> normal(0, float(round % 4) * 2);
    Attention a;
    a.part = cross ? Part::cross : Part::encoder_self;
    a.n_layers = 1;
    a.n_heads = a.n_kv_heads = 2;
    a.n_query = n_query;
    a.n_key = n_key;
    a.d_head = 5;
    a.mask = round % 2 ? Mask::causal : Mask::none;
    if (round % 3 == 1)
      for (int i = 0; i < n_query * n_key; ++i) a.allowed.push_back(random() % 3 > 0);
    if (round % 7 > 3) a.reaches = {int(random() % 9)};
    const auto rows = [&](int n) {
      std::vector<float> values(size_t(2 * n * 5));
      for (float& x : values) x = normal(random);
      return HeadRows(2, n, 5, values);
    };
    QK layer;
    layer.q = rows(n_query);
    layer.k = layer.v = rows(n_key);
    a.layers = {layer};
    Trace trace;
    std::vector<int> ids;
    for (int i = 0; i < std::max(n_query, n_key); ++i) ids.push_back(int(random() % 10));
    a.query_tokens = {pieces_of(std::span(ids).first(size_t(n_query)))};
    a.key_tokens = {pieces_of(std::span(ids).first(size_t(n_key)))};
    trace.parts.push_back(a);
    if (round % 2) tell_facts(trace);
    HeadTable table(all_scores(), trace.parts[0]);
    table.add(nullptr, trace.parts[0], 0, 4, round - 10);
    for (size_t s = 0; s < table.scores.size(); ++s) {
      const Metric& m = table.scores[s]->metric;
      CAPTURE(m.id);
      CAPTURE(round);
      for (const Sink sink : {Sink::with, Sink::without}) {
        for (const float v : table.values(s, sink)) {
          if (std::isnan(v) && (m.needs & needs_model)) continue;
          CHECK(v >= m.low - 1e-5);
          CHECK(v <= m.high + 1e-5);
        }
        CHECK(table.baseline(s, sink) >= m.low - 1e-5);
        CHECK(table.baseline(s, sink) <= m.high + 1e-5);
      }
    }
  }
  for (const HeadScore& score : head_scores()) {
    const Metric& m = score.metric;
    CAPTURE(m.id);
    for (const Lang lang : {Lang::en, Lang::zh}) {
      for (const Text& text : {m.title, m.sentence, m.unit, score.column})
        CHECK(std::string(text.in(lang)) != "");
    }
    CHECK(std::string(m.formula.en) != "");
    CHECK(std::string(m.source.en) != "");
  }
}

TEST_CASE("uniform attention has its baseline as its score") {
  for (const bool padded : {false, true}) {
    for (const Mask mask : {Mask::none, Mask::causal}) {
      const int n = 24, n_layers = 3;
      std::vector<int> ids;
      for (int i = 0; i < n; ++i) ids.push_back(i * 7 % 10);
      Attention a;
      a.n_layers = n_layers;
      a.n_heads = a.n_kv_heads = 1;
      a.n_query = a.n_key = n;
      a.d_head = 2;
      a.mask = mask;
      a.reaches = {6, INT_MAX, 6};
      for (int i = 0; padded && i < n * n; ++i) a.allowed.push_back(i % n < n - 4);
      const HeadRows zeros(1, n, 2, std::vector<float>(size_t(2 * n)));
      a.layers.assign(n_layers, QK{zeros, zeros, zeros});
      a.query_tokens = a.key_tokens = {pieces_of(ids)};
      Trace trace;
      trace.parts.push_back(a);
      for (const bool told : {false, true}) {
        if (told) tell_facts(trace);
        HeadTable table(all_scores(), trace.parts[0]);
        table.add(nullptr, trace.parts[0], 0, 5, 2);
        for (size_t s = 0; s < table.scores.size(); ++s) {
          if (table.scores[s]->by_norms) continue;
          CAPTURE(table.scores[s]->metric.id);
          for (const Sink sink : {Sink::with, Sink::without})
            for (int layer = 0; layer < n_layers; ++layer)
              CHECK(table.values(s, sink)[size_t(layer)] ==
                    doctest::Approx(table.baseline(s, sink, layer)).epsilon(1e-5));
        }
      }
    }
  }
}

TEST_CASE("layers that were not kept have the scores that facts tell") {
  const Result<std::shared_ptr<const Model>> model =
      load_model(read_model_files(test_models() / "gpt2"), "gpt2");
  REQUIRE(model);
  const std::vector<int> ids = {3, 5, 3, 5, 3, 5, 8, 9};
  Keep keep;
  keep.layers = {true, false};
  const Trace all = forward(*model, tokens_of(ids)), some = forward(*model, tokens_of(ids), keep);
  HeadTable whole(all_scores(), all.parts[0]), part(all_scores(), some.parts[0]);
  whole.add(model->get(), all.parts[0], 0, 2);
  part.add(model->get(), some.parts[0], 0, 2);
  for (size_t s = 0; s < whole.scores.size(); ++s) {
    const std::string id = whole.scores[s]->metric.id;
    if (!whole.scores[s]->of_row || id == "offset" || id.ends_with("stripe")) continue;
    CAPTURE(id);
    CHECK(whole.values(s) == part.values(s));
  }
}

TEST_CASE("the cells of a score add up to it") {
  std::vector<int> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(i * 3 % 8 == 1 ? 5 : i * 7 % 10);
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0, 1);
  Attention a;
  a.n_layers = a.n_heads = a.n_kv_heads = 1;
  a.n_query = a.n_key = 30;
  a.d_head = 6;
  a.mask = Mask::causal;
  std::vector<float> values(180);
  for (float& x : values) x = normal(random);
  const HeadRows rows(1, 30, 6, values);
  a.layers = {QK{rows, rows, rows}};
  a.query_tokens = a.key_tokens = {pieces_of(ids)};
  Trace trace;
  trace.parts.push_back(a);
  const State state;
  const std::vector<float> pattern = trace.parts[0].pattern(0, 0, 0);
  for (const char* id :
       {"previous_token", "self", "first_token", "offset", "duplicate_token", "induction",
        "special", "punctuation", "clark_punctuation", "clark_previous", "block"}) {
    CAPTURE(id);
    const HeadScore* score = find_head_score(id);
    HeadTable table({score}, trace.parts[0]);
    table.add(nullptr, trace.parts[0], 0, 0, state.offset);
    double sum = 0;
    for (const ScoreCell& cell : cells_of(score->metric, {nullptr, &trace, &state}))
      sum += pattern[size_t(cell.query * 30 + cell.key)];
    CHECK(sum == doctest::Approx(table.means[0].sum).epsilon(1e-5));
    CHECK(sum > 0);
  }
  CHECK(cells_of(find_head_score("entropy")->metric, {nullptr, &trace, &state}).empty());
}
