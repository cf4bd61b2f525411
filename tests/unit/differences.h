// differences.h - lines for the table of tests/golden/references.py: how far a measure is from a
// reference.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "trace/trace.h"

namespace attn {

// What a pattern may see: the columns of the table.
inline const char* kind_of(const Attention& a) {
  if (a.part == Part::cross) return "cross";
  if (!a.allowed.empty()) return a.mask == Mask::causal ? "padded causal" : "padded";
  return a.mask == Mask::causal ? "causal" : "bidirectional";
}

// Printed only where somebody makes the table.
inline void note_difference(const std::string& reference, const std::string& id, bool real,
                            const Attention& a, double apart) {
  if (std::getenv("ATTNSCOPE_TABLE"))
    std::printf("difference\t%s\t%s\t%s\t%s\t%.3g\n", reference.c_str(), id.c_str(),
                real ? "real" : "random", kind_of(a), apart);
}
// A row that has no meaning for such attention, and the sentence that says so.
inline void note_refusal(const std::string& id, const Trace& t, const std::string& sentence) {
  if (std::getenv("ATTNSCOPE_TABLE"))
    std::printf("refusal\t%s\t%s\t%s\n", id.c_str(), kind_of(t.parts[0]), sentence.c_str());
}

// A row that the program has, with a reference or without.
inline void note_row(const char* id) {
  if (std::getenv("ATTNSCOPE_TABLE")) std::printf("row\t%s\n", id);
}

}  // namespace attn
