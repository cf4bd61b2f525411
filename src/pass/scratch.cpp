// scratch.cpp - the module's arithmetic, written with the project's own kernels.
#include "pass/scratch.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "tensor/kernels.h"

namespace attn {

namespace {

constexpr int kMostDModel = 4096, kMostScratchHeads = 256, kMostSamples = 64, kMostTokens = 1024;
constexpr uint64_t kMostBytes = 1'000'000'000;
constexpr float kMaskedScore = -1e9f;

Error wrong(std::string message) { return Error{"attention from scratch: " + std::move(message)}; }

std::string shape(int a, int b, int c) {
  return "[" + std::to_string(a) + ", " + std::to_string(b) + ", " + std::to_string(c) + "]";
}
std::string shape(const Batch& x) { return shape(x.n_samples, x.n_tokens, x.d_model); }

Status check_batch(const char* name, const Batch& x, int d_model) {
  if (x.n_samples < 1 || x.n_tokens < 1 || x.d_model != d_model)
    return wrong(std::string(name) + " has shape " + shape(x) + "; it must be [batch, seq, " +
                 std::to_string(d_model) + "]");
  const uint64_t n = uint64_t(x.n_samples) * uint64_t(x.n_tokens) * uint64_t(x.d_model);
  if (x.values.size() != n)
    return wrong(std::string(name) + " holds " + std::to_string(x.values.size()) +
                 " values, but its shape " + shape(x) + " needs " + std::to_string(n));
  return {};
}

Status check_mask(const MultiHeadAttention::MaskTensor& mask, const Batch& query,
                  const Batch& key) {
  const bool fits =
      (mask.n_samples == 1 || mask.n_samples == query.n_samples) &&
      (mask.n_query == 1 || mask.n_query == query.n_tokens) && mask.n_key == key.n_tokens &&
      mask.values.size() == size_t(mask.n_samples) * size_t(mask.n_query) * size_t(mask.n_key);
  if (fits) return {};
  return wrong("the mask has shape " + shape(mask.n_samples, mask.n_query, mask.n_key) + " and " +
               std::to_string(mask.values.size()) + " values; it must be [" +
               std::to_string(query.n_samples) + " or 1, " + std::to_string(query.n_tokens) +
               " or 1, " + std::to_string(key.n_tokens) + "]");
}

// Where the mask has one row for all samples or queries, that row is repeated.
std::vector<uint8_t> broadcast(const MultiHeadAttention::MaskTensor& mask, int n_samples,
                               int n_query) {
  std::vector<uint8_t> all;
  all.reserve(size_t(n_samples) * size_t(n_query) * size_t(mask.n_key));
  for (int b = 0; b < n_samples; ++b) {
    for (int q = 0; q < n_query; ++q) {
      const int row = (mask.n_samples == 1 ? 0 : b) * mask.n_query + (mask.n_query == 1 ? 0 : q);
      for (int k = 0; k < mask.n_key; ++k)
        all.push_back(mask.values[size_t(row) * size_t(mask.n_key) + size_t(k)] != 0);
    }
  }
  return all;
}

// x Wᵀ + b of every sample, cut into heads: [sample, head, token, d_head].
std::vector<float> project(const Batch& x, std::span<const float> w, std::span<const float> b,
                           int n_heads) {
  const int d = x.d_model, d_head = d / n_heads;
  std::vector<float> side_by_side(x.values.size()), heads(x.values.size());
  const int64_t n_rows = int64_t(x.n_samples) * x.n_tokens;
  linear({x.values.data(), n_rows, d}, {w.data(), d, d}, b, {side_by_side.data(), n_rows, d});
  float* to = heads.data();
  for (int s = 0; s < x.n_samples; ++s)
    for (int h = 0; h < n_heads; ++h)
      for (int t = 0; t < x.n_tokens; ++t, to += d_head)
        std::copy_n(&side_by_side[(size_t(s) * size_t(x.n_tokens) + size_t(t)) * size_t(d) +
                                  size_t(h) * size_t(d_head)],
                    d_head, to);
  return heads;
}

// The mask of the demonstration; no values for none.
MultiHeadAttention::MaskTensor mask_tensor(ScratchMask kind, int n_samples, int n) {
  MultiHeadAttention::MaskTensor mask;
  if (kind == ScratchMask::causal) {
    mask = {1, n, n, {}};
    for (int q = 0; q < n; ++q)
      for (int k = 0; k < n; ++k) mask.values.push_back(k <= q);
  } else if (kind == ScratchMask::padding) {
    mask = {n_samples, 1, n, {}};
    for (int s = 0; s < n_samples; ++s)
      for (int k = 0; k < n; ++k) mask.values.push_back(k < std::max(1, n - 1 - s));
  }
  return mask;
}

Status check_settings(const ScratchSettings& s) {
  const size_t n = s.tokens.size();
  if (n < 1 || n > kMostTokens)
    return wrong("there must be 1 to 1024 tokens, not " + std::to_string(n));
  if (s.n_samples < 1 || s.n_samples > kMostSamples)
    return wrong("the batch must have 1 to 64 samples, not " + std::to_string(s.n_samples));
  if (s.d_model < 1 || s.d_model > kMostDModel)
    return wrong("d_model must be 1 to 4096, not " + std::to_string(s.d_model));
  // Input, q, k, v (once more before they are cut into heads), context and output; the weights;
  // and what may be seen.
  const uint64_t d = uint64_t(s.d_model), rows = uint64_t(s.n_samples) * n;
  const uint64_t bytes =
      4 * (7 * rows * d + 4 * d * d) + (s.mask == ScratchMask::none ? 0 : rows * n);
  if (bytes > kMostBytes)
    return wrong("these sizes need " + human_bytes(bytes) + " of memory and the limit is " +
                 human_bytes(kMostBytes) +
                 "; choose fewer samples, fewer tokens or a smaller d_model");
  return {};
}

}  // namespace

ConstMat Batch::sample(int b) const {
  return {values.data() + int64_t(b) * n_tokens * d_model, n_tokens, d_model};
}

Result<MultiHeadAttention> MultiHeadAttention::create(int d_model, int n_heads,
                                                      TorchRandom& random) {
  if (d_model < 1 || d_model > kMostDModel)
    return wrong("d_model must be 1 to 4096, not " + std::to_string(d_model));
  if (n_heads < 1 || n_heads > kMostScratchHeads)
    return wrong("the number of heads must be 1 to 256, not " + std::to_string(n_heads));
  if (d_model % n_heads != 0)
    return wrong("d_model " + std::to_string(d_model) + " is not a multiple of " +
                 std::to_string(n_heads) + " heads; every head gets d_model / heads dimensions");

  MultiHeadAttention m{d_model, n_heads, d_model / n_heads};
  // kaiming_uniform_(a=√5) and then 1/√fan_in, each as PyTorch's Python computes it: the last bits
  // of the two differ.
  const double root = std::sqrt(double(d_model));
  const double gain = std::sqrt(2 / (1 + std::sqrt(5.0) * std::sqrt(5.0)));
  const float weight_bound = float(std::sqrt(3.0) * (gain / root)), bias_bound = float(1 / root);
  const std::pair<std::vector<float>*, std::vector<float>*> layers[] = {
      {&m.W_Q, &m.b_Q}, {&m.W_K, &m.b_K}, {&m.W_V, &m.b_V}, {&m.W_O, &m.b_O}};
  for (const auto& [w, b] : layers) {
    w->resize(size_t(d_model) * size_t(d_model));
    b->resize(size_t(d_model));
    random.uniform(*w, -weight_bound, weight_bound);
    random.uniform(*b, -bias_bound, bias_bound);
  }
  return m;
}

Result<MultiHeadAttention::Output> MultiHeadAttention::forward(const Batch& query, const Batch& key,
                                                               const Batch& value,
                                                               const MaskTensor& mask) const {
  if (Status e = check_batch("query", query, d_model)) return *e;
  if (Status e = check_batch("key", key, d_model)) return *e;
  if (Status e = check_batch("value", value, d_model)) return *e;
  if (key.n_samples != query.n_samples || value.n_samples != query.n_samples)
    return wrong("query, key and value have " + std::to_string(query.n_samples) + ", " +
                 std::to_string(key.n_samples) + " and " + std::to_string(value.n_samples) +
                 " samples; the batches must be alike");
  if (key.n_tokens != value.n_tokens)
    return wrong("there are " + std::to_string(key.n_tokens) + " keys but " +
                 std::to_string(value.n_tokens) + " values; every key needs one value");
  if (!mask.values.empty() || mask.n_key != 0)
    if (Status e = check_mask(mask, query, key)) return *e;

  Output out;
  Attention& a = out.weights;
  a.part = &query == &key ? Part::encoder_self : Part::cross;
  a.n_samples = query.n_samples;
  a.n_layers = 1;
  a.n_heads = a.n_kv_heads = n_heads;
  a.d_head = d_head;
  a.n_query = query.n_tokens;
  a.n_key = key.n_tokens;
  a.scale = 1 / std::sqrt(float(d_head));
  a.masked_score = kMaskedScore;
  if (!mask.values.empty()) a.allowed = broadcast(mask, a.n_samples, a.n_query);
  const int64_t heads = int64_t(a.n_samples) * n_heads;
  a.layers = {QK{{heads, a.n_query, d_head, project(query, W_Q, b_Q, n_heads)},
                 {heads, a.n_key, d_head, project(key, W_K, b_K, n_heads)},
                 {heads, a.n_key, d_head, project(value, W_V, b_V, n_heads)}}};

  out.context = {query.n_samples, query.n_tokens, d_model, {}};
  out.context.values.resize(query.values.size());
  std::vector<float> pattern(size_t(a.n_query) * size_t(a.n_key));
  const Mat weights{pattern.data(), a.n_query, a.n_key};
  for (int s = 0; s < a.n_samples; ++s) {
    for (int h = 0; h < n_heads; ++h) {
      a.pattern_rows(s, 0, h, 0, a.n_query, weights);
      float* z = out.context.values.data() + int64_t(s) * a.n_query * d_model + h * d_head;
      product_nn(weights, a.values(s, 0, h), {z, a.n_query, d_head, d_model});
    }
  }

  out.values = out.context;
  const int64_t n_rows = int64_t(a.n_samples) * a.n_query;
  linear({out.context.values.data(), n_rows, d_model}, {W_O.data(), d_model, d_model}, b_O,
         {out.values.values.data(), n_rows, d_model});
  return out;
}

Result<ScratchRun> run_scratch(const ScratchSettings& settings) {
  if (Status e = check_settings(settings)) return *e;
  const int n = int(settings.tokens.size());
  TorchRandom random(settings.seed);
  Result<MultiHeadAttention> module =
      MultiHeadAttention::create(settings.d_model, settings.n_heads, random);
  if (!module) return module.error();

  ScratchRun run;
  run.settings = settings;
  run.module = std::move(*module);
  run.input = {settings.n_samples, n, settings.d_model, {}};
  run.input.values.resize(size_t(settings.n_samples) * size_t(n) * size_t(settings.d_model));
  random.normal(run.input.values);
  const auto mask = mask_tensor(settings.mask, settings.n_samples, n);
  auto output = run.module.forward(run.input, run.input, run.input, mask);
  if (!output) return output.error();
  run.output = std::move(output->values);

  auto trace = std::make_shared<Trace>();
  trace->parts.push_back(std::move(output->weights));
  Tokens tokens;
  for (const std::string& name : settings.tokens) {
    if (!tokens.text.empty()) tokens.text += ' ';
    const size_t begin = tokens.text.size();
    tokens.text += name;
    tokens.items.push_back({-1, name, name, begin, tokens.text.size(), false});
  }
  Attention& a = trace->parts.front();
  a.query_tokens.assign(size_t(settings.n_samples), tokens);
  a.key_tokens = a.query_tokens;
  run.trace = std::move(trace);
  return run;
}

}  // namespace attn
