// tokenizer_bpe.cpp - byte pair encoding with a heap of possible merges: O(n log n) in a word's
// length.
#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "text/tokenizer_models.h"

namespace attn {
namespace {

struct Merge {
  int rank = -1;  // lower ranks merge first; -1: not to be merged
  int id = -1;    // of what comes out
};

// (left, right) -> Merge; a hash table with linear probing.
class Merges {
 public:
  explicit Merges(size_t n = 0) {
    size_t n_slots = 16;
    while (n_slots < n * 2) n_slots *= 2;
    slots_.resize(n_slots);
  }
  // A pair given twice keeps its later rank.
  void add(int left, int right, Merge merge) {
    Slot& slot = slots_[slot_of(left, right)];
    slot = {left, right, merge};
  }
  Merge find(int left, int right) const { return slots_[slot_of(left, right)].merge; }

 private:
  struct Slot {
    int left = -1, right = -1;
    Merge merge;
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
  std::string prefix, suffix;  // of pieces that go on a word, and that end one
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

// Characters the vocabulary does not have become their bytes, or the unknown token, or nothing.
std::vector<Subword> Bpe::characters(std::string_view word) const {
  std::vector<Subword> out;
  Subword pending;  // an unknown token that may yet grow
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
      // The library does not write a pending unknown token before the bytes, but after them.
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
  uint32_t at;  // the left of the two
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
    const Merge merge = merges.find(symbols[left].id, symbols[right].id);
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
    // Either of the two may have been merged with another one since.
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

// "a b" in older files, ["a", "b"] in newer ones.
std::optional<std::pair<std::string_view, std::string_view>> read_pair(const Json& json) {
  if (const auto line = json.text()) {
    const size_t blank = line->find(' ');
    if (blank == line->npos || line->find(' ', blank + 1) != line->npos) return {};
    return std::pair(line->substr(0, blank), line->substr(blank + 1));
  }
  const auto left = json.at(0).text(), right = json.at(1).text();
  if (!left || !right || json.size() != 2) return {};
  return std::pair(*left, *right);
}

Status read_merges(const Section& section, Bpe& bpe) {
  const Json list = section.json.at("merges");
  if (!list.is_array()) return section.wrong("merges", "must be a list; the file is damaged");
  bpe.merges = Merges(list.size());
  Status error;
  std::string merged;
  int rank = 0;
  list.each([&](std::string_view, const Json& json) {
    const auto pair = read_pair(json);
    if (!pair) {
      error = section.wrong(
          "merges", "entry " + std::to_string(rank) + " must be two pieces; the file is damaged");
      return false;
    }
    const auto& [left, right] = *pair;
    const bool goes_on = !bpe.prefix.empty() && right.starts_with(bpe.prefix);
    merged.assign(left).append(goes_on ? right.substr(bpe.prefix.size()) : right);
    const int a = bpe.vocabulary->find(left), b = bpe.vocabulary->find(right);
    const int id = bpe.vocabulary->find(merged);
    if (a < 0 || b < 0 || id < 0) {
      const std::string_view missing = a < 0 ? left : b < 0 ? right : std::string_view(merged);
      error = section.wrong("merges", "entry " + std::to_string(rank) + " needs " +
                                          json_quote(missing.substr(0, 80)) +
                                          ", which is not in vocab; the file is damaged");
      return false;
    }
    bpe.merges.add(a, b, {rank++, id});
    return true;
  });
  return error;
}

}  // namespace

Result<SubwordModel> read_bpe(const Section& section) {
  Result<Vocabulary> vocabulary =
      Vocabulary::read(section.json.at("vocab"), section.where + " vocab");
  if (!vocabulary) return vocabulary.error();
  auto bpe = std::make_shared<Bpe>();
  bpe->vocabulary = std::make_shared<const Vocabulary>(std::move(*vocabulary));
  bpe->prefix = section.text("continuing_subword_prefix", "");
  bpe->suffix = section.text("end_of_word_suffix", "");
  bpe->fuses_unknown = section.flag("fuse_unk", false);
  bpe->byte_fallback = section.flag("byte_fallback", false);
  bpe->ignores_merges = section.flag("ignore_merges", false);
  if (const auto piece = section.json.at("unk_token").text()) {
    bpe->unknown = bpe->vocabulary->find(*piece);
    if (bpe->unknown < 0)
      return section.wrong("unk_token", json_quote(piece->substr(0, 80)) +
                                            " is not in vocab; add it or set unk_token to null");
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    constexpr char kHex[] = "0123456789ABCDEF";
    const char piece[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
    bpe->bytes[byte] = bpe->vocabulary->find({piece, sizeof piece});
  }
  if (Status error = read_merges(section, *bpe)) return *error;
  return SubwordModel{bpe->vocabulary, [bpe](std::string_view word, std::vector<Subword>& out) {
                        bpe->cut(word, out);
                      }};
}

}  // namespace attn
