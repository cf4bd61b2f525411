// test_head_role.cpp - planted heads get the name they were made for; sinks and noise never
// another.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>

#include "analysis/head_role.h"
#include "base/json.h"
#include "files/safetensors.h"
#include "golden_model.h"
#include "pass/forward.h"

using namespace attn;

namespace {

Tokens words(const std::vector<int>& ids) {
  Tokens tokens;
  for (const int id : ids) {
    const size_t begin = tokens.text.size();
    const std::string piece = id == 0   ? "<s>"
                              : id == 1 ? ","
                              : id == 2 ? "."
                                        : " w" + std::to_string(id);
    if (id > 0) tokens.text += piece;
    tokens.items.push_back(
        {.id = id, .shown = piece, .begin = begin, .end = tokens.text.size(), .special = id == 0});
  }
  return tokens;
}

// Attention with the logarithms `score(query, key)` (and what is lower than -50 as good as
// nothing): q are unit vectors, k the scores' columns.
Trace planted(const std::vector<int>& ids, Mask mask,
              const std::function<double(int, int)>& score) {
  const int n = int(ids.size());
  Attention a;
  a.n_layers = a.n_heads = a.n_kv_heads = 1;
  a.n_query = a.n_key = a.d_head = n;
  a.mask = mask;
  std::vector<float> q(size_t(n) * size_t(n)), k(q.size());
  for (int i = 0; i < n; ++i) {
    q[size_t(i * n + i)] = 1;
    for (int j = 0; j < n; ++j) k[size_t(j * n + i)] = float(score(i, j));
  }
  a.layers = {QK{{1, n, n, q}, {1, n, n, k}, {1, n, n, k}}};
  Trace trace;
  trace.parts.push_back(std::move(a));
  trace.parts[0].query_tokens = trace.parts[0].key_tokens = {words(ids)};
  return trace;
}

HeadRole role_of(const Trace& trace, int period = 0, int layer = 0, int head = 0) {
  HeadTable table(role_scores(period > 0), trace.parts[0]);
  table.add(nullptr, trace.parts[0], 0, period);
  return head_role(table, layer, head);
}

// A text whose second half says some of the first again; sentences of nine tokens, since those of
// three are diagonals.
std::vector<int> some_text(std::mt19937& random, int n) {
  std::vector<int> ids = {0};
  for (int i = 1; i < n; ++i) {
    if (i > n / 2 && i % 3) {
      ids.push_back(std::max(3, ids[size_t(i - n / 2 + 1)]));
    } else {
      ids.push_back(i % 9 == 0 ? 2 : i % 7 == 0 ? 1 : 3 + int(random() % 500));
    }
  }
  return ids;
}

}  // namespace

