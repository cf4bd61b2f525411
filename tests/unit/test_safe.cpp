// test_safe.cpp - what stands in a model's files and is not used is refused or said.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <map>

#include "analysis/regroup.h"
#include "figure/palette.h"
#include "figure/report.h"
#include "figure/text_blocks.h"
#include "files/safetensors_write.h"
#include "golden_model.h"
#include "model/recipe.h"
#include "model/text_notes.h"
#include "pass/forward.h"

using namespace attn;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool any_has(const std::vector<std::string>& texts, const std::string& part) {
  return std::ranges::any_of(texts, [&](const std::string& text) { return has(text, part); });
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += text + "\n";
  return all;
}

// A checkpoint of the tests, to be changed: fields as JSON texts, tensors as F32.
struct Files {
  std::vector<File> files;
  std::map<std::string, std::pair<std::vector<int64_t>, std::vector<float>>> tensors;

  explicit Files(const std::string& model) : files(read_model_files(test_models() / model)) {
    const Result<NamedTensors> read = read_safetensors(*named("model.safetensors"));
    REQUIRE(read);
    for (const StoredTensor& t : read->tensors) {
      const Tensor floats = *to_floats(*read, t);
      tensors[t.name] = {t.shape, {floats.vec().begin(), floats.vec().end()}};
    }
  }
  File* named(std::string_view name) {
    const auto found =
        std::ranges::find_if(files, [&](const File& file) { return base_name(file.name) == name; });
    return found == files.end() ? nullptr : &*found;
  }
  void write(const std::string& name, const std::string& text) {
    if (!named(name)) files.push_back({"m/" + name, {}});
    named(name)->bytes = std::vector<uint8_t>(text.begin(), text.end());
    if (files.front().name.find('/') != std::string::npos)
      named(name)->name = files.front().name.substr(0, files.front().name.find('/') + 1) + name;
  }
  // Replaces a field, or adds it; "" takes it out.
  Files& field(const std::string& name, const std::string& value) {
    std::string text(named("config.json")->bytes.text());
    const size_t at = text.find("\"" + name + "\":");
    if (at != std::string::npos) {
      size_t end = at;
      for (int depth = 0; depth > 0 || (text[end] != ',' && text[end] != '\n'); ++end)
        depth += (text[end] == '{' || text[end] == '[') - (text[end] == '}' || text[end] == ']');
      const size_t before = text[end] == ',' ? at : text.rfind(',', at);  // the last has no comma
      text.erase(before, end - before + (text[end] == ','));
    }
    if (!value.empty()) text.insert(text.find('{') + 1, "\"" + name + "\":" + value + ",");
    write("config.json", text);
    return *this;
  }
  Files& rename(const std::function<std::string(const std::string&)>& to) {
    decltype(tensors) all;
    for (auto& [name, tensor] : tensors) all[to(name)] = tensor;
    tensors = all;
    return *this;
  }
  Files& add(const std::string& name, std::vector<int64_t> shape, float value = 0.5f) {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    tensors[name] = {shape, std::vector<float>(size_t(n), value)};
    return *this;
  }
  std::vector<File> take() {
    std::vector<WrittenTensor> written_tensors;
    for (const auto& [name, tensor] : tensors)
      written_tensors.push_back(
          written_tensor(name, std::span<const float>(tensor.second),
                         std::vector<int>(tensor.first.begin(), tensor.first.end())));
    const std::string bytes =
        written([&](ByteSink& sink) { write_safetensors(written_tensors, {}, sink); });
    write("model.safetensors", bytes);
    return files;
  }
  std::shared_ptr<const Model> load(bool ignore_unused = false) {
    ModelLoad loading(take(), "m");
    loading.ignore_unused(ignore_unused);
    while (loading.step()) {
    }
    Result<std::shared_ptr<const Model>> model = loading.take();
    if (!model) FAIL(model.error().message);
    return *model;
  }
  std::string error() {
    const Result<std::shared_ptr<const Model>> model = load_model(take(), "m");
    return model ? "" : model.error().message;
  }
};

std::vector<float> logits_of(const std::shared_ptr<const Model>& model) {
  return forward(model, tokens_of(std::vector<int>{5, 9, 7, 5, 9}), {.all_logits = true}).logits;
}

}  // namespace

