// forward.h - a model's pass over tokens, in steps short enough to cancel between.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/model.h"
#include "trace/trace.h"

namespace attn {

struct Keep {
  bool all_logits = false;  // logits of every position, not of the last alone
  bool facts = true;        // what is told of every row (Attention::facts)
  bool activations =
      false;  // Trace::activations, of all tokens: nothing is taken over from `before` then
  std::vector<bool> layers;  // whose q, k and v stay in the trace; empty: all
  // What to change while the pass runs; the trace keeps it (Attention::edits). Where it changes
  // cells of patterns no facts are told, since they follow from scores.
  Edits edits;
};

// Tokens at the start that both have, whose part of `before` a pass may take over: none where
// tokens see what comes after them, where a layer of `before` was not kept, or where it was edited
// in another way.
int n_reusable(const Model& model, const Tokens& tokens, const Trace& before, const Keep& keep);

class ForwardPass {
 public:
  // Where the model has an encoder, tokens are the decoder's, and Tokens::source the encoder's,
  // which runs first; the trace has three parts then (trace.h).
  // Tokens must be 1 .. n_ctx in number with ids inside the vocabulary: ask check() first. What a
  // causal model computed of the tokens that `before` begins with too is taken from there; the rows
  // are the same as without it, to the last digits of their sums.
  ForwardPass(std::shared_ptr<const Model> model, Tokens tokens, Keep keep = {},
              const Trace* before = nullptr);
  ~ForwardPass();

  static Status check(const Model& model, const Tokens& tokens, const Edits& edits = {});
  // What the pass and its trace will hold at most, in bytes, beside the weights; known before
  // anything is allocated.
  // `n_source` tokens are the encoder's, where there is one.
  static uint64_t bytes_needed(const Config& config, int n_tokens, const Keep& keep,
                               int n_source = 0);
  // Of these, what each kept layer takes.
  static uint64_t bytes_a_layer(const Config& config, int n_tokens);

  int n_steps() const;   // calls of step() until it says that it was the last
  int n_reused() const;  // tokens taken from `before`
  // Multiplications, about: of all steps together, and of the largest.
  struct Work {
    int64_t all = 0, most_a_step = 0;
  };
  Work work() const;
  // On a single thread about a millisecond of a fast machine, with threads a whole product. False:
  // that was the last.
  bool step();
  Trace take();  // once, after the last step

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The whole pass at once.
Trace forward(std::shared_ptr<const Model> model, Tokens tokens, Keep keep = {},
              const Trace* before = nullptr);

}  // namespace attn
