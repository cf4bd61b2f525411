// tokenizer_bpe.cpp - byte pair encoding with a heap of possible merges, O(n log n) in the length
// of a word.
#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "text/tokenizer_models.h"

namespace attn {
namespace {

struct Ranked {
  int rank = -1;  // lower ranks merge first; -1: not to be merged
  int id = -1;    // of the merged piece
};

// (left, right) -> Ranked; a hash table with linear probing.
class Merges {
 public:
  explicit Merges(size_t n = 0) {
    size_t n_slots = 16;
    while (n_slots < n * 2) n_slots *= 2;
    slots_.resize(n_slots);
  }
  // A pair given twice keeps its later rank.
  void add(int left, int right, Ranked merge) {
    Slot& slot = slots_[slot_of(left, right)];
    slot = {left, right, merge};
  }
  Ranked find(int left, int right) const { return slots_[slot_of(left, right)].merge; }

 private:
  struct Slot {
    int left = -1, right = -1;
    Ranked merge;
  };
  size_t slot_of(int left, int right) const {
    const uint64_t key = uint64_t(uint32_t(left)) << 32 | uint32_t(right);
    const size_t mask = slots_.size() - 1;
    size_t slot = size_t((key * 0x9E3779B97F4A7C15ull) >> 20) & mask;
    while (slots_[slot].left >= 0 && (slots_[slot].left != left || slots_[slot].right != right))
      slot = (slot + 1) & mask;
    return slot;
  }
  std::vector<Slot> slots_;
};

struct Bpe {
  std::shared_ptr<const Vocabulary> vocabulary;
  Merges merges;
  std::string prefix, suffix;  // of pieces that continue and that end a word
  int unknown = -1;
  bool fuses_unknown = false, byte_fallback = false, ignores_merges = false;
  std::array<int, 256> bytes{};  // ids of <0x00> .. <0xFF>

  void cut(std::string_view word, std::vector<Subword>& out) const;
  std::vector<Subword> characters(std::string_view word) const;
  int id_of_character(std::string_view c, bool first, bool last) const;
};

int Bpe::id_of_character(std::string_view c, bool first, bool last) const {
  const bool add_prefix = !first && !prefix.empty(), add_suffix = last && !suffix.empty();
  if (!add_prefix && !add_suffix) return vocabulary->find(c);
  std::string piece = add_prefix ? prefix : "";
  piece += c;
  if (add_suffix) piece += suffix;
  return vocabulary->find(piece);
}

// Characters outside the vocabulary become byte tokens, the unknown token, or nothing.
std::vector<Subword> Bpe::characters(std::string_view word) const {
  std::vector<Subword> out;
  Subword pending;  // an unknown token that may still grow
  const auto flush = [&] {
    if (pending.id >= 0) out.push_back(pending);
    pending = {};
  };
  for (size_t at = 0; at < word.size();) {
    const size_t begin = at;
    decode_utf8(word, at);
    const std::string_view c = word.substr(begin, at - begin);
    if (const int id = id_of_character(c, begin == 0, at == word.size()); id >= 0) {
      flush();
      out.push_back({id, begin, at});
      continue;
    }
    const bool has_bytes = byte_fallback && std::all_of(c.begin(), c.end(), [&](char byte) {
                             return bytes[uint8_t(byte)] >= 0;
                           });
    if (has_bytes) {
      // Like the library, this writes a pending unknown token after the bytes, not before.
      for (size_t i = begin; i < at; ++i) out.push_back({bytes[uint8_t(word[i])], i, i + 1});
    } else if (unknown >= 0) {
      if (!fuses_unknown) flush();
      if (pending.id < 0) pending = {unknown, begin, at};
      pending.end = at;
    }
  }
  flush();
  return out;
}

struct Candidate {
  int rank;
  uint32_t at;  // the left piece of the pair
  int id;
};

bool comes_later(const Candidate& a, const Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
}

void Bpe::cut(std::string_view word, std::vector<Subword>& out) const {
  if (ignores_merges) {
    if (const int id = vocabulary->find(word); id >= 0) {
      out.push_back({id, 0, word.size()});
      return;
    }
  }
  std::vector<Subword> symbols = characters(word);
  const uint32_t n = uint32_t(symbols.size());
  std::vector<uint32_t> next(n), previous(n);  // n: none
  std::vector<Candidate> heap;
  const auto consider = [&](uint32_t left, uint32_t right) {
    const Ranked merge = merges.find(symbols[left].id, symbols[right].id);
    if (merge.rank < 0) return;
    heap.push_back({merge.rank, left, merge.id});
    std::push_heap(heap.begin(), heap.end(), comes_later);
  };
  for (uint32_t i = 0; i < n; ++i) {
    next[i] = i + 1;
    previous[i] = i ? i - 1 : n;
    if (i + 1 < n) consider(i, i + 1);
  }
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), comes_later);
    const Candidate best = heap.back();
    heap.pop_back();
    // Either piece may have been merged with another one since.
    Subword& left = symbols[best.at];
    if (left.id < 0 || next[best.at] == n) continue;
    Subword& right = symbols[next[best.at]];
    if (merges.find(left.id, right.id).id != best.id) continue;
    left.id = best.id;
    left.end = std::max(left.end, right.end);
    right.id = -1;
    next[best.at] = next[next[best.at]];
    if (next[best.at] < n) previous[next[best.at]] = best.at;
    if (previous[best.at] < n) consider(previous[best.at], best.at);
    if (next[best.at] < n) consider(best.at, next[best.at]);
  }
  for (uint32_t i = 0; i < n; i = next[i]) out.push_back(symbols[i]);
}

}  // namespace

SubwordModel make_bpe(SubwordRecords records) {
  auto bpe = std::make_shared<Bpe>();
  bpe->merges = Merges(records.merges.size());
  int rank = 0;
  for (const BpeMerge& merge : records.merges)
    bpe->merges.add(merge.left, merge.right, {rank++, merge.merged});
  bpe->bytes = ids_of_bytes(records.vocabulary);
  bpe->vocabulary = std::make_shared<const Vocabulary>(std::move(records.vocabulary));
  bpe->prefix = std::move(records.continuing_prefix);
  bpe->suffix = std::move(records.end_of_word_suffix);
  bpe->unknown = records.unknown;
  bpe->fuses_unknown = records.fuse_unknown;
  bpe->byte_fallback = records.byte_fallback;
  bpe->ignores_merges = records.ignore_merges;
  return {bpe->vocabulary,
          [bpe](std::string_view word, std::vector<Subword>& out) { bpe->cut(word, out); }};
}

}  // namespace attn
