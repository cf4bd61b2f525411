// test_tokenizer_files.cpp - tokenizers of vocab.txt, merges.txt and SentencePiece's models against
// what transformers makes of the same files.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/utf8.h"
#include "golden_model.h"
#include "text/tokenizer.h"
#include "text/tokenizer_files.h"

using namespace attn;

namespace {

using Contents = std::map<std::string, std::string, std::less<>>;

const std::filesystem::path kData = ATTNSCOPE_SOURCE_DIR "/tests/data/tokenizer_files";

std::string content_of(const std::filesystem::path& path) {
  return std::string(read_bytes(path).text());
}

Json parsed(const std::string& text) {
  const Result<Json> json = Json::parse(text, "cases.json");
  REQUIRE(json);
  return *json;
}

const Json& goldens() {
  static const Json all = parsed(content_of(kData / "cases.json"));
  return all;
}

Json golden(std::string_view name) {
  const Json cases = goldens().at("cases");
  for (size_t i = 0; i < cases.size(); ++i)
    if (cases.at(i).at("name").text() == name) return cases.at(i);
  FAIL("no golden ", name);
  return {};
}

std::string written(const Json& json) {
  if (const auto text = json.text()) return json_quote(*text);
  if (const auto flag = json.boolean()) return *flag ? "true" : "false";
  if (const auto number = json.integer()) return std::to_string(*number);
  if (json.is_null()) return "null";
  std::string out;
  json.each([&](std::string_view key, const Json& value) {
    out += (out.empty() ? "" : ",") + (json.is_object() ? json_quote(key) + ":" : std::string()) +
           written(value);
    return true;
  });
  return json.is_object() ? "{" + out + "}" : "[" + out + "]";
}

// The files of a golden by their names in a model's folder.
Contents files_of(const Json& golden) {
  Contents out;
  golden.at("files").each([&](std::string_view name, const Json& value) {
    const auto file = value.text();
    out.emplace(name, file ? content_of(kData / *file) : written(value));
    return true;
  });
  return out;
}

TokenizerFiles files_in(const Contents& contents, std::string_view model_type) {
  const auto find = [&contents](std::string_view name) -> std::optional<std::string_view> {
    const auto it = contents.find(name);
    if (it == contents.end()) return {};
    return it->second;
  };
  return {find, std::string(model_type), ""};
}

Result<std::shared_ptr<const Tokenizer>> read(const Contents& contents, std::string_view model_type,
                                              std::vector<std::string>* notes = nullptr) {
  std::vector<std::string> ours;
  Result<TokenizerRecords> records = read_tokenizer_files(files_in(contents, model_type), ours);
  if (notes) *notes = ours;
  if (!records) return records.error();
  return Tokenizer::from_records(std::move(*records));
}

std::string error_of(const Contents& contents, std::string_view model_type) {
  const auto made = read(contents, model_type);
  return made ? "" : made.error().message;
}

std::vector<int> ints_of(const Json& list) {
  std::vector<int> out;
  list.each([&](std::string_view, const Json& x) {
    out.push_back(int(x.integer().value_or(-1)));
    return true;
  });
  return out;
}

std::vector<int> ids_of(const Tokens& tokens) {
  std::vector<int> out;
  for (const Token& token : tokens.items) out.push_back(token.id);
  return out;
}

std::vector<int> offsets_of(const Tokens& tokens) {
  const auto code_points = [&](uint32_t end) {
    return int(std::count_if(tokens.text.begin(), tokens.text.begin() + std::ptrdiff_t(end),
                             [](char c) { return (uint8_t(c) & 0xC0) != 0x80; }));
  };
  std::vector<int> out;
  for (const Token& token : tokens.items) {
    out.push_back(code_points(uint32_t(token.begin)));
    out.push_back(code_points(uint32_t(token.end)));
  }
  return out;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::filesystem::path shared_cases() {
  const char* given = std::getenv("ATTNSCOPE_SHARED");
  return std::filesystem::path(given ? given : ATTNSCOPE_SOURCE_DIR "/../shared") / "cases";
}

}  // namespace

TEST_CASE("older tokenizer files cut as transformers cuts with them") {
  const Json texts = goldens().at("texts"), cases = goldens().at("cases");
  REQUIRE(cases.size() > 20);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Json expected = cases.at(i);
    const std::string name(*expected.at("name").text());
    CAPTURE(name);
    const auto tokenizer = read(files_of(expected), *expected.at("model_type").text());
    REQUIRE_MESSAGE(tokenizer, (tokenizer ? "" : tokenizer.error().message));
    CHECK((*tokenizer)->size() == expected.at("size").integer());
    for (size_t k = 0; k < texts.size(); ++k) {
      const std::string text(*texts.at(k).text());
      CAPTURE(text);
      const Tokens tokens = (*tokenizer)->encode(text);
      CHECK(ids_of(tokens) == ints_of(expected.at("ids").at(k)));
      CHECK(offsets_of(tokens) == ints_of(expected.at("offsets").at(k)));
      CHECK((*tokenizer)->decode(ids_of(tokens)) == expected.at("decoded").at(k).text());
      const Result<Tokens> pair = (*tokenizer)->encode_pair(text, "dog");
      REQUIRE(pair);
      std::vector<int> both;
      for (const Token& token : pair->items) both.insert(both.end(), {token.id, token.type});
      CHECK(both == ints_of(expected.at("pairs").at(k)));
    }
  }
}

