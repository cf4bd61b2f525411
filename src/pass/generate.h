// generate.h - the tokens that a model reads: its text, and where an encoder reads that, what the
// decoder writes, typed or by itself.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "text/tokenizer.h"
#include "trace/trace.h"

namespace attn {

// An error that names the first word that is no token id, where the model has no tokenizer
// (Model::reads_ids): it would be left out.
Status check_ids(const Model& model, std::string_view text);

// Of a text, or of a pair of texts where the second is not empty. Where the model has an encoder,
// the text is what that reads (Tokens::source), and `pair` what the decoder reads behind its start
// token; without one the decoder reads its start token alone.
Result<Tokens> model_tokens(const Model& model, std::string_view text, std::string_view pair);

// model_tokens() in short steps (Tokenizing).
class TextReading {
 public:
  // The model must outlive this.
  TextReading(const Model& model, std::string_view text, std::string_view pair);

  bool step();            // false: that was the last
  Result<Tokens> take();  // after the last step

 private:
  const Model* model_;
  Status error_;
  std::vector<Tokenizing> parts_;  // of an encoder–decoder: what it reads, what is typed behind it
  size_t n_read_ = 0;
};

// Writes token after token, each time the likeliest, until the end token or Writing::most. Of
// equally likely ones the first is taken, as torch.argmax does on the CPU.
class Generation {
 public:
  // `start`: model_tokens() without a pair; check() it first.
  Generation(std::shared_ptr<const Model> model, Tokens start);
  ~Generation();

  int n_steps() const;  // at most
  bool step();          // false: that was the last
  Tokens take();        // what the decoder reads, after the last step

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// All steps at once.
Tokens with_generated(const std::shared_ptr<const Model>& model, Tokens tokens);
// Whether the decoder has read but its start, so that a Generation follows.
bool is_to_be_generated(const Model& model, std::string_view pair);

}  // namespace attn
