// number_format.h - output formats of the commands that print several measures together.
#pragma once

#include <span>
#include <string>

namespace attn {

enum class NumberFormat { table, csv, json, npy };
inline constexpr const char* kNumberFormats[] = {"table", "csv", "json", "npy"};

// The bytes of a .npy file: float32, row-major.
std::string npy_of(std::span<const float> values, std::span<const int> shape);

}  // namespace attn
