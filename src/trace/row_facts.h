// row_facts.h - statistics of every pattern row, computed during the pass.
#pragma once

namespace attn {

// Facts of a pattern row A[i, :], in the order of Attention::facts. A fully masked row has zeros.
// Tokens t are equal if their ids (or, without a vocabulary, their names) are. Key 0 is the usual
// attention sink, so several facts are also given without it, not renormalised.
enum RowFact {
  kEntropy,        // -Σ_j A[i, j] log2 A[i, j], bits
  kDistance,       // Σ_j A[i, j] |i - j|, tokens
  kDistance2,      // Σ_j A[i, j] |i - j|²
  kLargest,        // max_j A[i, j]
  kSelf,           // A[i, i]
  kPrevious,       // A[i, i-1]
  kNext,           // A[i, i+1]
  kFirst,          // A[i, 0]
  kRest,           // Σ A[i, j] over j >= 1, accurate even if tiny
  kRestEntropy,    // entropy of A[i, j] / kRest over j >= 1
  kRestDistance,   // Σ A[i, j] |i - j| over j >= 1
  kRestDistance2,  // Σ A[i, j] |i - j|² over j >= 1
  kRestLargest,    // max A[i, j] over j >= 1
  kLogSum,         // ln Σ_j exp(q·k scale), with the sink: any weight is exp(score - this)
  kSpan50,         // the fewest keys that hold half the mass (to 1e-6 of it)
  kSpan90,         // … 90 % of it
  kSameWord,       // Σ A[i, j] over the other tokens j of i's word; 0 if queries are not keys
  kSpecial,        // Σ A[i, j] over special tokens
  kPunctuation,    // Σ A[i, j] over tokens made only of punctuation
  kDuplicate,      // Σ A[i, j] over j < i with t_j = t_i
  kInduction,      // Σ A[i, j] over 1 <= j <= i with t_(j-1) = t_i
  kInductionMass,  // the same over weights of at least kInductionLeast (HeadVis)
  kRowFacts
};
constexpr float kInductionLeast = 0.01f;

}  // namespace attn
