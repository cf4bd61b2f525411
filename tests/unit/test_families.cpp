// test_families.cpp - what sets GPT-2 and BERT apart: heads, padding, old names, what is refused.
#include <doctest/doctest.h>

#include "golden_model.h"
#include "model/recipe.h"
#include "pass/forward.h"

using namespace attn;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::shared_ptr<const Model> load(const std::vector<File>& files) {
  Result<std::shared_ptr<const Model>> model = load_model(files, "");
  if (!model) FAIL(model.error().message);
  return *model;
}

// The files of a tiny checkpoint with `from` replaced by `to`, of the same length, in its weights.
std::vector<File> renamed(const std::string& model, const std::string& from,
                          const std::string& to) {
  std::vector<File> files = read_model_files(test_models() / model);
  for (File& file : files) {
    if (base_name(file.name) != "model.safetensors") continue;
    std::string text(file.bytes.text());
    REQUIRE(has(text, from));
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;) {
      text.replace(at, from.size(), to);
    }
    file.bytes = std::vector<uint8_t>(text.begin(), text.end());
  }
  return files;
}

std::string layout_error(const std::string& text) {
  const Result<Json> json = Json::parse(text, "config.json");
  REQUIRE(json);
  const Result<Layout> layout = read_layout(**find_recipe(*json), *json);
  return layout ? "" : layout.error().message;
}

std::string gpt2_error(const std::string& more) {
  return layout_error(
      R"({"model_type":"gpt2","n_embd":8,"n_layer":1,"n_head":2,"n_positions":9,"vocab_size":5)" +
      more + "}");
}

std::string bert_error(const std::string& more, const std::string& family = "bert") {
  return layout_error(
      R"({"model_type":")" + family +
      R"(","hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":9,)"
      R"("max_position_embeddings":9,"vocab_size":5)" +
      more + "}");
}

}  // namespace

TEST_CASE("what GPT-2 and BERT cannot have here is refused, what changes nothing is not") {
  CHECK(gpt2_error("") == "");
  CHECK(gpt2_error(R"(,"n_inner":null,"reorder_and_upcast_attn":true,"n_ctx":9)") == "");
  CHECK(has(gpt2_error(R"(,"add_cross_attention":true)"), "add_cross_attention is true ("));
  CHECK(has(gpt2_error(R"(,"scale_attn_weights":0)"), "scale_attn_weights must be true or false"));

  CHECK(bert_error(R"(,"position_embedding_type":"absolute","is_decoder":false)") == "");
  CHECK(has(bert_error(R"(,"position_embedding_type":"relative_key")"),
            "position_embedding_type is \"relative_key\" (another kind of positions"));
  CHECK(has(bert_error(R"(,"is_decoder":true)"), "is_decoder is true ("));
  CHECK(has(bert_error(R"(,"add_cross_attention":true)"), "add_cross_attention is true ("));
  CHECK(has(bert_error(R"(,"type_vocab_size":0)"), "type_vocab_size"));
  CHECK(bert_error(R"(,"pad_token_id":7)", "roberta") == "");
  CHECK(has(bert_error(R"(,"pad_token_id":8)", "roberta"), "max_position_embeddings"));
  CHECK(has(bert_error(R"(,"pad_token_id":-1)", "roberta"), "pad_token_id"));
}

TEST_CASE("scores of GPT-2 are divided by the root of d_head unless config.json says no") {
  const std::vector<int> ids = {1, 2, 3};
  const auto scale = [&](const char* name) {
    return forward(load(read_model_files(test_models() / name)), tokens_of(ids)).parts[0].scale;
  };
  CHECK(scale("gpt2") == 0.5f);
  CHECK(scale("gpt2-relu") == 1);
  const auto model = load(read_model_files(test_models() / "gpt2-by-layer"));
  const Attention by_layer = forward(model, tokens_of(ids)).parts[0];
  for (int layer = 0; layer < 3; ++layer)
    CHECK(by_layer.scale_of(layer) == doctest::Approx(.5 / (layer + 1)));
}

