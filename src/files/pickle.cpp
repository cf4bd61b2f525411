// pickle.cpp - a reader of the operations that files of weights consist of.
// https://github.com/python/cpython/blob/main/Lib/pickletools.py describes them.
#include "files/pickle.h"

#include <cstring>
#include <optional>

#include "base/json.h"
#include "base/utf8.h"

namespace attn {

namespace {

constexpr size_t kMostValues = 1'000'000;
constexpr size_t kMostName = 300;  // bytes of a global's name

using Kind = PickleValue::Kind;

class Reader {
 public:
  Reader(std::span<const uint8_t> bytes, const std::string& file, bool (*allows)(std::string_view))
      : bytes_(bytes), file_(file), allows_(allows) {}

  Result<Pickle> read();

 private:
  bool step();
  bool push(PickleValue value);
  bool push_text(Kind kind, size_t n_length);
  bool push_integer(size_t n_bytes, bool is_signed);
  bool push_long(uint64_t size);
  bool push_list(size_t n_items);
  bool push_from_mark(Kind kind);
  bool push_global(std::string name);
  bool read_global();
  bool stack_global();
  bool call();
  bool remember(uint64_t slot);
  bool recall(uint64_t slot);
  bool put_into(size_t from, Kind kind);
  bool build();

  // Sets the error.
  bool wrong(const std::string& what);
  bool damaged() { return wrong("is damaged at byte " + std::to_string(op_at_)); }

  std::optional<uint64_t> number(size_t n_bytes);
  std::optional<std::string_view> span_of(uint64_t size);
  std::optional<std::string_view> line();
  std::optional<size_t> pop_mark();
  PickleValue& value(uint32_t i) { return out_.values[i]; }
  PickleValue& top() { return value(stack_.back()); }
  std::vector<uint32_t> take(size_t from) {
    std::vector<uint32_t> items(stack_.begin() + std::ptrdiff_t(from), stack_.end());
    stack_.resize(from);
    return items;
  }

