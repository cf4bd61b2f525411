// test_head_character.cpp - what heads do in general and in a text: planted, trained and random
// weights; the two sentences never contradict each other on any example of the page.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/head_character.h"
#include "base/json.h"
#include "figure/head_words.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "planted_model.h"
#include "state/query.h"

using namespace attn;

namespace {

std::shared_ptr<const Model> loaded(const std::filesystem::path& folder) {
  const auto model = load_model(read_model_files(folder), folder.filename().string());
  REQUIRE(model);
  return *model;
}

std::shared_ptr<const Model> bookworm() {
  return loaded(ATTNSCOPE_SOURCE_DIR "/web/models/bookworm-2m");
}

void print(const char* name, const HeadCharacters& all) {
  for (int i = 0; i < all.size(); ++i)
    std::printf("%s %d.%d: %s\n", name, i / all.n_heads, i % all.n_heads,
                general_words(all, i / all.n_heads, i % all.n_heads, Lang::en).c_str());
}

// A head in a text: its row of a token, and what is said of it.
struct Here {
  std::vector<float> row;
  HereInput input;
  HeadHere here;
  Here(const Trace& trace, int layer, int head, int query)
      : row(size_t(trace.parts[0].n_key)), input{trace.parts[0], 0, layer, head, query, row} {
    trace.parts[0].pattern_rows(0, layer, head, query, query + 1,
                                {row.data(), 1, trace.parts[0].n_key});
    here = head_here(input);
  }
  Here(const Here&) = delete;
};

}  // namespace

TEST_CASE("planted heads have in general the role they were made for, and no other") {
  const auto model = PlantedModel(probe_texts(true)).load();
  const auto all = probe(model);
  print("planted", *all);
  REQUIRE(all->size() == 12);
  CHECK(all->n_random == 128);
  CHECK(all->n_text > 100);
  const Role kMain[] = {Role::previous_token, Role::self,      Role::sink,
                        Role::nothing,        Role::induction, Role::duplicate_token,
                        Role::punctuation,    Role::nothing,   Role::nothing,
                        Role::induction,      Role::sink,      Role::nothing};
  const Role kOther[] = {Role::nothing, Role::nothing, Role::nothing,   Role::nothing,
                         Role::nothing, Role::nothing, Role::nothing,   Role::nothing,
                         Role::nothing, Role::sink,    Role::induction, Role::nothing};
  for (int i = 0; i < 12; ++i) {
    CAPTURE(i);
    CHECK(all->heads[size_t(i)].main.role == kMain[i]);
    CHECK(all->heads[size_t(i)].other.role == kOther[i]);
  }
  CHECK(all->at(0, 3).is_even());
  CHECK(all->at(2, 0).is_even());
  CHECK_FALSE(all->at(1, 3).is_even());
  CHECK(all->at(0, 0).main.rank == 1);
  CHECK(general_name(all->at(0, 3), Lang::en) == "Even attention");
  CHECK(general_name(all->at(1, 3), Lang::en) == "No role found");
  CHECK(general_words(*all, 2, 1, Lang::en).find("otherwise rests on the first token") !=
        std::string::npos);
}

TEST_CASE("a probe is the same whenever it is made, and may be made in pieces") {
  const auto model = bookworm();
  const auto all = probe(model);
  ModelProbe again(model);
  int n = 0;
  while (again.step()) ++n;
  CHECK(n > 20);
  CHECK_FALSE(again.step());  // it stays finished
  const auto second = again.take();
  for (int i = 0; i < all->size(); ++i) {
    CHECK(all->heads[size_t(i)].main.value == second->heads[size_t(i)].main.value);
    CHECK(all->heads[size_t(i)].main.role == second->heads[size_t(i)].main.role);
  }
}

TEST_CASE("random weights have no role in general") {
  for (const char* name : {"gpt2", "gpt2-relu", "llama-gqa", "qwen2", "mistral",
                           "gpt-neox-parallel", "gpt-neox-sequential", "bert", "roberta"}) {
    const auto all = probe(loaded(test_models() / name));
    CAPTURE(name);
    REQUIRE(all->size() > 0);
    for (int i = 0; i < all->size(); ++i) {
      CAPTURE(general_words(*all, i / all->n_heads, i % all->n_heads, Lang::en));
      CHECK_FALSE(all->heads[size_t(i)].has_role());
    }
  }
}

TEST_CASE("the shipped model's heads have in general the roles that its card reports") {
  const auto all = probe(bookworm());
  print("bookworm-2m", *all);
  const auto role = [&](int layer, int head) { return all->at(layer, head).main.role; };
  CHECK(role(1, 2) == Role::previous_token);
  CHECK(role(2, 0) == Role::previous_token);
  CHECK(role(3, 1) == Role::induction);
  CHECK(role(3, 2) == Role::induction);
  CHECK(role(3, 4) == Role::induction);
  CHECK(role(2, 4) == Role::duplicate_token);
  CHECK(all->at(3, 1).other.role == Role::sink);
}

