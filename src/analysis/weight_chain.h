// weight_chain.h - how one attention weight arises from q and k, and what it adds to z: all numbers
// in double precision.
#pragma once

#include <span>
#include <vector>

#include "analysis/measure.h"

namespace attn {

// Every stage of one cell, (query i, key j) of one head:
//   products[d] = q_i[d] k_j[d]            dot = Σ_d products[d]
//   uncapped = dot × scale + bias          score = cap tanh(uncapped / cap), where there is a cap
//   with terms of the distance, (dot + places.query + places.key) × scale in place of dot × scale
//   masked[j] = scores[j] where the mask lets i see j, else −∞ (or Pairs::masked_score)
//   exps[j] = exp(masked[j] − highest)     sum = Σ_j exps[j]         weights[j] = exps[j] / sum
//   with a learned sink, sum has sink_exp = exp(sink − highest), too, which weighs no value
//   moved = weights[j] v_j                 z = Σ_j weights[j] v_j
// q and k are those of the trace, after norms of their own and RoPE. Edits of the pass act where
// they act there: on the weights, and on z.
struct WeightChain {
  int query = 0, key = 0;
  bool is_given = false;         // a file brought the weights: only `weights` is known
  std::vector<double> q, k;      // [d_head]
  std::vector<double> products;  // [d_head]
  double dot = 0, scale = 1, bias = 0, score = 0;  // bias: of the distance, 0 in most models
  Attention::PlaceDots places;                     // of the distance, too: q · pk and k · pq
  double uncapped = 0;                             // `score` in models without a cap
  bool sees = true;                                // whether the mask lets the query see the key
  std::vector<double> scores;                      // [n_key] before the mask
  std::vector<double> masked;                      // [n_key] after it
  bool has_sink = false;                           // Pairs::sinks
  double sink = 0, sink_exp = 0;
  double highest = 0;            // of `masked` and the sink; 0 where there is none
  std::vector<double> exps;      // [n_key]
  double sum = 0;                // Σ exps; 0 where no key may be seen: then every weight is 0
  std::vector<double> weights;   // [n_key]
  bool edited_weights = false;   // an edit set cells of this row
  std::vector<double> v, moved;  // [d_head]
  std::vector<double> z;         // [d_head] as it enters W_O
  bool edited_z = false;         // an edit changed z: it is not the sum over the keys

  double sink_weight() const { return has_sink ? sink_exp / sum : 0; }
  double weight() const { return weights[size_t(key)]; }
};

// Of the state's sample, layer and head, whose layer must be kept. About n_key × d_head × 2
// multiplications.
WeightChain weight_chain(const Attention& a, const State& at, int query, int key);
// The key that the chain is about: the locked one, else the one with the largest weight of the row.
int chain_key(const Attention& a, const State& at);

// {head, dim} z_h W_O^h of the chosen query: what every head of the layer adds to the residual
// stream; with b_O, their sum is the attention's output. A step is one head's part.
Study begin_head_writes(const Inputs& in);

}  // namespace attn
