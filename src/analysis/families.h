// families.h - the tables of metrics that metrics.cpp puts one after the other.
#pragma once

#include <span>

#include "analysis/measure.h"

namespace attn {

std::span<const Metric> looks();         // patterns as they are
std::span<const Metric> predictions();   // what the model predicts: after each layer, and next
std::span<const Metric> token_scores();  // one number per token, and means of whole patterns
std::span<const Metric>
attributions();  // what came from where: rollout, lens, direct logits, gradients
std::span<const Metric> circuits();  // what the weights alone say of heads

}  // namespace attn
