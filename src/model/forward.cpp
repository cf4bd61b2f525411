#include "model/forward.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace attn {

namespace {

// Rows of a pattern that one thread holds at a time, and rows of the MLP's wide layer that exist
// at once: both fixed, so that memory is bounded and results do not depend on threads.
constexpr int kQueryRows = 32;
constexpr int kMlpRows = 256;

// Floats of each buffer; the one place that says how much a pass needs.
struct Sizes {
  uint64_t resid, flat_q, flat_kv, angles, hidden, gate, pattern;  // while it runs
  uint64_t q, kv, logits;                                          // in the trace

  Sizes(const Config& c, uint64_t n, Keep keep) {
    resid = n * uint64_t(c.d_model);
    flat_q = q = n * uint64_t(c.n_heads) * uint64_t(c.d_head);
    flat_kv = kv = n * uint64_t(c.n_kv_heads) * uint64_t(c.d_head);
    angles = c.position == Position::rotary ? n * uint64_t(c.rope_dims / 2) : 0;
    hidden = std::min<uint64_t>(n, kMlpRows) * uint64_t(c.d_mlp);
    gate = c.gated_mlp ? hidden : 0;
    pattern = std::min<uint64_t>(n, kQueryRows) * n;
    logits = c.has_logits ? (keep.all_logits ? n : 1) * uint64_t(c.d_vocab) : 0;
  }
};

// Radians a position of each pair, [rope_dims / 2]. Su et al. 2021; the scalings stretch the
// wavelengths for texts longer than those of training (linear: Chen et al. 2023; Llama 3.1).
std::vector<double> frequencies(const Config& c) {
  std::vector<double> out(size_t(c.rope_dims / 2));
  for (size_t j = 0; j < out.size(); ++j) {
    const double plain = std::pow(c.rope_theta, -2.0 * double(j) / c.rope_dims);
    switch (c.rope_scaling) {
      case RopeScaling::none:
        out[j] = plain;
        break;
      case RopeScaling::linear:
        out[j] = plain / c.rope_factor;
        break;
      case RopeScaling::llama3: {
        // How often the wave fits into the original context: few times, stretched; often, kept.
        const double n_waves = c.rope_original_n_ctx * plain / (2 * std::numbers::pi);
        const double low = c.rope_low_freq_factor, high = c.rope_high_freq_factor;
        const double kept = std::clamp((n_waves - low) / (high - low), 0.0, 1.0);
        out[j] = plain * (kept + (1 - kept) / c.rope_factor);
        break;
      }
    }
  }
  return out;
}

void normalize_rows(const Config& c, const NormWeights& w, ConstMat x, Mat out) {
  switch (c.norm) {
    case Norm::layer_norm:
      layer_norm(x, w.gamma.vec(), w.beta.vec(), c.norm_eps, out);
      break;
    case Norm::rms_norm:
      rms_norm(x, w.gamma.vec(), c.norm_eps, out);
      break;
  }
}

void activate(Activation activation, std::span<float> x) {
  switch (activation) {
    case Activation::gelu:
      gelu(x);
      break;
    case Activation::gelu_tanh:
      gelu_tanh(x);
      break;
    case Activation::silu:
      silu(x);
      break;
    case Activation::relu:
      relu(x);
      break;
  }
}

bool has_padding(const Tokens& tokens) {
  return std::ranges::any_of(tokens.items, &Token::padding);
}

void apply(const Linear& l, ConstMat x, Mat out) { linear(x, l.w, l.b.vec(), out); }

}  // namespace

struct ForwardPass::Impl {
  std::shared_ptr<const Model> model;
  const Config& c;
  Tokens tokens;
  int64_t n;
  int n_done = 0;
  Trace trace;

  struct Buffer {
    std::vector<float> floats;
    Mat mat;

