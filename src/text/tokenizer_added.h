// tokenizer_added.h - tokens that are found in the text before anything else is done to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer_steps.h"

namespace attn {

struct AddedToken {
  int id = -1;
  std::string content;
  bool special = false;
  bool single_word = false;             // only where no word goes on before or after
  bool lstrip = false, rstrip = false;  // takes the blanks on that side
  bool normalized = false;              // looked for in the normalized text
};

// Finds tokens in a text: of those that begin first, the longest.
class TokenFinder {
 public:
  void add(std::string_view content, int index);
  // The longest token that begins at `at`; -1 if none does. `end` is set past it.
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
  // `list` is the file's added_tokens. Tokens that `vocabulary` has keep its id.
  static Result<AddedTokens> read(const Json& list, const std::string& where,
                                  const Vocabulary& vocabulary, const Normalizer& normalizer);

  // Cuts out the tokens that are looked for before, or else after normalization.
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