TEST_CASE("what older tokenizer files leave open or have beyond what is used is said") {
  std::vector<std::string> notes;
  REQUIRE(read(files_of(golden("bert")), "bert", &notes));
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] ==
        "tokenizer_config.json is missing; vocab.txt is read as BertTokenizer does without it, in "
        "lower case");
  REQUIRE(read(files_of(golden("mistral")), "mistral", &notes));
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0],
            "tokenizer.model is read as TokenizersBackend does without it, with no "
            "token before the text"));
  REQUIRE(read(files_of(golden("bert-cased")), "bert", &notes));
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] == "tokenizer_config.json has fields that are not used: never_split");
  REQUIRE(read({{"vocab.txt", "[UNK]\n[CLS]\n[SEP]\nAAA\nAAC\n"}}, "bert", &notes));
  REQUIRE(notes.size() == 2);
  CHECK(has(notes[0], "vocab.txt has words with capitals, and nothing sets do_lower_case"));
  CHECK(notes[1] ==
        "tokenizer_config.json is missing; vocab.txt is read as BertTokenizer does without it");
  Contents words = files_of(golden("mpnet"));
  words["vocab.txt"] += "a\nb\n";
  REQUIRE(read(words, "mpnet", &notes));
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "vocab.txt has 2 repeated lines, the first of them \"a\"; the last one"));
  words["tokenizer_config.json"] =
      R"({"do_basic_tokenize": false, "tokenize_chinese_chars": true})";
  REQUIRE(read(words, "mpnet", &notes));
  CHECK(has(notes.back(), "not used: do_basic_tokenize"));
}

