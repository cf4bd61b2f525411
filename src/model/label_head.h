// label_head.h - heads of labels in place of a vocabulary: of a text or a picture, of each token,
// or of where an answer starts and ends.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/recipe.h"
#include "text/tokens.h"

namespace attn {

// Tensors of a head of labels: `out`, and before it a dense layer and a norm where they are named.
struct LabelRow {
  std::string_view family = {};  // "": those that have no row of their own
  std::string_view task = {};    // what the name of the class ends with
  const char* out = nullptr;
  const char* dense = nullptr;
  Activation activation = Activation::tanh;
  Activation Config::* own_activation = nullptr;  // in place of `activation`
  const char* norm = nullptr;
};

// The heads that a model may have by its configuration, the best first: of the class that
// `architectures` names; of any where it names none.
std::vector<const LabelRow*> label_rows(const Layout& layout);
// The labels of a head whose output has `n` rows; none: it cannot be used.
Result<LabelHead> label_head(const LabelRow& row, const Layout& layout, int n);
// The configuration of a model with these labels.
void use_labels(Config& c, LabelHead labels);

// The rows of the text that the logits asked for at `token` are computed from: its own, or those
// that labels of the whole text are read from.
struct ReadRows {
  int from = 0, to = 1;
};
ReadRows rows_read(const Config& c, const Tokens& tokens, int token);

// How output `id` is shown: a label, or a token.
std::string output_name(const Model& model, int id);

}  // namespace attn