  std::span<const uint8_t> bytes_;
  const std::string& file_;
  bool (*allows_)(std::string_view);
  size_t at_ = 0, op_at_ = 0;
  size_t n_items_ = 0;  // of all values together
  uint64_t n_memoized_ = 0;
  Pickle out_;
  std::vector<uint32_t> stack_, memo_;
  std::vector<size_t> marks_;  // sizes of the stack
  bool done_ = false;
  Status error_;
};

constexpr uint32_t kNothing = UINT32_MAX;  // an empty slot of the memo

bool Reader::wrong(const std::string& what) {
  if (!error_) error_ = Error{file_ + ": " + what};
  return false;
}

std::optional<std::string_view> Reader::span_of(uint64_t size) {
  if (size > bytes_.size() - at_) {
    wrong("ends in the middle of a value; the file is cut short: download it again");
    return {};
  }
  const std::string_view out(reinterpret_cast<const char*>(bytes_.data()) + at_, size_t(size));
  at_ += size_t(size);
  return out;
}

std::optional<uint64_t> Reader::number(size_t n_bytes) {
  const auto raw = span_of(n_bytes);
  if (!raw) return {};
  uint64_t out = 0;
  std::memcpy(&out, raw->data(), n_bytes);
  return out;
}

std::optional<std::string_view> Reader::line() {
  const auto* begin = reinterpret_cast<const char*>(bytes_.data()) + at_;
  const std::string_view rest(begin, std::min(bytes_.size() - at_, kMostName));
  const size_t end = rest.find('\n');
  if (end == rest.npos) {
    damaged();
    return {};
  }
  at_ += end + 1;
  return rest.substr(0, end);
}

std::optional<size_t> Reader::pop_mark() {
  if (marks_.empty() || marks_.back() > stack_.size()) {
    damaged();
    return {};
  }
  const size_t from = marks_.back();
  marks_.pop_back();
  return from;
}

bool Reader::push(PickleValue made) {
  n_items_ += made.items.size();
  if (out_.values.size() == kMostValues || n_items_ > 4 * kMostValues)
    return wrong("holds more than a million values beside its tensors; save the weights alone");
  stack_.push_back(uint32_t(out_.values.size()));
  out_.values.push_back(std::move(made));
  return true;
}

bool Reader::push_text(Kind kind, size_t n_length) {
  const auto size = number(n_length);
  if (!size) return false;
  const auto text = span_of(*size);
  return text && push({.kind = kind, .text = std::string(*text)});
}

bool Reader::push_integer(size_t n_bytes, bool is_signed) {
  const auto read = number(n_bytes);
  if (!read) return false;
  return push(
      {.kind = Kind::integer, .integer = is_signed ? int64_t(int32_t(*read)) : int64_t(*read)});
}

// Little-endian, two's complement; the legacy format's magic number has 10 bytes, of which the low
// ones are kept.
bool Reader::push_long(uint64_t size) {
  const auto raw = span_of(size);
  if (!raw) return false;
  uint64_t out = !raw->empty() && (raw->back() & 0x80) ? UINT64_MAX : 0;
  std::memcpy(&out, raw->data(), std::min<size_t>(raw->size(), sizeof out));
  return push({.kind = Kind::integer, .integer = int64_t(out)});
}

bool Reader::push_list(size_t n_items) {
  if (stack_.size() < n_items) return damaged();
  return push({.kind = Kind::list, .items = take(stack_.size() - n_items)});
}

bool Reader::push_from_mark(Kind kind) {
  const auto from = pop_mark();
  if (!from) return false;
  std::vector<uint32_t> items = take(*from);
  if (kind == Kind::dict && items.size() % 2 != 0) return damaged();
  return push({.kind = kind, .items = std::move(items)});
}

bool Reader::push_global(std::string name) {
  if (!allows_(name)) {
    return wrong("loading it in Python would call " +
                 printable(json_quote(name), LineBreaks::escaped) +
                 ", which weights alone do not need, and nothing was called; save the weights "
                 "alone, with model.save_pretrained(\"folder\") or "
                 "torch.save(model.state_dict(), \"pytorch_model.bin\")");
  }
  return push({.kind = Kind::global, .text = std::move(name)});
}

bool Reader::read_global() {
  const auto module = line();
  if (!module) return false;
  const auto name = line();
  return name && push_global(std::string(*module) + " " + std::string(*name));
}

bool Reader::stack_global() {
  if (stack_.size() < 2) return damaged();
  const PickleValue &name = top(), &module = value(stack_[stack_.size() - 2]);
  if (name.kind != Kind::text || module.kind != Kind::text ||
      name.text.size() + module.text.size() > kMostName)
    return damaged();
  std::string both = module.text + " " + name.text;
  stack_.resize(stack_.size() - 2);
  return push_global(std::move(both));
}

// An OrderedDict is a dict; all else stays a call.
bool Reader::call() {
  if (stack_.size() < 2) return damaged();
  std::vector<uint32_t> both = take(stack_.size() - 2);
  const PickleValue &what = value(both[0]), &arguments = value(both[1]);
  if (what.kind != Kind::global || arguments.kind != Kind::list) return damaged();
  if (what.text != "collections OrderedDict") {
    both.pop_back();
    both.insert(both.end(), arguments.items.begin(), arguments.items.end());
    return push({.kind = Kind::call, .items = std::move(both)});
  }
  PickleValue made{.kind = Kind::dict};
  if (arguments.items.size() > 1) return damaged();
  if (!arguments.items.empty()) {
    for (const uint32_t i : value(arguments.items[0]).items) {
      const PickleValue& pair = value(i);
      if (pair.kind != Kind::list || pair.items.size() != 2) return damaged();
      made.items.insert(made.items.end(), pair.items.begin(), pair.items.end());
    }
  }
  return push(std::move(made));
}

bool Reader::remember(uint64_t slot) {
  if (stack_.empty() || slot >= kMostValues) return damaged();
  if (slot >= memo_.size()) memo_.resize(std::max(size_t(slot) + 1, 2 * memo_.size()), kNothing);
  memo_[size_t(slot)] = stack_.back();
  return true;
}

bool Reader::recall(uint64_t slot) {
  if (slot >= memo_.size() || memo_[size_t(slot)] == kNothing) return damaged();
  if (stack_.size() > kMostValues) return damaged();
  stack_.push_back(memo_[size_t(slot)]);
  return true;
}

// What lies above `from` becomes part of the value below it.
bool Reader::put_into(size_t from, Kind kind) {
  if (from == 0 || from > stack_.size()) return damaged();
  const std::vector<uint32_t> items = take(from);
  PickleValue& into = top();
  // Of what stays a call, nobody reads the parts.
  if (into.kind != kind && into.kind != Kind::call) return damaged();
  if (kind == Kind::dict && items.size() % 2 != 0) return damaged();
  n_items_ += items.size();
  if (n_items_ > 4 * kMostValues) return wrong("holds too many values; save the weights alone");
  if (into.kind == kind) into.items.insert(into.items.end(), items.begin(), items.end());
  return true;
}

// Attributes of an object, such as the _metadata of a state_dict: no weights.
bool Reader::build() {
  if (stack_.size() < 2) return damaged();
  stack_.pop_back();
  return true;
}

bool Reader::step() {
  op_at_ = at_;
  const auto op = number(1);
  if (!op) return false;
  const auto sized = [&](size_t n) {
    const auto size = number(n);
    return size && push_long(*size);
  };
  const auto slot = [&](size_t n, bool (Reader::*then)(uint64_t)) {
    const auto at = number(n);
    return at && (this->*then)(*at);
  };
  switch (*op) {
    case 0x80:  // PROTO
      if (const auto version = number(1); version && (*version < 1 || *version > 5))
        return wrong("is a pickle of version " + std::to_string(*version) +
                     ", which is not known; save it with pickle_protocol=2");
      else
        return version.has_value();
    case 0x95:  // FRAME
      return number(8).has_value();
    case '.':  // STOP
      if (stack_.size() != 1) return damaged();
      done_ = true;
      return true;
    case '(':  // MARK
      if (marks_.size() > kMostValues) return damaged();
      marks_.push_back(stack_.size());
      return true;
    case '0':  // POP
      if (stack_.empty()) return damaged();
      stack_.pop_back();
      return true;
    case '1':  // POP_MARK
      if (const auto from = pop_mark()) {
        stack_.resize(*from);
        return true;
      }
      return false;
    case '2':  // DUP
      if (stack_.empty() || stack_.size() > kMostValues) return damaged();
      stack_.push_back(stack_.back());
      return true;
    case 'N':
      return push({});
    case 0x88:  // NEWTRUE
      return push({.kind = Kind::boolean, .integer = 1});
    case 0x89:  // NEWFALSE
      return push({.kind = Kind::boolean});
    case 'K':  // BININT1
      return push_integer(1, false);
    case 'M':  // BININT2
      return push_integer(2, false);
    case 'J':  // BININT
      return push_integer(4, true);
    case 0x8A:  // LONG1
      return sized(1);
    case 0x8B:  // LONG4
      return sized(4);
    case 'G': {  // BINFLOAT, big-endian
      const auto bits = number(8);
      if (!bits) return false;
      const uint64_t turned = __builtin_bswap64(*bits);
      PickleValue made{.kind = Kind::real};
      std::memcpy(&made.real, &turned, sizeof turned);
      return push(std::move(made));
    }
    case 'U':   // SHORT_BINSTRING
    case 0x8C:  // SHORT_BINUNICODE
      return push_text(Kind::text, 1);
    case 'T':  // BINSTRING
    case 'X':  // BINUNICODE
      return push_text(Kind::text, 4);
    case 0x8D:  // BINUNICODE8
      return push_text(Kind::text, 8);
    case 'C':  // SHORT_BINBYTES
      return push_text(Kind::bytes, 1);
    case 'B':  // BINBYTES
      return push_text(Kind::bytes, 4);
    case 0x8E:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      return push_text(Kind::bytes, 8);
    case ']':   // EMPTY_LIST
    case ')':   // EMPTY_TUPLE
    case 0x8F:  // EMPTY_SET
      return push({.kind = Kind::list});
    case '}':  // EMPTY_DICT
      return push({.kind = Kind::dict});
    case 'l':   // LIST
    case 't':   // TUPLE
    case 0x91:  // FROZENSET
      return push_from_mark(Kind::list);
    case 'd':  // DICT
      return push_from_mark(Kind::dict);
    case 0x85:  // TUPLE1 to TUPLE3
    case 0x86:
    case 0x87:
      return push_list(size_t(*op) - 0x84);
    case 'a':  // APPEND
      return put_into(stack_.empty() ? 0 : stack_.size() - 1, Kind::list);
    case 's':  // SETITEM
      return put_into(stack_.size() < 2 ? 0 : stack_.size() - 2, Kind::dict);
    case 'e':   // APPENDS
    case 0x90:  // ADDITEMS
      if (const auto from = pop_mark()) return put_into(*from, Kind::list);
      return false;
    case 'u':  // SETITEMS
      if (const auto from = pop_mark()) return put_into(*from, Kind::dict);
      return false;
    case 'c':
      return read_global();
    case 0x93:
      return stack_global();
    case 'R':   // REDUCE
    case 0x81:  // NEWOBJ
      return call();
    case 'b':
      return build();
    case 'Q': {  // BINPERSID
      if (stack_.empty()) return damaged();
      const PickleValue& id = top();
      if (id.kind != Kind::list) return damaged();
      PickleValue made{.kind = Kind::persistent, .items = id.items};
      stack_.pop_back();
      return push(std::move(made));
    }
    case 'q':  // BINPUT
      return slot(1, &Reader::remember);
    case 'r':  // LONG_BINPUT
      return slot(4, &Reader::remember);
    case 0x94:  // MEMOIZE
      return remember(n_memoized_++);
    case 'h':  // BINGET
      return slot(1, &Reader::recall);
    case 'j':  // LONG_BINGET
      return slot(4, &Reader::recall);
    default:
      break;
  }
  return wrong("has an operation that no file of weights needs, at byte " + std::to_string(op_at_) +
               "; it is damaged, or no file of PyTorch: use the model.safetensors of the same "
               "model");
}

Result<Pickle> Reader::read() {
  while (!done_)
    if (!step()) return *error_;
  out_.root = stack_.back();
  out_.size = at_;
  return std::move(out_);
}

}  // namespace

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  if (dict.kind != Kind::dict) return nullptr;
  // The last of equal keys, as in Python.
  for (size_t i = dict.items.size(); i >= 2; i -= 2)
    if (const PickleValue& name = at(dict.items[i - 2]);
        name.kind == Kind::text && name.text == key)
      return &at(dict.items[i - 1]);
  return nullptr;
}

Result<Pickle> read_pickle(std::span<const uint8_t> bytes, const std::string& file,
                           bool (*allows)(std::string_view)) {
  return Reader(bytes, file, allows).read();
}

}  // namespace attn
