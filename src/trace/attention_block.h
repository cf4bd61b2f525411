// attention_block.h - scores, softmax, z and row facts in one pass over a block of queries.
#pragma once

#include <cstdint>

#include "tensor/simd.h"
#include "text/token_sets.h"
#include "trace/attention.h"
#include "trace/row_facts.h"

namespace attn {

// Block size: large enough to fill all panels, small enough to give several threads work.
constexpr int kBlockQueries = 64;

// Computes z [q1 - q0, d_head] for queries q0 .. q1-1 of a head, and their rows of a.facts if there
// are any (`tokens` must then be those of the sample). Reads q, k and v of the layer. Runs on the
// calling thread and allocates attend_floats(). A row has the same bits in every block, except in
// blocks of one or two queries (a token typed at the end), which take another path and may differ
// in the last bits.
void attend(const Attention& a, const TokenSets& tokens, int sample, int layer, int head, int q0,
            int q1, Mat z);
// Multiplications in attend(), for cutting a pass into steps.
int64_t attend_work(const Attention& a, int layer, int q0, int q1);

// Queries q0 .. q1-1 cut into parts of whole panels, each a block or as much of one as does not
// exceed `most_work`, but at least a panel. Rows have the same bits as in whole blocks.
struct QueryParts {
  int q0, q1, each = kBlockQueries, n;
  QueryParts(const Attention& a, int layer, int q0, int q1, int64_t most_work);
  int begin(int part) const { return q0 + part * each; }
  int end(int part) const { return part + 1 < n ? begin(part + 1) : q1; }
  int64_t work(const Attention& a, int layer) const;  // of the largest part
};
// Floats that one call of attend() allocates.
int64_t attend_floats(const Attention& a);

// Attention::pattern_rows and ::pooled on the calling thread.
void block_pattern(const Attention& a, int sample, int layer, int head, int q0, int q1, Mat out);
// Indices from .. to-1 divided into n cells of at least one index each.
struct CellSpan {
  int from, to, n;
  int begin(int cell) const { return from + int(int64_t(cell) * (to - from) / n); }
  int end(int cell) const {
    return begin(cell + 1) > begin(cell) ? begin(cell + 1) : begin(cell) + 1;
  }
};
// Rows row0 .. row1-1 of the cells. `sum` receives sums, not means. The last of `cols` may reach
// beyond the last key.
void block_pooled(const Attention& a, int sample, int layer, int head, const CellSpan& rows,
                  const CellSpan& cols, int row0, int row1, Mat largest, Mat sum);

// The same with the loops of one instruction set, for tests and benchmarks.
void attend(const AttentionLoops& loops, const Attention& a, const TokenSets& tokens, int sample,
            int layer, int head, int q0, int q1, Mat z);
void block_pattern(const AttentionLoops& loops, const Attention& a, int sample, int layer, int head,
                   int q0, int q1, Mat out);

}  // namespace attn