TEST_CASE("a head is used where it was saved; without one there are patterns and no logits") {
  const auto headless = load(read_model_files(test_models() / "bert"));
  CHECK(!headless->config.has_logits);
  CHECK(!headless->tied);
  CHECK(headless->weights.unembed.empty());
  REQUIRE(headless->notes.size() == 1);  // none of the pooler
  CHECK(has(headless->notes[0], "no output head"));
  const Trace trace = forward(headless, tokens_of(std::vector<int>{2, 9, 3}));
  CHECK(trace.n_logits == 0);
  CHECK(trace.logits.empty());
  CHECK(trace.parts[0].part == Part::encoder_self);

  const auto mlm = load(read_model_files(test_models() / "bert-mlm"));
  CHECK(mlm->config.has_logits);
  CHECK(mlm->tied);
  CHECK(mlm->notes.empty());
  const auto untied = load(read_model_files(test_models() / "bert-mlm-untied-bf16"));
  CHECK(!untied->tied);
  CHECK(untied->notes.empty());

  // Half a head is an error that names what is missing.
  const Result<std::shared_ptr<const Model>> half =
      load_model(renamed("bert-mlm", "transform.LayerNorm", "transform.LayerSorm"), "");
  REQUIRE(!half);
  CHECK(has(half.error().message,
            "tensor \"cls.predictions.transform.LayerNorm.weight\" is missing"));
  // A head of another kind is none.
  const auto other = load(renamed("bert-mlm", "cls.predictions", "cls.preductions"));
  CHECK(!other->config.has_logits);
  CHECK(other->notes.size() == 1);
  CHECK(other->warnings.size() == 1);
}

TEST_CASE("GPT-J and Phi may be saved without a head, which has a bias") {
  for (const std::string name : {"gptj", "phi"}) {
    CAPTURE(name);
    CHECK(load(read_model_files(test_models() / name))->config.has_logits);
    const auto headless = load(renamed(name, "lm_head", "my_head"));
    CHECK(!headless->config.has_logits);
    CHECK(has(headless->notes[0], "no output head"));
  }
}

TEST_CASE("names may lack the family's prefix") {
  const GoldenPass golden = read_golden_pass(test_models() / "gpt2");
  const auto with = load(read_model_files(test_models() / "gpt2"));
  std::vector<File> files = read_model_files(test_models() / "gpt2");
  for (File& file : files) {
    if (base_name(file.name) != "model.safetensors") continue;
    std::string text(file.bytes.text());
    for (size_t at; (at = text.find("\"transformer.")) != std::string::npos;) {
      text.replace(at, 13, "            \"");  // blanks are nothing in JSON
    }
    file.bytes = std::vector<uint8_t>(text.begin(), text.end());
  }
  const auto without = load(files);
  CHECK(without->notes.empty());
  CHECK(forward(without, tokens_of(golden)).logits == forward(with, tokens_of(golden)).logits);
}

TEST_CASE("nobody looks at padding, and what it fills does not change") {
  const std::filesystem::path folder = test_models() / "bert-padded";
  const auto model = load(read_model_files(folder));
  const GoldenPass golden = read_golden_pass(folder);
  const Tokens padded = tokens_of(golden);
  Tokens bare = padded;
  std::erase_if(bare.items, [](const Token& token) { return token.padding; });
  const int n = padded.size(), n_bare = bare.size();
  REQUIRE(n_bare < n);
  const Trace a = forward(model, padded), b = forward(model, bare);
  CHECK(b.parts[0].allowed.empty());
  for (int layer = 0; layer < model->config.n_layers; ++layer) {
    for (int head = 0; head < model->config.n_heads; ++head) {
      const std::vector<float> wide = a.parts[0].pattern(0, layer, head);
      const std::vector<float> narrow = b.parts[0].pattern(0, layer, head);
      for (int q = 0; q < n; ++q) {
        for (int k = 0; k < n; ++k) {
          const float weight = wide[size_t(q * n + k)];
          if (k >= n_bare) {
            CHECK(weight == 0);
          } else if (q < n_bare) {
            CHECK(std::abs(weight - narrow[size_t(q * n_bare + k)]) < 1e-6);
          }
        }
      }
    }
  }
}

