// tokenizer_vocabulary.cpp - a hash table of pieces stored in one string.
#include "text/tokenizer_vocabulary.h"

#include <algorithm>
#include <functional>

namespace attn {

int64_t Vocabulary::limit(size_t n_entries) {
  constexpr int64_t kMost = 1 << 24;
  return std::min(kMost, 4 * int64_t(n_entries) + 100'000);
}

void Vocabulary::add(std::string_view piece, int id) {
  if (entries_.size() * 2 >= slots_.size()) rehash(entries_.size() * 4 + 16);
  if (text_.size() + piece.size() > UINT32_MAX) return;
  int32_t& slot = slots_[slot_of(piece)];
  if (slot < 0) {
    slot = int32_t(entries_.size());
    entries_.push_back({{uint32_t(text_.size()), uint32_t(piece.size())}, id});
    text_ += piece;
    longest_ = std::max(longest_, piece.size());
  } else {
    // A repeated piece keeps its last id; its earlier id then has no piece.
    Entry& entry = entries_[size_t(slot)];
    pieces_[size_t(entry.id)] = {};
    entry.id = id;
  }
  if (id >= size()) pieces_.resize(size_t(id) + 1);
  pieces_[size_t(id)] = entries_[size_t(slot)].piece;
}

int Vocabulary::find(std::string_view piece) const {
  if (slots_.empty()) return -1;
  const int32_t at = slots_[slot_of(piece)];
  return at < 0 ? -1 : entries_[size_t(at)].id;
}

std::string_view Vocabulary::piece(int id) const {
  return id >= 0 && id < size() ? view(pieces_[size_t(id)]) : std::string_view();
}

size_t Vocabulary::slot_of(std::string_view piece) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = std::hash<std::string_view>{}(piece)&mask;
  while (slots_[slot] >= 0 && view(entries_[size_t(slots_[slot])].piece) != piece)
    slot = (slot + 1) & mask;
  return slot;
}

void Vocabulary::rehash(size_t n_slots) {
  size_t n = 16;
  while (n < n_slots) n *= 2;
  slots_.assign(n, -1);
  for (size_t i = 0; i < entries_.size(); ++i)
    slots_[slot_of(view(entries_[i].piece))] = int32_t(i);
}

}  // namespace attn
