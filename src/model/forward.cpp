// forward.cpp - the pass as a row of stages, each cut into pieces that threads share or steps take.
//
// A layer is done in two sweeps over chunks of rows: q, k and v of all rows first, since a row may look
// at any other; then attention, MLP and residual of one chunk after the other, so that only the residual
// stream itself is there for all rows at once.
#include "model/forward.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "model/activations.h"
#include "model/attention_block.h"
#include "model/block_math.h"
#include "model/forward_sizes.h"
#include "model/rope.h"
#include "tensor/kernels.h"
#include "tensor/packed.h"
#include "tensor/parallel.h"

namespace attn {

namespace {

// Fixed, so that results do not depend on threads.
constexpr int64_t kTableRows = 1024;  // of the unembedding, a piece of work

// Multiplications of a step, and the fewest that are worth waking a thread for. A step holds up a frame where there
// are no threads; where there are, it only holds up whoever wants something else instead.
constexpr int64_t kStepWork = ATTNSCOPE_THREADS ? int64_t(1) << 31 : 1 << 22;
constexpr int64_t kThreadWork = 1 << 16;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Work that may be done in any order: pieces 0 .. n_pieces - 1, of `work` multiplications each.
struct Stage {
  int64_t n_pieces = 0, work = 0;
  std::function<void(int64_t begin, int64_t end)> run;
};

}  // namespace

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
  Mat resid;  // [m, d_model]; resid_pre of a layer, then resid_mid, then resid_post; lies in the trace
  Buffer normed;                 // [chunk, d_model]
  Buffer flat_q, flat_k, flat_v; // [chunk, heads * d_head]
  Buffer z;                      // [chunk, n_heads * d_head]
  Buffer hidden, gate;           // [chunk, d_mlp]
  Buffer cosines, sines;         // [m, rope_dims / 2]
  PackedRows packed;             // the rows that the products in hand read
  std::vector<ProductPlan> plans;
  std::vector<double> radians;   // a position, of each pair
  std::vector<float> last;       // [n_logits, d_model], ready to be unembedded
  std::shared_ptr<Activations> kept;  // where Keep::activations asks for it; then n_reused is 0

  Impl(std::shared_ptr<const Model> model_, Tokens t, Keep k, const Trace* before);

