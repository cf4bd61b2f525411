// trace.h - the result of one pass, or of a file: attentions, logits and activations. Immutable
// once shared; knows no model.
#pragma once

#include <memory>
#include <vector>

#include "trace/attention.h"
#include "trace/row_facts.h"
#include "trace/site.h"

namespace attn {

struct Activations;

struct Trace {
  // Never empty; indexed by Site::part. Of an encoder and a decoder: the self-attention of either,
  // and the decoder's cross-attention to the encoder's output. Where a pooling head reads the
  // output, that of the layers, and its own.
  std::vector<Attention> parts;
  // [n_logits, n_outputs] of the positions from first_logit on; of the whole text where a head of
  // labels reads it.
  std::vector<float> logits;
  int n_logits = 0, first_logit = 0;
  // [1, n, d_model] before the last norm, of the decoder's tokens; for continuing a longer text
  HeadRows resid_final;
  std::shared_ptr<const Activations> activations;  // activations.h; null unless requested
  // The model that made it, type-erased, so that a pass never continues another model's trace.
  std::weak_ptr<const void> made_by;

  const Attention& at(const Site& site) const { return parts[size_t(site.part)]; }
  // That of the tokens whose logits there are.
  const Attention& own() const { return parts[parts.size() == 3 ? 1 : 0]; }
};

}  // namespace attn
