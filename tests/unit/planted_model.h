// planted_model.h - a GPT-2 whose weights are set by hand, so that what every head does is known.
#pragma once

#include <doctest/doctest.h>

#include <cctype>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "files/safetensors_write.h"
#include "model/model.h"

namespace attn {

// Layer 0: previous token (writes which), itself, first token, nothing (even).
// Layer 1: induction, earlier copies, punctuation, three tokens back.
// Layer 2: nothing (even); induction, else the first token; the first token and a quarter of its
// weight on induction; two tokens back.
class PlantedModel {
 public:
  // The vocabulary: <s>, <unk> and the words and marks of these texts.
  explicit PlantedModel(const std::vector<std::string>& texts) {
    std::vector<std::string> words = {"<s>", "<unk>"};
    std::map<std::string, int> known;
    for (const std::string& text : texts) {
      std::string word;
      const auto take = [&](const std::string& w) {
        if (!w.empty() && known.emplace(w, int(words.size())).second) words.push_back(w);
      };
      bool marks = false;
      for (const char c : text + " ") {
        const bool space = std::isspace(uint8_t(c)), mark = !space && !std::isalnum(uint8_t(c));
        if (space || mark != marks) take(std::exchange(word, ""));
        marks = mark;
        if (!space) word += c;
      }
    }
    for (size_t i = 2; i < words.size(); ++i)
      if (!std::isalnum(uint8_t(words[i][0]))) punctuation_.push_back(int(i));
    n_words_ = int(words.size());
    REQUIRE(n_words_ <= kCode);
    REQUIRE(2 * n_words_ + kPositions <= kWidth);
    add("transformer.wte.weight", n_words_, kWidth);
    add("transformer.wpe.weight", kPositions, kWidth);
    for (int i = 0; i < n_words_; ++i) at("transformer.wte.weight", i, i) = 1;
    for (int i = 0; i < kPositions; ++i) at("transformer.wpe.weight", i, n_words_ + i) = 1;
    norm("transformer.ln_f");
    for (int layer = 0; layer < 3; ++layer) {
      const std::string block = "transformer.h." + std::to_string(layer);
      norm(block + ".ln_1");
      norm(block + ".ln_2");
      linear(block + ".attn.c_attn", kWidth, 3 * kWidth);
      linear(block + ".attn.c_proj", kWidth, kWidth);
      linear(block + ".mlp.c_fc", kWidth, 4);
      linear(block + ".mlp.c_proj", 4, kWidth);
    }
    plant();
    vocabulary_ = std::move(words);
  }

  std::shared_ptr<const Model> load() const {
    JsonWriter config;
    config.object().text("model_type", "gpt2").text("activation_function", "gelu_new");
    config.integer("n_embd", kWidth).integer("n_head", 4).integer("n_layer", 3);
    config.integer("n_inner", 4).integer("n_positions", kPositions);
    config.integer("vocab_size", n_words_).number("layer_norm_epsilon", 1e-5);
    JsonWriter words;
    words.object().text("version", "1.0").key("added_tokens").array().object();
    words.integer("id", 0).text("content", "<s>").boolean("special", true);
    words.boolean("single_word", false).boolean("lstrip", false).boolean("rstrip", false);
    words.boolean("normalized", false).end().end();
    words.key("pre_tokenizer").object().text("type", "Whitespace").end();
    words.key("model").object().text("type", "WordLevel").text("unk_token", "<unk>");
    words.key("vocab").object();
    for (size_t i = 0; i < vocabulary_.size(); ++i) words.integer(vocabulary_[i], int64_t(i));
    words.end().end();
    std::vector<WrittenTensor> tensors;
    for (const auto& [name, t] : tensors_)
      tensors.push_back(written_tensor(name, t.values, t.shape));
    const std::string weights =
        written([&](ByteSink& sink) { write_safetensors(tensors, {}, sink); });
    const auto file = [](const char* name, const std::string& text) {
      return File{name, std::vector<uint8_t>(text.begin(), text.end())};
    };
    const auto model = load_model({file("planted/config.json", config.end().take()),
                                   file("planted/model.safetensors", weights),
                                   file("planted/tokenizer.json", words.end().take())},
                                  "planted");
    if (!model) FAIL(model.error().message);
    return *model;
  }

