// edit.h - what a pass changes while it runs: cells of a head's pattern, or the head's output.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "trace/site.h"

namespace attn {

struct Activations;
struct Attention;

// Queries q0 to q1 and keys k0 to k1, both ends included.
struct CellRect {
  int q0 = 0, q1 = 0, k0 = 0, k1 = 0;
  bool operator==(const CellRect&) const = default;
};

// One change of one head. `cells` acts on the pattern, after the softmax and before the product
// with V; the others act on z [query, d_head], before W_O. attention_block.cpp has both places.
struct Edit {
  enum class Kind {
    off,      // z = 0: zero ablation
    scale,    // z *= by
    replace,  // z = that of another pass over as many tokens, at the same positions: patching
    cells,    // weights in `rect` become `by` (0 .. 1), except where the mask hides the key. The
              // other weights of the row stay as they are: it no longer sums to 1
  };
  Site at;
  Kind kind = Kind::off;
  float by = 0;
  CellRect rect;
  std::shared_ptr<const Activations> from;  // of `replace`; compared by address

  bool operator==(const Edit&) const = default;
};

using Edits = std::vector<Edit>;  // made in this order

// Whether a pattern differs from what its scores say, so that rows need not sum to 1.
bool changes_cells(const Edits& edits);

// A sentence if an edit names a head, a cell, a value or another pass that doesn't fit.
Status check_edits(const Edits& edits, const Attention& a);

}  // namespace attn
