// lens.h - the logit lens: what the model would predict if it ended after each layer
// (nostalgebraist 2020).
#pragma once

#include <memory>
#include <vector>

#include "analysis/target.h"

namespace attn {

// One position after one layer: LN_f(x) W_U + b_U with the final norm's statistics taken anew.
struct LensCell {
  std::vector<Peak> top;  // ids and logits, the largest first
  float log_sum = 0;      // ln Σ exp(logits): a logit minus this is a log probability
  float entropy = 0;      // of the prediction, bits
  int target = -1;        // the token asked about; the last layer's likeliest where none is named
  float logit = 0;        // of the target, minus that of the foil where there is one
  float target_logit = 0;
  int rank = 0;  // tokens that are likelier than the target
};

// Row 0 is the residual stream before the first layer, row l the one after layer l - 1.
struct LensTable {
  int n_rows = 0, n_query = 0;
  std::vector<LensCell> cells;  // [row, query]
  const LensCell& at(int row, int query) const {
    return cells[size_t(row) * size_t(n_query) + size_t(query)];
  }
};

// Needs activations and logits. Positions of one layer go together, as many as memory is read for
// once; a step is a part of their vocabulary, then a few of them are looked at. The last layer goes
// first.
class LensPass {
 public:
  LensPass(const Inputs& in, int n_top);
  int n_steps() const;
  bool step();
  LensTable take() { return std::move(table_); }

 private:
  Inputs in_;
  State state_;
  int batches() const { return (table_.n_query + rows_ - 1) / rows_; }  // of a layer
  int parts_of(int batch) const;
  void look(int row, int query, std::span<const float> logits);

  int n_top_;
  int rows_ = 1, words_ = 1, looks_ = 1;  // positions of a batch; words and looks of a step
  int row_ = 0, batch_ = 0, part_ = 0;    // next; layers from the last one on
  Target target_;
  std::vector<float> ready_, logits_;  // [rows_, d_model], [rows_, d_vocab]
  LensTable table_;
};

// {layer, query} of LensCell, without its row 0. Without a named target, that of the last layer's
// likeliest token at each position.
Study begin_lens_probability(const Inputs& in);  // of the target, 0 .. 1
Study begin_lens_logit(const Inputs& in);        // of the target, minus that of the foil
Study begin_lens_rank(const Inputs& in);         // tokens that are likelier than the target
Study begin_lens_entropy(const Inputs& in);      // bits

}  // namespace attn
