// test_tokenizer.cpp - tokenizers against what the Hugging Face library made of hard texts.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/utf8.h"
#include "text/tokenizer.h"

using namespace attn;
namespace fs = std::filesystem;

static const fs::path kData = fs::path(ATTNSCOPE_SOURCE_DIR) / "tests/data/tokenizers";

static fs::path shared() {
  const char* folder = std::getenv("ATTNSCOPE_SHARED");
  return folder ? fs::path(folder) : fs::path(ATTNSCOPE_SOURCE_DIR) / "../shared";
}

static std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

static Json read_json(const fs::path& path) {
  const Result<Json> json = Json::parse(read_file(path), path.filename().string());
  REQUIRE_MESSAGE(json, (json ? "" : json.error().message));
  return *json;
}

static std::shared_ptr<const Tokenizer> tokenizer_of(const Json& json) {
  const auto tokenizer = Tokenizer::from_json(json, "tokenizer.json");
  REQUIRE_MESSAGE(tokenizer, (tokenizer ? "" : tokenizer.error().message));
  return *tokenizer;
}

static std::vector<int> ids_of(const Tokens& tokens) {
  std::vector<int> ids;
  for (const Token& token : tokens.items) ids.push_back(token.id);
  return ids;
}

static std::vector<int> ints_of(const Json& list) {
  std::vector<int> out;
  for (size_t i = 0; i < list.size(); ++i) out.push_back(int(list.at(i).integer().value_or(-1)));
  return out;
}

// Begin and end of every token in code points, as the library counts.
static std::vector<int> offsets_of(const Tokens& tokens) {
  std::vector<int> code_point(tokens.text.size() + 1);
  int n = 0;
  for (size_t at = 0; at < tokens.text.size(); ++n) {
    code_point[at] = n;
    decode_utf8(tokens.text, at);
  }
  code_point[tokens.text.size()] = n;
  std::vector<int> out;
  for (const Token& token : tokens.items) {
    out.push_back(code_point[token.begin]);
    out.push_back(code_point[token.end]);
  }
  return out;
}

static std::vector<int> flat(const Json& pairs) {
  std::vector<int> out;
  for (size_t i = 0; i < pairs.size(); ++i)
    for (const int x : ints_of(pairs.at(i))) out.push_back(x);
  return out;
}

static int check_vectors(const Tokenizer& tokenizer, const Json& vectors) {
  const Json cases = vectors.at("cases");
  REQUIRE(cases.size() > 0);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Json expected = cases.at(i);
    const std::string text(*expected.at("text").text());
    CAPTURE(text);
    const Tokens tokens = tokenizer.encode(text);
    CHECK(tokens.text == text);
    CHECK(ids_of(tokens) == ints_of(expected.at("ids")));
    CHECK(offsets_of(tokens) == flat(expected.at("offsets")));
    CHECK(ids_of(tokenizer.encode(text, false)) == ints_of(expected.at("ids_no_special")));
    CHECK(tokenizer.decode(ids_of(tokens)) == expected.at("decoded").text());
    for (size_t k = 0; k < tokens.items.size(); ++k) {
      const Token& token = tokens.items[k];
      CHECK(tokenizer.id_of(token.piece) == token.id);
      if (!token.special) CHECK(token.piece == expected.at("tokens").at(k).text());
    }
  }
  return int(cases.size());
}

TEST_CASE("small tokenizers of every kind cut as the library does") {
  for (const char* name : {"byte_level", "split_byte_level", "sentencepiece_bpe", "metaspace",
                           "word_piece", "unigram", "deberta_v2", "suffixed"}) {
    CAPTURE(name);
    const auto tokenizer = tokenizer_of(read_json(kData / (std::string(name) + ".tokenizer.json")));
    check_vectors(*tokenizer, read_json(kData / (std::string(name) + ".vectors.json")));
  }
}