    void make(int64_t rows, uint64_t size) {
      // Where size_t has 32 bits, more than it holds ends the program rather than wrapping around.
      floats.resize(size_t(std::min<uint64_t>(size, SIZE_MAX)));
      mat = {floats.data(), rows, int64_t(size) / rows};
    }
  };
  Buffer resid;              // [n, d_model]; resid_pre of a layer, then resid_mid, then resid_post
  Buffer normed;             // [n, d_model]
  Buffer attn_out, mlp_out;  // [n, d_model]; what the two add to resid
  Buffer flat_q;             // [n, n_heads * d_head]; q before rotation, then z
  Buffer flat_k, flat_v;     // [n, n_kv_heads * d_head]
  Buffer cosines, sines;     // [n, rope_dims / 2]
  Buffer hidden, gate;       // [kMlpRows, d_mlp]

  Impl(std::shared_ptr<const Model> m, Tokens t, Keep keep);
  void turn();
  void embed();
  void layer(int l);
  void attention(const Block& b, int l, ConstMat x);
  void split_heads(ConstMat flat, const HeadRows& heads, bool rotated);
  void mlp(const Block& b, ConstMat x);
  void unembed();
};

void ForwardPass::Impl::embed() {
  const Weights& w = model->weights;
  for (int64_t i = 0; i < n; ++i) {
    const std::span<float> x = resid.mat.row(i);
    w.embed.row(tokens.items[size_t(i)].id, x);
    if (c.n_token_types > 0) w.token_types.add_row(0, x);
    if (c.position == Position::learned) w.positions.add_row(c.first_position + i, x);
  }
  if (c.embed_norm) normalize_rows(c, w.ln_embed, resid.mat, resid.mat);
}

void ForwardPass::Impl::layer(int l) {
  const Block& b = model->weights.blocks[size_t(l)];
  switch (c.norm_place) {
    case NormPlace::pre:
      normalize_rows(c, b.ln1, resid.mat, normed.mat);
      attention(b, l, normed.mat);
      if (!c.parallel_residual) add(resid.floats, attn_out.floats);
      normalize_rows(c, b.ln2, resid.mat, normed.mat);
      mlp(b, normed.mat);
      if (c.parallel_residual) add(resid.floats, attn_out.floats);
      add(resid.floats, mlp_out.floats);
      break;
    case NormPlace::post:
      attention(b, l, resid.mat);
      add(resid.floats, attn_out.floats);
      normalize_rows(c, b.ln1, resid.mat, resid.mat);
      mlp(b, resid.mat);
      add(resid.floats, mlp_out.floats);
      normalize_rows(c, b.ln2, resid.mat, resid.mat);
      break;
  }
}

// x [n, d_model] -> attn_out; q, k and v stay in the trace.
void ForwardPass::Impl::attention(const Block& b, int l, ConstMat x) {
  Attention& a = trace.attentions.front();
  apply(b.q, x, flat_q.mat);
  apply(b.k, x, flat_k.mat);
  apply(b.v, x, flat_v.mat);
  const bool rotary = c.position == Position::rotary;
  split_heads(flat_q.mat, a.q[size_t(l)], rotary);
  split_heads(flat_k.mat, a.k[size_t(l)], rotary);
  split_heads(flat_v.mat, a.v[size_t(l)], false);

  // z = pattern v, a few rows of one head at a time: n² is never there for all heads.
  const Mat z = flat_q.mat;
  const int64_t n_blocks = (n + kQueryRows - 1) / kQueryRows;
  const int64_t queries_a_head = c.n_heads / c.n_kv_heads;
  parallel_for(c.n_heads * n_blocks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> floats(size_t(std::min<int64_t>(n, kQueryRows) * n));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t head = i / n_blocks, q0 = i % n_blocks * kQueryRows;
      const int64_t q1 = std::min(n, q0 + kQueryRows), n_seen = c.mask == Mask::causal ? q1 : n;
      const Mat pattern(floats.data(), q1 - q0, n);
      a.pattern_rows(0, l, int(head), int(q0), int(q1), pattern);
      const ConstMat v = a.v[size_t(l)].head(head / queries_a_head);
      product_nn({pattern.data, q1 - q0, n_seen, n}, v.rows_of(0, n_seen),
                 {z.row(q0).data() + head * c.d_head, q1 - q0, c.d_head, z.stride});
    }
  });
  apply(b.o, z, attn_out.mat);
}

