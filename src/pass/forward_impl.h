// forward_impl.h - what a pass holds, for the two files that share it: forward.cpp (its plan and
// its steps) and forward_stages.cpp (what each stage costs and computes).
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "pass/experts.h"
#include "pass/forward.h"
#include "tensor/packed.h"
#include "tensor/parallel.h"
#include "text/token_sets.h"
#include "trace/activations.h"

namespace attn {

inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

enum class Stage {
  embed,
  embed_project,  // W_E's columns to d_model, where they differ; or pixels to d_model
  norm_embed,     // a norm behind them, of pictures or with late_embed_norm
  project,        // x W_Q, x W_K, x W_V
  split,          // … into heads; q and k are rotated
  place,          // what queries and keys meet at each distance, of rows of Weights::places
  place_split,    // … into heads
  attend,         // z of all heads
  project_out,    // resid += z W_O, or `written` = z W_O
  cross_keys,     // k and v of cross-attention, of rows of the encoder's output, or of pooling
  cross_split,    // … into heads
  cross_query,    // its q, which reads what attention has added to
  cross_attend,   // its z
  cross_out,      // resid += its z W_O
  add_attn,       // resid += what attention writes, where it is normed or scaled first
  mlp_in,
  mlp_gate,
  mlp_out,       // resid += what the MLP writes
  route,         // scores of the experts, where they take the place of the MLP
  experts_in,    // x W_in and x W_gate of the rows that visit each expert
  experts_gate,  // … through the activation
  experts_out,
  experts_add,  // resid += the sum of the row's experts
  add_mlp,      // like add_attn
  norm_mlp,     // the norm behind the MLP, where it comes last
  unembed,      // logits
};

// Positions from .. to-1 of the text.
struct RowRange {
  int from = 0, to = 0;
  int64_t n() const { return to - from; }
};

struct Planned {
  Stage stage;
  int layer = 0;
  RowRange rows;
};

// Does pieces begin .. end-1 of a stage that has begun.
using StageRun = std::function<void(int64_t begin, int64_t end)>;

struct ForwardPass::Impl {
  std::shared_ptr<const Model> model;
  const Config& c;
  const Weights& w;
  Tokens tokens;
  Keep keep;
  int n, n_reused = 0;  // rows of the trace, and of these taken from `before`
  Trace trace;
  TokenSets sets;

  // Of an encoder, which runs first: its pass, and its output [n_source, d_model], normed.
  std::unique_ptr<ForwardPass> source;
  std::vector<float> encoded;
  TokenSets cross_sets;  // or of a pooling head

  std::vector<Planned> plan;
  // Multiplications of a step. Without threads it holds up a frame; with threads it only holds up
  // whoever wants something else instead.
  const int64_t step_work = n_threads() > 1 ? int64_t(1) << 31 : 1 << 22;
  int64_t n_steps = 0;
  // Where the pass is: the stage in hand and how far it is.
  size_t at = 0;
  WorkPieces pieces;
  StageRun run;
  int64_t n_pieces_done = 0, n_steps_done = 0;

  struct Buffer {
    std::vector<float> floats;
    int64_t width = 0;
    void make(int64_t n_rows, int64_t n_cols) {
      width = n_cols;
      floats.resize(size_t(n_rows * n_cols));
    }
    Mat rows(int64_t n_rows) { return {floats.data(), n_rows, width}; }
    ConstMat rows(int64_t n_rows) const { return {floats.data(), n_rows, width}; }
  };
  Mat resid;  // [n, d_model]; resid_pre of a layer, then resid_mid, then resid_post; lies in the
              // trace
  Buffer embedded;                // [chunk, embed_width], where it is projected
  Buffer place_embeds;            // [place rows, d_model], normed, of the distances in the text
  Buffer normed;                  // [chunk, d_model]
  Buffer written;                 // [chunk, d_model], with Config::writes_apart
  Buffer flat_q, flat_k, flat_v;  // [chunk, heads * d_head]
  Buffer z;                       // [chunk, n_heads * d_head]
  Buffer hidden, gate;            // [chunk, d_mlp]
  // Of experts: their scores; what each visit reads, then what it writes; its neurons.
  Buffer scores;                // [chunk, n_experts]
  Buffer visitors;              // [chunk * n_active_experts, d_model]
  Buffer neurons, neuron_gate;  // [chunk * n_active_experts, d_expert]
  std::vector<Visit> visits;
  std::vector<PackedRows> packed_visits;  // of each expert that is visited
  // The rotations, and those of local layers where they are others.
  struct Rotation {
    std::vector<double> radians;  // a position, of each pair
    double amplitude = 1;
    Buffer cosines, sines;  // [n - n_reused, rope_dims / 2]
  };
  std::vector<Rotation> rotations;
  const Rotation& rotation(int layer) const {
    return rotations[rotations.size() > 1 && c.is_local(layer) ? 1 : 0];
  }
  PackedRows packed;  // the rows that the products in hand read
  std::vector<ProductPlan> plans;
  std::vector<float> last;            // [n_logits, embed_width], ready to be unembedded
  std::shared_ptr<Activations> kept;  // where Keep::activations asks for it; then n_reused is 0

