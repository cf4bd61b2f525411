// test_seq2seq.cpp - encoders with decoders: the three attentions, what is written, and what is
// taken over from an earlier pass.
#include <doctest/doctest.h>

#include "analysis/head_role.h"
#include "analysis/measure.h"
#include "analysis/weight_chain.h"
#include "golden_model.h"
#include "pass/forward.h"
#include "pass/generate.h"

using namespace attn;

namespace {

std::filesystem::path folder(const std::string& name) {
  return ATTNSCOPE_SOURCE_DIR "/tests/data/seq2seq/" + name;
}

std::shared_ptr<const Model> load(const std::string& name) {
  Result<std::shared_ptr<const Model>> model = load_model(read_model_files(folder(name)), name);
  if (!model) FAIL(model.error().message);
  return *model;
}

struct Golden {
  NamedTensors file;

  explicit Golden(const std::string& name) {
    Result<NamedTensors> read = read_safetensors(
        {"expected.safetensors", read_bytes((folder(name) / "expected.safetensors").string())});
    REQUIRE(read);
    file = std::move(*read);
  }
  template <class T>
  std::vector<T> numbers(const char* name) const {
    const StoredTensor* tensor = file.find(name);
    REQUIRE(tensor);
    std::vector<T> out(tensor->bytes.size() / sizeof(T));
    std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
    return out;
  }
  std::string text(const char* name) const { return std::string(*file.metadata.at(name).text()); }
};

std::vector<int> ids_of(const Tokens& tokens) {
  std::vector<int> ids;
  for (const Token& token : tokens.items) ids.push_back(token.id);
  return ids;
}

float furthest(const Attention& a, const std::vector<float>& expected) {
  float most = 0;
  size_t at = 0;
  for (int l = 0; l < a.n_layers; ++l)
    for (int h = 0; h < a.n_heads; ++h)
      for (const float x : a.pattern(0, l, h)) most = std::max(most, std::abs(x - expected[at++]));
  CHECK(at == expected.size());
  return most;
}

Tokens read(const Model& model, const std::string& text, const std::string& pair) {
  Result<Tokens> tokens = model_tokens(model, text, pair);
  REQUIRE(tokens);
  REQUIRE(!ForwardPass::check(model, *tokens));
  return std::move(*tokens);
}

const char* const kModels[] = {"t5",    "t5-gated", "mt5",     "umt5",  "bart",
                               "mbart", "marian",   "pegasus", "m2m100"};
const char* const kParts[] = {"encoder", "decoder", "cross"};

}  // namespace

TEST_CASE("encoder, decoder and cross-attention are those of transformers") {
  for (const std::string name : kModels) {
    CAPTURE(name);
    const auto model = load(name);
    CHECK(model->warnings.empty());
    const Golden golden(name);
    const Tokens tokens = read(*model, golden.text("source"), golden.text("target"));
    CHECK(ids_of(*tokens.source) == golden.numbers<int>("source"));
    CHECK(ids_of(tokens) == golden.numbers<int>("target"));
    const Trace trace = forward(model, tokens);
    REQUIRE(trace.parts.size() == 3);
    for (int part = 0; part < 3; ++part)
      CHECK(furthest(trace.parts[size_t(part)], golden.numbers<float>(kParts[part])) < 2e-5f);
    const std::vector<float> logits = golden.numbers<float>("logits");
    REQUIRE(trace.logits.size() == logits.size());
    for (size_t i = 0; i < logits.size(); ++i)
      CHECK(trace.logits[i] == doctest::Approx(logits[i]).epsilon(1e-4));
    CHECK(trace.parts[2].n_key == tokens.source->size());
    CHECK(trace.parts[2].key_tokens[0].items.size() == tokens.source->items.size());
  }
}

TEST_CASE("an encoder saved by itself is a model") {
  for (const std::string name : {"t5", "umt5"}) {
    CAPTURE(name);
    const Golden golden(name);
    std::vector<File> files = read_model_files(folder(name));
    for (File& file : files) {
      if (base_name(file.name) != "config.json") continue;
      std::string text(file.bytes.text());
      for (const auto& [from, to] :
           {std::pair{"T5ForConditionalGeneration", "T5EncoderModel"},
            std::pair{"\"is_encoder_decoder\": true", "\"is_encoder_decoder\": false"}}) {
        const size_t at = text.find(from);
        REQUIRE(at != text.npos);
        text.replace(at, std::string_view(from).size(), to);
      }
      file.bytes = std::vector<uint8_t>(text.begin(), text.end());
    }
    const Result<std::shared_ptr<const Model>> model = load_model(files, name);
    if (!model) FAIL(model.error().message);
    CHECK(!(*model)->encoder);
    CHECK(!(*model)->config.has_logits);
    const Trace trace = forward(*model, read(**model, golden.text("source"), ""));
    REQUIRE(trace.parts.size() == 1);
    CHECK(furthest(trace.parts[0], golden.numbers<float>("encoder")) < 2e-5f);
  }
}

TEST_CASE("biases of the distance that each layer has for itself are in scores and chains") {
  const auto model = load("umt5");
  const Golden golden("umt5");
  const Trace trace = forward(model, read(*model, golden.text("source"), golden.text("target")));
  const Attention& a = trace.own();
  REQUIRE(a.n_layers == 3);
  CHECK(a.bias_at(0, 1, 9, 3) != a.bias_at(2, 1, 9, 3));
  for (int layer = 0; layer < a.n_layers; ++layer) {
    CAPTURE(layer);
    State state;
    state.part = 1;
    state.layer = layer;
    state.head = 1;
    std::vector<float> scores(size_t(a.n_key));
    a.score_rows(0, layer, 1, 9, 10, {scores.data(), 1, a.n_key});
    const WeightChain chain = weight_chain(a, state, 9, 3);
    CHECK(chain.bias == double(a.bias_at(layer, 1, 9, 3)));
    CHECK(std::abs(chain.score - double(scores[3])) < 1e-5);
    std::vector<float> one(size_t(a.n_key));  // by the path for one query
    a.pattern_rows(0, layer, 1, 9, 10, {one.data(), 1, a.n_key});
    CHECK(std::abs(chain.weights[3] - double(one[3])) < 1e-6);
  }
}

