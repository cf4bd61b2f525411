// pickle.h - Python's pickles as data: nothing that they ask for is carried out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace attn {

// A value; `items` are positions in Pickle::values. Values may be shared, and may hold themselves.
struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    list,       // or a tuple, or a set
    dict,       // items: key, value, key, value …
    global,     // `text`: "torch FloatStorage"
    call,       // items: the global, its arguments
    persistent  // items: what names something outside the pickle
  };
  Kind kind = Kind::none;
  int64_t integer = 0;  // 0 or 1 for a boolean
  double real = 0;
  std::string text = {};
  std::vector<uint32_t> items = {};
};

struct Pickle {
  std::vector<PickleValue> values;
  uint32_t root = 0;
  size_t size = 0;  // bytes up to and with the end of the pickle

  const PickleValue& at(uint32_t i) const { return values[i]; }
  // The value of a dict's key; null if absent, or no dict.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const;
};

// Protocols 2 to 5. `allows`: whether a global ("collections OrderedDict") may be named; all others
// are an error that names them, as are operations that no file of weights needs. Memory is bounded
// by the bytes, and by a million values. `file` begins every error.
Result<Pickle> read_pickle(std::span<const uint8_t> bytes, const std::string& file,
                           bool (*allows)(std::string_view global));

}  // namespace attn
