// store.h - a cache of values by key, limited in bytes; the oldest are dropped first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace attn {

// Meant for a few dozen shared pointers: a search compares the keys one by one.
template <class Key, class Value>
class Store {
 public:
  struct Entry {
    Key key;
    Value value;
  };
  using Weigh = uint64_t (*)(const Value&);  // bytes

  explicit Store(Weigh weigh, uint64_t most_bytes = UINT64_MAX)
      : weigh_(weigh), most_bytes_(most_bytes) {}

  // The newest match, which becomes the newest entry; null where there is none.
  template <class Fits>
  const Value* find_if(Fits&& fits) {
    const auto it = std::ranges::find_if(entries_, fits);
    if (it == entries_.end()) return nullptr;
    std::rotate(entries_.begin(), it, it + 1);
    return &entries_.front().value;
  }
  const Value* find(const Key& key) {
    return find_if([&](const Entry& e) { return e.key == key; });
  }
  // The same, without changing the order.
  const Value* peek(const Key& key) const {
    const auto it = std::ranges::find_if(entries_, [&](const Entry& e) { return e.key == key; });
    return it == entries_.end() ? nullptr : &it->value;
  }
  // Replaces a value with an equal key. The newest always stays, however large it is.
  void put(Key key, Value value) {
    std::erase_if(entries_, [&](const Entry& e) { return e.key == key; });
    entries_.insert(entries_.begin(), {std::move(key), std::move(value)});
    trim(most_bytes_);
  }
  // Drops the oldest until the rest takes at most `most_bytes`, or only `at_least` are left.
  void trim(uint64_t most_bytes, size_t at_least = 1) {
    uint64_t all = bytes();
    for (; all > most_bytes && entries_.size() > at_least; entries_.pop_back())
      all -= weigh_(entries_.back().value);
  }
  void drop_oldest() { entries_.pop_back(); }
  template <class Goes>
  void erase_if(Goes&& goes) {
    std::erase_if(entries_, goes);
  }
  void clear() { entries_.clear(); }

  std::span<const Entry> entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const Entry& e : entries_) sum += weigh_(e.value);
    return sum;
  }
  uint64_t most_bytes() const { return most_bytes_; }

 private:
  std::vector<Entry> entries_;
  Weigh weigh_;
  uint64_t most_bytes_;
};

}  // namespace attn