TEST_CASE("every field that transformers reads for a class has a row") {
  std::ifstream in(ATTNSCOPE_SOURCE_DIR "/tests/data/config_fields.json");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const Result<Json> json = Json::parse(text, "config_fields.json");
  REQUIRE(json);
  int n_classes = 0;
  json->at("classes").each([&](std::string_view name, const Json& entry) {
    CAPTURE(name);
    ++n_classes;
    const Json config = entry.at("config");
    const Result<const Recipe*> recipe = find_recipe(config);
    REQUIRE(recipe);
    CHECK((*recipe)->class_name == name);
    const Result<Layout> layout = read_layout(**recipe, config);
    if (!layout) FAIL(layout.error().message);
    CHECK(joined(layout->warnings) == "");
    CHECK(!any_has(layout->notes, "not known"));
    entry.at("fields").each([&](std::string_view, const Json& field) {
      CAPTURE(*field.text());
      const Json one = *Json::parse("{\"" + std::string(*field.text()) + "\":[7]}", "config.json");
      std::vector<std::string> notes;
      const Status refused = check_fields(**recipe, one, notes);
      CHECK((refused || !any_has(notes, "not known")));
      return true;
    });
    return true;
  });
  CHECK(n_classes == int(recipes().size()));
}

TEST_CASE("fields that ask for something else are refused, unknown ones are said") {
  CHECK(has(Files("llama-gqa").field("pruned_heads", R"({"0":[1]})").error(), "pruned heads"));
  CHECK(Files("llama-gqa").field("pruned_heads", "{}").error() == "");
  CHECK(has(Files("gpt2").field("per_layer_config", R"({"1":{}})").error(), "per_layer_config"));
  CHECK(has(Files("gpt2").field("hidden_size", "99").error(), "another value than n_embd"));
  CHECK(Files("gpt2").field("hidden_size", "16").error() == "");
  CHECK(has(Files("gpt-neox-parallel").field("head_dim", "4").error(), "head_dim is 4"));
  CHECK(Files("gpt-neox-parallel").field("head_dim", "8").error() == "");
  CHECK(has(Files("bert").field("is_decoder", "true").error(), "is_decoder is true"));
  const auto odd = Files("llama-gqa").field("query_scale", "3").load();
  CHECK(any_has(odd->notes, "config.json: fields that are not known and not used: query_scale"));
  CHECK(Files("llama-gqa").field("query_scale", "null").load()->notes.empty());
  CHECK(any_has(Files("llama-gqa").field("layer_types", R"(["sliding_attention"])").load()->notes,
                "layers of several kinds"));
  CHECK(Files("llama-gqa").field("layer_types", R"(["full_attention"])").load()->notes.empty());
  CHECK(any_has(Files("gpt2").field("architectures", R"(["MyGPT2Model"])").load()->warnings,
                "\"MyGPT2Model\", which is no class of type gpt2"));
  CHECK(
      any_has(Files("qwen2").field("architectures", R"(["Qwen2MoeForCausalLM"])").load()->warnings,
              "no class of type qwen2"));
}

TEST_CASE("nothing is said of files that transformers wrote and that are used whole") {
  for (const auto& entry : std::filesystem::directory_iterator(test_models())) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory()) continue;
    CAPTURE(name);
    const auto model = *load_model(read_model_files(entry.path()), "");
    CHECK(joined(model->warnings) == (name == "llama-own-head" ? joined(model->warnings) : ""));
    CHECK(model->warnings.size() == (name == "llama-own-head" ? 1 : 0));
    const size_t n_headless = model->config.has_logits ? 0 : 1;
    CHECK(model->notes.size() ==
          n_headless + name.ends_with("-both-ways") +
              (name == "siglip-text") +  // it was trained on padded texts
              (name == "gemma2"));       // attributions are of logits before their cap
  }
}

