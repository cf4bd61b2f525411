// forward.h - a model's pass over tokens, in steps short enough to cancel between.
#pragma once

#include <cstdint>
#include <memory>

#include "model/model.h"
#include "model/trace.h"

namespace attn {

struct Keep {
  bool all_logits = false;  // logits of every position, not of the last alone
};

class ForwardPass {
 public:
  // Tokens must be 1 .. n_ctx in number with ids inside the vocabulary: ask check() first.
  ForwardPass(std::shared_ptr<const Model> model, Tokens tokens, Keep keep = {});
  ~ForwardPass();

  static Status check(const Model& model, const Tokens& tokens);
  // Floats that the pass and its trace will hold, in bytes; known before anything is allocated.
  static uint64_t bytes_needed(const Config& config, int n_tokens, Keep keep);

  int n_steps() const;
  bool step();   // false: that was the last
  Trace take();  // once, after the last step

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The whole pass at once.
Trace forward(std::shared_ptr<const Model> model, Tokens tokens, Keep keep = {});

}  // namespace attn
