// test_whole_model.cpp - a file that holds weights, configuration and tokenizer is a model by
// itself, in a format that loading and recipes have never heard of.
#include <doctest/doctest.h>

#include <cstring>
#include <sstream>
#include <string>

#include "files/formats.h"
#include "files/safetensors.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "text/tokenizer_records.h"

using namespace attn;

namespace {

// The toy format: "TOY", a line of JSON (the metadata), a line "name dtype dim dim …" for every
// tensor, an empty line, and the tensors' numbers one after another.
bool is_toy(std::span<const uint8_t> bytes) {
  return bytes.size() >= 4 && std::memcmp(bytes.data(), "TOY\n", 4) == 0;
}

Result<NamedTensors> read_toy(const File& file) {
  NamedTensors f;
  f.file = base_name(file.name);
  f.bytes = file.bytes;
  const std::string_view all = f.bytes.text();
  const size_t end = all.find("\n\n");
  if (end == all.npos) return Error{f.file + ": cut short; download it again"};
  f.header = all.substr(0, end + 2);
  std::istringstream lines{std::string(f.header.substr(4))};
  std::string line;
  std::getline(lines, line);
  const Result<Json> metadata = Json::parse(line, f.file);
  if (!metadata) return metadata.error();
  f.metadata = *metadata;
  size_t at = end + 2;
  while (std::getline(lines, line) && !line.empty()) {
    std::istringstream words(line);
    StoredTensor tensor;
    std::string dtype;
    words >> tensor.name >> dtype;
    tensor.dtype = dtype == "f32" ? DType::f32 : DType::f16;
    size_t size = size_t(bytes_of(tensor.dtype));
    for (int64_t n = 0; words >> n;) {
      tensor.shape.push_back(n);
      size *= size_t(n);
    }
    if (size > all.size() - at) return Error{f.file + ": cut short; download it again"};
    tensor.bytes = f.bytes.span().subspan(at, size);
    at += size;
    f.tensors.push_back(std::move(tensor));
  }
  if (const Status twice = index_tensors(f, "")) return *twice;
  return f;
}

Result<Json> config_of(const NamedTensors& f) { return f.metadata.at("config"); }

// Byte-level pairs, as GPT-2 has them; the file has pieces by id, merges and special tokens.
Result<TokenizerRecords> tokenizer_of(const NamedTensors& f) {
  TokenizerRecords records{.file = f.file};
  const Json pieces = f.metadata.at("pieces"), merges = f.metadata.at("merges");
  for (size_t i = 0; i < pieces.size(); ++i)
    records.model.vocabulary.add(*pieces.at(i).text(), int(i));
  for (size_t i = 0; i < merges.size(); ++i) {
    const std::string_view pair = *merges.at(i).text();
    const size_t blank = pair.find(' ');
    if (records.model.add_merge(pair.substr(0, blank), pair.substr(blank + 1)))
      return Error{f.file + ": a merge has pieces that are not in the vocabulary"};
  }
  records.added.push_back(
      {.id = 0, .content = std::string(*pieces.at(size_t(0)).text()), .special = true});
  records.pre_tokenizer = pre_tokenizers::byte_level(false, true);
  records.decoder = decoders::byte_level();
  return records;
}

constexpr std::string_view kEndings[] = {".toy"};
const FileFormat kFormats[] = {
    {.id = "toy",
     .endings = kEndings,
     .magic = is_toy,
     .read = read_toy,
     .holds_weights = true,
     .config = config_of,
     .tokenizer = tokenizer_of},
};

Bytes file_of(const std::vector<File>& files, std::string_view name) {
  for (const File& file : files)
    if (base_name(file.name) == name) return file.bytes;
  FAIL("no ", name);
  return {};
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

// The same model as one toy file; in `config`, `from` becomes `to`.
ByteBuffer toy_of(const std::vector<File>& files, const std::string& from = "",
                  const std::string& to = "") {
  std::string config = one_line(std::string(file_of(files, "config.json").text()));
  if (!from.empty()) config.replace(config.find(from), from.size(), to);
  const Bytes vocabulary = file_of(files, "tokenizer.json");
  const Json model = Json::parse(vocabulary.text(), "tokenizer.json")->at("model");
  std::vector<std::string> pieces(model.at("vocab").size());
  model.at("vocab").each([&](std::string_view piece, const Json& id) {
    pieces[size_t(*id.integer())] = piece;
    return true;
  });
  std::string text = "TOY\n{\"config\": " + config + ", \"pieces\": [";
  for (size_t i = 0; i < pieces.size(); ++i) text += (i ? "," : "") + json_quote(pieces[i]);
  text += "], \"merges\": [";
  model.at("merges").each([&](std::string_view, const Json& pair) {
    const std::string merge = pair.text() ? std::string(*pair.text())
                                          : std::string(*pair.at(size_t(0)).text()) + " " +
                                                std::string(*pair.at(1).text());
    text += (text.ends_with('[') ? "" : ",") + json_quote(merge);
    return true;
  });
  text += "]}\n";
  const Result<NamedTensors> weights =
      read_safetensors({"model.safetensors", file_of(files, "model.safetensors")});
  REQUIRE(weights);
  for (const StoredTensor& t : weights->tensors) {
    text += t.name + (t.dtype == DType::f32 ? " f32" : " f16");
    for (const int64_t n : t.shape) text += " " + std::to_string(n);
    text += "\n";
  }
  text += "\n";
  for (const StoredTensor& t : weights->tensors)
    text.append(reinterpret_cast<const char*>(t.bytes.data()), t.bytes.size());
  ByteBuffer out;
  REQUIRE(out.resize(text.size()));
  std::memcpy(out.data(), text.data(), text.size());
  return out;
}

Result<std::shared_ptr<const Model>> load(std::vector<File> files) {
  ModelLoad load(std::move(files), "", kFormats);
  int n_steps = 1;
  while (load.step()) ++n_steps;
  CHECK(n_steps <= load.n_steps());
  return load.take();
}

std::string error_of(std::vector<File> files) {
  const Result<std::shared_ptr<const Model>> model = load(std::move(files));
  return model ? "" : model.error().message;
}

}  // namespace

TEST_CASE("one file with weights, configuration and vocabulary is the model it was made of") {
  const std::vector<File> files = read_model_files(test_models() / "gpt2");
  const auto original = *load_model(files, "");
  ByteBuffer toy = toy_of(files);
  const uint8_t *begin = toy.data(), *end = begin + toy.size();
  std::vector<File> whole = {{"a/notes.txt", {}}};
  whole.push_back({"a/whole.toy", Bytes(std::move(toy))});
  const Result<std::shared_ptr<const Model>> model = load(std::move(whole));
  if (!model) FAIL(model.error().message);
  CHECK((*model)->name == "a");
  CHECK((*model)->n_parameters == original->n_parameters);
  CHECK((*model)->notes == original->notes);
  // Packed where they were read: nobody else holds the file.
  CHECK((*model)->weights.blocks[1].mlp_in.w.data() >= static_cast<const void*>(begin));
  CHECK((*model)->weights.blocks[1].mlp_in.w.data() < static_cast<const void*>(end));
  for (const char* text : {"The cat sat on the mat.", "深度 <|endoftext|> two"}) {
    const Tokens ours = (*model)->tokenizer->encode(text);
    const Tokens theirs = original->tokenizer->encode(text);
    REQUIRE(ours.size() == theirs.size());
    for (int i = 0; i < ours.size(); ++i)
      CHECK(ours.items[size_t(i)].id == theirs.items[size_t(i)].id);
    CHECK(forward(*model, ours).logits == forward(original, theirs).logits);
  }
}

TEST_CASE("errors name the file that the configuration and the vocabulary came from") {
  const std::vector<File> files = read_model_files(test_models() / "gpt2");
  const auto changed = [&](const std::string& from, const std::string& to) {
    return error_of({{"whole.toy", Bytes(toy_of(files, from, to))}});
  };
  CHECK(changed("\"n_layer\": 2", "\"n_layer\": 0") ==
        "whole.toy: n_layer must be a whole number from 1 to 1000");
  CHECK(changed("\"n_layer\"", "\"layers\"") ==
        "whole.toy: n_layer is missing; use a file that describes its model");
  CHECK(changed("\"gpt2\"", "\"gpt9\"").starts_with("whole.toy: model_type \"gpt9\" is not"));
  const std::string misshapen = changed("\"vocab_size\": 272", "\"vocab_size\": 170");
  CHECK(misshapen.find("but whole.toy requires [170, 16]") != std::string::npos);
  CHECK(misshapen.ends_with("; the file is damaged: download it again"));

  // Files by themselves come first.
  std::vector<File> both = {{"whole.toy", Bytes(toy_of(files, "\"n_layer\": 2", "\"n_layer\": 0"))},
                            {"config.json", file_of(files, "config.json")}};
  CHECK(error_of(both) == "");
  both.push_back({"tokenizer.json", {}});
  CHECK(error_of(both).starts_with("tokenizer.json: an empty file"));

  // Formats that don't describe their model need the other files.
  CHECK(load_model({{"whole.toy", Bytes(toy_of(files))}}, "")
            .error()
            .message.starts_with("config.json is missing: drop it together with"));
}
