// forward_stages.cpp - what each stage of a pass costs and computes.
#include <algorithm>
#include <cmath>

#include "pass/block_math.h"
#include "pass/forward_impl.h"
#include "pass/forward_sizes.h"
#include "pass/position_bias.h"
#include "pass/rope.h"
#include "tensor/kernels.h"
#include "trace/attention_block.h"

namespace attn {

namespace {

// Fixed, so that results do not depend on threads.
constexpr int64_t kTableRows = 1024;  // of the unembedding, a piece of work

// By what ESM multiplies the embeddings of tokens that are not masked: in training 12 % were.
double dropout_scale(const Tokens& tokens, int mask) {
  const auto n_masked =
      std::ranges::count_if(tokens.items, [&](const Token& t) { return t.id == mask; });
  const auto n = std::ranges::count_if(tokens.items, [](const Token& t) { return !t.padding; });
  return n_masked < n ? (1 - .15 * .8) / (1 - double(n_masked) / double(n)) : 1;
}

// to [rows, d_head] = the columns of one head.
void to_head(ConstMat flat, int64_t head, Mat to) {
  for (int64_t i = 0; i < to.rows; ++i)
    std::copy_n(flat.row(i).data() + head * to.cols, to.cols, to.row(i).data());
}

}  // namespace

WorkPieces ForwardPass::Impl::cost(const Planned& p) const {
  const int64_t n_rows = p.rows.n();
  const auto product = [n_rows](const Linear& by) { return ProductPlan::pieces(n_rows, by.w); };
  switch (p.stage) {
    case Stage::embed:
      return {n_rows, 2 * c.embed_width()};
    case Stage::embed_project:
      return product(w.embed_project);
    case Stage::project: {
      const Block& b = block(p.layer);
      const WorkPieces q = product(b.q), k = product(b.k), v = product(b.v);
      return {q.n + k.n + v.n, std::max({q.work, k.work, v.work})};
    }
    case Stage::split:
      return {c.n_heads + 2 * c.n_kv_heads, n_rows * c.d_head * 8};
    case Stage::place: {
      const WorkPieces k = product(place_k(p.layer)), q = product(place_q(p.layer));
      return {(c.place_keys ? k.n : 0) + (c.place_queries ? q.n : 0), std::max(k.work, q.work)};
    }
    case Stage::place_split:
      return {c.n_heads, n_rows * c.d_head * 16};
    case Stage::attend:
    case Stage::cross_attend: {
      const Attention& a = p.stage == Stage::attend ? attention() : cross();
      const QueryParts parts(a, p.layer, p.rows.from, p.rows.to, step_work);
      return {int64_t(c.n_heads) * parts.n, parts.work(a, p.layer)};
    }
    case Stage::project_out:
      return product(block(p.layer).o);
    case Stage::cross_keys: {
      const WorkPieces k = product(cross_block(p.layer).cross_k),
                       v = product(cross_block(p.layer).cross_v);
      return {k.n + v.n, std::max(k.work, v.work)};
    }
    case Stage::cross_split:
      return {2 * c.n_kv_heads, n_rows * c.d_head * 8};
    case Stage::cross_query:
      return product(cross_block(p.layer).cross_q);
    case Stage::cross_out:
      return product(block(p.layer).cross_o);
    case Stage::mlp_in:
      return product(block(p.layer).mlp_in);
    case Stage::mlp_gate:
      return product(block(p.layer).mlp_gate);
    case Stage::mlp_out:
      return product(block(p.layer).mlp_out);
    case Stage::route:
      return product(block(p.layer).router);
    case Stage::experts_in:
      return {n_rows * c.n_active_experts, int64_t(2) * c.d_model * c.d_expert};
    case Stage::experts_gate:
      return {n_rows * c.n_active_experts, int64_t(16) * c.d_expert};
    case Stage::experts_out:
      return {n_rows * c.n_active_experts, int64_t(c.d_model) * c.d_expert};
    case Stage::experts_add:
      return {n_rows, int64_t(c.d_model) * c.n_active_experts};
    case Stage::norm_embed:
    case Stage::add_attn:
    case Stage::add_mlp:
    case Stage::norm_mlp:
      return {1, n_rows * c.d_model * 8};
    case Stage::unembed:
      return {divide_up(w.unembed.rows, kTableRows) * divide_up(trace.n_logits, kChunkRows),
              std::min<int64_t>(trace.n_logits, kChunkRows) * std::min(w.unembed.rows, kTableRows) *
                  c.d_model};
  }
  return {};
}

StageRun ForwardPass::Impl::begin(const Planned& p) {
  switch (p.stage) {
    case Stage::embed:
      return embed(p.rows);
    case Stage::embed_project:
      return embed_project(p.rows);
    case Stage::norm_embed:
      return norm_embed(p.rows);
    case Stage::project:
      return project(p.layer, p.rows);
    case Stage::split:
      return split(p.layer, p.rows);
    case Stage::place:
      return place(p.layer, p.rows);
    case Stage::place_split:
      return place_split(p.layer, p.rows);
    case Stage::attend:
      return attend_rows(attention(), sets, p.layer, p.rows);
    case Stage::project_out:
      return project_out(p.layer, p.rows);
    case Stage::cross_keys:
      return cross_keys(p.layer, p.rows);
    case Stage::cross_split:
      return cross_split(p.layer, p.rows);
    case Stage::cross_query:
      return cross_query(p.layer, p.rows);
    case Stage::cross_attend:
      return attend_rows(cross(), cross_sets, p.layer, p.rows);
    case Stage::cross_out:
      return cross_out(p.layer, p.rows);
    case Stage::add_attn:
      return add_written(block(p.layer).ln_attn_out, p.rows);
    case Stage::mlp_in:
      return mlp_in(p.layer, p.rows);
    case Stage::mlp_gate:
      return mlp_gate(p.layer, p.rows);
    case Stage::mlp_out:
      return mlp_out(p.layer, p.rows);
    case Stage::route:
      return route_rows(p.layer, p.rows);
    case Stage::experts_in:
      return experts_in(p.layer, p.rows);
    case Stage::experts_gate: {
      const Mat in = of_visits(neurons, p.rows), by = of_visits(neuron_gate, p.rows);
      return [this, in, by](int64_t begin, int64_t end) {
        gate_rows(c, in.rows_of(begin, end), by.rows_of(begin, end));
      };
    }
    case Stage::experts_out:
      return experts_out(p.layer, p.rows);
    case Stage::experts_add:
      return experts_add(p.layer, p.rows);
    case Stage::add_mlp:
      return add_written(block(p.layer).ln_mlp_out, p.rows);
    case Stage::norm_mlp:
      return norm_mlp(p.layer, p.rows);
    case Stage::unembed:
      return unembed(p.rows);
  }
  return {};
}

// The row of W_pos for a token. RoBERTa leaves padding at a row of its own and does not count it.
int64_t ForwardPass::Impl::place_of(int64_t r) const {
  if (c.pad_id < 0) return c.first_position + r;
  const auto is_pad = [&](const Token& t) { return t.id == c.pad_id; };
  const auto token = tokens.items.begin() + r;
  return is_pad(*token) ? c.pad_id
                        : c.first_position + r - std::count_if(tokens.items.begin(), token, is_pad);
}

// Token and position embeddings; a piece is a row.
StageRun ForwardPass::Impl::embed(RowRange rows) {
  if (tokens.patches) return embed_picture(rows);
  const Mat to = c.d_embed > 0 ? embedded.rows(rows.n()) : resid.rows_of(rows.from, rows.to);
  const double kept_scale = c.dropped_id >= 0 ? dropout_scale(tokens, c.dropped_id) : 1;
  return [this, rows, to, kept_scale](int64_t begin, int64_t end) {
    for (int64_t r = rows.from + begin; r < rows.from + end; ++r) {
      const Mat one = to.rows_of(r - rows.from, r - rows.from + 1);
      const std::span<float> x = one.row(0);
      w.embed.row(tokens.items[size_t(r)].id, x);
      scale_row(x, c.embed_scale);
      scale_row(x, tokens.items[size_t(r)].id == c.dropped_id ? 0 : kept_scale);
      if (c.n_token_types > 0) w.token_types.add_row(tokens.items[size_t(r)].type, x);
      if (!w.positions.empty() && !c.late_positions)
        w.positions.add_row(place_of(r), x);
      else if (c.position == Position::sinusoid && place_of(r) != c.pad_id)
        add_sinusoids(place_of(r), c.sinusoid_whole, x);
      if (c.embed_norm && !c.late_embed_norm) normalize_rows(c, w.ln_embed, one, one);
      if (c.position == Position::rotary) {
        const int64_t n_new = n - n_reused, i = r - n_reused;
        for (Rotation& by : rotations)
          turn(by.radians, by.amplitude, r, by.cosines.rows(n_new).row(i),
               by.sines.rows(n_new).row(i));
      }
    }
  };
}

// The residual stream, from embeddings of another width.
StageRun ForwardPass::Impl::embed_project(RowRange rows) {
  const Mat to = resid.rows_of(rows.from, rows.to);
  for (int64_t r = rows.from; c.late_positions && r < rows.to; ++r) {
    std::ranges::fill(resid.row(r), 0.f);
    w.positions.add_row(place_of(r), resid.row(r));
  }
  packed.pack(embedded.rows(rows.n()));
  plans.clear();
  const bool adds = c.late_positions || tokens.patches;  // to what embed_picture() wrote
  Then then{.bias = w.embed_project.b.vec(), .add = adds};
  if (tokens.patches) then.bias = {};
  plans.emplace_back(packed, w.embed_project.w, then, to);
  return products();
}

StageRun ForwardPass::Impl::norm_embed(RowRange rows) {
  const Mat x = resid.rows_of(rows.from, rows.to);
  return [this, x, rows](int64_t, int64_t) {
    normalize_rows(c, w.ln_embed, x, x);
    for (int64_t i = 0; c.mutes_padding && i < x.rows; ++i)
      if (tokens.items[size_t(rows.from + i)].padding) std::ranges::fill(x.row(i), 0.f);
  };
}

void ForwardPass::Impl::note(std::vector<float> Activations::Layer::* to, int layer, ConstMat from,
                             RowRange rows) {
  if (!kept) return;
  std::vector<float>& all = kept->layers[size_t(layer)].*to;
  if (all.empty()) all.resize(size_t(n * from.cols));
  for (int64_t i = 0; i < from.rows; ++i)
    std::ranges::copy(from.row(i), all.begin() + (rows.from + i) * from.cols);
}

// A layer that is not kept has its q, k and v only while it is at work.
void ForwardPass::Impl::begin_layer(int layer) {
  if (layer > 0) end_layer(layer - 1);
  if (n_reused > 0) return;
  Attention& a = attention();
  const size_t l = size_t(layer);
  const int64_t room = keeps(keep, layer) ? room_for(c, n) : n;
  a.layers[l] =
      QK{HeadRows(c.n_heads, n, c.d_head, room), HeadRows(c.n_kv_heads, n, c.d_head, room),
         HeadRows(c.n_kv_heads, n, c.d_head, room)};
  const int n_places = a.n_place_rows();
  if (n_places > 0 && c.place_keys)
    a.computed(layer).place_k = HeadRows(c.n_heads, n_places, c.d_head);
  if (n_places > 0 && c.place_queries)
    a.computed(layer).place_q = HeadRows(c.n_heads, n_places, c.d_head);
  if (keep.facts) a.facts[l] = HeadRows(c.n_heads, n, kRowFacts, room_for(c, n));
}

void ForwardPass::Impl::end_layer(int layer) {
  if (keeps(keep, layer)) return;
  attention().layers[size_t(layer)] = QK{};
  if (reads_encoder()) cross().layers[size_t(layer)] = QK{};
}

// The residual stream, normed where the norm comes first, times W_Q, W_K and W_V.
StageRun ForwardPass::Impl::project(int layer, RowRange rows) {
  if (rows.from == n_reused) begin_layer(layer);
  const Block& b = block(layer);
  ConstMat x = resid.rows_of(rows.from, rows.to);
  note(&Activations::Layer::resid_pre, layer, x, rows);
  if (c.norm_place == NormPlace::pre) {
    normalize_rows(c, b.ln1, x, normed.rows(rows.n()));
    x = normed.rows(rows.n());
  }
  packed.pack(x);
  plans.clear();
  plans.emplace_back(packed, b.q.w, Then{.bias = b.q.b.vec()}, flat_q.rows(rows.n()));
  plans.emplace_back(packed, b.k.w, Then{.bias = b.k.b.vec()}, flat_k.rows(rows.n()));
  plans.emplace_back(packed, b.v.w, Then{.bias = b.v.b.vec()}, flat_v.rows(rows.n()));
  return products();
}

StageRun ForwardPass::Impl::products() {
  [[maybe_unused]] int64_t n_pieces = 0;
  for (const ProductPlan& product : plans) n_pieces += product.n_pieces();
  assert(n_pieces == pieces.n);
  return [this](int64_t begin, int64_t end) {
    int64_t first = 0;
    for (const ProductPlan& product : plans) {
      const int64_t from = std::max<int64_t>(begin - first, 0);
      const int64_t to = std::min(end - first, product.n_pieces());
      if (from < to) product.run(from, to);
      first += product.n_pieces();
    }
  };
}

// [rows, heads * d_head] -> [heads, row, d_head]; q and k are normed and rotated where the model
// does. A piece is a head of one of the three.
StageRun ForwardPass::Impl::split(int layer, RowRange rows) {
  if (c.qk_norm_whole) {
    normalize_rows(c, block(layer).q_norm, flat_q.rows(rows.n()), flat_q.rows(rows.n()));
    normalize_rows(c, block(layer).k_norm, flat_k.rows(rows.n()), flat_k.rows(rows.n()));
  }
  return [this, layer, rows](int64_t begin, int64_t end) {
    const QK& qk = attention().computed(layer);
    const float most = float(c.clip_qkv);
    for (int64_t piece = begin; piece < end; ++piece) {
      const bool is_q = piece < c.n_heads, is_k = !is_q && piece < c.n_heads + c.n_kv_heads;
      const int64_t head = is_q   ? piece
                           : is_k ? piece - c.n_heads
                                  : piece - c.n_heads - c.n_kv_heads;
      const ConstMat flat = (is_q ? flat_q : is_k ? flat_k : flat_v).rows(rows.n());
      const HeadRows& heads = is_q ? qk.q : is_k ? qk.k : qk.v;
      const Mat to = heads.head_to_fill(head).rows_of(rows.from, rows.to);
      to_head(flat, head, to);
      const NormWeights norm =
          norm_of_head(c, is_q ? block(layer).q_norm : block(layer).k_norm, head);
      if ((is_q || is_k) && !norm.gamma.empty() && !c.qk_norm_whole)
        normalize_rows(c, norm, to, to);
      for (int64_t i = 0; most > 0 && i < to.rows; ++i)
        for (float& x : to.row(i)) x = std::clamp(x, -most, most);
      if ((is_q || is_k) && c.rotates(layer)) {
        const int64_t n_new = n - n_reused, from = rows.from - n_reused, end_row = from + rows.n();
        const Rotation& by = rotation(layer);
        rotate(to, by.cosines.rows(n_new).rows_of(from, end_row),
               by.sines.rows(n_new).rows_of(from, end_row), c.rope_interleaved);
      }
    }
  };
}

// What queries and keys meet at some of the distances.
StageRun ForwardPass::Impl::place(int layer, RowRange rows) {
  const ConstMat all = place_embeds.rows(attention().n_place_rows());
  packed.pack(all.rows_of(rows.from, rows.to));
  plans.clear();
  const auto add = [&](const Linear& by, Buffer& to) {
    plans.emplace_back(packed, by.w, Then{.bias = by.b.vec()}, to.rows(rows.n()));
  };
  if (c.place_keys) add(place_k(layer), flat_k);
  if (c.place_queries) add(place_q(layer), flat_q);
  return products();
}

StageRun ForwardPass::Impl::place_split(int layer, RowRange rows) {
  return [this, layer, rows](int64_t begin, int64_t end) {
    const QK& qk = attention().computed(layer);
    const auto split = [&](const HeadRows& to, const Buffer& flat, int64_t head) {
      if (to.empty()) return;
      to_head(flat.rows(rows.n()), head, to.head_to_fill(head).rows_of(rows.from, rows.to));
    };
    for (int64_t head = begin; head < end; ++head) {
      split(qk.place_k, flat_k, head);
      split(qk.place_q, flat_q, head);
    }
  };
}

// z of the chunk, a few rows of one head a piece.
StageRun ForwardPass::Impl::attend_rows(const Attention& a, const TokenSets& of, int layer,
                                        RowRange rows) {
  const QueryParts parts(a, layer, rows.from, rows.to, step_work);
  return [this, &a, &of, layer, rows, parts](int64_t begin, int64_t end) {
    const Mat all = z.rows(rows.n());  // [rows, n_heads * d_head]
    for (int piece = int(begin); piece < int(end); ++piece) {
      const int head = piece / parts.n, part = piece % parts.n;
      const int q0 = parts.begin(part), q1 = parts.end(part);
      if (a.is_across())  // nothing else reads its q in between
        to_head(flat_q.rows(rows.n()).rows_of(q0 - rows.from, q1 - rows.from), head,
                a.computed(layer).q.head_to_fill(head).rows_of(q0, q1));
      float* to = all.row(q0 - rows.from).data() + head * c.d_head;
      attend(a, of, 0, layer, head, q0, q1, {to, q1 - q0, c.d_head, all.stride});
    }
  };
}

// resid += z W_O.
StageRun ForwardPass::Impl::project_out(int layer, RowRange rows) {
  const Block& b = block(layer);
  note(&Activations::Layer::z, layer, z.rows(rows.n()), rows);
  packed.pack(z.rows(rows.n()));
  plans.clear();
  plans.emplace_back(packed, b.o.w, Then{.bias = b.o.b.vec(), .add = !c.writes_apart()},
                     c.writes_apart() ? written.rows(rows.n()) : resid.rows_of(rows.from, rows.to));
  return products();
}

// k and v of cross-attention, of rows of the encoder's output; of a pooling head, of the model's.
StageRun ForwardPass::Impl::cross_keys(int layer, RowRange rows) {
  const Block& b = cross_block(layer);
  Attention& a = cross();
  if (rows.from == 0) {
    const int64_t most = c.pools ? 1 : room_for(c, n), room = keeps(keep, layer) ? most : n;
    a.layers[size_t(layer)] =
        QK{HeadRows(c.n_heads, a.n_query, c.d_head, room),
           HeadRows(c.n_kv_heads, a.n_key, c.d_head), HeadRows(c.n_kv_heads, a.n_key, c.d_head)};
    if (keep.facts) a.facts[size_t(layer)] = HeadRows(c.n_heads, a.n_query, kRowFacts, most);
  }
  if (c.pools) {
    const Mat x = normed.rows(rows.n());
    normalize_rows(c, w.ln_final, resid.rows_of(rows.from, rows.to), x);
    packed.pack(x);
  } else {
    packed.pack(ConstMat(encoded.data(), a.n_key, c.d_model).rows_of(rows.from, rows.to));
  }
  plans.clear();
  plans.emplace_back(packed, b.cross_k.w, Then{.bias = b.cross_k.b.vec()}, flat_k.rows(rows.n()));
  plans.emplace_back(packed, b.cross_v.w, Then{.bias = b.cross_v.b.vec()}, flat_v.rows(rows.n()));
  return products();
}

StageRun ForwardPass::Impl::cross_split(int layer, RowRange rows) {
  return [this, layer, rows](int64_t begin, int64_t end) {
    const QK& qk = cross().computed(layer);
    for (int64_t piece = begin; piece < end; ++piece) {
      const bool is_k = piece < c.n_kv_heads;
      const int64_t head = is_k ? piece : piece - c.n_kv_heads;
      to_head((is_k ? flat_k : flat_v).rows(rows.n()), head,
              (is_k ? qk.k : qk.v).head_to_fill(head).rows_of(rows.from, rows.to));
    }
  };
}

// q of cross-attention, of the residual stream with what attention has added. Where the norm comes
// last, that of the attention first takes its place in the residual stream. Of a pooling head, of
// its learned row.
StageRun ForwardPass::Impl::cross_query(int layer, RowRange rows) {
  const Block& b = cross_block(layer);
  const Mat mid = resid.rows_of(rows.from, rows.to);
  const bool first = c.norm_place == NormPlace::pre;
  const Mat x = first ? normed.rows(rows.n()) : mid;
  if (c.pools)
    std::ranges::copy(w.probe.vec(), x.row(0).begin());
  else
    normalize_rows(c, first ? b.ln_cross : b.ln1, mid, x);
  packed.pack(x);
  plans.clear();
  plans.emplace_back(packed, b.cross_q.w, Then{.bias = b.cross_q.b.vec()}, flat_q.rows(rows.n()));
  return products();
}

// resid += z W_O of cross-attention.
StageRun ForwardPass::Impl::cross_out(int layer, RowRange rows) {
  const Block& b = block(layer);
  packed.pack(z.rows(rows.n()));
  plans.clear();
  plans.emplace_back(packed, b.cross_o.w, Then{.bias = b.cross_o.b.vec(), .add = true},
                     resid.rows_of(rows.from, rows.to));
  return products();
}

// resid += what attention or MLP has written.
StageRun ForwardPass::Impl::add_written(const NormWeights& norm, RowRange rows) {
  const Mat from = written.rows(rows.n()), to = resid.rows_of(rows.from, rows.to);
  return [this, &norm, from, to](int64_t, int64_t) {
    finish_write(c, norm, from);
    for (int64_t i = 0; i < to.rows; ++i) add(to.row(i), from.row(i));
  };
}

// hidden = x W_in, through the activation unless there is a gate. Where the norm comes last, that
// of the attention first takes its place in the residual stream.
StageRun ForwardPass::Impl::mlp_in(int layer, RowRange rows) {
  const Block& b = block(layer);
  const Mat mid = resid.rows_of(rows.from, rows.to);
  ConstMat x = mid;
  if (c.norm_place == NormPlace::pre) {
    normalize_rows(c, b.ln2, mid, normed.rows(rows.n()));
    x = normed.rows(rows.n());
  } else {
    note(&Activations::Layer::attn_sum, layer, mid, rows);
    normalize_rows(c, reads_encoder() ? b.ln_cross : b.ln1, mid, mid);
  }
  packed.pack(x);
  plans.clear();
  Then then{.bias = b.mlp_in.b.vec()};
  if (!c.gated_mlp) then.map = map_of(c.activation);
  plans.emplace_back(packed, b.mlp_in.w, then, hidden.rows(rows.n()));
  return products();
}

// gate = act(x W_gate) * (x W_in), of the rows packed for mlp_in.
StageRun ForwardPass::Impl::mlp_gate(int layer, RowRange rows) {
  const Block& b = block(layer);
  plans.clear();
  plans.emplace_back(
      packed, b.mlp_gate.w,
      Then{.bias = b.mlp_gate.b.vec(), .map = map_of(c.activation), .times = hidden.rows(rows.n())},
      gate.rows(rows.n()));
  return products();
}

// resid += (gate or hidden) W_out.
StageRun ForwardPass::Impl::mlp_out(int layer, RowRange rows) {
  const Block& b = block(layer);
  const Mat mid = resid.rows_of(rows.from, rows.to);
  note(&Activations::Layer::resid_mid, layer, mid, rows);
  packed.pack((c.gated_mlp ? gate : hidden).rows(rows.n()));
  plans.clear();
  plans.emplace_back(packed, b.mlp_out.w, Then{.bias = b.mlp_out.b.vec(), .add = !c.writes_apart()},
                     c.writes_apart() ? written.rows(rows.n()) : mid);
  return products();
}

// Scores of the experts, from what the MLP would read.
StageRun ForwardPass::Impl::route_rows(int layer, RowRange rows) {
  const Block& b = block(layer);
  const Mat mid = resid.rows_of(rows.from, rows.to);
  note(&Activations::Layer::resid_mid, layer, mid, rows);
  normalize_rows(c, b.ln2, mid, normed.rows(rows.n()));
  packed.pack(normed.rows(rows.n()));
  plans.clear();
  plans.emplace_back(packed, b.router.w, Then{.bias = b.router.b.vec()}, scores.rows(rows.n()));
  return products();
}

// Products of the rows of each visited expert in `from` [visit, …], which are its visits in order.
void ForwardPass::Impl::plan_experts(ConstMat from, int layer,
                                     std::span<const std::pair<Linear Expert::*, Mat>> by) {
  plans.clear();
  packed_visits.clear();
  packed_visits.resize(size_t(c.n_experts));
  pieces = {};
  for (size_t first = 0, end = 0; first < visits.size(); first = end) {
    while (end < visits.size() && visits[end].expert == visits[first].expert) ++end;
    const size_t expert = size_t(visits[first].expert);
    packed_visits[expert].pack(from.rows_of(int64_t(first), int64_t(end)));
    for (const auto& [field, to] : by) {
      const Linear& linear = block(layer).experts[expert].*field;
      plans.emplace_back(packed_visits[expert], linear.w, Then{.bias = linear.b.vec()},
                         to.rows_of(int64_t(first), int64_t(end)));
      pieces.n += plans.back().n_pieces();
      pieces.work = std::max(pieces.work, plans.back().work_a_piece());
    }
  }
}

StageRun ForwardPass::Impl::experts_in(int layer, RowRange rows) {
  visits = route(c, scores.rows(rows.n()));
  const Mat read = of_visits(visitors, rows);
  const ConstMat x = normed.rows(rows.n());
  for (size_t i = 0; i < visits.size(); ++i)
    std::ranges::copy(x.row(visits[i].row), read.row(int64_t(i)).begin());
  const std::pair<Linear Expert::*, Mat> by[] = {{&Expert::in, of_visits(neurons, rows)},
                                                 {&Expert::gate, of_visits(neuron_gate, rows)}};
  plan_experts(read, layer, by);
  return products();
}

StageRun ForwardPass::Impl::experts_out(int layer, RowRange rows) {
  const std::pair<Linear Expert::*, Mat> by[] = {{&Expert::out, of_visits(visitors, rows)}};
  plan_experts(of_visits(neurons, rows), layer, by);
  return products();
}

// Each row's sum, in the order of its experts.
StageRun ForwardPass::Impl::experts_add(int, RowRange rows) {
  packed_visits.clear();
  const bool apart = c.writes_apart();
  const Mat to = apart ? written.rows(rows.n()) : resid.rows_of(rows.from, rows.to);
  std::vector<std::vector<int>> of_row(size_t(rows.n()));
  for (size_t i = 0; i < visits.size(); ++i) of_row[size_t(visits[i].row)].push_back(int(i));
  const ConstMat wrote = of_visits(visitors, rows);
  return [this, apart, to, wrote, of_row](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const std::span<float> out = to.row(row);
      if (apart) std::ranges::fill(out, 0.f);
      for (const int i : of_row[size_t(row)]) {
        const float share = visits[size_t(i)].share;
        const std::span<const float> x = wrote.row(i);
        for (size_t j = 0; j < out.size(); ++j) out[j] += share * x[j];
      }
    }
  };
}

