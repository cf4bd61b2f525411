// head_score_rows.h - the tables that head_scores() joins, and what their rows share. A row leaves
// out what all rows have: the axes, reads_sample and `begin`.
#pragma once

#include <span>
#include <vector>

#include "analysis/head_scores.h"

namespace attn {

inline constexpr Text kShare = {"share", "占比"}, kTokenUnit = {"tokens", "词元"},
                      kBits = {"bits", "比特"}, kNats = {"nats", "奈特"}, kKeys = {"keys", "个键"};
// Larger than any number of tokens.
inline constexpr float kAnyCount = 2147483648.f;

std::vector<HeadScore> fact_scores();     // by facts of rows
std::vector<HeadScore> pattern_scores();  // by walks over patterns
std::vector<HeadScore> stripe_scores();   // by facts, where the input is r + r

}  // namespace attn