 private:
  static constexpr int kWidth = 512, kHead = 128, kPositions = 128;
  static constexpr int kCode = 112;  // from here on a head's dimensions hold codes of positions

  struct Planted {
    std::vector<int> shape;
    std::vector<float> values;
  };
  std::map<std::string, Planted> tensors_;
  std::vector<std::string> vocabulary_;
  std::vector<int> punctuation_;
  int n_words_ = 0;

  void add(const std::string& name, int rows, int cols, float value = 0) {
    tensors_[name] = {{rows, cols}, std::vector<float>(size_t(rows) * size_t(cols), value)};
  }
  void add_vector(const std::string& name, int n, float value) {
    tensors_[name] = {{n}, std::vector<float>(size_t(n), value)};
  }
  void norm(const std::string& name) {
    add_vector(name + ".weight", kWidth, 1);
    add_vector(name + ".bias", kWidth, 0);
  }
  void linear(const std::string& name, int in, int out) {
    add(name + ".weight", in, out);
    add_vector(name + ".bias", out, 0);
  }
  float& at(const std::string& name, int row, int col) {
    Planted& t = tensors_.at(name);
    return t.values[size_t(row) * size_t(t.shape.back()) + size_t(col)];
  }

  // Of q, k or v (0, 1, 2) of a head: its dimension `dim` reads place `from` of the residual
  // stream.
  void reads(int layer, int head, int part, int from, int dim, float weight) {
    at("transformer.h." + std::to_string(layer) + ".attn.c_attn.weight", from,
       part * kWidth + head * kHead + dim) += weight;
  }
  void always(int layer, int head, int dim, float q) {  // a query's dimension, whatever the token
    at("transformer.h." + std::to_string(layer) + ".attn.c_attn.bias", 0, head * kHead + dim) = q;
  }
  int token(int i) const { return i; }
  int position(int i) const { return n_words_ + i; }
  int before(int i) const { return n_words_ + kPositions + i; }

  void back(int layer, int head, int by) {
    for (int i = 0; i < kPositions; ++i) {
      if (i >= by) reads(layer, head, 0, position(i), i - by, 1);
      reads(layer, head, 1, position(i), i, 1);
    }
  }
  void induction(int layer, int head, float strength) {
    for (int i = 0; i < n_words_; ++i) {
      reads(layer, head, 0, token(i), i, strength);
      reads(layer, head, 1, before(i), i, 1);
    }
  }
  void first(int layer, int head, float strength) {
    always(layer, head, kHead - 1, strength);
    reads(layer, head, 1, position(0), kHead - 1, 1);
  }

  void plant() {
    back(0, 0, 1);
    for (int i = 0; i < n_words_; ++i) {
      reads(0, 0, 2, token(i), i, .06f);
      at("transformer.h.0.attn.c_proj.weight", i, before(i)) = 1;
    }
    back(0, 1, 0);
    first(0, 2, 10);
    induction(1, 0, 1);
    std::mt19937 draw(1);
    for (int i = 0; i < n_words_; ++i) {
      reads(1, 1, 0, token(i), i, 1);
      reads(1, 1, 1, token(i), i, 1);
    }
    for (int i = 0; i < kPositions; ++i) {  // not itself
      for (int d = kCode; d < kHead; ++d) {
        const float code = draw() % 2 ? .25f : -.25f;
        reads(1, 1, 0, position(i), d, -.6f * code);
        reads(1, 1, 1, position(i), d, code);
      }
    }
    always(1, 2, 0, 10);
    for (const int i : punctuation_) reads(1, 2, 1, token(i), 0, 1);
    back(1, 3, 3);
    induction(2, 1, 1);
    first(2, 1, 5);
    induction(2, 2, 1);
    first(2, 2, 13.4f);
    back(2, 3, 2);
  }
};

}  // namespace attn
