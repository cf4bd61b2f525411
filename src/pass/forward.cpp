// forward.cpp - the pass as a list of stages, each cut into pieces that threads share or steps
// take.
#include "pass/forward.h"

#include <algorithm>
#include <cmath>

#include "model/label_head.h"
#include "model/picture_input.h"
#include "pass/block_math.h"
#include "pass/forward_impl.h"
#include "pass/forward_sizes.h"
#include "pass/position_bias.h"
#include "pass/rope.h"
#include "tensor/parallel.h"

namespace attn {

namespace {

constexpr int64_t kThreadWork = 1 << 16;  // multiplications that are worth waking a thread for

}  // namespace

ForwardPass::Impl::Impl(std::shared_ptr<const Model> model_, Tokens t, Keep k, const Trace* before)
    : model(std::move(model_)),
      c(model->config),
      w(model->weights),
      tokens(std::move(t)),
      keep(std::move(k)),
      n(tokens.size()) {
  assert(!check(*model, tokens, keep.edits));
  keep.facts = tells_facts(keep);
  if (before) n_reused = n_reusable(*model, tokens, *before, keep);
  trace.made_by = model;
  if (reads_encoder()) trace.parts.emplace_back();  // until the encoder has run
  make_attention(before);
  if (reads_encoder()) make_cross(before);
  if (c.pools) make_pooling();
  const int64_t room = room_for(c, n);
  trace.resid_final = n_reused > 0 ? before->resid_final.extended(n_reused, n, room)
                                   : HeadRows(1, n, c.d_model, room);
  resid = trace.resid_final.head_to_fill(0);
  const bool of_tokens = c.labels.at == ReadAt::token;
  trace.n_logits = !c.has_logits ? 0 : keep.all_logits && of_tokens ? n : 1;
  trace.first_logit = of_tokens ? n - trace.n_logits : rows_read(c, tokens, 0).from;
  trace.logits.resize(size_t(trace.n_logits) * size_t(c.n_outputs()));
  make_buffers();
  make_plan();
}

void ForwardPass::Impl::make_attention(const Trace* before) {
  Attention a = attention_of(c, n);
  a.bias = position_bias(*model, n);
  a.edits = keep.edits;
  for (int l = 0; c.sinks && l < c.n_layers; ++l)
    a.sinks.insert(a.sinks.end(), block(l).sinks.vec().begin(), block(l).sinks.vec().end());
  if (has_padding(tokens)) {
    a.allowed.reserve(size_t(n) * size_t(n));
    for (const Token& query : tokens.items) {
      const bool muted = c.mutes_padding && query.padding;
      for (const Token& key : tokens.items) a.allowed.push_back(!key.padding && !muted);
    }
    if (c.mutes_padding) a.masked_score = std::numeric_limits<float>::lowest();
  }
  a.layers.resize(size_t(c.n_layers));
  if (keep.facts) a.facts.resize(size_t(c.n_layers));
  const int64_t room = room_for(c, n);
  for (int l = 0; n_reused > 0 && l < c.n_layers; ++l) {
    const Attention& old = before->own();
    const QK& from = old.computed(l);
    a.layers[size_t(l)] = QK{from.q.extended(n_reused, n, room), from.k.extended(n_reused, n, room),
                             from.v.extended(n_reused, n, room)};
    if (keep.facts) a.facts[size_t(l)] = old.facts[size_t(l)].extended(n_reused, n, room);
  }
  trace.parts.push_back(std::move(a));
}

// Cross-attention, and the pass of the encoder, unless `before` has read the same.
void ForwardPass::Impl::make_cross(const Trace* before) {
  const int n_source = tokens.n_source();
  Attention a = cross_attention_of(c, n, n_source);
  a.layers.resize(size_t(c.n_layers));
  if (has_padding(*tokens.source)) {
    for (int query = 0; query < n; ++query)
      for (const Token& key : tokens.source->items) a.allowed.push_back(!key.padding);
  }
  if (keep.facts) {
    a.facts.resize(size_t(c.n_layers));
    cross_sets = token_sets(tokens, *tokens.source, false);
  }
  const int64_t room = room_for(c, n);
  if (n_reused > 0) {
    trace.parts[0] = before->parts[0];
    const Attention& old = before->parts[2];
    for (int l = 0; l < c.n_layers; ++l) {
      const QK& from = old.computed(l);
      a.layers[size_t(l)] = QK{from.q.extended(n_reused, n, room), from.k, from.v};
      if (keep.facts) a.facts[size_t(l)] = old.facts[size_t(l)].extended(n_reused, n, room);
    }
  } else {
    source =
        std::make_unique<ForwardPass>(model->encoder, *tokens.source, Keep{.facts = keep.facts});
    n_steps += source->n_steps();
  }
  trace.parts.push_back(std::move(a));
}

void ForwardPass::Impl::make_pooling() {
  Attention a = pooling_of(c, n);
  a.layers.resize(1);
  a.query_tokens = {pooling_query()};
  if (keep.facts) {
    a.facts.resize(1);
    cross_sets = token_sets(a.query_tokens[0], tokens, false);
  }
  trace.parts.push_back(std::move(a));
}

void ForwardPass::Impl::take_source() {
  Trace read = source->take();
  source.reset();
  trace.parts[0] = std::move(read.parts[0]);
  const ConstMat last_rows = read.resid_final.head(0);
  encoded.resize(size_t(last_rows.rows * last_rows.cols));
  normalize_rows(model->encoder->config, model->encoder->weights.ln_final, last_rows,
                 {encoded.data(), last_rows.rows, last_rows.cols});
}

void ForwardPass::Impl::make_buffers() {
  const int64_t m = n - n_reused;
  const int64_t chunk = std::min(std::max<int64_t>(m, source ? tokens.n_source() : 0), kChunkRows);
  const int64_t d_q = int64_t(c.n_heads) * c.d_head, d_kv = int64_t(c.n_kv_heads) * c.d_head;
  embedded.make(c.d_embed > 0 ? chunk : 0, c.d_embed);
  const int64_t n_places = attention().n_place_rows();
  place_embeds.make(n_places, c.d_model);
  for (int64_t i = 0; i < n_places; ++i)
    w.places.row(first_place(c, n) + i, place_embeds.rows(n_places).row(i));
  normalize_rows(c, w.ln_places, place_embeds.rows(n_places), place_embeds.rows(n_places));
  normed.make(chunk, c.d_model);
  written.make(c.writes_apart() ? chunk : 0, c.d_model);
  flat_q.make(chunk, d_q);
  flat_k.make(chunk, d_kv);
  flat_v.make(chunk, d_kv);
  z.make(chunk, d_q);
  hidden.make(chunk, c.d_mlp);
  gate.make(c.gated_mlp ? chunk : 0, c.d_mlp);
  const int64_t n_visits = chunk * c.n_active_experts;
  scores.make(chunk, c.n_experts);
  visitors.make(n_visits, c.d_model);
  neurons.make(n_visits, c.d_expert);
  neuron_gate.make(n_visits, c.d_expert);
  if (c.position == Position::rotary) {
    rotations.resize(size_t(n_rotations(c)));
    for (int layer = c.n_layers - 1; layer >= 0; --layer) {
      Rotation& to = rotations[rotations.size() > 1 && c.is_local(layer) ? 1 : 0];
      if (!to.radians.empty()) continue;
      to.radians = rope_radians(c, layer, n);
      to.amplitude = c.is_local(layer) && c.rope_local_theta > 0 ? 1 : c.rope_amplitude;
      to.cosines.make(m, c.rope_dims / 2);
      to.sines.make(m, c.rope_dims / 2);
    }
  }
  if (!keep.activations) return;
  kept = std::make_shared<Activations>();
  kept->n = n;
  kept->d_model = c.d_model;
  kept->d_q = int(d_q);
  kept->layers.resize(size_t(c.n_layers));
}

// The model on one page. A layer goes over the rows twice, a chunk at a time: q, k and v of all
// rows first, since a row may look at any other; then attention, MLP and residual of one chunk
// after the other, so that only the residual stream itself is there for all rows at once.
void ForwardPass::Impl::make_plan() {
  std::vector<RowRange> chunks;
  const int64_t m = n - n_reused, n_chunks = divide_up(m, kChunkRows);
  for (int64_t i = 0; i < n_chunks; ++i) {
    chunks.push_back({n_reused + int(i * m / n_chunks), n_reused + int((i + 1) * m / n_chunks)});
  }

  for (const RowRange& rows : chunks) {
    plan.push_back({Stage::embed, 0, rows});
    if (c.d_embed > 0) plan.push_back({Stage::embed_project, 0, rows});
    if (c.embed_norm && (c.reads_pictures() || c.late_embed_norm))
      plan.push_back({Stage::norm_embed, 0, rows});
  }
  std::vector<RowRange> source_chunks;  // of the encoder's output
  for (int64_t from = 0; source && from < tokens.n_source(); from += kChunkRows)
    source_chunks.push_back(
        {int(from), int(std::min<int64_t>(from + kChunkRows, tokens.n_source()))});
  for (int layer = 0; layer < c.n_layers; ++layer) {
    const auto add = [&](Stage stage, RowRange rows) { plan.push_back({stage, layer, rows}); };
    for (const RowRange& rows : source_chunks) {
      add(Stage::cross_keys, rows);
      add(Stage::cross_split, rows);
    }
    for (const RowRange& rows : chunks) {
      add(Stage::project, rows);
      add(Stage::split, rows);
    }
    const int chunk = int(flat_q.floats.size()) / (c.n_heads * c.d_head);
    const int n_places = attention().n_place_rows();
    for (int from = 0; from < n_places; from += chunk) {
      const RowRange rows{from, std::min(from + chunk, n_places)};
      add(Stage::place, rows);
      add(Stage::place_split, rows);
    }
    for (const RowRange& rows : chunks) {
      add(Stage::attend, rows);
      // Where attention and MLP both read resid_pre, it must not change before both have.
      const auto attention_writes = [&] {
        add(Stage::project_out, rows);
        if (c.writes_apart()) add(Stage::add_attn, rows);
      };
      if (!c.parallel_residual) attention_writes();
      if (reads_encoder()) {
        add(Stage::cross_query, rows);
        add(Stage::cross_attend, rows);
        add(Stage::cross_out, rows);
      }
      if (c.has_experts(layer)) {
        assert(!c.parallel_residual && c.norm_place == NormPlace::pre);
        for (const Stage stage : {Stage::route, Stage::experts_in, Stage::experts_gate,
                                  Stage::experts_out, Stage::experts_add})
          add(stage, rows);
      } else {
        add(Stage::mlp_in, rows);
        if (c.gated_mlp) add(Stage::mlp_gate, rows);
        if (c.parallel_residual) attention_writes();
        add(Stage::mlp_out, rows);
      }
      if (c.writes_apart()) add(Stage::add_mlp, rows);
      if (c.norm_place == NormPlace::post) add(Stage::norm_mlp, rows);
    }
  }
  if (c.pools) {
    for (const RowRange& rows : chunks) {
      plan.push_back({Stage::cross_keys, 0, rows});
      plan.push_back({Stage::cross_split, 0, rows});
    }
    plan.push_back({Stage::cross_query, 0, {0, 1}});
    plan.push_back({Stage::cross_attend, 0, {0, 1}});
  }
  if (trace.n_logits == 1) {
    const ReadRows rows = rows_read(c, tokens, n - 1);
    plan.push_back({Stage::unembed, 0, {rows.from, rows.to}});
  } else if (trace.n_logits > 0) {
    plan.push_back({Stage::unembed, 0, {n - trace.n_logits, n}});
  }

  for (const Planned& p : plan) n_steps += steps_of(cost(p));
}

ForwardPass::ForwardPass(std::shared_ptr<const Model> model, Tokens tokens, Keep keep,
                         const Trace* before)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(tokens), std::move(keep), before)) {}