// [n, heads * d_head] -> [heads, n, d_head]
void ForwardPass::Impl::split_heads(ConstMat flat, const HeadRows& heads, bool rotated) {
  for (int64_t head = 0; head < flat.cols / c.d_head; ++head) {
    const Mat one = heads.head_to_fill(head);
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(flat.row(i).data() + head * c.d_head, c.d_head, one.row(i).data());
    }
    if (rotated) rotate(one, cosines.mat, sines.mat, c.rope_interleaved);
  }
}

// x [n, d_model] -> mlp_out
void ForwardPass::Impl::mlp(const Block& b, ConstMat x) {
  for (int64_t begin = 0; begin < n; begin += kMlpRows) {
    const int64_t end = std::min(n, begin + kMlpRows);
    const Mat h = hidden.mat.rows_of(0, end - begin);
    const std::span<float> h_floats = std::span(hidden.floats).first(size_t(h.rows * h.cols));
    apply(b.mlp_in, x.rows_of(begin, end), h);
    if (c.gated_mlp) {
      const std::span<float> g_floats = std::span(gate.floats).first(h_floats.size());
      apply(b.mlp_gate, x.rows_of(begin, end), gate.mat.rows_of(0, end - begin));
      activate(c.activation, g_floats);
      for (size_t i = 0; i < h_floats.size(); ++i) h_floats[i] *= g_floats[i];
    } else {
      activate(c.activation, h_floats);
    }
    apply(b.mlp_out, h, mlp_out.mat.rows_of(begin, end));
  }
}

void ForwardPass::Impl::unembed() {
  if (!c.has_logits) return;
  const Weights& w = model->weights;
  Mat last = resid.mat.rows_of(n - trace.n_logits, n);
  if (!w.ln_final.gamma.empty()) normalize_rows(c, w.ln_final, last, last);
  if (!w.head_dense.w.empty()) {
    const Mat dense = normed.mat.rows_of(0, last.rows);
    apply(w.head_dense, last, dense);
    activate(c.head_activation, {dense.data, size_t(dense.rows * dense.cols)});
    normalize_rows(c, w.ln_head, dense, last);
  }
  const Mat logits(trace.logits.data(), last.rows, c.d_vocab);
  linear(last, w.unembed, logits);
  if (w.unembed_bias.empty()) return;
  for (int64_t i = 0; i < logits.rows; ++i) add(logits.row(i), w.unembed_bias.vec());
}

ForwardPass::Impl::Impl(std::shared_ptr<const Model> m, Tokens t, Keep keep)
    : model(std::move(m)), c(model->config), tokens(std::move(t)), n(tokens.size()) {
  assert(!check(*model, tokens));
  const Sizes size(c, uint64_t(n), keep);
  for (Buffer* buffer : {&resid, &normed, &attn_out, &mlp_out}) buffer->make(n, size.resid);
  flat_q.make(n, size.flat_q);
  for (Buffer* buffer : {&flat_k, &flat_v}) buffer->make(n, size.flat_kv);
  for (Buffer* buffer : {&cosines, &sines}) buffer->make(n, size.angles);
  hidden.make(std::min<int64_t>(n, kMlpRows), size.hidden);
  gate.make(std::min<int64_t>(n, kMlpRows), size.gate);
  turn();

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
  for (int l = 0; l < c.n_layers; ++l) {
    a.q.emplace_back(c.n_heads, n, c.d_head);
    a.k.emplace_back(c.n_kv_heads, n, c.d_head);
    a.v.emplace_back(c.n_kv_heads, n, c.d_head);
  }
  trace.model = model;
  trace.attentions.push_back(std::move(a));
  trace.n_logits = !c.has_logits ? 0 : keep.all_logits ? int(n) : 1;
  trace.logits.resize(size_t(std::min<uint64_t>(size.logits, SIZE_MAX)));
}

