#include "base/json_writer.h"

#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/json.h"

namespace attn {

JsonWriter& JsonWriter::begin(char open, JsonLayout layout) {
  separate();
  out_ += open;
  open_.push_back({open == '{' ? '}' : ']', layout});
  return *this;
}

JsonWriter& JsonWriter::end() {
  assert(!open_.empty() && !after_key_);
  const Open last = open_.back();
  open_.pop_back();
  if (last.layout == JsonLayout::lines && !last.empty) out_ += '\n';
  out_ += last.close;
  return *this;
}

void JsonWriter::separate() {
  if (after_key_ || open_.empty()) {
    after_key_ = false;
    return;
  }
  Open& in = open_.back();
  if (!in.empty) out_ += ',';
  if (in.layout == JsonLayout::lines || (in.layout == JsonLayout::rows && !in.empty))
    out_ += '\n';
  else if (in.layout == JsonLayout::spaced && !in.empty)
    out_ += ' ';
  in.empty = false;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  assert(!open_.empty() && open_.back().close == '}' && !after_key_);
  separate();
  out_ += json_quote(name);
  out_ += open_.back().layout == JsonLayout::tight ? ":" : ": ";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  separate();
  out_ += json_quote(value);
  return *this;
}

JsonWriter& JsonWriter::integer(int64_t value) {
  separate();
  out_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::unsigned_integer(uint64_t value) {
  separate();
  out_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::number(float value) {
  if (!std::isfinite(value)) return null();
  separate();
  char buffer[32];
  out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::numbers(std::span<const float> values, JsonLayout layout) {
  array(layout);
  for (const float value : values) number(value);
  return end();
}

JsonWriter& JsonWriter::numbers(std::span<const float> values, std::span<const int> shape) {
  if (shape.size() == 1) return numbers(values);
  const size_t n = size_t(shape[0]), step = n ? values.size() / n : 0;
  array(JsonLayout::rows);
  for (size_t i = 0; i < n; ++i) numbers(values.subspan(i * step, step), shape.subspan(1));
  return end();
}

std::string JsonWriter::take() {
  assert(open_.empty());
  return std::exchange(out_, {});
}

std::string json_number(float value) { return JsonWriter().number(value).take(); }

}  // namespace attn
