// json.cpp - nlohmann's tokenizer feeds a compact, flat document.
#include "base/json.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace attn {
namespace {

constexpr size_t kMostDepth = 128;
// Four times those of the largest vocabulary in use (262,144 pieces and 580,604 merges, of three
// values each); each takes 32 bytes, twice while a list grows.
constexpr size_t kMostValues = 8'000'000;
// Objects with more members than this are searched by an index.
constexpr size_t kFewMembers = 16;

enum class Kind : uint8_t { null, boolean, integer, number, string, array, object };

struct Slice {
  uint32_t begin = 0, size = 0;
};

// The children of a container are adjacent in Document::nodes, so every node is one small record
// and a document is freed without recursion.
struct Node {
  Kind kind = Kind::null;
  bool flag = false;
  Slice key;      // in Document::text; of members only
  Slice content;  // of strings: in Document::text; of containers: in Document::nodes
  union {
    int64_t integer = 0;  // of Kind::integer
    double number;        // of Kind::number
  };
};

struct Document {
  std::vector<Node> nodes;  // the root is the last
  std::string text;         // all keys and strings, end to end

  std::string_view view(Slice slice) const {
    return std::string_view(text).substr(slice.begin, slice.size);
  }

  const Node* member(const Node& object, std::string_view key) const {
    const size_t begin = object.content.begin, end = begin + object.content.size;
    if (object.content.size > kFewMembers) return indexed_member(begin, end, key);
    for (size_t i = end; i-- > begin;)
      if (view(nodes[i].key) == key) return &nodes[i];
    return nullptr;
  }

 private:
  // The members of large objects sorted by key, equal keys in document order; an object uses the
  // same range as its members in `nodes`. Built at first lookup: a vocabulary is only iterated.
  mutable std::vector<size_t> by_key_;
  mutable std::once_flag indexed_;

  void index() const {
    by_key_.resize(nodes.size());
    for (const Node& node : nodes) {
      if (node.kind != Kind::object || node.content.size <= kFewMembers) continue;
      const auto first = by_key_.begin() + std::ptrdiff_t(node.content.begin);
      const auto last = first + std::ptrdiff_t(node.content.size);
      std::iota(first, last, node.content.begin);
      std::sort(first, last, [this](size_t a, size_t b) {
        const int order = view(nodes[a].key).compare(view(nodes[b].key));
        return order != 0 ? order < 0 : a < b;
      });
    }
  }

  const Node* indexed_member(size_t begin, size_t end, std::string_view key) const {
    std::call_once(indexed_, [this] { index(); });
    const auto first = by_key_.begin() + std::ptrdiff_t(begin);
    const auto last = by_key_.begin() + std::ptrdiff_t(end);
    const auto after = std::upper_bound(
        first, last, key, [this](std::string_view k, size_t i) { return k < view(nodes[i].key); });
    if (after == first || view(nodes[*(after - 1)].key) != key) return nullptr;
    return &nodes[*(after - 1)];
  }
};

// Called by the parser once per value. Values of open containers stay on a stack until the
// container closes.
struct Builder {
  struct Open {
    Kind kind;
    Slice key;
    size_t first;  // in `waiting`
  };

  std::shared_ptr<Document> document = std::make_shared<Document>();
  std::vector<Node> waiting;
  std::vector<Open> open;
  Slice next_key;
  size_t n_values = 0;
  bool too_deep = false, too_large = false;  // too many values or too much text
  size_t error_at = 0;
  std::string error;

  Slice keep(std::string_view s) {
    too_large |= s.size() > UINT32_MAX - document->text.size();
    if (too_large) return {};
    const Slice slice{uint32_t(document->text.size()), uint32_t(s.size())};
    document->text += s;
    return slice;
  }
  bool add(Node node) {
    too_large |= ++n_values > kMostValues;
    if (too_large) return false;
    node.key = next_key;
    next_key = {};
    waiting.push_back(node);
    return true;
  }
  bool begin(Kind kind) {
    too_deep = open.size() >= kMostDepth;
    if (too_deep) return false;
    open.push_back({kind, next_key, waiting.size()});
    next_key = {};
    return true;
  }
  bool finish() {
    const Open container = open.back();
    open.pop_back();
    std::vector<Node>& nodes = document->nodes;
    too_large |= waiting.size() - container.first > UINT32_MAX - nodes.size();
    Node node{.kind = container.kind};
    node.content = {uint32_t(nodes.size()), uint32_t(waiting.size() - container.first)};
    const auto first = waiting.begin() + std::ptrdiff_t(container.first);
    nodes.insert(nodes.end(), first, waiting.end());
    waiting.erase(first, waiting.end());
    next_key = container.key;
    return add(node);
  }