  Attention& attention() { return trace.attentions.front(); }
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

ForwardPass::Impl::Impl(std::shared_ptr<const Model> model_, Tokens t, Keep k, const Trace* before)
    : model(std::move(model_)),
      c(model->config),
      w(model->weights),
      tokens(std::move(t)),
      keep(std::move(k)),
      n(tokens.size()) {
  assert(!check(*model, tokens));
  if (before) n_reused = n_reusable(*model, tokens, *before, keep);
  m = n - n_reused;
  n_chunks = divide_up(m, kChunkRows);
  const int64_t chunk = std::min(m, kChunkRows), room = room_for(c, n);
  const int64_t d_q = int64_t(c.n_heads) * c.d_head, d_kv = int64_t(c.n_kv_heads) * c.d_head;

  Attention a;
  a.part = c.mask == Mask::causal ? Part::decoder_self : Part::encoder_self;
  a.n_layers = c.n_layers;
  a.n_heads = c.n_heads;
  a.n_kv_heads = c.n_kv_heads;
  a.d_head = c.d_head;
  a.n_query = a.n_key = int(n);
  a.scale = float(c.attn_scale > 0 ? c.attn_scale : 1 / std::sqrt(double(c.d_head)));
  a.mask = c.mask;
  if (has_padding(tokens)) {
    a.allowed.reserve(size_t(n * n));
    for (int64_t i = 0; i < n * n; ++i) {
      a.allowed.push_back(!tokens.items[size_t(i % n)].padding);
    }
  }
  a.q.resize(size_t(c.n_layers));
  a.k = a.v = a.q;
  if (keep.facts) a.facts.resize(size_t(c.n_layers));
  if (n_reused > 0) {
    const Attention& old = before->attention();
    for (size_t l = 0; l < a.q.size(); ++l) {
      a.q[l] = old.q[l].extended(n_reused, n, room);
      a.k[l] = old.k[l].extended(n_reused, n, room);
      a.v[l] = old.v[l].extended(n_reused, n, room);
      if (keep.facts) a.facts[l] = old.facts[l].extended(n_reused, n, room);
    }
    trace.resid_final = before->resid_final.extended(n_reused, n, room);
  } else {
    trace.resid_final = HeadRows(1, n, c.d_model, room);
  }
  resid = trace.resid_final.head_to_fill(0).rows_of(n_reused, n);
  trace.model = model;
  trace.attentions.push_back(std::move(a));
  if (keep.activations) {
    kept = std::make_shared<Activations>();
    kept->n = int(n);
    kept->d_model = c.d_model;
    kept->d_q = int(d_q);
    kept->layers.resize(size_t(c.n_layers));
  }
  trace.n_logits = !c.has_logits ? 0 : keep.all_logits ? int(n) : 1;
  trace.logits.resize(size_t(trace.n_logits) * size_t(c.d_vocab));
  if (keep.facts) sets = token_sets(tokens, tokens, true);

  normed.make(std::max<int64_t>(chunk, 1), c.d_model);
  flat_q.make(chunk, d_q);
  flat_k.make(chunk, d_kv);
  flat_v.make(chunk, d_kv);
  z.make(chunk, d_q);
  hidden.make(chunk, c.d_mlp);
  gate.make(c.gated_mlp ? chunk : 0, c.d_mlp);
  if (c.position == Position::rotary) {
    radians = rope_radians(c);
    cosines.make(m, c.rope_dims / 2);
    sines.make(m, c.rope_dims / 2);
  }
}

Stage ForwardPass::Impl::open(int64_t index) {
  if (index < n_chunks) return embed(chunk_begin(index), chunk_begin(index + 1));
  index -= n_chunks;
  const int64_t layer = index / std::max<int64_t>(1, stages_a_layer());
  if (layer >= c.n_layers || n_chunks == 0) return unembed();
  index %= stages_a_layer();
  if (index == 0) begin_layer(layer);
  if (index == n_chunks * kFirst) plans.clear();
  const bool first = index < n_chunks * kFirst;
  if (!first) index -= n_chunks * kFirst;
  const int64_t chunk = index / (first ? kFirst : kSecond);
  const int64_t r0 = chunk_begin(chunk), r1 = chunk_begin(chunk + 1);
  if (first) return index % kFirst == 0 ? project(layer, r0, r1) : split(layer, r0, r1);
  // Where attention and MLP both read resid_pre, it must not change before both have.
  const bool late = c.parallel_residual;
  switch (index % kSecond) {
    case 0:
      return attend_rows(layer, r0, r1);
    case 1:
      return late ? mlp_in(layer, r0, r1) : project_out(layer, r0, r1);
    case 2:
      return late ? mlp_gate(layer, r0, r1) : mlp_in(layer, r0, r1);
    case 3:
      return late ? project_out(layer, r0, r1) : mlp_gate(layer, r0, r1);
    case 4:
      return mlp_out(layer, r0, r1);
    default:
      return finish(layer, r0, r1);
  }
}

// A layer that is not kept has its q, k and v only while it is at work.
void ForwardPass::Impl::begin_layer(int64_t layer) {
  Attention& a = attention();
  const size_t l = size_t(layer);
  if (l > 0 && !keeps(keep, int(layer) - 1)) a.q[l - 1] = a.k[l - 1] = a.v[l - 1] = {};
  if (n_reused > 0) return;
  const int64_t room = keeps(keep, int(layer)) ? room_for(c, n) : n;
  a.q[l] = HeadRows(c.n_heads, n, c.d_head, room);
  a.k[l] = HeadRows(c.n_kv_heads, n, c.d_head, room);
  a.v[l] = HeadRows(c.n_kv_heads, n, c.d_head, room);
  if (keep.facts) a.facts[l] = HeadRows(c.n_heads, n, kRowFacts, room_for(c, n));
}

Stage ForwardPass::Impl::embed(int64_t r0, int64_t r1) {
  return {r1 - r0, 2 * c.d_model, [this, r0](int64_t begin, int64_t end) {
            for (int64_t r = r0 + begin; r < r0 + end; ++r) {
              const int64_t position = n_reused + r;
              w.embed.row(tokens.items[size_t(position)].id, resid.row(r));
              if (c.n_token_types > 0) w.token_types.add_row(0, resid.row(r));
              if (c.position == Position::learned)
                w.positions.add_row(c.first_position + position, resid.row(r));
              if (c.embed_norm)
                normalize_rows(c, w.ln_embed, resid.rows_of(r, r + 1), resid.rows_of(r, r + 1));
              if (c.position == Position::rotary)
                turn(radians, position, cosines.rows(m).row(r), sines.rows(m).row(r));
            }
          }};
}

void ForwardPass::Impl::note(std::vector<float> Activations::Layer::* to, int64_t layer, ConstMat rows,
                             int64_t r0) {
  if (!kept) return;
  std::vector<float>& all = kept->layers[size_t(layer)].*to;
  if (all.empty()) all.resize(size_t(n * rows.cols));
  for (int64_t i = 0; i < rows.rows; ++i)
    std::ranges::copy(rows.row(i), all.begin() + (r0 + i) * rows.cols);
}

// Rows r0 .. r1-1 of the residual stream, normed where the norm comes first, times W_Q, W_K and W_V.
Stage ForwardPass::Impl::project(int64_t layer, int64_t r0, int64_t r1) {
  const Block& b = block(layer);
  ConstMat x = resid.rows_of(r0, r1);
  note(&Activations::Layer::resid_pre, layer, x, r0);
  if (c.norm_place == NormPlace::pre) {
    normalize_rows(c, b.ln1, x, normed.rows(r1 - r0));
    x = normed.rows(r1 - r0);
  }
  packed.pack(x);
  plans.clear();
  plans.emplace_back(packed, b.q.w, Then{.bias = b.q.b.vec()}, flat_q.rows(r1 - r0));
  plans.emplace_back(packed, b.k.w, Then{.bias = b.k.b.vec()}, flat_k.rows(r1 - r0));
  plans.emplace_back(packed, b.v.w, Then{.bias = b.v.b.vec()}, flat_v.rows(r1 - r0));
  return products();
}

Stage ForwardPass::Impl::products() {
  int64_t n_pieces = 0, work = 1;
  for (const ProductPlan& plan : plans) {
    n_pieces += plan.n_pieces();
    work = std::max(work, plan.work_a_piece());
  }
  return {n_pieces, work, [this](int64_t begin, int64_t end) {
            int64_t first = 0;
            for (const ProductPlan& plan : plans) {
              const int64_t from = std::max<int64_t>(begin - first, 0);
              const int64_t to = std::min(end - first, plan.n_pieces());
              if (from < to) plan.run(from, to);
              first += plan.n_pieces();
            }
          }};
}

// [rows, heads * d_head] -> [heads, row, d_head]; q and k are turned. A piece is a head of one of the three.
Stage ForwardPass::Impl::split(int64_t layer, int64_t r0, int64_t r1) {
  const int64_t n_pieces = c.n_heads + 2 * c.n_kv_heads;
  return {n_pieces, (r1 - r0) * c.d_head * 8, [this, layer, r0, r1](int64_t begin, int64_t end) {
            Attention& a = attention();
            const size_t l = size_t(layer);
            for (int64_t piece = begin; piece < end; ++piece) {
              const bool is_q = piece < c.n_heads, is_k = !is_q && piece < c.n_heads + c.n_kv_heads;
              const int64_t head = is_q   ? piece
                                   : is_k ? piece - c.n_heads
                                          : piece - c.n_heads - c.n_kv_heads;
              const ConstMat flat = (is_q ? flat_q : is_k ? flat_k : flat_v).rows(r1 - r0);
              const HeadRows& heads = is_q ? a.q[l] : is_k ? a.k[l] : a.v[l];
              const Mat to = heads.head_to_fill(head).rows_of(n_reused + r0, n_reused + r1);
              for (int64_t i = 0; i < r1 - r0; ++i) {
                std::copy_n(flat.row(i).data() + head * c.d_head, c.d_head, to.row(i).data());
              }
              if ((is_q || is_k) && c.position == Position::rotary) {
                rotate(to, cosines.rows(m).rows_of(r0, r1), sines.rows(m).rows_of(r0, r1),
                       c.rope_interleaved);
              }
            }
          }};
}

// z of the chunk, a few rows of one head a piece.
Stage ForwardPass::Impl::attend_rows(int64_t layer, int64_t r0, int64_t r1) {
  const int64_t n_blocks = divide_up(r1 - r0, kBlockQueries);
  const int64_t first = n_reused + r1 - std::min<int64_t>(r1 - r0, kBlockQueries);
  return {c.n_heads * n_blocks, attend_work(attention(), int(first), int(n_reused + r1)),
          [this, layer, r0, r1, n_blocks](int64_t begin, int64_t end) {
            for (int64_t piece = begin; piece < end; ++piece) {
              const int64_t head = piece / n_blocks, q0 = r0 + piece % n_blocks * kBlockQueries;
              const int64_t q1 = std::min<int64_t>(r1, q0 + kBlockQueries);
              const Mat all = z.rows(r1 - r0);
              attend(attention(), sets, 0, int(layer), int(head), int(n_reused + q0),
                     int(n_reused + q1),
                     {all.row(q0 - r0).data() + head * c.d_head, q1 - q0, c.d_head, all.stride});
            }
          }};
}

// resid += z W_O; with the norm behind it where it comes last.
Stage ForwardPass::Impl::project_out(int64_t layer, int64_t r0, int64_t r1) {
  const Block& b = block(layer);
  note(&Activations::Layer::z, layer, z.rows(r1 - r0), r0);
  packed.pack(z.rows(r1 - r0));
  plans.clear();
  plans.emplace_back(packed, b.o.w, Then{.bias = b.o.b.vec(), .add = true}, resid.rows_of(r0, r1));
  return products();
}

Stage ForwardPass::Impl::mlp_in(int64_t layer, int64_t r0, int64_t r1) {
  const Block& b = block(layer);
  const Mat mid = resid.rows_of(r0, r1);
  ConstMat x = mid;
  if (c.norm_place == NormPlace::pre) {
    normalize_rows(c, b.ln2, mid, normed.rows(r1 - r0));
    x = normed.rows(r1 - r0);
  } else {
    note(&Activations::Layer::attn_sum, layer, mid, r0);
    normalize_rows(c, b.ln1, mid, mid);
  }
  packed.pack(x);
  plans.clear();
  Then then{.bias = b.mlp_in.b.vec()};
  if (!c.gated_mlp) then.map = map_of(c.activation);
  plans.emplace_back(packed, b.mlp_in.w, then, hidden.rows(r1 - r0));
  return products();
}

// gate = act(x W_gate) * (x W_in), of the rows packed for mlp_in.
Stage ForwardPass::Impl::mlp_gate(int64_t layer, int64_t r0, int64_t r1) {
  if (!c.gated_mlp) return {};
  const Block& b = block(layer);
  plans.clear();
  plans.emplace_back(packed, b.mlp_gate.w,
                     Then{.bias = b.mlp_gate.b.vec(), .map = map_of(c.activation), .times = hidden.rows(r1 - r0)},
                     gate.rows(r1 - r0));
  return products();
}

Stage ForwardPass::Impl::mlp_out(int64_t layer, int64_t r0, int64_t r1) {
  const Block& b = block(layer);
  note(&Activations::Layer::resid_mid, layer, resid.rows_of(r0, r1), r0);
  packed.pack((c.gated_mlp ? gate : hidden).rows(r1 - r0));
  plans.clear();
  plans.emplace_back(packed, b.mlp_out.w, Then{.bias = b.mlp_out.b.vec(), .add = true},
                     resid.rows_of(r0, r1));
  return products();
}

// The norm behind the MLP, where it comes last.
Stage ForwardPass::Impl::finish(int64_t layer, int64_t r0, int64_t r1) {
  if (c.norm_place == NormPlace::pre) return {};
  note(&Activations::Layer::mlp_sum, layer, resid.rows_of(r0, r1), r0);
  return {1, (r1 - r0) * c.d_model * 8, [this, layer, r0, r1](int64_t, int64_t) {
            normalize_rows(c, block(layer).ln2, resid.rows_of(r0, r1), resid.rows_of(r0, r1));
          }};
}

// Logits of the last positions; a piece is some rows of W_U for some positions.
Stage ForwardPass::Impl::unembed() {
  if (!keep.layers.empty() && !keep.layers.back()) {
    Attention& a = attention();
    a.q.back() = a.k.back() = a.v.back() = {};
  }
  if (kept) {
    const float* resid_final = trace.resid_final.head(0).data;
    kept->resid_final.assign(resid_final, resid_final + n * c.d_model);
    trace.activations = std::move(kept);
  }
  if (trace.n_logits == 0) return {};
  const int64_t n_rows = trace.n_logits, d = c.d_model;
  last.resize(size_t(n_rows * d));
  const Mat rows(last.data(), n_rows, d);
  const ConstMat resid_final = ConstMat(trace.resid_final.head(0)).rows_of(n - n_rows, n);
  ready_to_unembed(*model, resid_final, rows);
  const int64_t n_blocks = divide_up(w.unembed.rows, kTableRows);
  const int64_t n_row_chunks = divide_up(n_rows, kChunkRows);
  return {n_blocks * n_row_chunks, std::min(n_rows, kChunkRows) * kTableRows * d,
          [this, rows, n_rows, n_blocks](int64_t begin, int64_t end) {
            for (int64_t piece = begin; piece < end; ++piece) {
              const int64_t r0 = piece / n_blocks * kChunkRows, t0 = piece % n_blocks * kTableRows;
              const int64_t r1 = std::min(n_rows, r0 + kChunkRows);
              const int64_t t1 = std::min(w.unembed.rows, t0 + kTableRows);
              const Mat out(trace.logits.data() + r0 * c.d_vocab + t0, r1 - r0, t1 - t0, c.d_vocab);
              linear(rows.rows_of(r0, r1), w.unembed.rows_of(t0, t1), out);
              if (w.unembed_bias.empty()) continue;
              for (int64_t i = 0; i < out.rows; ++i) {
                add(out.row(i), w.unembed_bias.vec().subspan(size_t(t0), size_t(t1 - t0)));
              }
            }
          }};
}

ForwardPass::ForwardPass(std::shared_ptr<const Model> model, Tokens tokens, Keep keep,
                         const Trace* before)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(tokens), std::move(keep), before)) {}

