// attributions.cpp - the table of attributions.
#include "analysis/families.h"

namespace attn {

std::span<const Metric> attributions() { return {}; }

}  // namespace attn
