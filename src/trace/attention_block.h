// attention_block.h - scores, softmax, z and the facts of every row, in one pass over a block of
// queries.
#pragma once

#include <cstdint>

#include "tensor/simd.h"
#include "text/token_sets.h"
#include "trace/attention.h"
#include "trace/row_facts.h"

namespace attn {

// A good size of blocks: all panels in it are full, and there are enough blocks for several
// threads.
constexpr int kBlockQueries = 64;

// z of queries q0 .. q1-1 of a head, into z [q1 - q0, d_head], and their rows of a.facts where it
// has any (then `tokens` must be those of the sample). Reads q, k and v of the layer. On the
// calling thread; holds attend_floats() beside what is given. The bits of a row do not depend on
// the block that it is in, except that blocks of one or two queries (a token typed at the end) take
// another way, whose last bits may differ.
void attend(const Attention& a, const TokenSets& tokens, int sample, int layer, int head, int q0,
            int q1, Mat z);
// Multiplications of attend(), for whoever cuts a pass into steps.
int64_t attend_work(const Attention& a, int q0, int q1);
// Floats that one call holds at a time.
int64_t attend_floats(const Attention& a);

// Attention::pattern_rows and ::pooled on the calling thread.
void block_pattern(const Attention& a, int sample, int layer, int head, int q0, int q1, Mat out);
// Things from .. to-1 in n cells, at least one each.
struct CellSpan {
  int from, to, n;
  int begin(int cell) const { return from + int(int64_t(cell) * (to - from) / n); }
  int end(int cell) const {
    return begin(cell + 1) > begin(cell) ? begin(cell + 1) : begin(cell) + 1;
  }
};
// Rows row0 .. row1-1 of the cells; sums, not yet means.
void block_pooled(const Attention& a, int sample, int layer, int head, const CellSpan& rows,
                  const CellSpan& cols, int row0, int row1, Mat largest, Mat sum);

// The same with the loops of one instruction set; for tests and measurements.
void attend(const AttentionLoops& loops, const Attention& a, const TokenSets& tokens, int sample,
            int layer, int head, int q0, int q1, Mat z);
void block_pattern(const AttentionLoops& loops, const Attention& a, int sample, int layer, int head,
                   int q0, int q1, Mat out);

}  // namespace attn
