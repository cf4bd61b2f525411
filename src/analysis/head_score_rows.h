// head_score_rows.h - the two tables that head_scores() joins, and how a row of either is written.
#pragma once

#include <span>
#include <vector>

#include "analysis/head_scores.h"

namespace attn {

// What people read of a score.
struct HeadScoreText {
  const char* id;
  Text title, column, sentence;
  const char*
      formula;  // one line; A[i, j] the weight of query i on key j, t the tokens, both from 0
  const char* source;
  Text unit;
  float low = 0, high = 1;
};
HeadScore head_score(const HeadScoreText& text);

inline constexpr Text kShare = {"share", "占比"}, kTokenUnit = {"tokens", "词元"},
                      kBits = {"bits", "比特"}, kNats = {"nats", "奈特"}, kKeys = {"keys", "个键"};
// More than any number of tokens.
inline constexpr float kAnyCount = 2147483648.f;

std::vector<HeadScore> fact_scores();     // by facts of rows
std::vector<HeadScore> pattern_scores();  // by walks over patterns
std::vector<HeadScore> stripe_scores();   // by facts, where the input is r + r

}  // namespace attn
