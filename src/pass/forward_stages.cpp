// forward_stages.cpp - what each stage of a pass computes.
//
// A layer is done in two sweeps over chunks of rows: q, k and v of all rows first, since a row may
// look at any other; then attention, MLP and residual of one chunk after the other, so that only
// the residual stream itself is there for all rows at once.
#include <algorithm>
#include <cmath>

#include "pass/block_math.h"
#include "pass/forward_impl.h"
#include "pass/forward_sizes.h"
#include "pass/rope.h"
#include "tensor/kernels.h"
#include "trace/attention_block.h"

namespace attn {

namespace {

// Fixed, so that results do not depend on threads.
constexpr int64_t kTableRows = 1024;  // of the unembedding, a piece of work

}  // namespace

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

void ForwardPass::Impl::note(std::vector<float> Activations::Layer::* to, int64_t layer,
                             ConstMat rows, int64_t r0) {
  if (!kept) return;
  std::vector<float>& all = kept->layers[size_t(layer)].*to;
  if (all.empty()) all.resize(size_t(n * rows.cols));
  for (int64_t i = 0; i < rows.rows; ++i)
    std::ranges::copy(rows.row(i), all.begin() + (r0 + i) * rows.cols);
}

// Rows r0 .. r1-1 of the residual stream, normed where the norm comes first, times W_Q, W_K and
// W_V.
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

// [rows, heads * d_head] -> [heads, row, d_head]; q and k are turned. A piece is a head of one of
// the three.
Stage ForwardPass::Impl::split(int64_t layer, int64_t r0, int64_t r1) {
  const int64_t n_pieces = c.n_heads + 2 * c.n_kv_heads;
  return {n_pieces, (r1 - r0) * c.d_head * 8, [this, layer, r0, r1](int64_t begin, int64_t end) {
            const QK& qk = attention().computed(int(layer));
            for (int64_t piece = begin; piece < end; ++piece) {
              const bool is_q = piece < c.n_heads, is_k = !is_q && piece < c.n_heads + c.n_kv_heads;
              const int64_t head = is_q   ? piece
                                   : is_k ? piece - c.n_heads
                                          : piece - c.n_heads - c.n_kv_heads;
              const ConstMat flat = (is_q ? flat_q : is_k ? flat_k : flat_v).rows(r1 - r0);
              const HeadRows& heads = is_q ? qk.q : is_k ? qk.k : qk.v;
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
  plans.emplace_back(
      packed, b.mlp_gate.w,
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
    attention().layers.back() = QK{};
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

}  // namespace attn
