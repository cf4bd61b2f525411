// trace.h - what one pass, or a file, left behind: its attentions, logits and activations.
// Immutable once it is shared; knows no model.
#pragma once

#include <memory>
#include <vector>

#include "trace/attention.h"
#include "trace/row_facts.h"
#include "trace/site.h"

namespace attn {

struct Activations;

struct Trace {
  std::vector<Attention> parts;  // never empty; Site::part counts them
  std::vector<float> logits;     // [n_logits, d_vocab] of the last n_logits positions
  int n_logits = 0;
  HeadRows resid_final;  // [1, n, d_model] before the last norm; for what is typed next
  std::shared_ptr<const Activations> activations;  // activations.h; none unless they were asked for
  // The model that made it, nameless; so that nobody goes on from a trace of another one.
  std::weak_ptr<const void> made_by;

  const Attention& at(const Site& site) const { return parts[size_t(site.part)]; }
};

}  // namespace attn
