// measure_table.h - a measure as a table for a terminal.
#pragma once

#include <string>

#include "figure/exporters.h"

namespace attn {

// Tokens of the pairs name queries and keys; Measure::names the last axis, which goes across, the
// others down. More than 24 across are cut, and the last line says so. What is not defined is
// empty.
std::string measure_table(const MeasureExport& what);

}  // namespace attn