ForwardPass::~ForwardPass() = default;

int ForwardPass::n_reused() const { return int(impl_->n_reused); }

ForwardPass::Work ForwardPass::work() const {
  Work out;
  if (impl_->source) out = impl_->source->work();
  for (const Planned& p : impl_->plan) {
    const WorkPieces all = impl_->cost(p);
    out.all += all.n * all.work;
    out.most_a_step = std::max(out.most_a_step, divide_up(all.n, impl_->steps_of(all)) * all.work);
  }
  return out;
}

// Where nothing is left to compute, the step that says so.
int ForwardPass::n_steps() const { return int(std::clamp<int64_t>(impl_->n_steps, 1, INT32_MAX)); }

bool ForwardPass::step() {
  Impl& p = *impl_;
  if (p.source) {
    if (p.source->step()) return true;
    p.take_source();
    return p.at < p.plan.size();
  }
  if (p.at == p.plan.size()) return false;
  if (!p.run) {
    p.pieces = p.cost(p.plan[p.at]);
    if (p.at == 0 && p.keep.facts && p.n_reused < p.n)
      p.sets = token_sets(p.tokens, p.tokens, true);
    p.run = p.begin(p.plan[p.at]);
    p.n_pieces_done = p.n_steps_done = 0;
  }
  // As many steps as were counted beforehand, though pieces may have been cut otherwise.
  const int64_t first = p.n_pieces_done, work = std::max<int64_t>(1, p.pieces.work);
  const int64_t n_steps = p.steps_of(p.cost(p.plan[p.at]));
  p.n_pieces_done = p.pieces.n * ++p.n_steps_done / n_steps;
  parallel_for(p.n_pieces_done - first, std::max<int64_t>(1, kThreadWork / work),
               [&](int64_t begin, int64_t end) { p.run(first + begin, first + end); });
  if (p.n_steps_done == n_steps) {
    p.run = nullptr;
    ++p.at;
  }
  return p.at < p.plan.size();
}

Trace ForwardPass::take() {
  Impl& p = *impl_;
  assert(p.at == p.plan.size());
  if (p.c.n_layers > 0) p.end_layer(p.c.n_layers - 1);
  if (p.kept) {
    const std::span<const float> all(p.resid.data, size_t(p.resid.rows * p.resid.cols));
    p.kept->resid_final.assign(all.begin(), all.end());
    p.trace.activations = std::move(p.kept);
  }
  if (p.reads_encoder()) {
    p.cross().query_tokens = {p.tokens};
    p.cross().key_tokens = {*p.tokens.source};
  }
  if (p.c.pools) p.cross().key_tokens = {p.tokens};
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