TEST_CASE("planted heads get their names, with noise and part of their weight on the first token") {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, .5);
  int n_right = 0, n_all = 0;
  for (int round = 0; round < 40; ++round) {
    const std::vector<int> ids = some_text(random, 40 + int(random() % 40));
    const auto before = [&](int i, int j) {  // the last copy of i before it is j
      if (j >= i || ids[size_t(i)] != ids[size_t(j)]) return false;
      for (int p = j + 1; p < i; ++p)
        if (ids[size_t(p)] == ids[size_t(i)]) return false;
      return true;
    };
    const auto has_copy = [&](int i) {
      return std::find(ids.begin(), ids.begin() + i, ids[size_t(i)]) != ids.begin() + i;
    };
    const double strong = 6, rest = round % 2 ? 3 : 0;  // of what is planted; of the first token
    struct Plant {
      Role role;
      Mask mask;
      std::function<bool(int, int)> looks;
      bool may_rest =
          false;  // on the first token, where there is nothing to copy: it may be called a sink
    };
    const auto sentence = [&](int i) { return int(std::count(ids.begin(), ids.begin() + i, 2)); };
    const Plant kPlants[] = {
        {Role::previous_token, Mask::causal, [](int i, int j) { return j == i - 1; }},
        {Role::previous_token, Mask::none, [](int i, int j) { return j == i - 1; }},
        {Role::next_token, Mask::none, [](int i, int j) { return j == i + 1; }},
        {Role::self, Mask::causal, [](int i, int j) { return j == i; }},
        {Role::induction, Mask::causal, [&](int i, int j) { return j >= 1 && before(i, j - 1); }},
        {Role::duplicate_token, Mask::causal, [&](int i, int j) { return before(i, j); }},
        {Role::induction, Mask::causal,
         [&](int i, int j) { return has_copy(i) ? j >= 1 && before(i, j - 1) : j == 0; }, true},
        {Role::duplicate_token, Mask::causal,
         [&](int i, int j) { return has_copy(i) ? before(i, j) : j == 0; }, true},
        {Role::punctuation, Mask::none,
         [&](int, int j) { return ids[size_t(j)] == 1 || ids[size_t(j)] == 2; }},
        {Role::block, Mask::none, [&](int i, int j) { return sentence(i) == sentence(j); }},
        {Role::broad, Mask::causal, [](int, int) { return true; }},
    };
    for (const Plant& plant : kPlants) {
      const bool copies = plant.role == Role::induction || plant.role == Role::duplicate_token;
      const double first = plant.role == Role::broad ? 0 : copies ? rest / 3 : rest;
      const Trace trace = planted(ids, plant.mask, [&](int i, int j) {
        return (plant.looks(i, j) ? strong : 0) + (j == 0 ? first : 0) + normal(random);
      });
      const HeadRole role = role_of(trace);
      CAPTURE(int(plant.role));
      CAPTURE(int(plant.mask));
      CAPTURE(round);
      CAPTURE(std::string(role.name.en));
      CAPTURE(role.value);
      CAPTURE(role.baseline);
      CHECK((role.role == plant.role || (plant.may_rest && role.role == Role::sink)));
      if (plant.may_rest) continue;
      n_right += role.role == plant.role;
      ++n_all;
      CHECK(role.confidence >= 0);
      CHECK(role.confidence <= 1);
    }
  }
  std::printf("planted heads: %d of %d by their own names\n", n_right, n_all);
}

TEST_CASE("a sink is a sink, whatever it does with the rest") {
  std::mt19937 random(3);
  std::normal_distribution<double> normal(0, 1);
  for (int round = 0; round < 60; ++round) {
    const std::vector<int> ids = some_text(random, 30 + int(random() % 60));
    const int what = round % 4;
    const Trace trace = planted(ids, Mask::causal, [&](int i, int j) {
      const bool looks = what == 1   ? j == i - 1
                         : what == 2 ? j == i
                                     : what == 3 && j >= 1 && ids[size_t(j) - 1] == ids[size_t(i)];
      return (j == 0 ? 9 : 0) + (looks ? 6 : 0) + normal(random);
    });
    const HeadRole role = role_of(trace);
    CAPTURE(round);
    CAPTURE(std::string(role.name.en));
    CHECK(role.role == Role::sink);
    CHECK(role.confidence > .5);
  }
}

TEST_CASE("random heads are found to do nothing") {
  std::mt19937 random(11);
  int n_nothing = 0, n_all = 0;
  std::map<std::string, int> names;
  for (int round = 0; round < 400; ++round) {
    std::normal_distribution<double> normal(
        0, 1.5 + .5 * (round % 4));  // at 1 and less they are rightly broad
    const std::vector<int> ids = some_text(random, 32 + int(random() % 64));
    const Trace trace = planted(ids, round % 2 ? Mask::causal : Mask::none,
                                [&](int, int) { return normal(random); });
    const HeadRole role = role_of(trace);
    n_nothing += role.role == Role::nothing;
    ++n_all;
    ++names[role.name.en];
  }
  for (const auto& [name, n] : names)
    std::printf("random heads: %s %d of %d\n", name.c_str(), n, n_all);
  CHECK(n_nothing >= n_all * 95 / 100);
}