TEST_CASE("a tokenizer that transformers cannot convert is said to be in copies of the model") {
  for (const std::string name : {"marian", "m2m100", "t5"}) {
    CAPTURE(name);
    std::vector<File> files = read_model_files(folder(name));
    for (File& file : files)
      if (base_name(file.name) == "tokenizer.json")
        file.name.replace(file.name.size() - 14, 14, "vocab.json");
    const Result<std::shared_ptr<const Model>> model = load_model(files, name);
    REQUIRE(!model);
    CHECK(model.error().message.starts_with("tokenizer.json is missing, and "));
    CHECK(model.error().message.find("vocab.json") != std::string::npos);
    const bool converts = model.error().message.find("save_pretrained") != std::string::npos;
    CHECK(converts == (name == "t5"));
  }
}

TEST_CASE("decoders write what transformers' generate writes") {
  for (const std::string name : kModels) {
    CAPTURE(name);
    const auto model = load(name);
    const Golden golden(name);
    const std::vector<int> expected = golden.numbers<int>("written");
    std::vector<int> ids = ids_of(with_generated(model, read(*model, golden.text("source"), "")));
    ids.resize(expected.size());
    CHECK(ids == expected);
  }
}

TEST_CASE("a longer target takes over the encoder and its own beginning") {
  for (const std::string name : {"t5", "bart"}) {
    CAPTURE(name);
    const auto model = load(name);
    const Trace before = forward(model, read(*model, "The cat sat.", "It was"));
    const Tokens tokens = read(*model, "The cat sat.", "It was a dog");
    ForwardPass pass(model, tokens, {}, &before);
    const int n_before = before.own().n_query;
    CHECK(pass.n_reused() == n_before);
    while (pass.step()) {
    }
    const Trace after = pass.take(), fresh = forward(model, tokens);
    for (size_t part = 0; part < 3; ++part) {
      const Attention &a = after.parts[part], &b = fresh.parts[part];
      for (int l = 0; l < a.n_layers; ++l)
        for (int h = 0; h < a.n_heads; ++h) {
          const std::vector<float> x = a.pattern(0, l, h), y = b.pattern(0, l, h);
          REQUIRE(x.size() == y.size());
          for (size_t i = 0; i < x.size(); ++i) CHECK(x[i] == doctest::Approx(y[i]).epsilon(1e-5));
          for (int q = 0; q < a.n_query; ++q)
            for (int fact = 0; fact < kRowFacts; ++fact)
              CHECK(a.facts[size_t(l)].head(h)(q, fact) ==
                    doctest::Approx(b.facts[size_t(l)].head(h)(q, fact)).epsilon(1e-3));
        }
    }
    const Tokens other = read(*model, "The dog sat.", "It was a dog");
    CHECK(ForwardPass(model, other, {}, &before).n_reused() == 0);
  }
}

TEST_CASE("measures of layers that read one text are refused for decoders of an encoder") {
  const auto model = load("t5");
  const Trace trace = forward(model, read(*model, "The cat sat.", "It was a dog"));
  State state;
  const auto is_refused = [&](const char* id, int part) {
    state.part = part;
    const Inputs in{&model->stack(part), &trace, &state};
    const Status no = missing(*find_metric(id), in);
    return no && no->message.find("a decoder reads an encoder") != std::string::npos;
  };
  CHECK(is_refused("rollout", 1));
  CHECK(is_refused("logit_head", 1));
  CHECK(is_refused("head_writes", 2));
  CHECK(is_refused("copying", 2) == (find_metric("copying") != nullptr));
  CHECK_FALSE(is_refused("head_writes", 1));
  CHECK_FALSE(is_refused("rollout", 0));
  CHECK_FALSE(is_refused("pattern", 2));
}

TEST_CASE("scores that compare positions are refused for cross-attention, and no role is of them") {
  const auto model = load("t5");
  const Trace trace = forward(model, read(*model, "The cat sat.", "It was a dog"));
  State state;
  state.part = 2;
  const Inputs in{model.get(), &trace, &state};
  for (const char* id :
       {"previous_token", "self", "induction", "same_word", "distance", "diagonal"}) {
    CAPTURE(id);
    CHECK(missing(*find_metric(id), in));
  }
  for (const char* id : {"first_token", "special", "entropy", "vertical"}) {
    CAPTURE(id);
    CHECK_FALSE(missing(*find_metric(id), in));
  }
  for (const HeadScore* score : role_scores(false, true)) CHECK(score->across);
  CHECK(role_scores(false, true).size() < role_scores(false).size());
}

TEST_CASE("a decoder without its encoder's text is refused") {
  const auto model = load("bart");
  CHECK(ForwardPass::check(*model, model->tokenizer->encode("the cat")));
}

TEST_CASE("no byte more than said is needed for an encoder and its decoder") {
  const auto model = load("bart");
  const Tokens tokens = read(*model, "The cat sat on the mat.", "It was a dog, and it ran.");
  const Config& c = model->config;
  const uint64_t both = ForwardPass::bytes_needed(c, tokens.size(), {}, tokens.n_source());
  CHECK(both > ForwardPass::bytes_needed(c, tokens.size(), {}) +
                   ForwardPass::bytes_needed(*c.encoder, tokens.n_source(), {}));
}