TEST_CASE("the class of older tokenizer files is the one that transformers takes") {
  const Contents bytes = files_of(golden("gpt2"));
  const std::vector<int> gpt2 = ids_of((*read(bytes, "gpt2"))->encode("a  b"));
  Contents named = bytes;
  named["tokenizer_config.json"] = R"({"tokenizer_class": "RobertaTokenizer"})";
  // The class that is named counts more than the type, but for Qwen2.
  CHECK(ids_of((*read(named, "gpt2"))->encode("a  b")).size() == gpt2.size() + 2);
  CHECK(ids_of((*read(named, "qwen2"))->encode("a")).size() == 1);
  TokenizerFiles files = files_in(bytes, "unheard-of");
  files.tokenizer_class = "GPT2TokenizerFast";
  std::vector<std::string> notes;
  CHECK(read_tokenizer_files(files, notes));
  CHECK(error_of(bytes, "unheard-of") ==
        "tokenizer.json is missing, and nothing says which tokenizer vocab.json is of; name its "
        "tokenizer_class in tokenizer_config.json, or write a tokenizer.json with transformers: "
        "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
  named["tokenizer_config.json"] = R"({"tokenizer_class": "BertJapaneseTokenizer"})";
  CHECK(has(error_of(named, "gpt2"),
            "tokenizer.json is missing, and tokenizer_config.json: "
            "tokenizer_class \"BertJapaneseTokenizer\" is not supported"));
  CHECK(has(error_of(bytes, "bert"),
            "BertTokenizer needs vocab.txt, which is missing, too (found: vocab.json); write a"));
  Contents alone = bytes;
  alone.erase("merges.txt");
  CHECK(has(error_of(alone, "gpt2"),
            "GPT2Tokenizer needs merges.txt, which is missing, too (found: vocab.json)"));
  const Contents unigram = {{"tokenizer.model", content_of(kData / "xlm.model")}};
  CHECK(read(unigram, "llama"));
  CHECK(has(error_of(unigram, "gemma"), "tokenizer.model: it is a unigram model, but"));
  const Contents bpe = {{"spiece.model", content_of(kData / "llama.model")}};
  CHECK(has(error_of(bpe, "t5"), "spiece.model: it is a BPE model, but"));
}

TEST_CASE("errors of older tokenizer files name the file, the place and what to do") {
  Contents words = files_of(golden("bert"));
  const std::string vocab = words["vocab.txt"];
  const auto with_vocab = [&](const std::string& text) {
    words["vocab.txt"] = text;
    return error_of(words, "bert");
  };
  CHECK(with_vocab("a\nb\n\xFF\n") ==
        "vocab.txt: line 3 is not valid UTF-8; save the file as UTF-8");
  CHECK(has(with_vocab("\xEF\xBB\xBF" + vocab), "vocab.txt begins with a byte order mark"));
  CHECK(has(with_vocab("a\nb\n"), "vocab.txt has no line \"[UNK]\", the unknown token; set unk_"));
  CHECK(has(with_vocab(std::string(1 << 22, '\n')), "vocab.txt has more than 4 million lines"));
  CHECK(has(with_vocab(""), "vocab.txt has no line \"[UNK]\""));
  CHECK(has(with_vocab("[UNK]\na\na\n"), "vocab.txt has no id for \"[SEP]\", and leaves out or"));
  words["vocab.txt"] = vocab;
  const auto with_settings = [&](const char* settings) {
    words["tokenizer_config.json"] = settings;
    return error_of(words, "bert");
  };
  CHECK(with_settings(R"({"do_lower_case": "no"})") ==
        "tokenizer_config.json: do_lower_case must be true or false; correct it");
  CHECK(has(with_settings(R"({"split_special_tokens": true})"), "split_special_tokens is true"));
  CHECK(has(with_settings(R"({"cls_token": null})"), "cls_token must be a token of vocab.txt"));
  CHECK(has(with_settings(R"({"cls_token": 7})"), "cls_token must be a token; correct it"));
  CHECK(has(with_settings(R"({"additional_special_tokens": [1]})"), "must be a list of tokens"));
  CHECK(has(with_settings(R"({"added_tokens_decoder": {"x": {"content": "a"}}})"),
            "added_tokens_decoder must map ids to tokens; correct \"x\""));
  CHECK(has(with_settings(R"({"added_tokens_decoder": {"999": {"content": "<new>"}}})"),
            "added_tokens_decoder gives \"<new>\" the id 999, but vocab.txt makes it"));
  std::string names = "{\"x0_token\": \"x\"";
  for (int i = 1; i < 70; ++i) names += ", \"x" + std::to_string(i) + "_token\": \"x\"";
  CHECK(has(with_settings((names + "}").c_str()), "has more than 64 names of tokens"));
  CHECK(has(with_settings("[]"), "tokenizer_config.json: not a JSON object"));
  CHECK(has(with_settings("{"), "tokenizer_config.json: not valid JSON"));
  words.erase("tokenizer_config.json");
  words["added_tokens.json"] = R"({"<new>": -1})";
  CHECK(has(error_of(words, "bert"), "added_tokens.json: the id of \"<new>\" must be a whole"));

  Contents bytes = files_of(golden("gpt2"));
  const auto with_merges = [&](const std::string& text) {
    bytes["merges.txt"] = text;
    return error_of(bytes, "gpt2");
  };
  CHECK(with_merges("#version: 0.2\r\nh e\r\n") == "");
  CHECK(with_merges("") == "");
  CHECK(has(with_merges("#version: 0.2\nh e\n\n"), "merges.txt: line 3 must be two pieces"));
  CHECK(has(with_merges("t h e\n"), "merges.txt: line 1 must be two pieces separated by a space"));
  CHECK(has(with_merges("t \xFF\n"), "merges.txt: line 1 is not valid UTF-8"));
  CHECK(has(with_merges("h e\nQ Z\n"),
            "merges.txt: line 2 needs \"QZ\", which is not in vocab.json; use the two files of"));
  bytes["vocab.json"] = "[1]";
  CHECK(has(error_of(bytes, "gpt2"), "vocab.json must be an object that maps pieces to ids"));
  bytes["vocab.json"] = R"({"a": 90000000})";
  CHECK(has(error_of(bytes, "gpt2"), "vocab.json: the id of \"a\" must be a whole number from 0"));
}

TEST_CASE("errors of SentencePiece models name the file, the piece and what to do") {
  const auto error = [](const std::string& model) {
    return error_of({{"tokenizer.model", model}}, "llama");
  };
  const auto message = [](int number, const std::string& bytes) {
    return std::string(1, char(number << 3 | 2)) + char(bytes.size()) + bytes;
  };
  const auto piece = [&](const std::string& text, const std::string& more = "") {
    return message(1, message(1, text) + more);
  };
  const std::string normal = "\x18\x01", unknown = "\x18\x02";
  const std::string start = piece("<unk>", unknown) + piece("a", normal);
  const std::string specs = message(2, "") + message(3, "");
  CHECK(error(start + specs) == "");
  CHECK(error(start + message(2, "") + message(9, "x") + message(3, "")) == "");
  CHECK(has(error(""), "tokenizer.model is cut short, or not a SentencePiece model"));
  CHECK(has(error("IQ== 0\nIg== 1\n"), "(such as a vocabulary of tiktoken); download it again"));
  CHECK(has(error(piece("<unk>", unknown)),
            "tokenizer.model has no pieces of text, only 1 special ones: it is a placeholder"));
  CHECK(has(error(start + message(2, "")), "tokenizer.model has no normalizer_spec: it is cut"));
  CHECK(has(error(start + piece("a") + specs), "tokenizer.model: piece 2 repeats \"a\"; download"));
  CHECK(has(error(start + piece("") + specs), "piece 2 is empty"));
  CHECK(has(error(start + piece("\xFF") + specs), "piece 2 is not valid UTF-8"));
  CHECK(has(error(start + piece("b", "\x18\x07") + specs), "piece 2 has a type that Sentence"));
  CHECK(has(error(start + piece("b", std::string("\x15\0\0\xC0\x7F", 5)) + specs),
            "piece 2 has a score that is not a finite number"));
  CHECK(has(error(start + message(2, "\x18\x03") + message(3, "")), "model_type is that of words"));
  CHECK(has(error(start + message(2, "\xC0\x01\x01") + message(3, "")), "treat_whitespace_as_suf"));
  CHECK(has(error(start + message(2, "\xC0\x02\x09") + message(3, "")), "unk_id is not the id"));
  CHECK(
      has(error(start + message(2, "") + message(3, message(2, "x"))), "precompiled_charsmap is"));
  CHECK(has(error_of({{"spiece.model", start + specs}}, "t5"), "the unknown piece has another id"));
  CHECK(has(error_of({{"sentencepiece.bpe.model", start + specs}}, "xlm-roberta"),
            "the first pieces must be <unk>, <s> and </s>"));
  CHECK(has(error_of({{"spiece.model", content_of(kData / "t5.model")},
                      {"tokenizer_config.json", R"({"extra_ids": 100000})"}},
                     "t5"),
            "extra_ids must be a number up to 1000"));
  CHECK(has(error_of({{"sentencepiece.bpe.model", content_of(kData / "xlm.model")},
                      {"tokenizer_config.json", R"({"src_lang": "xx"})"}},
                     "mbart"),
            "src_lang must be a token of sentencepiece.bpe.model"));
}

TEST_CASE("a SentencePiece model cut at any byte is refused, or is the same") {
  const std::string text = "The quick dog <|x|> 12";
  for (const char* name : {"llama.model", "t5.model"}) {
    CAPTURE(name);
    const bool is_t5 = std::string_view(name) == "t5.model";
    const std::string whole = content_of(kData / name);
    const char* file = is_t5 ? "spiece.model" : "tokenizer.model";
    const auto made = read({{file, whole}}, is_t5 ? "t5" : "llama");
    REQUIRE(made);
    size_t n_same = 0;
    for (size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(size);
      const auto cut = read({{file, whole.substr(0, size)}}, is_t5 ? "t5" : "llama");
      if (!cut) continue;
      ++n_same;
      CHECK(ids_of((*cut)->encode(text)) == ids_of((*made)->encode(text)));
    }
    CHECK(n_same < 8);  // what stands behind normalizer_spec
  }
}

TEST_CASE("a model opens with older tokenizer files, and tokenizer.json goes before them") {
  std::vector<File> files = read_model_files(test_models() / "llama-gqa");
  const auto add = [&](const std::string& name, const std::string& content) {
    files.push_back({"llama-gqa/" + name, std::vector<uint8_t>(content.begin(), content.end())});
  };
  for (const auto& [name, content] : files_of(golden("llama"))) add(name, content);
  const auto with_json = load_model(files, "both");
  REQUIRE(with_json);
  std::erase_if(files, [](const File& file) { return base_name(file.name) == "tokenizer.json"; });
  const auto model = load_model(files, "older");
  REQUIRE_MESSAGE(model, (model ? "" : model.error().message));
  const std::string text = "The dog";
  const auto expected = read(files_of(golden("llama")), "llama");
  CHECK(ids_of((*model)->tokenizer->encode(text)) == ids_of((*expected)->encode(text)));
  CHECK(ids_of((*with_json)->tokenizer->encode(text)) != ids_of((*expected)->encode(text)));
  std::erase_if(files, [](const File& f) { return base_name(f.name) == "tokenizer_config.json"; });
  const auto bare = load_model(files, "bare");
  REQUIRE(bare);
  CHECK(std::ranges::any_of((*bare)->notes, [](const std::string& note) {
    return has(note, "tokenizer_config.json is missing");
  }));
  for (File& file : files) {
    const std::string pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    if (base_name(file.name) == "tokenizer.model")
      file.bytes = std::vector<uint8_t>(pointer.begin(), pointer.end());
  }
  const auto pointer = load_model(files, "pointer");
  REQUIRE(!pointer);
  CHECK(has(pointer.error().message, "tokenizer.model"));
}

TEST_CASE("folders of the shared cases open without tokenizer.json, or say why not") {
  const std::filesystem::path cases = shared_cases();
  if (!std::filesystem::exists(cases / "dnabert-3mer")) {
    std::printf("SKIPPED older tokenizers of shared cases: no %s\n", cases.string().c_str());
    return;
  }
  std::vector<File> dna = read_model_files(cases / "dnabert-3mer/model");
  const auto with_json = load_model(dna, "dna");
  REQUIRE(with_json);
  std::erase_if(dna, [](const File& file) { return base_name(file.name) == "tokenizer.json"; });
  const auto with_words = load_model(dna, "dna");
  REQUIRE_MESSAGE(with_words, (with_words ? "" : with_words.error().message));
  const std::string bases = "AAA CCT GGG [MASK] TTA";
  CHECK(ids_of((*with_words)->tokenizer->encode(bases)) ==
        ids_of((*with_json)->tokenizer->encode(bases)));

  Contents words;
  for (const File& file : read_model_files(cases / "bin-and-vocab-txt/model"))
    words.emplace(base_name(file.name), file.bytes.text());
  const auto tokenizer = read(words, "bert");
  REQUIRE(tokenizer);
  CHECK(ids_of((*tokenizer)->encode("The cat sat on a MAT!")) ==
        std::vector<int>{2, 5, 6, 7, 8, 12, 9, 35, 3});

  const auto stub = load_model(read_model_files(cases / "tokenizer-model-only/model"), "stub");
  REQUIRE(!stub);
  CHECK(stub.error().message ==
        "tokenizer.model has no pieces of text, only 1 special ones: it is a placeholder, not the "
        "model's vocabulary; download the model's own file");
}

TEST_CASE("a published SentencePiece model cuts as that library does") {
  const std::filesystem::path folder = shared_cases().parent_path() / "models/tokenizers";
  if (!std::filesystem::exists(folder / "botchan_unigram.model")) {
    std::printf("SKIPPED botchan_unigram: no %s\n", folder.string().c_str());
    return;
  }
  const auto tokenizer =
      read({{"tokenizer.model", content_of(folder / "botchan_unigram.model")}}, "mistral");
  REQUIRE(tokenizer);
  const Json cases = parsed(content_of(folder / "botchan_unigram.vectors.json")).at("cases");
  REQUIRE(cases.size() == 42);
  for (size_t i = 0; i < cases.size(); ++i) {
    const std::string text(*cases.at(i).at("text").text());
    CAPTURE(text);
    if (has(text, "</s>")) continue;  // a special token here, letters to SentencePiece
    CHECK(ids_of((*tokenizer)->encode(text)) == ints_of(cases.at(i).at("ids")));
  }
}