TEST_CASE("trained models that are not part of the repository have the roles known of them") {
  if (const auto folder = shared_model("stories260K")) {
    const auto all = probe(loaded(*folder));
    print("stories260K", *all);
    CHECK(all->at(3, 6).main.role == Role::previous_token);
    for (const HeadCharacter& head : all->heads) CHECK(head.main.role != Role::induction);
  }
}

TEST_CASE("heads that are all alike have no place among each other") {
  // All weights zero: every head attends to everything alike.
  Attention a;
  a.n_layers = 1;
  a.n_heads = a.n_kv_heads = 4;
  a.n_query = a.n_key = 12;
  a.d_head = 2;
  a.mask = Mask::causal;
  // One head's pattern four times: all weight on the first token.
  std::vector<float> q(4 * 12 * 2, 1), k(4 * 12 * 2, 0);
  for (int h = 0; h < 4; ++h) k[size_t(h * 24)] = 30;
  a.layers = {QK{{4, 12, 2, q}, {4, 12, 2, k}, {4, 12, 2, k}}};
  Tokens tokens;
  for (int i = 0; i < 12; ++i) tokens.items.push_back({.id = i + 1, .shown = "w"});
  a.query_tokens = a.key_tokens = {tokens};
  HeadTable table(role_scores(false), a);
  table.add(nullptr, a, 0, 0);
  const HeadCharacters all = characters(nullptr, &table, {});
  REQUIRE(all.size() == 4);
  for (const HeadCharacter& head : all.heads) {
    CHECK(head.main.role == Role::sink);
    CHECK(head.main.rank == 0);
  }
  CHECK(general_words(all, 0, 1, Lang::en) == "First-token sink (1.00 on the probe).");
}

TEST_CASE("what a head does here is told by its rows and the chosen token's largest weight") {
  const auto model = PlantedModel(probe_texts(true)).load();
  const Trace trace =
      forward(model, model->tokenizer->encode("the man and the children , the man smiled ."));
  //                                    0   1   2   3   4        5 6   7   8      9
  const Here after(trace, 1, 0, 7), itself(trace, 0, 1, 4), even(trace, 0, 3, 9),
      rests(trace, 2, 1, 4), first(trace, 0, 2, 0), copies(trace, 1, 1, 7);
  CHECK(after.here.key == 2);
  CHECK(after.here.is_after);
  CHECK(token_words(after.here, after.input, Lang::en)
            .find("the token that followed the same token before") != std::string::npos);
  CHECK(rows_words(after.here, Lang::en).find("attends mostly to what followed it") !=
        std::string::npos);
  CHECK(itself.here.self == itself.here.n_rows);
  CHECK(itself.here.n_rows == 9);
  CHECK(rows_words(itself.here, Lang::en) == "Attends mostly to itself in 100 % of rows.");
  CHECK(even.here.is_even);
  CHECK(token_words(even.here, even.input, Lang::en).find("about evenly") != std::string::npos);
  CHECK(rests.here.is_first);
  CHECK(rows_words(rests.here, Lang::en).find("Rests on the first token") == 0);
  CHECK(first.here.n_seen == 1);
  CHECK(copies.here.key == 1);
  CHECK(copies.here.is_copy);
  // Rows that the pass told nothing of are read from the pattern, with the same result.
  Keep keep;
  keep.facts = false;
  const Trace untold = forward(model, trace.parts[0].query_tokens[0], keep);
  for (const int head : {0, 1, 2, 3}) {
    const Here a(trace, 1, head, 7), b(untold, 1, head, 7);
    CHECK(rows_words(a.here, Lang::en) == rows_words(b.here, Lang::en));
    CHECK(rows_words(a.here, Lang::zh) == rows_words(b.here, Lang::zh));
    CHECK(b.here.has_rows);
  }
}

