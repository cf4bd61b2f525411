// test_nanogpt.cpp - checkpoints of nanoGPT: weights, settings and characters.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "base/utf8.h"
#include "files/nanogpt.h"
#include "golden_model.h"
#include "model/text_notes.h"
#include "pass/forward.h"

using namespace attn;

namespace {

constexpr char kText[] = "to be, or not\n我爱 to be?";

std::filesystem::path folder_named(const std::string& name) {
  return ATTNSCOPE_SOURCE_DIR "/tests/data/nanogpt/" + name;
}

std::string error_of(std::vector<File> files) {
  const Result<std::shared_ptr<const Model>> model = load_model(std::move(files), "nanogpt");
  return model ? "" : model.error().message;
}

}  // namespace

TEST_CASE("checkpoints of nanoGPT are what transformers computes with their weights") {
  for (const char* name : {"biased", "plain"}) {
    CAPTURE(name);
    const GoldenPass golden = read_golden_pass(folder_named(name));
    REQUIRE(!golden.ids.empty());
    const Result<std::shared_ptr<const Model>> read =
        load_model(read_model_files(folder_named(name)), "nanogpt");
    REQUIRE_MESSAGE(read, (read ? "" : read.error().message));
    const Model& model = **read;
    CHECK(model.tied);
    REQUIRE(model.warnings.size() == 1);
    CHECK(model.warnings[0].find("GELU") != std::string::npos);
    const Tokens tokens = model.tokenizer->encode(kText);
    CHECK(std::ranges::equal(tokens.items, golden.ids, {}, &Token::id));
    CHECK(tokens.items[15].shown == "爱");
    CHECK(text_notes(model, tokens).empty());
    ForwardPass pass(*read, tokens, {.all_logits = true});
    while (pass.step()) {
    }
    const Trace trace = pass.take();
    CHECK(most_apart(trace.logits, golden.logits) < 2e-5);
    std::vector<float> patterns;
    for (int layer = 0; layer < 2; ++layer)
      for (int head = 0; head < 3; ++head)
        std::ranges::copy(trace.parts[0].pattern(0, layer, head), std::back_inserter(patterns));
    CHECK(most_apart(patterns, golden.attn) < 2e-6);
  }
}

TEST_CASE("what nanoGPT's files lack or have more of is said") {
  std::vector<File> files = read_model_files(folder_named("plain"));
  const Result<std::shared_ptr<const Model>> whole = load_model(files, "nanogpt");
  REQUIRE(whole);
  const auto note = [&](const char* text) {
    const std::vector<std::string> notes = text_notes(**whole, (*whole)->tokenizer->encode(text));
    return notes.empty() ? "" : notes[0];
  };
  CHECK(note("café") ==
        "The character \"é\" of the text is left out: the vocabulary of nanogpt has no such token");
  CHECK(note("Ab C") ==
        "2 characters of the text are left out, the first of them \"A\": the "
        "vocabulary of nanogpt has no such token");
  CHECK(note("a\tb") == "");
  Tokens part = (*whole)->tokenizer->encode("to be or not");
  part.n_whole = part.size();
  part.items.resize(5);  // a text that was cut
  CHECK(text_notes(**whole, part).empty());
  CHECK(text_notes(**whole, tokens_of(std::vector<int>{1, 2})).empty());

  CHECK(error_of(read_model_files(folder_named("variant"))) ==
        "ckpt.pt: model_args has \"use_rmsnorm\", which nanoGPT does not have: a variant of it may "
        "compute something else. Drop a config.json of GPT-2's fields with it if it is computed as "
        "nanoGPT is");

  // Without its characters, ids are typed.
  std::erase_if(files, [](const File& f) { return f.name.ends_with("meta.pkl"); });
  const Result<std::shared_ptr<const Model>> alone = load_model(files, "nanogpt");
  REQUIRE(alone);
  CHECK((*alone)->reads_ids);

  // A configuration beside it goes before model_args.
  const std::string config =
      R"({"model_type": "gpt2", "n_layer": 2, "n_head": 3, "n_embd": 24, "n_positions": 32,
          "vocab_size": 37, "bias": false, "activation_function": "gelu_new"})";
  files.push_back({"plain/config.json", std::vector<uint8_t>(config.begin(), config.end())});
  const Result<std::shared_ptr<const Model>> older = load_model(files, "nanogpt");
  REQUIRE_MESSAGE(older, (older ? "" : older.error().message));
  CHECK((*older)->config.activation == Activation::gelu_tanh);
  CHECK(std::ranges::none_of((*older)->warnings,
                             [](const std::string& w) { return w.find("GELU") != w.npos; }));
}

TEST_CASE("a meta.pkl that is something else gets one sentence") {
  const Bytes meta = read_bytes(folder_named("plain") / "meta.pkl");
  CHECK(nanogpt_tokenizer(meta.text()));
  for (size_t n = 0; n < meta.size(); ++n) CHECK(!nanogpt_tokenizer(meta.text().substr(0, n)));
  // {"stoi": {"ab": 1}} and {"other": 1}, protocol 2.
  using namespace std::string_view_literals;
  const Result<Json> words = nanogpt_tokenizer("\x80\x02}X\x04\0\0\0stoi}X\x02\0\0\0abK\x01ss."sv);
  REQUIRE(!words);
  CHECK(words.error().message ==
        "meta.pkl: \"stoi\" has something else than a character and its id");
  const Result<Json> none = nanogpt_tokenizer("\x80\x02}X\x05\0\0\0otherK\x01s."sv);
  REQUIRE(!none);
  CHECK(none.error().message ==
        "meta.pkl: has no \"stoi\", the ids of characters, as nanoGPT's prepare.py writes it");
}