  Impl(std::shared_ptr<const Model> model_, Tokens t, Keep k, const Trace* before);
  void make_attention(const Trace* before);
  void make_cross(const Trace* before);
  void make_pooling();
  void take_source();  // the encoder's trace, once its pass is done
  void make_buffers();
  void make_plan();

  bool reads_encoder() const { return model->encoder != nullptr; }
  Attention& attention() { return trace.parts[reads_encoder() ? 1 : 0]; }
  const Attention& attention() const { return trace.own(); }
  // Cross-attention, or that of the pooling head, whose stages are the same.
  Attention& cross() { return trace.parts.back(); }
  const Attention& cross() const { return trace.parts.back(); }
  const Block& block(int layer) const { return w.blocks[size_t(layer)]; }
  const Block& cross_block(int layer) const { return c.pools ? w.pooling : block(layer); }

  // What a stage costs, from sizes alone; and its start, after which its pieces can be done: it
  // may cut them otherwise, where they depend on which experts are visited.
  WorkPieces cost(const Planned& p) const;
  int64_t pieces_a_step(const WorkPieces& all) const {
    return std::max<int64_t>(1, step_work / std::max<int64_t>(1, all.work));
  }
  int64_t steps_of(const WorkPieces& all) const {
    return std::max<int64_t>(1, divide_up(all.n, pieces_a_step(all)));
  }
  StageRun begin(const Planned& p);

  int64_t place_of(int64_t r) const;
  StageRun embed(RowRange rows);
  StageRun embed_picture(RowRange rows);  // but for the product of pixels, which is added
  StageRun embed_project(RowRange rows);
  StageRun norm_embed(RowRange rows);
  StageRun project(int layer, RowRange rows);
  StageRun split(int layer, RowRange rows);
  StageRun place(int layer, RowRange rows);
  StageRun place_split(int layer, RowRange rows);
  const Linear& place_k(int layer) const {
    return block(layer).place_k.w.empty() ? block(layer).k : block(layer).place_k;
  }
  const Linear& place_q(int layer) const {
    return block(layer).place_q.w.empty() ? block(layer).q : block(layer).place_q;
  }
  StageRun attend_rows(const Attention& a, const TokenSets& of, int layer, RowRange rows);
  StageRun project_out(int layer, RowRange rows);
  StageRun cross_keys(int layer, RowRange rows);
  StageRun cross_split(int layer, RowRange rows);
  StageRun cross_query(int layer, RowRange rows);
  StageRun cross_out(int layer, RowRange rows);
  StageRun add_written(const NormWeights& norm, RowRange rows);
  StageRun mlp_in(int layer, RowRange rows);
  StageRun mlp_gate(int layer, RowRange rows);
  StageRun mlp_out(int layer, RowRange rows);
  StageRun route_rows(int layer, RowRange rows);
  StageRun experts_in(int layer, RowRange rows);
  StageRun experts_out(int layer, RowRange rows);
  StageRun experts_add(int layer, RowRange rows);
  void plan_experts(ConstMat from, int layer, std::span<const std::pair<Linear Expert::*, Mat>> by);
  Mat of_visits(Buffer& b, RowRange rows) { return b.rows(rows.n() * c.n_active_experts); }
  StageRun norm_mlp(int layer, RowRange rows);
  StageRun unembed(RowRange rows);
  StageRun products();  // all of `plans`
  void begin_layer(int layer);
  void end_layer(int layer);
  // A copy of `from`, which are `rows`, for whoever wants activations.
  void note(std::vector<float> Activations::Layer::* to, int layer, ConstMat from, RowRange rows);
};

}  // namespace attn
