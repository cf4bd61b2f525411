// test_adapter.cpp - LoRA adapters: merged as PEFT does, refused in a sentence, or left out.
#include <doctest/doctest.h>

#include "base/json.h"
#include "golden_model.h"
#include "model/dropped_id.h"
#include "pass/forward.h"

using namespace attn;

namespace {

std::filesystem::path adapters() { return ATTNSCOPE_SOURCE_DIR "/tests/data/adapters"; }

std::vector<File> base_files(const std::string& adapter) {
  std::string base(read_bytes(adapters() / adapter / "base.txt").text());
  base.pop_back();
  return read_model_files(test_models() / base);
}

std::vector<File> with_base(const std::string& adapter) {
  std::vector<File> files = base_files(adapter);
  for (File& file : read_model_files(adapters() / adapter)) files.push_back(std::move(file));
  return files;
}

File& named(std::vector<File>& files, std::string_view name) {
  return *std::ranges::find(files, name, [](const File& file) { return base_name(file.name); });
}

// The sentence of the error after a replacement in adapter_config.json.
std::string error_with(const std::string& adapter, const std::string& from, const std::string& to) {
  std::vector<File> files = with_base(adapter);
  File& config = named(files, "adapter_config.json");
  std::string text(config.bytes.text());
  REQUIRE(text.find(from) != text.npos);
  text.replace(text.find(from), from.size(), to);
  config.bytes = std::vector<uint8_t>(text.begin(), text.end());
  const auto model = load_model(files, "");
  return model ? "" : model.error().message;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("adapters give the patterns and logits of PEFT") {
  for (const std::string name : {"gpt2-conv1d", "llama-rs", "llama-bf16", "bert-biases"}) {
    CAPTURE(name);
    for (const bool in_one_folder : {false, true}) {
      std::vector<File> files = with_base(name);
      const std::string folder = files[0].name.substr(0, files[0].name.find('/'));
      if (in_one_folder)
        for (File& file : files) file.name = folder + "/" + std::string(base_name(file.name));
      const auto model = load_model(files, "");
      if (!model) FAIL(model.error().message);
      CHECK(has((*model)->notes.at(0), "is merged: r = "));
      const GoldenPass golden = read_golden_pass(adapters() / name);
      const Trace trace = forward(*model, tokens_of(golden), {.all_logits = true});
      const Attention& a = trace.parts[0];
      std::vector<float> ours;
      for (int i = 0; i < a.n_layers * a.n_heads; ++i)
        for (const float x : a.pattern(0, i / a.n_heads, i % a.n_heads)) ours.push_back(x);
      const double attn = most_apart(ours, golden.attn);
      const double logits = most_apart(trace.logits, golden.logits);
      std::printf("%s: patterns within %.1e, logits within %.1e of PEFT\n", name.c_str(), attn,
                  logits);
      CHECK(attn < 2e-5);
      CHECK(logits < 1e-4);
    }
  }
}

TEST_CASE("an adapter can be left out, and packs in place") {
  std::vector<File> files = with_base("llama-rs");
  ModelLoad load(std::move(files), "m");
  load.no_adapter(true);
  while (load.step()) {
  }
  const auto plain = load.take();
  REQUIRE(plain);
  CHECK(has((*plain)->notes.back(), "llama-rs is not merged"));
  const auto base = load_model(base_files("llama-rs"), "m");
  REQUIRE(base);
  const GoldenPass golden = read_golden_pass(adapters() / "llama-rs");
  CHECK(forward(*plain, tokens_of(golden)).logits == forward(*base, tokens_of(golden)).logits);
}

TEST_CASE("adapters that are not plain LoRA are refused by name") {
  const auto with = [](const char* from, const char* to) {
    return error_with("llama-rs", from, to);
  };
  CHECK(has(with("\"use_dora\": false", "\"use_dora\": true"), "use_dora is true (DoRA)"));
  CHECK(has(with("\"LORA\"", "\"IA3\""), "peft_type is \"IA3\", but only"));
  CHECK(has(with("\"r\": 3", "\"r\": 4"), "have ranks 3 and 3, which do not fit"));
  CHECK(
      has(with("|k|v", "|v"), "adapts \"model.layers.0.self_attn.k_proj\", which target_modules"));
  const char* const layers = "\"layers_to_transform\": null";
  const std::string left_out = ".mlp.down_proj\", which layers_to_transform";
  CHECK(has(with(layers, "\"layers_to_transform\": [0]"), "model.layers.1" + left_out));
  CHECK(has(with(layers, "\"layers_to_transform\": 1"), "model.layers.0" + left_out));
  CHECK(with(layers, "\"layers_to_transform\": [1, 0]") == "");
  CHECK(with(layers, "\"layers_to_transform\": [0, 1], \"x\": 0") == "");
  const char* const pattern = "\"layers_pattern\": null,\n  \"layers_to_transform\": null";
  const auto by = [](std::string name) {
    return "\"layers_pattern\": " + name + ", \"layers_to_transform\": [0, 1]";
  };
  CHECK(with(pattern, by("[\"h\", \"layers\"]").c_str()) == "");
  CHECK(has(with(pattern, by("\"h\"").c_str()), "which layers_to_transform"));
  CHECK(has(with("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\""),
            "changes the weights of the base model"));
  CHECK(has(with("\"lora_bias\": false", "\"lora_bias\": true"), "a bias of lora_B"));
  CHECK(has(with("[\n    \"lm_head\"\n  ]", "[\"lm_head\", \"norm\"]"),
            "\"model.norm.weight\" is missing, which modules_to_save"));
}

TEST_CASE("an adapter without its base, or with another, says which it wants") {
  std::vector<File> alone = read_model_files(adapters() / "llama-rs");
  CHECK(has(load_model(alone, "").error().message,
            "an adapter without its base model \"tiny/llama-gqa\"; drop the folders of both"));
  std::vector<File> other = read_model_files(test_models() / "gpt2");
  for (const File& file : alone) other.push_back(file);
  CHECK(has(load_model(other, "").error().message, "the adapter was made for \"tiny/llama-gqa\""));
  std::vector<File> narrow = read_model_files(test_models() / "gemma");
  for (const File& file : alone) narrow.push_back(file);
  CHECK(has(load_model(narrow, "").error().message, " × 16, but the base model has "));
  std::erase_if(alone, [](const File& f) { return f.name.ends_with(".safetensors"); });
  alone.push_back({"llama-rs/adapter_model.bin", {}});
  CHECK(has(load_model(alone, "").error().message, "drop the folders of both"));
  std::vector<File> empty = read_model_files(test_models() / "llama-gqa");
  for (const File& file : alone) empty.push_back(file);
  CHECK(has(load_model(empty, "").error().message, "adapter_model.bin: an empty file"));
  std::vector<File> two = with_base("llama-rs");
  for (const File& file : read_model_files(adapters() / "llama-bf16")) two.push_back(file);
  CHECK(has(load_model(two, "").error().message, "more than one adapter_config.json"));
}

TEST_CASE("an adapter in PyTorch's format is merged as that in safetensors") {
  std::vector<std::vector<float>> logits;
  for (const bool pickled : {false, true}) {
    std::vector<File> files = with_base("llama-rs");
    for (File& file : files)
      if (pickled && file.name == "llama-rs/adapter_model.safetensors")
        file = {"llama-rs/adapter_model.bin",
                read_bytes(ATTNSCOPE_SOURCE_DIR "/tests/data/torch/llama-rs.bin")};
    const auto model = load_model(files, "");
    REQUIRE_MESSAGE(model, (model ? "" : model.error().message));
    ForwardPass pass(*model, (*model)->tokenizer->encode("a bc de"), {.all_logits = true});
    while (pass.step()) {
    }
    logits.push_back(pass.take().logits);
  }
  CHECK(!logits[0].empty());
  CHECK(logits[0] == logits[1]);
}

TEST_CASE("checkpoints of an adapter in folders below a model are left alone") {
  std::vector<File> files = with_base("llama-rs");
  for (File& file : files)
    if (file.name.starts_with("llama-rs/")) file.name.insert(0, "llama-gqa/");
  const auto model = load_model(files, "");
  REQUIRE(model);
  CHECK((*model)->notes.empty());
}

TEST_CASE("a damaged adapter is said, and its files name the model") {
  std::vector<File> files = with_base("llama-rs");
  File& weights = files[size_t(&named(files, "adapter_model.safetensors") - files.data())];
  std::vector<uint8_t> bytes(weights.bytes.span().begin(), weights.bytes.span().end());
  for (size_t i = bytes.size() - 4; i < bytes.size(); ++i) bytes[i] = 0xFF;
  weights.bytes = std::move(bytes);
  const auto model = load_model(files, "");
  REQUIRE(model);
  CHECK(std::ranges::any_of((*model)->warnings,
                            [](const std::string& w) { return has(w, "NaN or infinite"); }));
  std::ranges::rotate(files, files.end() - 1);  // the adapter first
  CHECK(dropped_id(files).name == "llama-gqa + llama-rs");
}