namespace {

// Roles of all heads on r + r with r of 50 random tokens, over some draws.
HeadTable repeated(const std::shared_ptr<const Model>& model, int n_draws, uint32_t seed) {
  std::mt19937 draw(seed);
  std::optional<HeadTable> table;
  for (int sample = 0; sample < n_draws; ++sample) {
    std::vector<int> ids;
    for (int i = 0; i < 50; ++i)
      ids.push_back(1 + int(draw() % uint32_t(model->config.d_vocab - 1)));
    for (int i = 0; i < 50; ++i) ids.push_back(ids[size_t(i)]);
    const Trace trace = forward(model, tokens_of(ids));
    if (!table) table.emplace(role_scores(true), trace.parts[0]);
    table->add(model.get(), trace.parts[0], 0, 50);
  }
  return std::move(*table);
}

// Prints all roles that were found; how many of each.
std::map<Role, int> print_roles(const std::string& name, const HeadTable& table) {
  std::map<Role, int> counts;
  for (int layer = 0; layer < table.n_layers; ++layer) {
    for (int head = 0; head < table.n_heads; ++head) {
      const HeadRole r = head_role(table, layer, head);
      ++counts[r.role];
      if (r.role != Role::nothing)
        std::printf("%s %d.%d: %s %.2f\n", name.c_str(), layer, head, r.name.en,
                    double(r.confidence));
    }
  }
  return counts;
}

std::shared_ptr<const Model> load_shared(const char* name) {
  const auto folder = shared_model(name);
  if (!folder) return {};
  const Result<std::shared_ptr<const Model>> model = load_model(read_model_files(*folder), name);
  REQUIRE(model);
  return *model;
}

// Attention [layer, head, query, key] as somebody published it: the logarithms of the weights are
// its scores.
Trace published(const Json& names, std::span<const float> attn, int n_layers, int n_heads,
                Mask mask) {
  Trace trace;
  Tokens tokens;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string piece(*names.at(i).text());
    const size_t begin = tokens.text.size();
    const bool special = piece == "[CLS]" || piece == "[SEP]";
    if (!special) tokens.text += piece + " ";
    tokens.items.push_back({.id = int(i),
                            .shown = piece,
                            .begin = begin,
                            .end = tokens.text.size(),
                            .special = special});
  }
  const int n = tokens.size();
  Attention a;
  a.n_layers = n_layers;
  a.n_heads = a.n_kv_heads = n_heads;
  a.n_query = a.n_key = a.d_head = n;
  a.mask = mask;
  for (int l = 0; l < n_layers; ++l) {
    std::vector<float> q(size_t(n_heads * n * n)), k(q.size());
    for (int h = 0; h < n_heads; ++h) {
      for (int i = 0; i < n; ++i) {
        q[size_t((h * n + i) * n + i)] = 1;
        for (int j = 0; j < n; ++j)
          k[size_t((h * n + j) * n + i)] =
              std::log(std::max(attn[size_t(((l * n_heads + h) * n + i) * n + j)], 1e-30f));
      }
    }
    a.layers.push_back(QK{{n_heads, n, n, q}, {n_heads, n, n, k}, {n_heads, n, n, k}});
  }
  trace.parts.push_back(std::move(a));
  trace.parts[0].query_tokens = trace.parts[0].key_tokens = {tokens};
  return trace;
}

std::optional<std::filesystem::path> shared_attention(const std::string& name) {
  const char* given = std::getenv("ATTNSCOPE_SHARED");
  const std::filesystem::path shared = given ? given : ATTNSCOPE_SOURCE_DIR "/../shared";
  std::filesystem::path folder = shared / "models" / "attention" / name;
  if (std::filesystem::exists(folder)) return folder;
  std::printf("SKIPPED %s: no %s\n", name.c_str(), folder.string().c_str());
  return {};
}

}  // namespace

TEST_CASE("heads of checkpoints with random weights look at nothing in particular") {
  int n_all = 0, n_named = 0;
  for (const char* name : {"gpt2", "gpt2-relu", "llama-gqa", "qwen2", "mistral",
                           "gpt-neox-parallel", "gpt-neox-sequential", "bert", "roberta"}) {
    CAPTURE(name);
    const Result<std::shared_ptr<const Model>> model =
        load_model(read_model_files(test_models() / name), name);
    REQUIRE(model);
    std::mt19937 draw(4);
    std::optional<HeadTable> table;
    for (int sample = 0; sample < 4; ++sample) {
      std::vector<int> ids;
      for (int i = 0; i < 14; ++i)
        ids.push_back(5 + int(draw() % uint32_t((*model)->config.d_vocab - 5)));
      for (int i = 0; i < 14; ++i) ids.push_back(ids[size_t(i)]);
      const Trace trace = forward(*model, tokens_of(ids));
      if (!table) table.emplace(role_scores(true), trace.parts[0]);
      table->add(nullptr, trace.parts[0], 0, 14);
    }
    for (const auto& [role, n] : print_roles(name, *table)) {
      n_all += n;
      if (role != Role::nothing && role != Role::broad) n_named += n;
    }
  }
  std::printf("random weights: %d of %d heads are called more than broad\n", n_named, n_all);
  CHECK(n_named == 0);
}