  // The names that nlohmann's SAX interface asks for.
  bool null() { return add({}); }
  bool boolean(bool value) { return add({.kind = Kind::boolean, .flag = value}); }
  bool number_integer(int64_t value) { return add({.kind = Kind::integer, .integer = value}); }
  bool number_unsigned(uint64_t value) {
    if (value <= uint64_t(INT64_MAX)) return number_integer(int64_t(value));
    return number_float(double(value), {});
  }
  bool number_float(double value, const std::string&) {
    Node node{.kind = Kind::number};
    node.number = value;
    return add(node);
  }
  bool string(std::string& value) { return add({.kind = Kind::string, .content = keep(value)}); }
  bool binary(std::vector<uint8_t>&) { return false; }
  bool start_object(size_t) { return begin(Kind::object); }
  bool key(std::string& value) {
    next_key = keep(value);
    return true;
  }
  bool end_object() { return finish(); }
  bool start_array(size_t) { return begin(Kind::array); }
  bool end_array() { return finish(); }
  template <class Exception>
  bool parse_error(size_t position, const std::string&, const Exception& exception) {
    error_at = position;
    error = reason(exception.what());
    return false;
  }

  // "[json...] parse error at line 1, column 2: syntax error while parsing value - invalid
  // literal; last read: 'x'; expected ..." -> "invalid literal". What was read may be anything.
  static std::string reason(std::string_view what) {
    constexpr std::string_view kBefore = " - ", kRead = "; last read: ";
    const size_t before = what.find(kBefore);
    if (before == what.npos) return "a number is out of range";
    what.remove_prefix(before + kBefore.size());
    return std::string(what.substr(0, std::min(what.find(kRead), size_t(120))));
  }
};

Error broken(std::string_view file, std::string_view text, size_t at, std::string_view why) {
  at = std::min(at, text.size());
  const auto line = 1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(at), '\n');
  return Error{std::string(file) + ": not valid JSON at byte " + std::to_string(at) + " (line " +
               std::to_string(line) + "): " + std::string(why) +
               "; check that the file is complete and contains JSON"};
}

const Node& node_of(const void* node) {
  static const Node kNull{};
  return node ? *static_cast<const Node*>(node) : kNull;
}
const Document& document_of(const std::shared_ptr<const void>& document) {
  return *static_cast<const Document*>(document.get());
}

}  // namespace

Json::Json() = default;
Json::Json(std::shared_ptr<const void> document, const void* node)
    : document_(std::move(document)), node_(node) {}

Result<Json> Json::parse(std::string_view text, std::string_view file) {
  // Internal offsets are 32 bits wide; a document has fewer values than bytes.
  if (text.size() > UINT32_MAX)
    return Error{std::string(file) + ": larger than 4 GB, the limit for a JSON file"};
  if (const size_t at = first_broken_utf8(text); at < text.size())
    return broken(file, text, at, "not UTF-8");
  // The parser takes it for the end of the text.
  if (const size_t at = text.find('\0'); at != text.npos)
    return broken(file, text, at, "a zero byte");
  Builder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder) || builder.waiting.empty()) {
    if (builder.too_large)
      return Error{std::string(file) + ": more than " + std::to_string(kMostValues / 1'000'000) +
                   " million values, more than any model's; check that it is the right file"};
    if (builder.too_deep) {
      return Error{std::string(file) + ": nested deeper than " + std::to_string(kMostDepth) +
                   " levels; the file cannot be read"};
    }
    return broken(file, text, builder.error_at ? builder.error_at - 1 : 0, builder.error);
  }
  Document& document = *builder.document;
  document.nodes.push_back(builder.waiting.back());
  const Node* root = &document.nodes.back();
  return Json(std::move(builder.document), root);
}

