// tokenizer_precompiled.h - the normalizers of SentencePiece: a compiled table, and the rules for
// NMT.
#pragma once

#include "text/tokenizer_steps.h"

namespace attn {

// "Precompiled": precompiled_charsmap in Base64, a double-array trie and the texts it leads to.
Result<Normalizer> read_precompiled(const Section& section);
// "Nmt": control characters vanish, blanks of all kinds become one.
Result<Normalizer> read_nmt(const Section& section);

}  // namespace attn
