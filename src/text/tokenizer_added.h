// tokenizer_added.h - added tokens, which are found in the text before all other steps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/tokenizer_records.h"

namespace attn {

// Finds tokens in a text: the leftmost, and of those the longest.
class TokenFinder {
 public:
  void add(std::string_view content, int index);
  // The longest token that begins at `at`, with `end` set past it; -1 if there is none.
  int match(std::string_view text, size_t at, size_t& end) const;
  bool empty() const { return nodes_.size() == 1; }

 private:
  struct Node {
    int token = -1;
    std::vector<std::pair<uint8_t, uint32_t>> next;  // byte and node, in order of bytes
  };
  std::vector<Node> nodes_ = std::vector<Node>(1);
};

class AddedTokens {
 public:
  // Tokens in `vocabulary` keep their id there. `where` begins the error sentence.
  static Result<AddedTokens> make(std::vector<AddedToken> list, const std::string& where,
                                  const Vocabulary& vocabulary, const Normalizer& normalizer);

  // Splits off the tokens that are matched before, or else after normalization.
  void cut(Pieces& pieces, bool after_normalization) const;
  const AddedToken* find(int id) const;
  int find(std::string_view content) const;  // its id; -1 when there is none
  int size() const;                          // one more than the largest id

 private:
  void cut(const AlignedText& text, const TokenFinder& finder, Pieces& out) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<int, size_t> by_id_;
  std::unordered_map<std::string, int> ids_;
  TokenFinder plain_, normalized_;
};

}  // namespace attn
