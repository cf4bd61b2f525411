// test_load.cpp - a set of files becomes a model, or one sentence that says what to do.
#include <doctest/doctest.h>

#include <map>
#include <random>

#include "base/bytes.h"
#include "base/json.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "pass/generate.h"
#include "text/tokenizer_ids.h"

using namespace attn;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string error_of(const std::vector<File>& files) {
  const Result<std::shared_ptr<const Model>> model = load_model(files, "a model");
  return model ? "" : model.error().message;
}

std::vector<File> files_of(const std::string& model) {
  return read_model_files(test_models() / model);
}

File* find(std::vector<File>& files, std::string_view name) {
  for (File& file : files) {
    if (base_name(file.name) == name) return &file;
  }
  return nullptr;
}

std::vector<File> without(std::vector<File> files, std::string_view name) {
  std::erase_if(files, [&](const File& file) { return base_name(file.name) == name; });
  return files;
}

void replace(File& file, const std::string& from, const std::string& to) {
  std::string text(file.bytes.text());
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  file.bytes = std::vector<uint8_t>(text.begin(), text.end());
}

}  // namespace

TEST_CASE("a subfolder is not part of a model's files") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / "attnscope-model-with-subfolder";
  std::filesystem::create_directories(folder / "__pycache__");
  std::ofstream(folder / "config.json") << "{}";
  const std::vector<File> files = read_model_files(folder);
  std::filesystem::remove_all(folder);
  REQUIRE(files.size() == 1);
  CHECK(base_name(files[0].name) == "config.json");
  CHECK(files[0].bytes.text() == "{}");
}