// Angles in double: as floats they lose digits at late positions.
void ForwardPass::Impl::turn() {
  if (c.position != Position::rotary) return;
  const std::vector<double> radians = frequencies(c);
  for (int64_t position = 0; position < n; ++position) {
    for (size_t j = 0; j < radians.size(); ++j) {
      cosines.mat(position, int64_t(j)) = float(std::cos(double(position) * radians[j]));
      sines.mat(position, int64_t(j)) = float(std::sin(double(position) * radians[j]));
    }
  }
}

ForwardPass::ForwardPass(std::shared_ptr<const Model> model, Tokens tokens, Keep keep)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(tokens), keep)) {}

ForwardPass::~ForwardPass() = default;

Status ForwardPass::check(const Model& model, const Tokens& tokens) {
  if (tokens.items.empty()) {
    return Error{"The text is empty: type something for the model to read"};
  }
  if (tokens.size() > model.config.n_ctx) {
    return Error{"The text has " + std::to_string(tokens.size()) + " tokens, but " + model.name +
                 " reads at most " + std::to_string(model.config.n_ctx) + ": shorten it"};
  }
  const uint64_t n = uint64_t(tokens.size()), masked = has_padding(tokens) ? n * n : 0;
  if (const uint64_t bytes = bytes_needed(model.config, tokens.size(), {}) + masked;
      bytes > PTRDIFF_MAX) {
    return Error{"The text has " + std::to_string(tokens.size()) + " tokens, for which " +
                 model.name + " needs " + human_bytes(bytes) +
                 ", more than there can be here: shorten it"};
  }
  for (size_t i = 0; i < tokens.items.size(); ++i) {
    const Token& token = tokens.items[i];
    if (token.id >= 0 && token.id < model.config.d_vocab) continue;
    return Error{"tokenizer.json: token " + std::to_string(i) + " of the text has the number " +
                 std::to_string(token.id) + ", but the model knows only " +
                 std::to_string(model.config.d_vocab) +
                 "; take the tokenizer.json that came with the weights"};
  }
  return {};
}

uint64_t ForwardPass::bytes_needed(const Config& c, int n_tokens, Keep keep) {
  const Sizes s(c, uint64_t(n_tokens), keep);
  const uint64_t buffers = 4 * s.resid + s.flat_q + 2 * s.flat_kv + 2 * s.angles + s.hidden +
                           s.gate + s.pattern * uint64_t(n_threads());
  const uint64_t trace = uint64_t(c.n_layers) * (s.q + 2 * s.kv) + s.logits;
  return (buffers + trace) * sizeof(float);
}

int ForwardPass::n_steps() const { return impl_->c.n_layers + 2; }

bool ForwardPass::step() {
  Impl& pass = *impl_;
  const int i = pass.n_done++;
  if (i == 0) {
    pass.embed();
  } else if (i <= pass.c.n_layers) {
    pass.layer(i - 1);
  } else if (i == pass.c.n_layers + 1) {
    pass.unembed();
  }
  return pass.n_done < n_steps();
}

Trace ForwardPass::take() {
  assert(impl_->n_done >= n_steps());
  impl_->trace.queries = {impl_->tokens};
  impl_->trace.keys = {std::move(impl_->tokens)};
  return std::move(impl_->trace);
}

Trace forward(std::shared_ptr<const Model> model, Tokens tokens, Keep keep) {
  ForwardPass pass(std::move(model), std::move(tokens), keep);
  while (pass.step()) {
  }
  return pass.take();
}

}  // namespace attn
