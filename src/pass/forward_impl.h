// forward_impl.h - what a pass holds, for the two files that share it: forward.cpp (its order and
// its steps) and forward_stages.cpp (what each stage computes).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "pass/forward.h"
#include "tensor/packed.h"
#include "text/token_sets.h"
#include "trace/activations.h"

namespace attn {

// Work that may be done in any order: pieces 0 .. n_pieces - 1, of `work` multiplications each.
struct Stage {
  int64_t n_pieces = 0, work = 0;
  std::function<void(int64_t begin, int64_t end)> run;
};

inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct ForwardPass::Impl {
  std::shared_ptr<const Model> model;
  const Config& c;
  const Weights& w;
  Tokens tokens;
  Keep keep;
  int64_t n, n_reused = 0, m;  // rows of the trace, of `before`, and to be computed: n - n_reused
  int64_t n_chunks;
  Trace trace;
  TokenSets sets;

  // Where the pass is: the stage in hand and how far it is.
  int64_t at = 0;
  std::optional<Stage> stage;
  int64_t n_pieces_done = 0;

  struct Buffer {
    std::vector<float> floats;
    int64_t width = 0;
    void make(int64_t n_rows, int64_t n_cols) {
      width = n_cols;
      floats.resize(size_t(n_rows * n_cols));
    }
    Mat rows(int64_t n_rows) { return {floats.data(), n_rows, width}; }
  };
  Mat resid;  // [m, d_model]; resid_pre of a layer, then resid_mid, then resid_post; lies in the
              // trace
  Buffer normed;                  // [chunk, d_model]
  Buffer flat_q, flat_k, flat_v;  // [chunk, heads * d_head]
  Buffer z;                       // [chunk, n_heads * d_head]
  Buffer hidden, gate;            // [chunk, d_mlp]
  Buffer cosines, sines;          // [m, rope_dims / 2]
  PackedRows packed;              // the rows that the products in hand read
  std::vector<ProductPlan> plans;
  std::vector<double> radians;        // a position, of each pair
  std::vector<float> last;            // [n_logits, d_model], ready to be unembedded
  std::shared_ptr<Activations> kept;  // where Keep::activations asks for it; then n_reused is 0

  Impl(std::shared_ptr<const Model> model_, Tokens t, Keep k, const Trace* before);

  Attention& attention() { return trace.parts.front(); }
  const Block& block(int64_t layer) const { return w.blocks[size_t(layer)]; }

  // In order: embed a chunk …, then per layer: (project, split) a chunk …, (attend, …) a chunk …
  static constexpr int kFirst = 2, kSecond = 6;  // stages of a chunk in either sweep
  int64_t stages_a_layer() const { return n_chunks * (kFirst + kSecond); }
  int64_t n_stages() const { return n_chunks + c.n_layers * stages_a_layer() + 1; }
  Stage open(int64_t index);
  int64_t chunk_begin(int64_t chunk) const { return chunk * m / n_chunks; }

  Stage embed(int64_t r0, int64_t r1);
  Stage project(int64_t layer, int64_t r0, int64_t r1);
  Stage split(int64_t layer, int64_t r0, int64_t r1);
  Stage attend_rows(int64_t layer, int64_t r0, int64_t r1);
  Stage project_out(int64_t layer, int64_t r0, int64_t r1);
  Stage mlp_in(int64_t layer, int64_t r0, int64_t r1);
  Stage mlp_gate(int64_t layer, int64_t r0, int64_t r1);
  Stage mlp_out(int64_t layer, int64_t r0, int64_t r1);
  Stage finish(int64_t layer, int64_t r0, int64_t r1);
  Stage unembed();
  Stage products();  // all of `plans`, as one stage
  void begin_layer(int64_t layer);
  // A copy of rows r0 .. r1-1 for whoever wants activations, where they are whole.
  void note(std::vector<float> Activations::Layer::* to, int64_t layer, ConstMat rows, int64_t r0);
};

}  // namespace attn
