// circuits.cpp - the table of circuits.
#include "analysis/families.h"

namespace attn {

std::span<const Metric> circuits() { return {}; }

}  // namespace attn