TEST_CASE("is_causal false lets tokens attend to later ones, and keeps the next token") {
  const auto model = *load_model(read_model_files(test_models() / "qwen2-both-ways"), "");
  CHECK(model->config.mask == Mask::none);
  CHECK(!model->config.fills_masks);
  CHECK(any_has(model->notes, "is_causal is false"));
  CHECK(has(Files("qwen2-both-ways").field("is_causal", "3").error(), "is_causal"));
  const auto causal = Files("qwen2-both-ways").field("is_causal", "true").load();
  CHECK(causal->config.mask == Mask::causal);
  CHECK(causal->notes.empty());
  CHECK(Files("qwen2-both-ways").field("is_causal", "null").load()->config.mask == Mask::none);
  CHECK(Files("qwen2-both-ways").field("is_causal", "").load()->config.mask == Mask::causal);
}

TEST_CASE("of two places for rotary settings, transformers' choice wins, and the other is said") {
  const auto rotary = [](const std::string& family, const std::string& more) {
    const std::string text =
        R"({"model_type":")" + family +
        R"(","hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,"vocab_size":50,)"
        R"("intermediate_size":40,"max_position_embeddings":8192,)" +
        more + "}";
    const Json json = *Json::parse(text, "config.json");
    Result<Layout> layout = read_layout(**find_recipe(json), json);
    if (!layout) FAIL(layout.error().message);
    return *layout;
  };
  const char* const two =
      R"("rope_parameters":{"rope_theta":7},"rope_scaling":{"rope_theta":9,"type":"default"})";
  CHECK(rotary("llama", two).config.rope_theta == 9);
  CHECK(any_has(rotary("llama", two).notes, "rope_parameters beside it is not"));
  const char* const empty = R"("rope_parameters":{"rope_theta":7},"rope_scaling":{})";
  CHECK(rotary("llama", empty).config.rope_theta == 7);
  CHECK(rotary("llama", empty).notes.empty());
  const char* const outer = R"("rope_parameters":{"rope_theta":7},"rope_theta":9)";
  CHECK(rotary("llama", outer).config.rope_theta == 7);
  CHECK(any_has(rotary("llama", outer).notes, "rope_theta is not used"));
  // GPT-NeoX reads rotary_pct and rotary_emb_base, and no other spelling outside the object.
  const Layout neox =
      rotary("gpt_neox", R"("rotary_pct":0.5,"partial_rotary_factor":1.0,"rope_theta":5.0)");
  CHECK(neox.config.rope_dims == 4);
  CHECK(neox.config.rope_theta == 10000);
  CHECK(any_has(neox.notes, "partial_rotary_factor"));
  CHECK(any_has(neox.notes, "rope_theta"));
  const char* const llama3 =
      R"("rope_parameters":{"rope_type":"llama3","factor":8,"low_freq_factor":1,)"
      R"("high_freq_factor":4,"original_max_position_embeddings":64},)"
      R"("original_max_position_embeddings":32)";
  CHECK(rotary("llama", llama3).config.rope_original_n_ctx == 32);
  const char* const more = R"("rope_parameters":{"rope_theta":7,"beta_fast":32,"factor":4})";
  CHECK(any_has(rotary("llama", more).notes, "not used with rope_type default: beta_fast, factor"));
  const Json nested = *Json::parse(
      R"({"model_type":"llama","hidden_size":32,"num_hidden_layers":2,"num_attention_heads":4,)"
      R"("vocab_size":50,"intermediate_size":40,"max_position_embeddings":8192,)"
      R"("rope_parameters":{"full_attention":{"rope_theta":7}}})",
      "config.json");
  const Result<Layout> refused = read_layout(**find_recipe(nested), nested);
  REQUIRE(!refused);
  CHECK(has(refused.error().message, "per kind of layer"));
}

