// direct_logit.h - direct logit attribution: the logit as a sum of what each part wrote
// (TransformerLens).
//
// With u = W_U[:, target] - W_U[:, foil] and the final norm's scale σ of the true residual stream
// held fixed, a contribution r to the stream is worth ((r - mean r) / σ ⊙ γ) · u (no mean under
// RMSNorm). All needs: activations, logits, a norm that comes first. The query is State::token, the
// target what target.h says.
#pragma once

#include "analysis/measure.h"

namespace attn {

// In steps of a block of the vocabulary, where the target has to be found, and then of a layer, a
// head or some queries.
Study begin_logit_component(const Inputs& in);  // {component}; sums to the logit
Study begin_logit_head(const Inputs& in);       // {layer, head}
Study begin_logit_token(const Inputs& in);  // {layer, key}: source tokens, all heads of the layer
Study begin_logit_map(const Inputs& in);    // {query, key}: the chosen layer and head

}  // namespace attn