TEST_CASE("sizes of files for people") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(1536) == "1.5 KB");
  CHECK(human_bytes(99'949) == "99.9 KB");
  CHECK(human_bytes(604'000'000) == "604 MB");
  CHECK(human_bytes(999'600) == "1.0 MB");
  CHECK(human_bytes(UINT64_MAX) == "18.4 EB");
}

TEST_CASE("a model knows its name, its size, and itself from others") {
  const std::vector<File> files = files_of("llama-gqa");
  const auto model = *load_model(files, "");
  CHECK(model->name == "llama-gqa");
  CHECK((*load_model(files, "mine"))->name == "mine");
  // embed, unembed, 2 × (q, k, v, o, three of the MLP, two norms), norm
  CHECK(model->n_parameters ==
        2 * 272 * 16 + 2 * (16 * 16 * 2 + 2 * 8 * 16 + 3 * 28 * 16 + 32) + 16);
  CHECK(!model->tied);
  CHECK(model->notes.empty());
  CHECK(model->weights.unembed.data != model->weights.embed.data);
  const auto same = *load_model(files, "");
  CHECK(same->content_hash == model->content_hash);
  CHECK((*load_model(files_of("mistral"), ""))->content_hash != model->content_hash);
  const auto tied = *load_model(files_of("llama-tied-f16"), "");
  CHECK(tied->tied);
  CHECK(tied->weights.unembed.data == tied->weights.embed.data);
}

TEST_CASE("weights stay in their files' memory, unless somebody else holds it") {
  std::vector<File> files = files_of("gpt2");
  const Bytes held = find(files, "model.safetensors")->bytes;
  const std::vector<uint8_t> before(held.span().begin(), held.span().end());
  const auto copied = *load_model(files, "");
  CHECK(std::ranges::equal(before, held.span()));

  std::vector<File> ours = files_of("gpt2");
  const Bytes& bytes = find(ours, "model.safetensors")->bytes;
  const uint8_t* const begin = bytes.data();
  const uint8_t* const end = begin + bytes.size();
  ModelLoad load(std::move(ours), "");
  int n_steps = 1;
  while (load.step()) ++n_steps;
  CHECK(n_steps <= load.n_steps());
  const auto model = *load.take();
  CHECK(model->weights.embed.data >= begin);
  CHECK(model->weights.embed.data < end);
  CHECK(model->weight_bytes >= uint64_t(end - begin));
  CHECK(copied->weight_bytes < model->weight_bytes + 100'000);
  CHECK(copied->content_hash == model->content_hash);
  const Tokens tokens = tokens_of(std::vector<int>{3, 1, 2});
  CHECK(forward(model, tokens).logits == forward(copied, tokens).logits);
}

TEST_CASE("files may lie in a folder, bare, or among others") {
  std::vector<File> files = files_of("qwen2");
  for (File& file : files) file.name = std::string(base_name(file.name));
  CHECK(error_of(files) == "");
  files.push_back({"README.md", {}});
  files.push_back({"1_Pooling/config.json", {}});
  files.push_back({"onnx/model.safetensors", {}});
  files.push_back({"adapter.safetensors", {}});
  CHECK(error_of(files) == "");
  CHECK(looks_like_model(files));
  CHECK(!looks_like_model(std::vector<File>{{"a/attention.npz", {}}, {"tokenizer.json", {}}}));
  CHECK(!looks_like_model(std::vector<File>{{"nothing.bin", {}}}));
  const Bytes picture(std::vector<uint8_t>{0x89, 'P', 'N', 'G', '\r', '\n'});
  CHECK(!looks_like_model(std::vector<File>{{"cat.bin", picture}}));
  const Bytes pickled = read_bytes(ATTNSCOPE_SOURCE_DIR "/tests/data/torch/gpt2.bin");
  CHECK(looks_like_model(std::vector<File>{{"pytorch_model.bin", pickled}}));
  CHECK(has(error_of({{"pytorch_model.bin", pickled}}), "config.json is missing"));
  std::vector<File> beside = without(files_of("gpt2"), "model.safetensors");
  std::vector<File> whole = files_of("gpt2");
  beside.push_back({"gpt2/adapter_model.safetensors", find(whole, "model.safetensors")->bytes});
  beside.push_back({"gpt2/pytorch_model.bin", pickled});
  const auto based = load_model(beside, "gpt2");
  REQUIRE_MESSAGE(based, (based ? "" : based.error().message));
  CHECK(has(based.value()->warnings[0], "adapter_model.safetensors is an adapter without"));
  std::vector<File> two = files_of("qwen2");
  for (const File& file : files_of("mistral")) two.push_back(file);
  CHECK(has(error_of(two), "more than one config.json found"));
}

TEST_CASE("a model without a tokenizer reads token ids, and says so") {
  const auto model = load_model(without(files_of("gpt2"), "tokenizer.json"), "ids");
  REQUIRE_MESSAGE(model, (model ? "" : model.error().message));
  const Model& m = **model;
  CHECK(m.reads_ids);
  REQUIRE(!m.warnings.empty());
  CHECK(has(m.warnings[0], "numbers from 0 to 271 with blanks between them"));
  const Result<Tokens> tokens = model_tokens(m, "  5 12\n7\t271 ", "");
  REQUIRE(tokens);
  std::vector<int> ids;
  for (const Token& token : tokens->items) {
    ids.push_back(token.id);
    CHECK(token.shown == std::to_string(token.id));
    CHECK(tokens->text.substr(token.begin, token.end - token.begin) == token.shown);
  }
  CHECK(ids == std::vector<int>{5, 12, 7, 271});
  CHECK(m.tokenizer->decode(ids) == "5 12 7 271");
  for (const char* word : {"272", "-1", "05", "the", "5,", "５", "1e3"}) {
    CAPTURE(word);
    const Result<Tokens> wrong = model_tokens(m, std::string("5 12 ") + word + " 7", "");
    REQUIRE(!wrong);
    CHECK(wrong.error().message.starts_with(json_quote(word) + " is no token id; this model has "));
  }
  CHECK(first_not_id(*m.tokenizer, "").empty());
  CHECK(first_not_id(*m.tokenizer, " \n").empty());
  CHECK(example_ids(*m.tokenizer) == "0 1 2 3 4 5 6 7");
  CHECK(example_ids(*ids_tokenizer(3)) == "0 1 2");
}

TEST_CASE("what is missing is named, with what to do") {
  CHECK(has(error_of({}), "config.json is missing: drop it together with"));
  CHECK(has(error_of(without(files_of("mistral"), "config.json")), "config.json is missing"));
  CHECK(has(error_of(without(files_of("mistral"), "model.safetensors")),
            "model.safetensors is missing: drop it"));
  std::vector<File> pickled = without(files_of("mistral"), "model.safetensors");
  pickled.push_back({"mistral/pytorch_model.bin", {}});
  CHECK(has(error_of(pickled), "pytorch_model.bin: an empty file"));

  const std::vector<File> shards = files_of("llama-bf16-shards");
  const char* const third = "model-00003-of-00004.safetensors";
  CHECK(has(error_of(without(shards, third)),
            "model-00003-of-00004.safetensors is missing: model.safetensors.index.json names it"));
  const std::vector<File> no_index = without(shards, "model.safetensors.index.json");
  CHECK(error_of(no_index) == "");
  CHECK(has(error_of(without(no_index, third)), "model-00003-of-00004.safetensors is missing"));
  std::vector<File> twice = no_index;
  twice.push_back(*find(twice, third));
  find(twice, "model-00001-of-00004.safetensors")->bytes = twice.back().bytes;
  CHECK(has(error_of(twice), "is in model-00001-of-00004.safetensors as well"));
  std::vector<File> bad_index = shards;
  replace(*find(bad_index, "model.safetensors.index.json"), "weight_map", "weight_mop");
  CHECK(has(error_of(bad_index), "model.safetensors.index.json: weight_map"));
  std::vector<File> odd_index = {*find(bad_index, "config.json"),
                                 *find(bad_index, "tokenizer.json"),
                                 {"llama-bf16-shards/weights.dat", {}}};
  const std::string map = R"({"weight_map": {"a": "weights.dat"}})";
  odd_index.push_back({"llama-bf16-shards/model.safetensors.index.json",
                       std::vector<uint8_t>(map.begin(), map.end())});
  CHECK(has(error_of(odd_index), "weights.dat: this weight format is not supported"));
}

TEST_CASE("configurations that do not fit are refused") {
  const auto changed = [](const std::string& from, const std::string& to) {
    std::vector<File> files = files_of("llama-gqa");
    replace(*find(files, "config.json"), from, to);
    return error_of(files);
  };
  CHECK(has(changed("\"llama\"", "\"t6\""), "config.json: model_type \"t6\""));
  CHECK(
      has(changed("\"vocab_size\": 272", "\"vocab_size\": 372"), "config.json requires [372, 16]"));
  CHECK(has(changed("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
            "\"model.layers.2.input_layernorm.weight\" is missing"));
  CHECK(has(changed("\"use_cache\": true", "\"quantization_config\": {}"), "quantized"));
  CHECK(has(changed("\"use_cache\": true", R"("quantization_config": {"quant_method": "mxfp4"})"),
            "Mxfp4Config(dequantize=True)"));
  CHECK(has(changed("{", "["), "config.json: not valid JSON"));
  std::vector<File> fewer = files_of("llama-gqa");
  replace(*find(fewer, "config.json"), "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
  const auto model = load_model(fewer, "");
  REQUIRE(model);
  REQUIRE((*model)->warnings.size() == 1);
  CHECK(has((*model)->warnings[0], "2 layers, but the configuration asks for 1"));
}

TEST_CASE("broken files never crash a load, and what loads can run") {
  std::mt19937 random(13);
  std::map<std::string, int> n_outcomes;
  for (const char* name : {"gpt-neox-parallel", "llama-rope-llama3", "gpt2-relu", "bert-mlm"}) {
    const std::vector<File> good = files_of(name);
    for (int i = 0; i < 750; ++i) {
      std::vector<File> files = good;
      // The names and numbers of config.json and of the weights' header; the weights themselves.
      File& file = *find(files, i % 3 == 0 ? "model.safetensors" : "config.json");
      std::vector<uint8_t> bytes(file.bytes.span().begin(), file.bytes.span().end());
      const size_t most = std::min<size_t>(bytes.size(), i % 30 == 0 ? bytes.size() : 1500);
      for (uint32_t flip = 0; flip < 1 + random() % 3; ++flip) {
        bytes[random() % most] = random() % 2 ? uint8_t('0' + random() % 10) : uint8_t(random());
      }
      file.bytes = std::move(bytes);
      const Result<std::shared_ptr<const Model>> model = load_model(files, name);
      if (!model) {
        if (model.error().message.empty()) FAIL("an error without a sentence");
        ++n_outcomes["refused"];
        continue;
      }
      const Tokens tokens = tokens_of(std::vector<int>{1, 2, 3});
      if (ForwardPass::check(**model, tokens)) continue;
      const Config& c = (*model)->config;
      CHECK(forward(*model, tokens).logits.size() == size_t(c.has_logits ? c.n_outputs() : 0));
      ++n_outcomes["ran"];
    }
  }
  CHECK(n_outcomes["refused"] > 500);
  CHECK(n_outcomes["ran"] > 200);
}

TEST_CASE("the model of a folder of sentence-transformers is found among its modules") {
  std::vector<File> files = read_model_files(test_models() / "bert");
  for (File& file : files) file.name.replace(0, 4, "m/0_Transformer");
  const std::string other = "{}";
  for (const char* name : {"m/1_Pooling/config.json", "m/2_Dense/config.json", "m/modules.json"})
    files.push_back({name, Bytes(std::vector<uint8_t>(other.begin(), other.end()))});
  const auto model = load_model(std::move(files), "m");
  if (!model) FAIL(model.error().message);
  CHECK((*model)->config.family == "bert");
}