TEST_CASE("single steps rewrite and cut as the library does") {
  const Json steps = read_json(kData / "steps.json");
  const Json texts = steps.at("texts");
  for (size_t i = 0; i < steps.at("trials").size(); ++i) {
    const Json trial = steps.at("trials").at(i);
    const std::string sections(*trial.at("sections").text());
    CAPTURE(sections);
    const std::string model(*steps.at("models").at(*trial.at("model").text()).text());
    const Result<Json> json =
        Json::parse("{\"model\":" + model + "," + sections.substr(1), "tokenizer.json");
    REQUIRE(json);
    const auto tokenizer = tokenizer_of(*json);
    for (size_t k = 0; k < texts.size(); ++k) {
      const std::string text(*texts.at(k).text());
      CAPTURE(text);
      const Tokens tokens = tokenizer->encode(text);
      if (!trial.at("ids").is_null()) CHECK(ids_of(tokens) == ints_of(trial.at("ids").at(k)));
      CHECK(offsets_of(tokens) == ints_of(trial.at("offsets").at(k)));
    }
  }
}

TEST_CASE("published tokenizers cut as the library does") {
  const fs::path folder = shared() / "models/tokenizers";
  if (!fs::exists(folder)) {
    std::cout << "SKIPPED published tokenizers: " << folder.string() << " is not there\n";
    return;
  }
  for (const char* name :
       {"gpt2", "roberta-base", "phi-3", "bert-base-uncased", "bert-base-chinese", "t5-small"}) {
    CAPTURE(name);
    const auto tokenizer =
        tokenizer_of(read_json(folder / (std::string(name) + ".tokenizer.json")));
    CHECK(check_vectors(*tokenizer, read_json(folder / (std::string(name) + ".vectors.json"))) ==
          40);
  }
}

TEST_CASE("the checkpoints' own tokenizers give the ids they were run with") {
  const fs::path folder = shared() / "models/checkpoints/stories260K";
  if (!fs::exists(folder)) {
    std::cout << "SKIPPED stories260K: " << folder.string() << " is not there\n";
    return;
  }
  const auto tokenizer = tokenizer_of(read_json(folder / "tokenizer.json"));
  const Json cases = read_json(folder / "encodings.json");
  for (size_t i = 0; i < cases.size(); ++i)
    CHECK(ids_of(tokenizer->encode(*cases.at(i).at("text").text())) ==
          ints_of(cases.at(i).at("ids")));
}

TEST_CASE("default-candidate's tokenizer writes back what it read") {
  const fs::path file = shared() / "models/checkpoints/default-candidate/tokenizer.json";
  if (!fs::exists(file)) {
    std::cout << "SKIPPED default-candidate: " << file.string() << " is not there\n";
    return;
  }
  const auto tokenizer = tokenizer_of(read_json(file));
  CHECK(tokenizer->size() == 2048);
  const std::string text = "Once upon a time, 深度学习 👍🏽\r\n\t end ";
  CHECK(tokenizer->decode(ids_of(tokenizer->encode(text))) == text);
}

TEST_CASE("a long text is cut in steps, and into the same tokens") {
  std::string text;
  while (text.size() < 20000) text += "The cat sat. 猫 [MASK] naïve " + std::to_string(text.size());
  for (const char* name : {"word_piece", "byte_level", "unigram"}) {
    CAPTURE(name);
    const auto tokenizer = tokenizer_of(read_json(kData / (name + std::string(".tokenizer.json"))));
    const Tokens whole = tokenizer->encode(text);
    Tokenizing tokenizing(*tokenizer, text);
    int n_steps = 1;
    while (tokenizing.step()) ++n_steps;
    const Result<Tokens> tokens = tokenizing.take();
    REQUIRE(tokens);
    CHECK(ids_of(*tokens) == ids_of(whole));
    CHECK(offsets_of(*tokens) == offsets_of(whole));
    CHECK(n_steps > 20000 / 4096 + whole.size() / 1024);
  }
}
