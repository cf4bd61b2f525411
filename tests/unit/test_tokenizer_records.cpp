// test_tokenizer_records.cpp - tokenizers made of records that no tokenizer.json was read for.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"
#include "text/tokenizer_records.h"

using namespace attn;

namespace {

using Made = std::shared_ptr<const Tokenizer>;

Made from_json(const std::string& text) {
  const Result<Json> json = Json::parse(text, "tokenizer.json");
  REQUIRE(json);
  const Result<Made> made = Tokenizer::from_json(*json, "tokenizer.json");
  if (!made) FAIL(made.error().message);
  return *made;
}

Made from_records(TokenizerRecords records) {
  const Result<Made> made = Tokenizer::from_records(std::move(records));
  if (!made) FAIL(made.error().message);
  return *made;
}

std::string error_of(TokenizerRecords records) {
  const Result<Made> made = Tokenizer::from_records(std::move(records));
  return made ? "" : made.error().message;
}

Vocabulary vocabulary_of(const std::vector<std::string>& pieces) {
  Vocabulary out;
  for (size_t i = 0; i < pieces.size(); ++i) out.add(pieces[i], int(i));
  return out;
}

std::string vocabulary_json(const std::vector<std::string>& pieces) {
  std::string out;
  for (size_t i = 0; i < pieces.size(); ++i)
    out += (i ? ", " : "") + json_quote(pieces[i]) + ": " + std::to_string(i);
  return "{" + out + "}";
}

// Both cut every text into the same tokens at the same places, and put them together again.
void check_same(const Tokenizer& a, const Tokenizer& b, const std::vector<std::string>& texts) {
  CHECK(a.size() == b.size());
  for (const std::string& text : texts) {
    CAPTURE(text);
    const Tokens left = a.encode(text), right = b.encode(text);
    REQUIRE(left.size() == right.size());
    CHECK(left.size() > 0);
    std::vector<int> ids;
    for (int i = 0; i < left.size(); ++i) {
      const Token &x = left.items[size_t(i)], &y = right.items[size_t(i)];
      CHECK(x.id == y.id);
      CHECK(x.piece == y.piece);
      CHECK(x.shown == y.shown);
      CHECK(x.begin == y.begin);
      CHECK(x.end == y.end);
      CHECK(x.special == y.special);
      ids.push_back(x.id);
    }
    CHECK(a.decode(ids) == b.decode(ids));
  }
}

const std::vector<std::string> kBytePairs = {"l", "o", "w",  "e",   "r",  "Ġ",    "Ã",
                                             "©", "!", "lo", "low", "er", "Ġlow", "<end>"};

TokenizerRecords byte_pair_records() {
  TokenizerRecords records;
  records.file = "by hand";
  records.model.kind = SubwordKind::bpe;
  records.model.vocabulary = vocabulary_of(kBytePairs);
  const std::pair<const char*, const char*> merges[] = {
      {"l", "o"}, {"lo", "w"}, {"e", "r"}, {"Ġ", "low"}};
  for (const auto& [left, right] : merges) CHECK(!records.model.add_merge(left, right));
  records.added.push_back({.id = 13, .content = "<end>", .special = true});
  records.pre_tokenizer = pre_tokenizers::byte_level(false, true);
  records.post_processor = post_processors::trim_offsets(false);
  records.decoder = decoders::byte_level();
  return records;
}

const std::vector<std::string> kWordPieces = {"[PAD]", "[UNK]",  "[CLS]", "[SEP]", "un",
                                              "##aff", "##able", "##a",   "able",  "cafe",
                                              "##s",   ",",      "深",    "a"};

TokenizerRecords word_piece_records() {
  TokenizerRecords records;
  records.file = "vocab.txt";
  records.model.kind = SubwordKind::word_piece;
  records.model.vocabulary = vocabulary_of(kWordPieces);
  records.model.continuing_prefix = "##";
  records.model.unknown = records.model.vocabulary.find("[UNK]");
  for (int id = 0; id < 4; ++id)
    records.added.push_back({.id = id, .content = kWordPieces[size_t(id)], .special = true});
  records.normalizer = normalizers::bert({});
  records.pre_tokenizer = pre_tokenizers::bert();
  records.post_processor = post_processors::assemble(
      {post_processors::special_item("[CLS]", 2), post_processors::text_item(0, 0),
       post_processors::special_item("[SEP]", 3)},
      {});
  records.decoder = decoders::word_piece("##", true);
  return records;
}

}  // namespace

