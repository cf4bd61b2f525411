// json_text.cpp - nested arrays of floats as JSON.
#include "cli/json_text.h"

#include <charconv>
#include <cmath>

namespace attn {

namespace {

void append_number(std::string& out, float x) {
  if (!std::isfinite(x)) {  // JSON has no word for it
    out += "null";
    return;
  }
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, x).ptr);
}

void append_array(std::string& out, std::span<const float> values, std::span<const int> shape) {
  out += '[';
  const size_t n = size_t(shape[0]), step = n ? values.size() / n : 0;
  for (size_t i = 0; i < n; ++i) {
    if (i > 0) out += shape.size() > 1 ? ",\n" : ", ";
    if (shape.size() == 1)
      append_number(out, values[i]);
    else
      append_array(out, values.subspan(i * step, step), shape.subspan(1));
  }
  out += ']';
}

}  // namespace

std::string json_number(float x) {
  std::string out;
  append_number(out, x);
  return out;
}

std::string json_array(std::span<const float> values, std::span<const int> shape) {
  std::string out;
  append_array(out, values, shape);
  return out;
}

}  // namespace attn
