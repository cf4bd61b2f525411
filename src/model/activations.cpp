#include "model/activations.h"

namespace attn {

uint64_t Activations::floats_needed(const Config& c, uint64_t n_tokens) {
  const uint64_t n_wide = c.norm_place == NormPlace::post ? 4 : 2;  // rows of d_model a layer
  const uint64_t d_q = uint64_t(c.n_heads) * uint64_t(c.d_head);
  return n_tokens *
         (uint64_t(c.n_layers) * (n_wide * uint64_t(c.d_model) + d_q) + uint64_t(c.d_model));
}

}  // namespace attn
