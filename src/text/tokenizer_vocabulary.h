// tokenizer_vocabulary.h - pieces by id and ids by piece.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attn {

// Filled once, then read from any thread. Ids may have holes; their piece is "".
class Vocabulary {
 public:
  void reserve(size_t n_entries) { rehash(n_entries * 2); }
  // Readers must reject ids of limit(n) or more for a vocabulary of n entries, to bound memory.
  static int64_t limit(size_t n_entries);
  // If a piece is added twice, its last id applies.
  void add(std::string_view piece, int id);
  int find(std::string_view piece) const;           // -1 when unknown
  std::string_view piece(int id) const;             // "" for ids without one
  int size() const { return int(pieces_.size()); }  // one more than the largest id
  size_t n_entries() const { return entries_.size(); }
  size_t longest() const { return longest_; }  // bytes of the longest piece

 private:
  struct Slice {
    uint32_t begin = 0, size = 0;
  };
  struct Entry {
    Slice piece;
    int id = -1;
  };

  std::string_view view(Slice slice) const {
    return std::string_view(text_).substr(slice.begin, slice.size);
  }
  size_t slot_of(std::string_view piece) const;  // where it is, or would be
  void rehash(size_t n_slots);

  std::string text_;           // all pieces, end to end
  std::vector<Slice> pieces_;  // by id
  std::vector<Entry> entries_;
  std::vector<int32_t> slots_;  // hash table with linear probing; -1 or an index of entries_
  size_t longest_ = 0;
};

}  // namespace attn