// What an example says of its head must be what the inspector says of it, in general and here.
TEST_CASE("no example of the page contradicts the inspector or the brightest cell") {
  const std::filesystem::path models = ATTNSCOPE_SOURCE_DIR "/web/models";
  const Result<Json> index =
      Json::parse(read_bytes(models / "index.json").text(), "models/index.json");
  REQUIRE(index);
  struct Claim {
    const char* phrase;
    Role role;
  };
  constexpr Claim kClaims[] = {{"this induction head", Role::induction},
                               {"a duplicate-token head", Role::duplicate_token},
                               {"the one just before it", Role::previous_token},
                               {"rests on the first token", Role::sink},
                               {"an attention sink", Role::sink}};
  int n_claims = 0, n_examples = 0, n_named = 0;
  for (size_t m = 0; m < index->at("models").size(); ++m) {
    const Json entry = index->at("models").at(m);
    const auto model = loaded(models / std::string(*entry.at("folder").text()));
    const auto all = probe(model);
    for (size_t e = 0; e < entry.at("examples").size(); ++e) {
      const Json example = entry.at("examples").at(e);
      const auto number = [&](const char* key) {
        return int(example.at(key).integer().value_or(0));
      };
      const std::string says(*example.at("look").at("en").text());
      const int layer = number("layer"), head = number("head"), token = number("token");
      const Trace trace =
          forward(model, model->tokenizer->encode(std::string(*example.at("text").text())));
      REQUIRE(token < trace.parts[0].n_query);
      const Here at(trace, layer, head, token);
      const HeadCharacter& general = all->at(layer, head);
      const std::string in_general = general_words(*all, layer, head, Lang::en),
                        rows = rows_words(at.here, Lang::en),
                        here = token_words(at.here, at.input, Lang::en);
      std::printf("%s\n  in general: %s\n  in this text: %s %s\n", says.c_str(), in_general.c_str(),
                  rows.c_str(), here.c_str());
      CAPTURE(says);
      CAPTURE(in_general);
      CAPTURE(rows);
      CAPTURE(here);
      ++n_examples;
      const auto has = [&](Role role) {
        return general.main.role == role || general.other.role == role;
      };
      int n_here = 0;
      for (const Claim& claim : kClaims) {
        if (says.find(claim.phrase) == std::string::npos) continue;
        ++n_here;
        CHECK(has(claim.role));
        if (claim.role == Role::sink) CHECK(at.here.first * 4 >= at.here.n_rows);
      }
      n_claims += n_here;
      CHECK(n_here > 0);
      CHECK(general.has_role());
      // The brightest cell of the chosen row is one that such a head has.
      const HeadHere& h = at.here;
      CHECK_FALSE(h.is_even);
      CHECK(((has(Role::induction) && h.is_after) || (has(Role::duplicate_token) && h.is_copy) ||
             (has(Role::previous_token) && h.is_previous) || (has(Role::sink) && h.is_first)));
      // The token that the sentence names after "attends most to" is the key of the chosen row.
      constexpr std::string_view kNames = "attends most to \"";
      const size_t names = says.find(kNames);
      if (names != std::string::npos) {
        ++n_named;
        const size_t from = names + kNames.size();
        const std::string key = says.substr(from, says.find('"', from) - from);
        CHECK(trace.parts[0].key_tokens[0].items[size_t(h.key)].shown == key);
        CHECK(here.find(key) != std::string::npos);
      }
    }
  }
  CHECK(n_examples >= 5);
  CHECK(n_claims >= n_examples);
  CHECK(n_named >= 1);
}

// A reader who opens a link sees both sentences, one above the other. Where more than half of the
// rows of the text go to one target, the sentence on the head in general names it too.
TEST_CASE("no link of an example, a lesson or the README says two things of a head") {
  const std::filesystem::path root = ATTNSCOPE_SOURCE_DIR;
  std::vector<std::string> files = {"README.md"};
  for (const auto& file : std::filesystem::directory_iterator(root / "web/lessons"))
    files.push_back("web/lessons/" + file.path().filename().string());
  std::vector<State> links;
  for (const std::string& file : files) {
    const std::string text(read_bytes(root / file).text());
    constexpr std::string_view kBegin = "model=bookworm-2m&";
    for (size_t at = text.find(kBegin); at != std::string::npos; at = text.find(kBegin, at + 1)) {
      const Result<State> state = from_query(text.substr(at, text.find_first_of("\")", at) - at));
      REQUIRE(state);
      links.push_back(*state);
    }
  }
  CHECK(links.size() >= 14);
  const auto model = bookworm();
  const auto all = probe(model);
  for (const State& link : links) {
    const Trace trace = forward(model, model->tokenizer->encode(link.text));
    REQUIRE(link.token < trace.parts[0].n_query);
    const Here at(trace, link.layer, link.head, link.token);
    const HeadHere& here = at.here;
    const HeadCharacter& general = all->at(link.layer, link.head);
    const std::string in_general = general_words(*all, link.layer, link.head, Lang::en),
                      rows = rows_words(here, Lang::en);
    CAPTURE(link.text);
    CAPTURE(in_general);
    CAPTURE(rows);
    const auto has = [&](Role role) {
      return general.main.role == role || general.other.role == role;
    };
    const bool copies =
        general.main.role == Role::induction || general.main.role == Role::duplicate_token;
    // Of a head that copies, the general sentence is about the rows with something to copy.
    for (const auto& [n, role] :
         {std::pair(here.first, Role::sink), std::pair(here.previous, Role::previous_token),
          std::pair(here.self, Role::self)})
      if (2 * n > here.n_rows && !copies) CHECK(has(role));
    if (here.n_copied < kLeastRows) continue;
    if (2 * here.after > here.n_copied) CHECK(has(Role::induction));
    if (2 * here.copies > here.n_copied) CHECK(has(Role::duplicate_token));
    if (!copies) continue;
    // Where there is something to copy, the sentence on this text names it as well.
    const bool after = general.main.role == Role::induction;
    CHECK((after ? here.after : here.copies) > (after ? here.copies : here.after));
    CHECK(rows.find(after ? "what followed it" : "its copies") != std::string::npos);
  }
}
