// scratch.h - multi-head attention from scratch: the module of the tutorial this project grew from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "pass/torch_random.h"
#include "trace/trace.h"

namespace attn {

// Dense values with a shape, for inputs and outputs of the module: [batch, seq, d_model].
struct Batch {
  int n_samples = 0, n_tokens = 0, d_model = 0;
  std::vector<float> values;

  ConstMat sample(int b) const;  // [n_tokens, d_model]
};

struct MultiHeadAttention {
  int d_model = 0, n_heads = 0, d_head = 0;
  std::vector<float> W_Q, W_K, W_V, W_O;  // [d_model, d_model], as nn.Linear: y = x Wᵀ + b
  std::vector<float> b_Q, b_K, b_V, b_O;  // [d_model]

  // Four nn.Linear(d_model, d_model) created in the order W_q, W_k, W_v, W_o, each weight then bias
  // from U(-1/√d_model, 1/√d_model), PyTorch's default. d_model must be a multiple of n_heads.
  static Result<MultiHeadAttention> create(int d_model, int n_heads, TorchRandom& random);

  struct Output {
    Batch values;       // [batch, seq_q, d_model]
    Attention weights;  // one layer; pattern(sample, 0, head) is [seq_q, seq_k]
    Batch context;      // the heads' z side by side, before W_O
  };
  // query [batch, seq_q, d_model]; key and value [batch, seq_k, d_model]. `mask` is [batch or 1,
  // seq_q or 1, seq_k], 0 = masked: those scores are set to −1e9 before the softmax, as the
  // tutorial does. Empty: no mask. Wrong shapes are an error.
  struct MaskTensor {
    int n_samples = 0, n_query = 0, n_key = 0;
    std::vector<uint8_t> values;
  };
  Result<Output> forward(const Batch& query, const Batch& key, const Batch& value,
                         const MaskTensor& mask) const;
};

// What the demonstration is made of. The default is the tutorial's.
struct ScratchSettings {
  int d_model = 64, n_heads = 4, n_samples = 2;
  uint64_t seed = 42;
  ScratchMask mask = ScratchMask::none;
  // Names alone: the inputs are random. padding masks the last token of sample 0, the last two of
  // sample 1, and so on (never all).
  std::vector<std::string> tokens = {"我", "爱", "学习", "深度", "学习", "EOS"};

  bool operator==(const ScratchSettings&) const = default;
};

struct ScratchRun {
  ScratchSettings settings;
  MultiHeadAttention module;
  Batch input;
  Batch output;
  std::shared_ptr<const Trace> trace;  // one layer, encoder self-attention
};

// torch.manual_seed(seed); the module; torch.randn(batch, seq, d_model); forward. Errors: sizes
// that do not divide, are not positive, or exceed d_model 4096, 256 heads, 64 samples, 1024 tokens.
Result<ScratchRun> run_scratch(const ScratchSettings& settings);

}  // namespace attn