ForwardPass::~ForwardPass() = default;

int ForwardPass::n_reused() const { return int(impl_->n_reused); }

// A step is a stage, or a fixed amount of its work, so their number follows from the sizes of the products.
int ForwardPass::n_steps() const {
  const Impl& p = *impl_;
  const Config& c = p.c;
  const int64_t n_empty = (c.gated_mlp ? 0 : 1) + (c.norm_place == NormPlace::pre ? 1 : 0);
  const int64_t n_stages = p.n_stages() - c.n_layers * p.n_chunks * n_empty;
  const int64_t d_q = int64_t(c.n_heads) * c.d_head, d_kv = int64_t(c.n_kv_heads) * c.d_head;
  const int64_t a_row = 2 * (d_q + d_kv) * c.d_model + (c.gated_mlp ? 3 : 2) * int64_t(c.d_mlp) * c.d_model +
                        p.n * d_q * (c.mask == Mask::causal ? 1 : 2);
  const int64_t work = c.n_layers * p.m * a_row + int64_t(p.trace.n_logits) * c.d_vocab * c.d_model;
  return int(std::min<int64_t>(n_stages + work / kStepWork, INT32_MAX));
}

bool ForwardPass::step() {
  Impl& p = *impl_;
  // Stages with nothing to do take no step.
  while (!p.stage || p.n_pieces_done >= p.stage->n_pieces) {
    if (p.at >= p.n_stages()) return false;
    p.stage = p.open(p.at++);
    p.n_pieces_done = 0;
  }
  const Stage& stage = *p.stage;
  const int64_t work = std::max<int64_t>(1, stage.work);
  const int64_t first = p.n_pieces_done;
  p.n_pieces_done = std::min(stage.n_pieces, first + std::max<int64_t>(1, kStepWork / work));
  parallel_for(p.n_pieces_done - first, std::max<int64_t>(1, kThreadWork / work),
               [&](int64_t begin, int64_t end) { stage.run(first + begin, first + end); });
  return p.at < p.n_stages() || p.n_pieces_done < stage.n_pieces;
}

Trace ForwardPass::take() {
  Impl& p = *impl_;
  assert(p.at >= p.n_stages());
  p.trace.queries = {p.tokens};
  p.trace.keys = {std::move(p.tokens)};
  return std::move(p.trace);
}

Trace forward(std::shared_ptr<const Model> model, Tokens tokens, Keep keep, const Trace* before) {
  ForwardPass pass(std::move(model), std::move(tokens), std::move(keep), before);
  while (pass.step()) {
  }
  return pass.take();
}

}  // namespace attn
