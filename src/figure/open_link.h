// open_link.h - a link read whole: its fields, and the names that only views and measures know.
#pragma once

#include <string>
#include <string_view>

#include "state/query.h"

namespace attn {

// read_link() that also checks views, measures, spans and the part of the map in view. What makes
// no sense keeps its default and is among the faults.
Link open_link(std::string_view query, const State& defaults = {});
// The first faults as one notice; "" without any.
std::string link_notice(const Link& link);

}  // namespace attn