StageRun ForwardPass::Impl::norm_mlp(int layer, RowRange rows) {
  const Mat sum = resid.rows_of(rows.from, rows.to);
  note(&Activations::Layer::mlp_sum, layer, sum, rows);
  return [this, layer, sum](int64_t, int64_t) { normalize_rows(c, block(layer).ln2, sum, sum); };
}

// A piece is some rows of W_U for some positions.
StageRun ForwardPass::Impl::unembed(RowRange rows) {
  last.resize(size_t(trace.n_logits) * size_t(c.output_width()));
  const Mat ready(last.data(), trace.n_logits, c.output_width());
  ready_to_unembed(*model, resid.rows_of(rows.from, rows.to), ready);
  return [this, ready](int64_t begin, int64_t end) {
    const int64_t n_blocks = divide_up(w.unembed.rows, kTableRows);
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t r0 = piece / n_blocks * kChunkRows, t0 = piece % n_blocks * kTableRows;
      const int64_t r1 = std::min(ready.rows, r0 + kChunkRows);
      const int64_t t1 = std::min(w.unembed.rows, t0 + kTableRows);
      const int64_t n_out = c.n_outputs();
      const Mat out(trace.logits.data() + r0 * n_out + t0, r1 - r0, t1 - t0, n_out);
      unembed_words(*model, ready.rows_of(r0, r1), int(t0), out);
    }
  };
}

}  // namespace attn