TEST_CASE("a window acts only in layers that slide, and limits no text") {
  const char* const window = "4";
  auto none = Files("qwen2");
  none.field("use_sliding_window", "true").field("sliding_window", window);
  const auto seen = [](const auto& model, int layer) {  // keys of the last of 9 queries
    const Trace trace = forward(model, tokens_of(std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
    const std::vector<float> pattern = trace.parts[0].pattern(0, layer, 0);
    return std::count_if(pattern.end() - 9, pattern.end(), [](float w) { return w > 0; });
  };
  const auto whole = none.load();  // max_window_layers is 28, and layer_types are all full
  CHECK(whole->config.n_ctx == 48);
  CHECK(whole->notes.empty());
  for (const int layer : {0, 1}) CHECK(seen(whole, layer) == 9);
  CHECK(!none.field("layer_types", "").load()->config.is_local(1));
  CHECK(none.field("max_window_layers", "1").load()->config.is_local(1));
  none.field("layer_types", R"(["full_attention","sliding_attention"])");
  const auto slides = none.load();
  CHECK(slides->config.n_ctx == 48);
  CHECK(seen(slides, 0) == 9);
  CHECK(seen(slides, 1) == 4);
  CHECK(none.field("sliding_window", "null").error() ==
        "config.json: layer_types has sliding_attention, but there is no window");
  CHECK(has(none.field("layer_types", R"(["conv"])").error(), "\"conv\" is not supported"));
}

TEST_CASE("tensors inside the layers that are not used refuse the model, unless one insists") {
  const std::pair<const char*, const char*> odd[] = {
      {"model.layers.1.self_attn.q_norm.weight", "norms of queries and keys"},
      {"model.layers.0.mlp.adapters.a.down.weight", "an adapter"},
      {"model.layers.0.self_attn.q_proj.lora_A.weight", "LoRA adapter that is not merged"},
      {"model.layers.0.self_attn.o_proj.bias", "biases that the configuration does not name"},
      {"model.layers.0.something.weight", "without it the patterns are not those"}};
  for (const auto& [name, meaning] : odd) {
    CAPTURE(name);
    Files files("llama-gqa");
    files.add(name, {4});
    const std::string refused = files.error();
    CHECK(has(refused, std::string("1 tensor in the layers is not used: \"") + name));
    CHECK(has(refused, meaning));
    const auto model = files.load(true);
    CHECK(any_has(model->warnings, name));
    CHECK(logits_of(model) == logits_of(Files("llama-gqa").load()));
  }
  Files zero("llama-gqa");  // adds nothing
  CHECK(zero.add("model.layers.0.self_attn.o_proj.bias", {16}, 0).error() == "");
  CHECK(zero.load()->warnings.empty());
  // Buffers are no weights.
  CHECK(Files("gpt2").add("transformer.h.0.attn.masked_bias", {1}).load()->warnings.empty());
  Files task("llama-gqa");
  task.add("score.weight", {2, 16});
  CHECK(task.load()->warnings.empty());
  CHECK(any_has(task.load()->notes, "a head for another task"));
  CHECK(any_has(Files("gpt2").add("other.weight", {2}).load()->warnings, "\"other.weight\""));
  const auto fewer = Files("llama-gqa").field("num_hidden_layers", "1").load();
  CHECK(any_has(fewer->warnings, "The files have 2 layers, but the configuration asks for 1"));
}

TEST_CASE("without an output head nothing is predicted, least through an untied embedding") {
  for (const char* name : {"llama-gqa", "mistral", "gpt2-relu", "gpt-neox-parallel"}) {
    CAPTURE(name);
    Files files(name);
    std::erase_if(files.tensors, [](const auto& t) {
      return has(t.first, "lm_head") || has(t.first, "embed_out");
    });
    const auto model = files.load();
    CHECK(!model->config.has_logits);
    CHECK(!model->tied);
    CHECK(any_has(model->notes, "no output head"));
    CHECK(logits_of(model).empty());
  }
}

TEST_CASE("a head of its own in the file is used, whatever tie_word_embeddings says") {
  const auto own = *load_model(read_model_files(test_models() / "llama-own-head"), "");
  CHECK(!own->tied);
  CHECK(any_has(own->warnings, "tie_word_embeddings is true, but \"lm_head.weight\" differs"));
  Files same("llama-own-head");
  same.tensors["lm_head.weight"] = same.tensors["model.embed_tokens.weight"];
  const auto tied = same.load();
  CHECK(tied->tied);
  CHECK(tied->warnings.empty());
}

TEST_CASE("numbers that are NaN or infinite are named with their tensor") {
  const std::pair<const char*, float> bad[] = {{"transformer.h.1.attn.c_attn.weight", NAN},
                                               {"transformer.wte.weight", INFINITY},
                                               {"transformer.h.0.ln_1.bias", NAN}};
  for (const auto& [name, value] : bad) {
    CAPTURE(name);
    Files files("gpt2");
    files.tensors[name].second[3] = value;
    const std::string sentence = std::string("\"") + name + "\" has 1 number that is NaN";
    CHECK(any_has(files.load()->warnings, sentence));
    files.take();  // the same where the weights may be packed within their file
    ModelLoad load(std::exchange(files.files, {}), "m");
    while (load.step()) {
    }
    CHECK(any_has((*load.take())->warnings, sentence));
  }
  Files half("gpt2");
  half.tensors["transformer.h.1.attn.c_attn.weight"].second[7] = NAN;
  const auto model = half.load();
  const Tokens tokens = tokens_of(std::vector<int>{5, 9, 7});
  const Trace trace = forward(model, tokens);
  const Attention& a = trace.parts[0];
  // Pooled as thumbnails are: NaN where a weight is, 0 where the mask is.
  int n_broken = 0;
  for (int head = 0; head < a.n_heads; ++head) {
    std::vector<float> all(9), pooled(9);
    a.pattern_rows(0, 1, head, 0, 3, {all.data(), 3, 3});
    a.pooled(0, 1, head, 0, 3, 0, 3, {pooled.data(), 3, 3}, {});
    for (int i = 0; i < 9; ++i) {
      CHECK(std::isnan(all[size_t(i)]) == std::isnan(pooled[size_t(i)]));
      n_broken += std::isnan(all[size_t(i)]);
    }
    CHECK(pooled[1] == 0);
  }
  CHECK(n_broken > 0);
  State state;
  state.layer = 1;
  CHECK(has(text_of(structure_report({model.get(), &trace, &state})),
            "except where weights are not numbers (NaN): L1 H"));
  CHECK(scale_position(Scale::linear, NAN, 1) == kBroken);
  CHECK(place_color(Palette::viridis, false, kBroken).r > 200);
}

TEST_CASE("weights as they are initialised are said to be so") {
  Files files("llama-gqa");
  CHECK(files.load()->warnings.empty());
  for (auto& [name, tensor] : files.tensors) {
    if (has(name, "norm")) std::ranges::fill(tensor.second, 1.f);
  }
  CHECK(any_has(files.load()->warnings, "look randomly initialised"));
}

TEST_CASE("an adapter without its configuration is said, and without its base it is named") {
  Files files("gpt2");
  std::vector<File> all = files.take();
  all.push_back({"gpt2/adapter_model.safetensors", files.named("model.safetensors")->bytes});
  const auto model = load_model(all, "m");
  REQUIRE(model);
  CHECK(any_has((*model)->warnings,
                "adapter_model.safetensors is an adapter without adapter_config"));
  std::vector<File> alone = {{"a/adapter_config.json", {}}, {"a/adapter_model.safetensors", {}}};
  CHECK(has(load_model(alone, "m").error().message, "an adapter without its base model"));
}

TEST_CASE("a resized embedding is taken if it is a few rows off, and said") {
  Files files("gpt2");
  auto& [shape, values] = files.tensors["transformer.wte.weight"];
  shape[0] += 3;
  values.resize(size_t(shape[0] * shape[1]), 0.25f);
  const auto model = files.load();
  CHECK(model->config.d_vocab == 275);
  CHECK(any_has(model->warnings, "has 275 rows, but vocab_size in config.json is 272"));
  CHECK(logits_of(model).size() == 5 * 275);
  shape[0] += 400;
  values.resize(size_t(shape[0] * shape[1]), 0.25f);
  CHECK(has(files.error(), "requires [272, 16]"));
}

TEST_CASE("a tokenizer of another size than the embedding is said") {
  Files files("gpt2");
  auto& [shape, values] = files.tensors["transformer.wte.weight"];
  shape[0] = 1700;
  values.resize(size_t(shape[0] * shape[1]), 0.25f);
  CHECK(any_has(files.field("vocab_size", "1700").load()->warnings,
                "tokenizer.json has 272 tokens, but the model has 1700"));
}

TEST_CASE("names under the prefix of a wrapper are read, and the prefix is said") {
  const auto plain = logits_of(Files("gpt2").load());
  for (const char* prefix :
       {"module.", "_orig_mod.", "model.", "base_model.model.", "language_model."}) {
    CAPTURE(prefix);
    Files files("gpt2");
    files.rename([&](const std::string& name) { return prefix + name; });
    const auto model = files.load();
    CHECK(logits_of(model) == plain);
    CHECK(any_has(model->notes, std::string("begin with \"") + prefix + "transformer.\""));
    CHECK(model->warnings.empty());
  }
  // The head beside the body, where both are wrapped.
  Files own("llama-own-head");
  own.rename([](const std::string& name) { return "module." + name; });
  CHECK(logits_of(own.load()) == logits_of(Files("llama-own-head").load()));
  // Question answering keeps the body below "transformer.".
  Files answers("llama-gqa");
  std::erase_if(answers.tensors, [](const auto& t) { return t.first == "lm_head.weight"; });
  answers.rename([](const std::string& name) { return "transformer." + name.substr(6); });
  CHECK(!answers.add("qa_outputs.weight", {2, 16}).load()->config.has_logits);
  // PEFT puts the weights below an adapter one level deeper.
  Files peft("llama-gqa");
  peft.rename([](const std::string& name) {
    const size_t at = name.find(".q_proj");
    return at == name.npos ? name : std::string(name).insert(at + 7, ".base_layer");
  });
  CHECK(logits_of(peft.load()) == logits_of(Files("llama-gqa").load()));
  Files two("gpt2");
  const auto once = two.tensors;
  two.rename([](const std::string& name) { return "teacher." + name; });
  for (const auto& [name, tensor] : once) two.tensors["student." + name] = tensor;
  CHECK(has(two.error(), "those of several models: names begin with \"student.transformer.\""));
}

TEST_CASE("what is missing is told with the nearest name, or the number of layers") {
  Files files("gpt2");
  files.rename([](const std::string& name) {
    const size_t at = name.find(".c_attn.");
    return at == name.npos ? name : std::string(name).replace(at, 8, ".qkv_attn.");
  });
  CHECK(has(files.error(), "\"transformer.h.0.attn.c_attn.weight\" is missing"));
  CHECK(has(files.error(), "the nearest name is \"transformer.h.0.attn."));
  CHECK(!has(files.error(), "all shards"));
  CHECK(has(Files("llama-gqa").field("num_hidden_layers", "3").error(),
            "the file has 2 layers, but config.json asks for 3"));
}

TEST_CASE("a model without model_type is that of its architecture, and it is said") {
  Files files("bert-mlm");
  const auto model = files.field("model_type", "").load();
  CHECK(model->config.family == "bert");
  CHECK(any_has(model->notes, "model_type is missing; taken as bert, the type of BertForMaskedLM"));
  files.field("architectures", R"(["T6Model"])");
  CHECK(has(files.error(), "model_type is missing; set it to"));
}

TEST_CASE("a text that is mostly unknown is said to be") {
  const auto model = *load_model(read_model_files(test_models() / "bert-mlm"), "m");
  CHECK(text_notes(*model, model->tokenizer->encode("the girl and the dog")).empty());
  const std::vector<std::string> notes =
      text_notes(*model, model->tokenizer->encode("学习 the 好"));
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "tokens of the text are [UNK]"));
}

TEST_CASE("words that were cut into bytes are named by their text, and blanks join them") {
  const auto model = *load_model(read_model_files(test_models() / "gpt2"), "m");
  const Tokens tokens = model->tokenizer->encode("שלום עולם 我爱 the girl");
  CHECK(words_of(tokens).names ==
        std::vector<std::string>{"שלום", " עולם", " 我", "爱", " the", " girl"});
}

TEST_CASE("the report's formula has the scale that the model has") {
  State state;
  const auto element = [&](const char* name) {
    const auto model = *load_model(read_model_files(test_models() / name), "m");
    const Trace trace = forward(model, tokens_of(std::vector<int>{5, 9, 7}));
    return text_of(element_report({model.get(), &trace, &state}, 2, 1));
  };
  CHECK(has(element("gpt2"), "score = q·k / √4 = "));
  CHECK(has(element("gpt2-relu"), "score = q·k × 1 = "));
}
