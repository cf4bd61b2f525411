// measure_table.h - a measure as a table for a terminal.
#pragma once

#include <string>

#include "figure/exporters.h"

namespace attn {

// The last axis runs across, the others down. Queries and keys are labelled by the tokens of the
// pairs, the last axis by Measure::names where it has any. Columns beyond 24, or that a terminal of
// `columns` has no room for (0: any), are dropped, as the last line says. NaN cells are empty.
std::string measure_table(const MeasureExport& what, int columns = 0);

}  // namespace attn
