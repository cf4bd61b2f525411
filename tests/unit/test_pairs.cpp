// test_pairs.cpp - two texts as one input: tokens, types, patterns, and what is seen of each text.
#include <doctest/doctest.h>

#include "analysis/regroup.h"
#include "golden_model.h"
#include "model/text_notes.h"
#include "pass/forward.h"

using namespace attn;

namespace {

const NamedTensors& golden() {
  static const Result<NamedTensors> file = read_safetensors(
      {"pairs.safetensors", read_bytes(ATTNSCOPE_SOURCE_DIR "/tests/data/pairs.safetensors")});
  REQUIRE(file);
  return *file;
}

template <class T>
std::vector<T> numbers(const std::string& name) {
  const StoredTensor* tensor = golden().find(name);
  REQUIRE(tensor);
  std::vector<T> out(tensor->bytes.size() / sizeof(T));
  std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
  return out;
}

std::string metadata(const std::string& name) {
  const auto text = golden().metadata.at(name).text();
  REQUIRE(text);
  return std::string(*text);
}

Tokens pair_of(const Tokenizer& tokenizer) {
  const Result<Tokens> tokens = tokenizer.encode_pair(metadata("first"), metadata("second"));
  REQUIRE(tokens);
  return *tokens;
}

std::vector<int> all(const Tokens& tokens, int Token::* member) {
  std::vector<int> out;
  for (const Token& token : tokens.items) out.push_back(token.*member);
  return out;
}

std::shared_ptr<const Model> load(const std::string& name) {
  Result<std::shared_ptr<const Model>> model =
      load_model(read_model_files(test_models() / name), "");
  if (!model) FAIL(model.error().message);
  return *model;
}

}  // namespace

TEST_CASE("pairs of texts have the ids, types and patterns of transformers") {
  for (const std::string name :
       {"bert", "albert", "electra-generator", "roberta", "distilbert", "modernbert"}) {
    CAPTURE(name);
    const auto model = load(name);
    const Tokens tokens = pair_of(*model->tokenizer);
    CHECK(all(tokens, &Token::id) == numbers<int>(name + ".ids"));
    CHECK(all(tokens, &Token::type) == numbers<int>(name + ".types"));
    REQUIRE(!ForwardPass::check(*model, tokens));
    const Trace trace = forward(model, tokens);
    const Attention& a = trace.parts[0];
    std::vector<float> ours;
    for (int l = 0; l < a.n_layers; ++l)
      for (int h = 0; h < a.n_heads; ++h) {
        std::vector<float> one(size_t(a.n_query) * size_t(a.n_key));
        a.pattern_rows(0, l, h, 0, a.n_query, {one.data(), a.n_query, a.n_key});
        ours.insert(ours.end(), one.begin(), one.end());
      }
    CHECK(most_apart(ours, numbers<float>(name + ".attention")) < 2e-6);
  }
}

TEST_CASE("each post-processor joins two texts as the library does") {
  for (const std::string name : {"bert", "roberta", "turned"}) {
    CAPTURE(name);
    const Result<Json> json = Json::parse(metadata("tokenizer." + name), "tokenizer.json");
    REQUIRE(json);
    const auto tokenizer = Tokenizer::from_json(*json, "tokenizer.json");
    REQUIRE(tokenizer);
    const Tokens tokens = pair_of(**tokenizer);
    CHECK(all(tokens, &Token::id) == numbers<int>("post." + name + ".ids"));
    CHECK(all(tokens, &Token::type) == numbers<int>("post." + name + ".types"));
  }
}

TEST_CASE("offsets of the second text are those of the whole") {
  const Tokens tokens = pair_of(*load("bert")->tokenizer);
  CHECK(tokens.text == "The cat sat on the mat.\nIt was a dog, and it ran.");
  std::string first, second;
  for (const Token& token : tokens.items)
    (token.sequence == 0 ? first : second) +=
        tokens.text.substr(token.begin, token.end - token.begin);
  CHECK(first == "Thecatsatonthemat.");
  CHECK(second == "Itwasadog,anditran.");
}

TEST_CASE("what cannot be a pair is refused in a sentence") {
  const auto gpt2 = load("gpt2");
  const auto none = gpt2->tokenizer->encode_pair("a", "b");
  REQUIRE(!none);
  CHECK(none.error().message.find("no form for two texts") != std::string::npos);
  // albert-groups has one token type, and its tokenizer two.
  const auto albert = load("albert-groups");
  const Status wrong = ForwardPass::check(*albert, pair_of(*albert->tokenizer));
  REQUIRE(wrong);
  CHECK(wrong->message.find("is of type 1, but type_vocab_size of config.json is 1") !=
        std::string::npos);
}

TEST_CASE("a separator in one text of a model with types is said") {
  const auto model = load("bert");
  const auto notes = [&](const Tokens& tokens) { return text_notes(*model, tokens); };
  CHECK(notes(model->tokenizer->encode("The cat.")).empty());
  CHECK(notes(pair_of(*model->tokenizer)).empty());
  const auto said = notes(model->tokenizer->encode("The cat. [SEP] A dog."));
  REQUIRE(said.size() == 1);
  CHECK(said[0].find("[SEP]") != std::string::npos);
  CHECK(said[0].find("second text") != std::string::npos);
}

TEST_CASE("of a pair, queries of one text and keys of the other can be seen alone") {
  const auto model = load("bert");
  const Tokens tokens = pair_of(*model->tokenizer);
  State state;
  state.between = Between::second_first;
  CHECK(!regroups(state));  // one text
  state.pair = metadata("second");
  REQUIRE(regroups(state));
  const Groups queries = groups_of(tokens, state, PairSide::query);
  const Groups keys = groups_of(tokens, state, PairSide::key);
  CHECK(keys.size() == 16);
  CHECK(queries.size() == 14);
  CHECK(queries.of_token[0] == -1);
  CHECK(queries.of_token[16] == 0);
  CHECK(keys.of_token[16] == -1);
  CHECK(hidden_words(state, 14, .25, Lang::en) == "14 hidden tokens hold 0.250 of the weight");
  CHECK(regroup_words(state, true, Lang::en) == "Second → first");
  state.specials = Specials::hidden;
  CHECK(groups_of(tokens, state, PairSide::key).size() == 14);
  state.token = 2;
  state.locked_key = 20;
  const State seen = visible(state, forward(model, tokens));
  CHECK(seen.token == 16);
  CHECK(seen.locked_key == -1);
}
