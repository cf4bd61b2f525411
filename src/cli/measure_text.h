// measure_text.h - a measure as a table, CSV, JSON or NPY.
#pragma once

#include <span>
#include <string>

#include "analysis/measure.h"

namespace attn {

enum class MeasureFormat { table, csv, json, npy };
inline constexpr const char* kMeasureFormats[] = {"table", "csv", "json", "npy"};

// The bytes of a .npy file, float32 in rows.
std::string npy_of(std::span<const float> values, std::span<const int> shape);

// Tokens of the pairs name queries and keys; Measure::names the last axis. csv has a line for each
// number: an index a column, then the value. A table has the last axis across and the others down;
// more than 24 across are cut, and said to be. What is not defined is empty, null or NaN.
std::string measure_text(const Metric& metric, const Measure& measure, const Pairs& pairs,
                         const State& state, MeasureFormat format, const std::string& note = "");

}  // namespace attn
