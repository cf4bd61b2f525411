// json_text.h - numbers as JSON, each with as many digits as bring the same float back.
#pragma once

#include <span>
#include <string>

namespace attn {

std::string json_number(float x);
// Values of the given shape as nested arrays, one innermost array a line.
std::string json_array(std::span<const float> values, std::span<const int> shape);

}  // namespace attn
