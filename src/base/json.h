// json.h - reading JSON; only json.cpp depends on the library.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace attn {

// A read-only value that keeps its document alive; cheap to copy. Absent members are null, so
// `json.at("a").at("b").text()` needs no check in between.
class Json {
 public:
  Json();

  // `file` names the document in the error ("config.json: not valid JSON at byte 17 ...").
  // Rejects invalid UTF-8 and nesting deeper than 128 levels.
  static Result<Json> parse(std::string_view text, std::string_view file);

  bool is_null() const;
  bool is_object() const;
  bool is_array() const;
  bool is_string() const;
  size_t size() const;                     // members or elements; 0 for anything else
  Json at(std::string_view key) const;     // null when absent
  Json at(size_t index) const;             // null when out of range
  std::optional<int64_t> integer() const;  // also for 2.0; nothing for 2.5 or out of range
  std::optional<double> number() const;
  std::optional<bool> boolean() const;
  std::optional<std::string_view> text() const;
  // In the document's order. Stops when `f` returns false.
  void each(const std::function<bool(std::string_view key, const Json& value)>& f) const;

 private:
  friend class JsonBuilder;
  std::shared_ptr<const void> document_;
  const void* node_ = nullptr;
  Json(std::shared_ptr<const void> document, const void* node);
};

// Builds a document value by value from a source other than JSON text, such as the metadata in a
// weights file. Inside an object, each value follows its key.
class JsonBuilder {
 public:
  JsonBuilder();
  ~JsonBuilder();

  void begin_object();
  void begin_array();
  void end();  // of the object or array that began last
  void key(std::string_view name);
  void null();
  void boolean(bool value);
  void integer(int64_t value);
  void number(double value);
  void text(std::string_view value);  // what isn't UTF-8 becomes U+FFFD

  // Returns the document once its first value is complete, and resets the builder. nullopt if the
  // values are nested deeper than 128 levels or take more than 4 GB.
  std::optional<Json> take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The string as JSON, with quotes: "a \"b\""; for writers that build text directly.
std::string json_quote(std::string_view text);

}  // namespace attn
