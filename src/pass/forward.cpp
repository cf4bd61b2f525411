// forward.cpp - the pass as a row of stages, each cut into pieces that threads share or steps take.
#include "pass/forward.h"

#include <algorithm>
#include <cmath>

#include "pass/forward_impl.h"
#include "pass/forward_sizes.h"
#include "pass/rope.h"
#include "tensor/parallel.h"

namespace attn {

namespace {

// Multiplications of a step, and the fewest that are worth waking a thread for. A step holds up a
// frame where there are no threads; where there are, it only holds up whoever wants something else
// instead.
constexpr int64_t kStepWork = ATTNSCOPE_THREADS ? int64_t(1) << 31 : 1 << 22;
constexpr int64_t kThreadWork = 1 << 16;

}  // namespace

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
  a.layers.resize(size_t(c.n_layers));
  if (keep.facts) a.facts.resize(size_t(c.n_layers));
  if (n_reused > 0) {
    const Attention& old = before->parts.front();
    for (int l = 0; l < c.n_layers; ++l) {
      const QK& from = old.computed(l);
      a.layers[size_t(l)] =
          QK{from.q.extended(n_reused, n, room), from.k.extended(n_reused, n, room),
             from.v.extended(n_reused, n, room)};
      if (keep.facts) a.facts[size_t(l)] = old.facts[size_t(l)].extended(n_reused, n, room);
    }
    trace.resid_final = before->resid_final.extended(n_reused, n, room);
  } else {
    trace.resid_final = HeadRows(1, n, c.d_model, room);
  }
  resid = trace.resid_final.head_to_fill(0).rows_of(n_reused, n);
  trace.made_by = model;
  trace.parts.push_back(std::move(a));
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
  if (l > 0 && !keeps(keep, int(layer) - 1)) a.layers[l - 1] = QK{};
  if (n_reused > 0) return;
  const int64_t room = keeps(keep, int(layer)) ? room_for(c, n) : n;
  a.layers[l] =
      QK{HeadRows(c.n_heads, n, c.d_head, room), HeadRows(c.n_kv_heads, n, c.d_head, room),
         HeadRows(c.n_kv_heads, n, c.d_head, room)};
  if (keep.facts) a.facts[l] = HeadRows(c.n_heads, n, kRowFacts, room_for(c, n));
}

ForwardPass::ForwardPass(std::shared_ptr<const Model> model, Tokens tokens, Keep keep,
                         const Trace* before)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(tokens), std::move(keep), before)) {}

ForwardPass::~ForwardPass() = default;

int ForwardPass::n_reused() const { return int(impl_->n_reused); }

// A step is a stage, or a fixed amount of its work, so their number follows from the sizes of the
// products.
int ForwardPass::n_steps() const {
  const Impl& p = *impl_;
  const Config& c = p.c;
  const int64_t n_empty = (c.gated_mlp ? 0 : 1) + (c.norm_place == NormPlace::pre ? 1 : 0);
  const int64_t n_stages = p.n_stages() - c.n_layers * p.n_chunks * n_empty;
  const int64_t d_q = int64_t(c.n_heads) * c.d_head, d_kv = int64_t(c.n_kv_heads) * c.d_head;
  const int64_t a_row = 2 * (d_q + d_kv) * c.d_model +
                        (c.gated_mlp ? 3 : 2) * int64_t(c.d_mlp) * c.d_model +
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
  p.attention().query_tokens = {p.tokens};
  p.attention().key_tokens = {std::move(p.tokens)};
  return std::move(p.trace);
}

Trace forward(std::shared_ptr<const Model> model, Tokens tokens, Keep keep, const Trace* before) {
  ForwardPass pass(std::move(model), std::move(tokens), std::move(keep), before);
  while (pass.step()) {
  }
  return pass.take();
}

}  // namespace attn
