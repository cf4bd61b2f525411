// json_writer.h - writes JSON text value by value; no other code places commas and quotes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

// How the members of an object or array are laid out.
enum class JsonLayout {
  spaced,  // {"a": 1, "b": 2}
  tight,   // {"a":1,"b":2}
  lines,   // each on a line, between the brackets' lines
  rows,    // [1,\n2]: a line break after each comma
};

//   JsonWriter json;
//   json.object(JsonLayout::lines).key("model").text("gpt2").key("ids").array();
//   for (int id : ids) json.integer(id);
//   json.end().end();
class JsonWriter {
 public:
  JsonWriter& object(JsonLayout layout = JsonLayout::spaced) { return begin('{', layout); }
  JsonWriter& array(JsonLayout layout = JsonLayout::spaced) { return begin('[', layout); }
  JsonWriter& end();  // of the object or array that began last

  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& integer(int64_t value);
  JsonWriter& unsigned_integer(uint64_t value);
  // The fewest digits that read back as the same float. NaN and infinity, which JSON lacks, become
  // null.
  JsonWriter& number(float value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  // Nested arrays of this shape, one innermost array per line.
  JsonWriter& numbers(std::span<const float> values, std::span<const int> shape);
  JsonWriter& numbers(std::span<const float> values, JsonLayout layout = JsonLayout::spaced);

  // A key and its value.
  JsonWriter& text(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonWriter& integer(std::string_view name, int64_t value) { return key(name).integer(value); }
  JsonWriter& unsigned_integer(std::string_view name, uint64_t value) {
    return key(name).unsigned_integer(value);
  }
  JsonWriter& number(std::string_view name, float value) { return key(name).number(value); }
  JsonWriter& boolean(std::string_view name, bool value) { return key(name).boolean(value); }

  // The text, once every object and array has ended.
  std::string take();

 private:
  struct Open {
    char close;
    JsonLayout layout;
    bool empty = true;
  };
  JsonWriter& begin(char open, JsonLayout layout);
  void separate();  // before a value, or before a key

  std::string out_;
  std::vector<Open> open_;
  bool after_key_ = false;
};

// A number as JsonWriter writes it; also used for CSV.
std::string json_number(float value);

}  // namespace attn