TEST_CASE("a text for BERT begins with [CLS] and ends with [SEP]") {
  const auto model = load(read_model_files(test_models() / "bert"));
  std::vector<int> ids;
  std::string pieces;
  for (const Token& token : model->tokenizer->encode("a dog [MASK] the sea").items) {
    ids.push_back(token.id);
    pieces += token.piece + " ";
  }
  CHECK(pieces == "[CLS] a dog [MASK] the sea [SEP] ");
  CHECK(ids == std::vector<int>{2, 7, 44, 4, 51, 49, 3});  // as tokenizers has them
}

TEST_CASE("older tokenizer files of another kind are named, with what to do") {
  for (const char* old : {"vocab.json", "vocab.txt", "tokenizer.model", "spiece.model"}) {
    std::vector<File> files = read_model_files(test_models() / "gpt2");
    std::erase_if(files, [](const File& f) { return base_name(f.name) == "tokenizer.json"; });
    files.push_back({std::string("gpt2/") + old, std::vector<uint8_t>{'a', '\n'}});
    const Result<std::shared_ptr<const Model>> model = load_model(files, "");
    REQUIRE(!model);
    CHECK(has(model.error().message, "tokenizer.json is missing, and GPT2Tokenizer needs "));
    CHECK(has(model.error().message, "(found: " + std::string(old) + ")"));
    CHECK(has(model.error().message, "save_pretrained"));
  }
}

// A real model in GPT-2's layout under minGPT's names: learned positions, fused q, k and v.
TEST_CASE("slm4096 computes what PyTorch computes") {
  const auto folder = shared_model("slm4096");
  if (!folder) return;
  static const Bind kBinds[] = {
      {"tok_emb", &Weights::embed},
      {"pos_emb", &Weights::positions},
      {"blocks.{}.ln_1", &Block::ln1},
      {"blocks.{}.attn.c_attn", {&Block::q, &Block::k, &Block::v}, &Layout::qkv_bias},
      {"blocks.{}.attn.c_proj", &Block::o, &Layout::o_bias},
      {"blocks.{}.ln_2", &Block::ln2},
      {"blocks.{}.mlp.c_fc", &Block::mlp_in, &Layout::mlp_bias},
      {"blocks.{}.mlp.c_proj", &Block::mlp_out, &Layout::mlp_bias},
      {"ln_f", &Weights::ln_final},
      {"lm_head", &Weights::unembed},
  };
  const Result<Json> json =
      Json::parse(R"({"model_type":"gpt2","n_embd":64,"n_layer":4,"n_head":4,"n_positions":128,)"
                  R"("vocab_size":54,"activation_function":"gelu"})",
                  "config.json");
  REQUIRE(json);
  Result<Layout> layout = (*find_recipe(*json))->layout(*json);
  REQUIRE(layout);
  const Result<NamedTensors> file =
      read_safetensors({"model.safetensors", read_bytes(*folder / "model.safetensors")});
  REQUIRE(file);
  Result<Bound> bound = bind_weights({"slm4096", "", nullptr, kBinds, ""}, *layout, {&*file, 1});
  if (!bound) FAIL(bound.error().message);
  CHECK(bound->notes.empty());
  auto model = std::make_shared<Model>();
  model->name = "slm4096";
  model->config = layout->config;
  model->weights = std::move(bound->weights);

  const GoldenPass golden = read_golden_pass(*folder);
  REQUIRE(!ForwardPass::check(*model, tokens_of(golden)));
  const Trace trace = forward(model, tokens_of(golden), {.all_logits = true});
  std::vector<float> patterns;
  for (int layer = 0; layer < 4; ++layer) {
    for (int head = 0; head < 4; ++head) {
      const std::vector<float> one = trace.parts[0].pattern(0, layer, head);
      patterns.insert(patterns.end(), one.begin(), one.end());
    }
  }
  const double attn = most_apart(patterns, golden.attn);
  const double logits = most_apart(trace.logits, golden.logits);
  std::printf("slm4096: patterns within %.1e, logits within %.1e of PyTorch\n", attn, logits);
  CHECK(attn < 6e-6);
  CHECK(logits < 3e-5);
}
