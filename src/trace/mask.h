// mask.h - which keys a query may see, by rule.
#pragma once

namespace attn {

enum class Mask { none, causal };  // causal: key <= query

enum class ScratchMask { none, causal, padding };  // of the attention from scratch

}  // namespace attn