TEST_CASE("byte pairs from records cut as those of a tokenizer.json") {
  const Made read =
      from_json(R"({"model": {"type": "BPE", "vocab": )" + vocabulary_json(kBytePairs) +
                R"(, "merges": ["l o", "lo w", ["e", "r"], "Ġ low"]},
      "added_tokens": [{"id": 13, "content": "<end>", "special": true}],
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
      "post_processor": {"type": "ByteLevel", "add_prefix_space": false},
      "decoder": {"type": "ByteLevel"}})");
  const Made made = from_records(byte_pair_records());
  check_same(*made, *read, {"lower low", "low<end>lower", "é!", "wolo rew lowlow", " low  e"});
  const Tokens tokens = made->encode("lower low");
  REQUIRE(tokens.size() == 3);
  CHECK(tokens.items[0].piece == "low");
  CHECK(tokens.items[1].piece == "er");
  CHECK(tokens.items[2].piece == "Ġlow");
  CHECK(tokens.items[2].shown == " low");
}

TEST_CASE("word pieces from records cut as those of a tokenizer.json") {
  const Made read =
      from_json(R"({"model": {"type": "WordPiece", "vocab": )" + vocabulary_json(kWordPieces) +
                R"(, "unk_token": "[UNK]"},
      "added_tokens": [{"id": 0, "content": "[PAD]", "special": true},
                       {"id": 1, "content": "[UNK]", "special": true},
                       {"id": 2, "content": "[CLS]", "special": true},
                       {"id": 3, "content": "[SEP]", "special": true}],
      "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
      "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
      "decoder": {"type": "WordPiece"}})");
  const Made made = from_records(word_piece_records());
  check_same(*made, *read, {"Unaffable", "un, Cafés", "深a深", "unknowable [SEP] able", ""});
  const Tokens tokens = made->encode("Unaffable Cafés");
  REQUIRE(tokens.size() == 7);
  CHECK(tokens.items[0].special);
  CHECK(tokens.items[3].piece == "##able");
  CHECK(tokens.items[5].piece == "##s");
}

TEST_CASE("scored pieces from records: the likeliest cut") {
  TokenizerRecords records;
  records.model.kind = SubwordKind::unigram;
  records.model.vocabulary = vocabulary_of({"<unk>", "▁", "▁a", "b", "ab", "▁ab"});
  records.model.scores = {0, -3, -2, -2, -5, -4.5};
  records.model.unknown = 0;
  records.pre_tokenizer =
      pre_tokenizers::metaspace(U'▁', pre_tokenizers::PrependScheme::always, true);
  records.decoder = decoders::metaspace("▁", true);
  const Made made = from_records(records);
  const auto pieces = [&](const char* text) {
    std::string out;
    for (const Token& token : made->encode(text).items) out += token.piece + "|";
    return out;
  };
  CHECK(pieces("ab") == "▁a|b|");  // -4 against -4.5
  records.model.scores[5] = -3.5;
  CHECK(from_records(records)->encode("ab").size() == 1);
  CHECK(pieces("ab ab") == "▁a|b|▁a|b|");
}

TEST_CASE("records that don't fit together are refused") {
  TokenizerRecords records = byte_pair_records();
  CHECK(records.model.add_merge("w", "x") == "x");
  CHECK(records.model.add_merge("w", "o") == "wo");
  records.model.merges.push_back({0, 1, 99});
  CHECK(error_of(records).starts_with("by hand: model: a merge uses pieces that are not in"));
  records = byte_pair_records();
  records.model.unknown = 14;
  CHECK(error_of(records).starts_with("by hand: model: the unknown token is not in"));
  records = word_piece_records();
  records.post_processor = post_processors::assemble(
      {post_processors::special_item("[CLS]", 99), post_processors::text_item(0, 0)}, {});
  CHECK(error_of(records).starts_with(
      "vocab.txt: post_processor gives \"[CLS]\" the id 99, but the"));
  records = byte_pair_records();
  records.added[0] = {.id = 1'000'000'000, .content = "new"};
  CHECK(error_of(records).starts_with("by hand: added_tokens: the id of \"new\" must be"));
  records = word_piece_records();
  records.model.unknown = -1;
  CHECK(error_of(records).starts_with("vocab.txt: model: WordPiece needs an unknown token"));
  records = {};
  records.model.kind = SubwordKind::unigram;
  records.model.vocabulary = vocabulary_of({"a", "b"});
  records.model.scores = {0};
  CHECK(error_of(records).starts_with("tokenizer.json: model: there are fewer scores than pieces"));
}