TEST_CASE("stories260K has the one head that is known of it") {
  const auto model = load_shared("stories260K");
  if (!model) return;
  const HeadTable table = repeated(model, 4, 1);
  std::map<Role, int> counts = print_roles("stories260K", table);
  CHECK(head_role(table, 3, 6).role == Role::previous_token);
  CHECK(counts[Role::induction] == 0);
}

TEST_CASE("a trained model's heads have the roles that its card reports") {
  const auto model = load_shared("default-candidate");
  if (!model) return;
  const HeadTable table = repeated(model, 8, 1);
  print_roles("default-candidate", table);
  const auto role = [&](int layer, int head) { return head_role(table, layer, head).role; };
  CHECK(role(2, 2) == Role::induction);
  CHECK(role(2, 3) == Role::induction);
  CHECK(role(1, 3) == Role::previous_token);
  CHECK(role(2, 1) == Role::previous_token);
}

// Wang et al. 2022 name 4.11 of GPT-2 small a previous-token head.
TEST_CASE("GPT-2 small's previous-token head is found in its published attention") {
  const auto folder = shared_attention("gpt2-small-internals");
  if (!folder) return;
  std::optional<HeadTable> table;
  for (const char* name : {"gpt2_te_ex0.json", "gpt2_te_ex3.json"}) {
    const Result<Json> json = Json::parse(read_bytes(*folder / name).text(), name);
    REQUIRE(json);
    const Json layers = json->at("attn").at("attn_softmax");
    std::vector<float> attn;
    for (size_t l = 0; l < layers.size(); ++l)
      for (size_t h = 0; h < layers.at(l).size(); ++h)
        for (size_t i = 0; i < layers.at(l).at(h).size(); ++i)
          for (size_t j = 0; j < layers.at(l).at(h).at(i).size(); ++j)
            attn.push_back(float(layers.at(l).at(h).at(i).at(j).number().value_or(0)));
    const Trace trace = published(json->at("tokens"), attn, 12, 12, Mask::causal);
    if (!table) table.emplace(role_scores(false), trace.parts[0]);
    table->add(nullptr, trace.parts[0], 0, 0);
  }
  print_roles("gpt2", *table);
  CHECK(head_role(*table, 4, 11).role == Role::previous_token);
}

// Clark et al. 2019 show 3-1 (next token) and 8-7 ([SEP]) of BERT base, counted from 1; these are
// of one that was trained on.
TEST_CASE("BERT's known heads are found in its published attention") {
  const auto folder = shared_attention("bert-sst2-dodrio");
  if (!folder) return;
  std::optional<HeadTable> table;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".safetensors") continue;
    const Result<NamedTensors> file =
        read_safetensors({entry.path().filename().string(), read_bytes(entry.path())});
    REQUIRE(file);
    std::filesystem::path about = entry.path();
    const Result<Json> json =
        Json::parse(read_bytes(about.replace_extension(".json")).text(), "about");
    REQUIRE(json);
    std::vector<uint16_t> stored(file->tensors[0].bytes.size() / 2);
    std::memcpy(stored.data(), file->tensors[0].bytes.data(), stored.size() * 2);
    const std::vector<float> attn(stored.begin(), stored.end());  // times 10,000
    const Trace trace = published(json->at("tokens"), attn, 12, 12, Mask::none);
    if (!table) table.emplace(role_scores(false), trace.parts[0]);
    table->add(nullptr, trace.parts[0], 0, 0);
  }
  print_roles("bert", *table);
  CHECK(head_role(*table, 2, 0).role == Role::next_token);
  CHECK(head_role(*table, 7, 6).role == Role::special);
}

TEST_CASE("the shipped model's heads have the roles that its card reports") {
  const std::filesystem::path folder = ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m";
  const Result<std::shared_ptr<const Model>> model =
      load_model(read_model_files(folder), "bookworm-2m");
  REQUIRE(model);
  const HeadTable table = repeated(*model, 4, 1);
  const auto role = [&](int layer, int head) { return head_role(table, layer, head).role; };
  CHECK(role(1, 2) == Role::previous_token);
  CHECK(role(2, 0) == Role::previous_token);
  CHECK(role(3, 1) == Role::induction);
  CHECK(role(3, 2) == Role::induction);
  CHECK(role(3, 4) == Role::induction);
  CHECK(role(2, 4) == Role::duplicate_token);
  print_roles("bookworm-2m", table);
}