bool Json::is_null() const { return node_of(node_).kind == Kind::null; }
bool Json::is_object() const { return node_of(node_).kind == Kind::object; }
bool Json::is_array() const { return node_of(node_).kind == Kind::array; }
bool Json::is_string() const { return node_of(node_).kind == Kind::string; }

size_t Json::size() const { return is_object() || is_array() ? node_of(node_).content.size : 0; }

Json Json::at(std::string_view key) const {
  if (!is_object()) return {};
  const Node* found = document_of(document_).member(node_of(node_), key);
  return found ? Json(document_, found) : Json();
}

Json Json::at(size_t index) const {
  if (!is_array() || index >= size()) return {};
  return Json(document_, &document_of(document_).nodes[node_of(node_).content.begin + index]);
}

std::optional<int64_t> Json::integer() const {
  const Node& node = node_of(node_);
  if (node.kind == Kind::integer) return node.integer;
  // 2^63 is a double, the largest int64_t is not.
  constexpr double kLimit = 9223372036854775808.0;
  if (node.kind != Kind::number || node.number != std::floor(node.number)) return {};
  if (node.number < -kLimit || node.number >= kLimit) return {};
  return int64_t(node.number);
}

std::optional<double> Json::number() const {
  const Node& node = node_of(node_);
  if (node.kind == Kind::integer) return double(node.integer);
  if (node.kind == Kind::number) return node.number;
  return {};
}

std::optional<bool> Json::boolean() const {
  const Node& node = node_of(node_);
  return node.kind == Kind::boolean ? std::optional(node.flag) : std::nullopt;
}

std::optional<std::string_view> Json::text() const {
  if (!is_string()) return {};
  return document_of(document_).view(node_of(node_).content);
}

void Json::each(const std::function<bool(std::string_view, const Json&)>& f) const {
  if (!is_object() && !is_array()) return;
  const Document& document = document_of(document_);
  const Slice content = node_of(node_).content;
  Json value(document_, nullptr);
  for (size_t i = content.begin; i < content.begin + content.size; ++i) {
    value.node_ = &document.nodes[i];
    if (!f(document.view(document.nodes[i].key), value)) return;
  }
}

struct JsonBuilder::Impl {
  Builder builder;
  bool failed() const { return builder.too_deep || builder.too_large; }
};

JsonBuilder::JsonBuilder() : impl_(std::make_unique<Impl>()) {}
JsonBuilder::~JsonBuilder() = default;

void JsonBuilder::begin_object() {
  if (!impl_->failed()) impl_->builder.begin(Kind::object);
}
void JsonBuilder::begin_array() {
  if (!impl_->failed()) impl_->builder.begin(Kind::array);
}
void JsonBuilder::end() {
  if (!impl_->failed() && !impl_->builder.open.empty()) impl_->builder.finish();
}
void JsonBuilder::key(std::string_view name) {
  impl_->builder.next_key = impl_->builder.keep(repair_utf8(name));
}
void JsonBuilder::null() { impl_->builder.null(); }
void JsonBuilder::boolean(bool value) { impl_->builder.boolean(value); }
void JsonBuilder::integer(int64_t value) { impl_->builder.number_integer(value); }
void JsonBuilder::number(double value) { impl_->builder.number_float(value, {}); }
void JsonBuilder::text(std::string_view value) {
  impl_->builder.add({.kind = Kind::string, .content = impl_->builder.keep(repair_utf8(value))});
}

std::optional<Json> JsonBuilder::take() {
  const std::unique_ptr<Impl> done = std::exchange(impl_, std::make_unique<Impl>());
  Builder& builder = done->builder;
  if (done->failed() || !builder.open.empty() || builder.waiting.empty()) return {};
  builder.document->nodes.push_back(builder.waiting.front());
  const Node* root = &builder.document->nodes.back();
  return Json(std::move(builder.document), root);
}

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    constexpr std::string_view kNamed = "\"\\\b\f\n\r\t", kNames = "\"\\bfnrt";
    if (const size_t i = c < 0x80 ? kNamed.find(char(c)) : kNamed.npos; i != kNamed.npos) {
      out += '\\';
      out += kNames[i];
    } else if (is_unprintable(c)) {
      append_escape(out, c);
    } else {
      append_utf8(out, c);
    }
  }
  return out += '"';
}

}  // namespace attn
