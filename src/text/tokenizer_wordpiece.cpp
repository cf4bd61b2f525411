// tokenizer_wordpiece.cpp - BERT's WordPiece: greedy longest match.
#include <algorithm>

#include "base/utf8.h"
#include "text/tokenizer_models.h"

namespace attn {
namespace {

struct WordPiece {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::string prefix;  // of pieces that continue a word
  int unknown = -1;
  int64_t most_characters = 100;

  void cut(std::string_view word, std::vector<Subword>& out) const {
    int64_t n_characters = 0;
    for (size_t at = 0; at < word.size(); ++n_characters) decode_utf8(word, at);
    const size_t n_before = out.size();
    bool known = n_characters <= most_characters;
    for (size_t begin = 0; known && begin < word.size();) {
      const Subword found = longest(word, begin);
      known = found.id >= 0;
      if (known) out.push_back(found);
      begin = found.end;
    }
    if (known) return;
    // A word with an unknown part is unknown as a whole.
    out.resize(n_before);
    out.push_back({unknown, 0, word.size()});
  }

  Subword longest(std::string_view word, size_t begin) const {
    size_t end = std::min(word.size(), begin + vocabulary->longest());
    std::string piece;
    while (end > begin) {
      while (end > begin && end < word.size() && (uint8_t(word[end]) & 0xC0) == 0x80) --end;
      if (end == begin) break;
      piece.assign(begin > 0 ? prefix : "").append(word, begin, end - begin);
      if (const int id = vocabulary->find(piece); id >= 0) return {id, begin, end};
      --end;
    }
    return {};
  }
};

}  // namespace

SubwordModel make_word_piece(SubwordRecords records) {
  WordPiece model;
  model.vocabulary = std::make_shared<const Vocabulary>(std::move(records.vocabulary));
  model.prefix = std::move(records.continuing_prefix);
  model.unknown = records.unknown;
  // Each word is searched once from every character.
  constexpr int64_t kMostCharacters = 10000;
  model.most_characters = std::min(kMostCharacters, records.most_characters);
  return {model.vocabulary,
          [model](std::string_view word, std::vector<Subword>& out) { model.cut(word, out); }};
}

}  // namespace attn
