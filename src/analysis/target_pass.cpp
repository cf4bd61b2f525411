#include "analysis/target_pass.h"

#include <algorithm>

#include "analysis/dense.h"
#include "model/label_head.h"
#include "tensor/packed.h"

namespace attn {

namespace {

constexpr int64_t kMemoryBound = 2;  // a row at a time waits for W_U

}  // namespace

TargetPass::TargetPass(const Inputs& in, int query) : model_(*in.model), target_(target_of(in)) {
  if (target_.token >= 0) return;
  const Trace& t = *in.trace;
  const int n = in.kept()->n, d = model_.config.d_model, n_vocab = model_.config.n_outputs();
  const ReadRows rows = rows_read(model_.config, in.attention().query_tokens[0], query);
  if (const int row = rows.from - t.first_logit; row >= 0 && row < t.n_logits) {
    const auto logits = t.logits.begin() + int64_t(row) * n_vocab;
    target_.token = int(std::max_element(logits, logits + n_vocab) - logits);
    return;
  }
  ready_.resize(size_t(model_.config.output_width()));
  ready_to_unembed(model_,
                   ConstMat(in.kept()->resid_final.data(), n, d).rows_of(rows.from, rows.to),
                   {ready_.data(), 1, int64_t(ready_.size())});
  rows_ = rows_a_step(kMemoryBound * d, n_vocab);
  n_steps_ = n_parts(n_vocab, rows_);
}

void TargetPass::step() {
  const int end = std::min(at_ + rows_, model_.config.n_outputs());
  std::vector<float> logits(size_t(end - at_));
  unembed_words(model_, ConstMat(ready_.data(), 1, int64_t(ready_.size())), at_,
                {logits.data(), 1, end - at_});
  for (int token = at_; token < end; ++token) {
    const float logit = logits[size_t(token - at_)];
    if (target_.token >= 0 && logit <= highest_) continue;
    target_.token = token;
    highest_ = logit;
  }
  at_ = end;
}

}  // namespace attn
